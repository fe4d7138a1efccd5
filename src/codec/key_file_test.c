#include "codec/key_file.h"

#include "base/test.h"

static void a_value_is_found_by_its_whole_name(void)
{
    str text =
        STR("# account = \"no\"\naccount_x = \"1\"\naccount = \"2\"\nempty = \"\"\nbare = 3\nhalf = \"\nlast=\"4\"");
    static const struct {
        str name, value;
    } rows[] = {
        {STR("account"), STR("2")}, {STR("account_x"), STR("1")}, {STR("empty"), STR("")}, {STR("bare"), STR("")},
        {STR("half"), STR("")},     {STR("last"), STR("4")},      {STR("none"), STR("")},  {STR(""), STR("")}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ok(str_eq(key_file_value(text, rows[i].name), rows[i].value));
    ok(key_file_value(STR(""), STR("account")).len == 0);
}

TEST_MAIN(a_value_is_found_by_its_whole_name)

#include "codec/json_cell.h"

#include "base/test.h"

static struct {
    enum json_cell kind;
    const char *cell, *json;
} cases[] = {
    {JSON_CELL_TEXT, "", "{}"},
    {JSON_CELL_TEXT, "12", "{\"a\":\"12\"}"},
    {JSON_CELL_TEXT, " x\"", "{\"a\":\" x\\\"\"}"},
    {JSON_CELL_NUMBER, "", "{}"},
    {JSON_CELL_NUMBER, "  ", "{}"},
    {JSON_CELL_NUMBER, "1", "{\"a\":1}"},
    {JSON_CELL_NUMBER, " 0.25 ", "{\"a\":0.25}"},
    {JSON_CELL_NUMBER, "1e-05", "{\"a\":1e-05}"},
    {JSON_CELL_NUMBER, ".5", "{\"a\":0.5}"},
    {JSON_CELL_NUMBER, "+1", "{\"a\":1.0}"},
    {JSON_CELL_NUMBER, "01", "{\"a\":1.0}"},
    {JSON_CELL_NUMBER, "True", "{\"a\":true}"},
    {JSON_CELL_NUMBER, "FALSE", "{\"a\":false}"},
    {JSON_CELL_NUMBER, "null", "{\"a\":null}"},
    {JSON_CELL_NUMBER, "nan", "{\"a\":\"nan\"}"},
    {JSON_CELL_NUMBER, "0x10", "{\"a\":\"0x10\"}"},
    {JSON_CELL_NUMBER, "1e999", "{\"a\":1e999}"}, /* JSON all the same: its reader says that it is too large */
    {JSON_CELL_NUMBER, "1-2", "{\"a\":\"1-2\"}"},
    {JSON_CELL_NUMBER, "2026-11-24", "{\"a\":\"2026-11-24\"}"},
    {JSON_CELL_ANY, "{\"b\": 1}", "{\"a\":{\"b\": 1}}"},
    {JSON_CELL_ANY, "{\"b\": 1", "{\"a\":\"{\\\"b\\\": 1\"}"},
    {JSON_CELL_ANY, "}, {", "{\"a\":\"}, {\"}"},
};

static void cells_become_members(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        BUF_AUTO buf = {0};
        struct jw w;

        buf_init(&buf, 1000);
        jw_init(&w, &buf);
        jw_object(&w);
        json_cell(&w, STR("a"), cases[i].kind, str_of(cases[i].cell));
        jw_object_end(&w);
        ok(str_eq(buf_str(&buf), str_of(cases[i].json)));
    }
}

TEST_MAIN(cells_become_members)

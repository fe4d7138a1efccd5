#include "codec/toml.h"

#include "base/test.h"

static const struct {
    const char *toml, *json;
} good[] = {
    {"", "{}"},
    {"a = 1\nb = 1.5\nc = \"x\\ty\"\nd = true\n", "{\"a\":1,\"b\":1.5,\"c\":\"x\\ty\",\"d\":true}"},
    {"[tool.sculler]\nhandler = 'main.handler'\nlayers = [\"a\", [1, 2]]\n",
     "{\"tool\":{\"sculler\":{\"handler\":\"main.handler\",\"layers\":[\"a\",[1,2]]}}}"},
    {"[[route]]\npath = '/a'\n[[route]]\npath = '/b'\n", "{\"route\":[{\"path\":\"/a\"},{\"path\":\"/b\"}]}"},
    {"day = 2025-11-24\nat = 07:00:00\nmoment = 2025-11-24T07:00:00Z\nlocal = 2025-11-24 07:00:00.5\n",
     "{\"at\":\"07:00:00\",\"day\":\"2025-11-24\",\"local\":\"2025-11-24T07:00:00.5\",\"moment\":\"2025-11-24T07:00:"
     "00Z\"}"},
    {"big = 9223372036854775807\nhex = 0xff\nten = 1_0\nwhole = 3.0\n",
     "{\"big\":9223372036854775807,\"hex\":255,\"ten\":10,\"whole\":3.0}"},
    {"\"odd \\\" key\" = {x = 1}\n", "{\"odd \\\" key\":{\"x\":1}}"},
};

static const struct {
    const char *toml, *why;
} bad[] = {
    {"a = 1\nb = \n", "line 2, column 5: "},
    {"a = 1\na = 2\n", "line 2, column "},
    {"a = inf\n", "line 1, column 5: infinity"},
    {"a = 9223372036854775808\n", "line 1, column "},
    {"[[[a", "line 1, column 3: "},
    {"[\x06"
     "a",
     "line 1, column 2: "},
    {"na\xc3\xafve = 1\n", "line 1, column 3: "},
    {"[a\n", "line 1, column "},
    {"a = \"\xff\"", "line 1, column "},
};

static void becomes_json(void)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct err err = {0};
        BUF_AUTO json = {0};

        buf_init(&json, 4096);
        ok(toml_to_json(str_of(good[i].toml), &json, &err));
        ok(str_eq(buf_str(&json), str_of(good[i].json)));
        printf("# " STR_FMT " %s\n", STR_ARG(buf_str(&json)), err.text);
    }
}

static void says_where_it_is_wrong(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        BUF_AUTO json = {0};

        buf_init(&json, 4096);
        ok(!toml_to_json(str_of(bad[i].toml), &json, &err));
        ok(err.code == ERR_INVALID && str_starts(str_of(err.text), str_of(bad[i].why)));
        printf("# %s\n", err.text);
    }
}

static void bounds_size_and_depth(void)
{
    struct err err = {0};
    char deep[2000];
    BUF_AUTO json = {0};

    buf_init(&json, 10);
    ok(!toml_to_json(STR("name = 'longer than that'"), &json, &err) && err.code == ERR_LIMIT);
    deep[0] = 'a', deep[1] = '=';
    memset(deep + 2, '[', 999);
    memset(deep + 1001, ']', 999);
    ok(!toml_to_json((str){deep, sizeof deep}, &json, &err) && err.code == ERR_INVALID);
    printf("# %s\n", err.text);
    ok(!toml_to_json(STR("[\0[t"), &json, &err) && str_eq(str_of(err.text), STR("NUL at byte 1")));
}

TEST_MAIN(becomes_json, says_where_it_is_wrong, bounds_size_and_depth)

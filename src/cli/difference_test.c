#include "cli/difference.h"

#include "base/test.h"

static void tells_where_answers_differ(void)
{
    static const struct {
        const char *expected, *got, *told;
    } rows[] = {
        {"1", "1.0", ""},
        {"{\"a\": 1, \"b\": [2]}", "{\"b\": [2.0], \"a\": 1}", ""},
        {"1", "true", "expected 1, got true"},
        {"{\"class\": 1}", "{\"class\": 0, \"proba\": 0.5}", "at `class`: expected 1, got 0; `proba` unexpected"},
        {"{\"a\": {\"b\": 1}}", "{\"a\": {}}", "`a.b` missing"},
        {"[[1, 2], 3]", "[[1, 5], 3]", "at `[0][1]`: expected 2, got 5"},
        {"{\"x\": [1]}", "{\"x\": [1, 2]}", "at `x`: expected 1 item, got 2"},
        {"{\"x\": [{\"y\": \"a\"}]}", "{\"x\": [{\"y\": null}]}", "at `x[0].y`: expected \"a\", got null"},
        {"[1, 1, 1, 1, 1, 1, 1]", "[2, 1, 2, 2, 2, 2, 2]",
         "at `[0]`: expected 1, got 2; at `[2]`: expected 1, got 2; at `[3]`: expected 1, got 2; at `[4]`: expected 1, "
         "got 2; at `[5]`: expected 1, got 2; and 1 more"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_auto_t *expected = json_loads(rows[i].expected, JSON_DECODE_ANY, NULL);
        json_auto_t *got = json_loads(rows[i].got, JSON_DECODE_ANY, NULL);
        BUF_AUTO out = {0};

        buf_init(&out, 4096);
        ok(difference_tell(expected, got, &out) == (rows[i].told[0] != '\0'));
        ok(str_eq(buf_str(&out), str_of(rows[i].told)));
    }
}

TEST_MAIN(tells_where_answers_differ)

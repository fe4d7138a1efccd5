#include "codec/json_compare.h"

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
        ok((json_compare(expected, got, JSON_TOLERANCE_DEFAULT, &json_compare_expected, &out) > 0) ==
           (rows[i].told[0] != '\0'));
        ok(str_eq(buf_str(&out), str_of(rows[i].told)));
    }
}

static int places(const char *before, const char *after, double tolerance)
{
    json_auto_t *a = json_loads(before, JSON_DECODE_ANY, NULL);
    json_auto_t *b = json_loads(after, JSON_DECODE_ANY, NULL);

    return json_compare(a, b, tolerance, &json_compare_change, NULL);
}

static void takes_numbers_for_equal_within_its_tolerance(void)
{
    ok(places("0.30000000000000004", "0.3", 1e-9) == 0);
    ok(places("0.30000000000000004", "0.3", 0) == 1);
    ok(places("1e300", "1.0000001e300", 1e-9) == 1 && places("-2.0", "2.0", 1e-9) == 1);
    ok(places("0.0", "-0.0", 0) == 0 && places("0.0", "1e-300", 1e-9) == 1);
    ok(places("10000000000", "10000000001", 1e-9) == 1); /* ids */
    ok(places("9007199254740993", "9007199254740992", 0) == 1);
    ok(places("{\"a\": [1, 2]}", "{\"a\": [2, 1], \"b\": 0}", 1e-9) == 3);
}

static void tells_a_change_in_its_own_words(void)
{
    json_auto_t *before = json_loads("{\"a\": 1, \"b\": 2}", 0, NULL);
    json_auto_t *after = json_loads("{\"a\": 3, \"c\": 2}", 0, NULL);
    BUF_AUTO out = {0};

    buf_init(&out, 4096);
    ok(json_compare(before, after, 0, &json_compare_change, &out) == 3);
    ok(str_eq(buf_str(&out), STR("at `a`: was 1, is 3; `b` is gone; `c` is new")));
}

TEST_MAIN(tells_where_answers_differ, takes_numbers_for_equal_within_its_tolerance, tells_a_change_in_its_own_words)

#include "base/str.h"

#include <limits.h>

#include "base/test.h"

static void compares(void)
{
    ok(str_eq((str){0}, STR("")));
    ok(str_eq_nocase(STR("Content-Type"), STR("content-TYPE")));
    ok(!str_eq_nocase(STR("a["), STR("a{"))); /* 0x20 apart, no letters */
    ok(!str_eq_nocase(STR("a"), STR("ab")));
    ok(str_starts(STR("arn:aws"), STR("arn:")) && !str_starts(STR("ar"), STR("arn")));
    ok(str_ends(STR("x.zip"), STR(".zip")) && !str_ends(STR("zip"), STR(".zip")));
    ok(str_eq(str_from(STR("abc"), 1), STR("bc")) && str_from(STR("abc"), 9).len == 0);
}

static void cuts_at_the_first(void)
{
    str left, right;

    ok(str_cut(STR("a=b=c"), '=', &left, &right));
    ok(str_eq(left, STR("a")) && str_eq(right, STR("b=c")));
    ok(!str_cut(STR("abc"), '=', &left, &right));
    ok(str_eq(left, STR("abc")) && right.len == 0);
    ok(!str_cut((str){0}, '=', &left, &right) && left.len == 0);
    ok(str_cut(STR("="), '=', &left, &right) && left.len == 0 && right.len == 0);
}

static const struct {
    const char *text;
    bool good;
    long long value;
} numbers[] = {
    {"0", true, 0},
    {"-0", true, 0},
    {"42", true, 42},
    {"-42", true, -42},
    {"007", true, 7},
    {"9223372036854775807", true, LLONG_MAX},
    {"-9223372036854775808", true, LLONG_MIN},
    {"9223372036854775808", false, 0},
    {"-9223372036854775809", false, 0},
    {"99999999999999999999", false, 0},
    {"", false, 0},
    {"-", false, 0},
    {"+1", false, 0},
    {" 1", false, 0},
    {"1 ", false, 0},
    {"1.0", false, 0},
    {"0x10", false, 0},
};

static void reads_numbers(void)
{
    long long value;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        value = 0;
        printf("# %s\n", numbers[i].text);
        ok(str_to_int(str_of(numbers[i].text), LLONG_MIN, LLONG_MAX, &value) == numbers[i].good);
        ok(value == numbers[i].value);
    }
    ok(str_to_int(STR("900"), 1, 900, &value) && !str_to_int(STR("901"), 1, 900, &value));
    ok(!str_to_int(STR("0"), 1, 900, &value));
}

static void writes_numbers(void)
{
    char room[UINT_DIGITS_MAX];

    ok(str_eq(str_of_uint(0, room), STR("0")));
    ok(str_eq(str_of_uint(10, room), STR("10")));
    ok(str_eq(str_of_uint(ULLONG_MAX, room), STR("18446744073709551615")));
}

TEST_MAIN(compares, cuts_at_the_first, reads_numbers, writes_numbers)

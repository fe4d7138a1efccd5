#include "codec/time_format.h"

#include <time.h>

#include "base/rand.h"
#include "base/test.h"

static const int64_t moment_s = 1764025691; /* 2025-11-24T23:08:11Z, a Monday */

static bool is(const char *text, const char *expected)
{
    return str_eq(str_of(text), str_of(expected));
}

static void formats(void)
{
    char text[TIME_TEXT_MAX];

    time_format_iso(moment_s * 1000 + 123, text);
    ok(is(text, "2025-11-24T23:08:11.123+0000"));
    time_format_zulu(moment_s * 1000 + 7, text);
    ok(is(text, "2025-11-24T23:08:11.007Z"));
    time_format_zulu(-1, text);
    ok(is(text, "1969-12-31T23:59:59.999Z"));
    time_format_http(moment_s, text);
    ok(is(text, "Mon, 24 Nov 2025 23:08:11 GMT"));
    time_format_compact(moment_s, text);
    ok(is(text, "20251124T230811Z"));
    time_format_clf(moment_s, text);
    ok(is(text, "24/Nov/2025:23:08:11 +0000"));
    time_format_log_day(moment_s, text);
    ok(is(text, "2025/11/24"));
    time_format_zulu(INT64_MAX, text);
    ok(is(text, "9999-12-31T23:59:59.807Z"));
    time_format_zulu(INT64_MIN, text);
    ok(str_starts(str_of(text), STR("0001-01-01T00:00:00.")));
}

static const struct {
    const char *text;
    int64_t ms;
} isos[] = {
    {"2025-11-24T23:08:11.123+0000", 1764025691123},
    {"2025-11-24T23:08:11.123Z", 1764025691123},
    {"2025-11-24T23:08:11Z", 1764025691000},
    {"2025-11-24 23:08:11", 1764025691000},
    {"2025-11-24T23:08Z", 1764025680000},
    {"2025-11-24", 1763942400000},
    {"2025-11-25T00:08:11+01:00", 1764025691000},
    {"2025-11-24T17:38:11.5-0530", 1764025691500},
    {"2025-11-24T23:08:11.123456789Z", 1764025691123},
    {"2024-02-29", 1709164800000},
    {"1970-01-01T00:00:00Z", 0},
    {"1969-12-31T23:59:59.999Z", -1},
    {"0001-01-01", -62135596800000},
};

static const char *const bad_isos[] = {
    "",
    "2025",
    "2025-11",
    "2025-11-24T",
    "2025-11-24T23",
    "2025-11-24T23:08:11.",
    "2025-02-29",
    "2100-02-29",
    "2025-13-01",
    "2025-00-01",
    "2025-01-00",
    "2025-01-32",
    "2025-04-31",
    "2025-11-24T24:00",
    "2025-11-24T23:60",
    "2025-11-24T23:08:61",
    "2025-11-24T23:08:11x",
    "2025-11-24T23:08:11+1",
    "2025-11-24T23:08:11+24:00",
    "25-11-24",
    "2025-11-24Z",
    "0000-01-01",
    "2025-11-24T23:08:11ZZ",
};

static void parses_iso(void)
{
    int64_t ms;

    for (size_t i = 0; i < sizeof isos / sizeof *isos; i++) {
        printf("# %s\n", isos[i].text);
        ok(time_parse_iso(str_of(isos[i].text), &ms) && ms == isos[i].ms);
    }
    for (size_t i = 0; i < sizeof bad_isos / sizeof *bad_isos; i++) {
        printf("# %s\n", bad_isos[i]);
        ok(!time_parse_iso(str_of(bad_isos[i]), &ms));
    }
}

static void parses_the_others(void)
{
    int64_t s = 0;

    ok(time_parse_compact(STR("20251124T230811Z"), &s) && s == moment_s);
    ok(!time_parse_compact(STR("20251124T230811"), &s) && !time_parse_compact(STR("20251324T230811Z"), &s) &&
       !time_parse_compact(STR("20251124T230811Z "), &s));
    s = 0;
    ok(time_parse_http(STR("Mon, 24 Nov 2025 23:08:11 GMT"), &s) && s == moment_s);
    ok(!time_parse_http(STR("Mon, 24 Nov 2025 23:08:11"), &s) &&
       !time_parse_http(STR("Mon 24 Nov 2025 23:08:11 GMT"), &s) && !time_parse_http((str){0}, &s));
}

/* Every day of 600 years, and random seconds, as libc's calendar has them. */
static void agrees_with_libc(void)
{
    bool agrees = true;

    for (int i = 0; i < 300000; i++) {
        int64_t s = i < 220000 ? (i - 110000) * INT64_C(86400) : (int64_t)((rand_unit() - 0.2) * 2.5e11), back = 0;
        char ours[TIME_TEXT_MAX], theirs[TIME_TEXT_MAX];
        time_t t = s;
        struct tm tm;

        s = s < -62135596800 ? 0 : s;
        t = s;
        strftime(theirs, sizeof theirs, "%a, %d %b ", gmtime_r(&t, &tm));
        snprintf(theirs + 12, sizeof theirs - 12, "%04d %02d:%02d:%02d GMT", tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                 tm.tm_sec);
        time_format_http(s, ours);
        agrees = agrees && str_eq(str_of(ours), str_of(theirs)) && time_parse_http(str_of(ours), &back) && back == s;
    }
    ok(agrees);
}

TEST_MAIN(formats, parses_iso, parses_the_others, agrees_with_libc)

#include "aws/sculler/window.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "codec/time_format.h"

#define SECOND_US 1000000LL
#define SECONDS_MAX 250000000000.0 /* the year 9892 */

enum { AGO_MAX = 400000 };

static const struct {
    char letter;
    int64_t seconds;
} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};

static bool ago(str text, int64_t now_us, int64_t *ret_us)
{
    long long number;

    if (text.len < 3 || text.at[0] != '-' || !str_to_int((str){text.at + 1, text.len - 2}, 0, AGO_MAX, &number))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (text.at[text.len - 1] == units[i].letter) {
            *ret_us = now_us - number * units[i].seconds * SECOND_US;
            return true;
        }
    return false;
}

/* "1795600000" or "1795600000.25".  Up to 9999 it is a year. */
static bool since_1970(str text, int64_t *ret_us)
{
    char room[32], *end;
    double seconds;

    if (text.len == 0 || text.len >= sizeof room || text.at[0] < '0' || text.at[0] > '9')
        return false;
    snprintf(room, sizeof room, STR_FMT, STR_ARG(text));
    seconds = strtod(room, &end);
    if (*end || !(seconds > 9999 && seconds < SECONDS_MAX))
        return false;
    *ret_us = (int64_t)(seconds * SECOND_US);
    return true;
}

bool window_moment(str text, int64_t now_us, int64_t *ret_us)
{
    int64_t ms;

    if (ago(text, now_us, ret_us) || since_1970(text, ret_us))
        return true;
    if (!time_parse_iso(text, &ms))
        return false;
    *ret_us = ms * 1000;
    return true;
}

static bool read_one(struct aws_call *call, const char *name, str text, int64_t now_us, int64_t *ret)
{
    return text.len == 0 || window_moment(text, now_us, ret) ||
           aws_fail(call, AWS_ERROR_BAD_REQUEST,
                    "%s is \"" STR_FMT
                    "\", which is no time: write 2026-11-24, 2026-11-24T10:00:00Z, seconds since 1970, "
                    "or -7d",
                    name, STR_ARG(text));
}

bool window_read(struct aws_call *call, str from, str to, int64_t span_s, struct window *ret)
{
    int64_t now_us = clock_wall_us();

    ret->to_us = now_us;
    if (!read_one(call, "to", to, now_us, &ret->to_us))
        return false;
    ret->from_us = ret->to_us - span_s * SECOND_US;
    if (!read_one(call, "from", from, now_us, &ret->from_us))
        return false;
    return ret->from_us < ret->to_us || aws_fail(call, AWS_ERROR_BAD_REQUEST, "from is not before to");
}

void window_write_time(struct jw *jw, const char *key, int64_t us)
{
    char text[TIME_TEXT_MAX];

    time_format_zulu(us / 1000, text);
    jw_str(jw, key, str_of(text));
}

void window_write(struct jw *jw, const struct window *window)
{
    window_write_time(jw, "from", window->from_us);
    window_write_time(jw, "to", window->to_us);
}

#include "aws/sculler/window.h"

#include "base/clock.h"
#include "codec/time_format.h"

enum { US = 1000 * 1000 };

static bool read_time(struct aws_call *call, const char *name, str text, int64_t *ret_us)
{
    long long number;
    int64_t ms;

    if (str_to_int(text, 0, INT64_MAX / US / 2, &number)) {
        *ret_us = number * US;
        return true;
    }
    if (time_parse_iso(text, &ms)) {
        *ret_us = ms * 1000;
        return true;
    }
    return aws_fail(call, AWS_ERROR_VALIDATION,
                    "%s is '" STR_FMT "', which is no time: say it as 2026-11-24T10:00:00Z, or in seconds since 1970",
                    name, STR_ARG(text));
}

bool window_read(struct aws_call *call, str from, str to, int64_t span_s, struct window *ret)
{
    struct window window = {.to_us = clock_wall_us()};

    if (to.len && !read_time(call, "to", to, &window.to_us))
        return false;
    window.from_us = window.to_us - span_s * US;
    if (from.len && !read_time(call, "from", from, &window.from_us))
        return false;
    if (window.from_us >= window.to_us)
        return aws_fail(call, AWS_ERROR_VALIDATION, "from must be before to, and it is not");
    *ret = window;
    return true;
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

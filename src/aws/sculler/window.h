/* window: the span of time that a question is about: from= and to=, as ISO 8601, seconds since 1970, or "-7d". */
#pragma once

#include "aws/door.h"

struct window {
    int64_t from_us, to_us; /* from is in, to is not */
};

/* "2026-11-24", "2026-11-24T10:00Z", "1795600000", "-36h" (s, m, h, d, w before now).  False: none of these. */
bool window_moment(str text, int64_t now_us, int64_t *ret_us);
/* Empty texts: until now, and `span_s` before the end.  False: aws_fail was called. */
bool window_read(struct aws_call *call, str from, str to, int64_t span_s, struct window *ret);
void window_write(struct jw *jw, const struct window *window); /* "from" and "to" */
void window_write_time(struct jw *jw, const char *key, int64_t us);

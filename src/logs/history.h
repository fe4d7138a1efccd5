/*
 * history: a call that was made elsewhere, or earlier, as a record: so that what is known of a function before it came
 * here is captured, shown and replayed like its calls here.  Pure: a row of JSON in, a record out.
 *
 *     {"time": "2026-11-20T10:00:00Z", "function": "matcher", "version": "1", "alias": "live", "request_id": "...",
 *      "event": {...}, "response": [...], "duration_ms": 12.5}
 *
 * function, time, event and response are asked for; a request id that is not there is made.  event and response are
 * kept as they are written.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "logs/record.h"

/* The record lives in the arena; event and response are views of the row.  ERR_INVALID: why, in words. */
MUST_USE bool history_read(str row, int64_t now_us, struct arena *arena, struct record *ret, struct err *err);

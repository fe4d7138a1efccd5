/*
 * trace: X-Amzn-Trace-Id, the thread that runs through calls which call.  Pure.
 *
 *     Root=1-SECONDS-24 HEX;Parent=16 HEX;Sampled=0;Lineage=8 HEX:ROUNDS|8 HEX:ROUNDS
 *
 * Root and Parent of a caller are kept, what is missing is made.  Lineage says which functions (by a hash of their
 * names) were called on the way here, and how often: the SDKs hand it on from _X_AMZN_TRACE_ID, and by it a function
 * that calls itself without end is found (Lambda's developer guide, "recursive loop detection").
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/str.h"

str trace_continue(str incoming, int64_t now_s, struct arena *arena);

/* One more call of this function on the thread.  False: it was called rounds_max times on it already.  trace: from
 * trace_continue(). */
MUST_USE bool trace_visit(str trace, str function_arn, int rounds_max, struct arena *arena, str *ret);

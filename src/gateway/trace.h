/* trace: X-Amzn-Trace-Id (facts/gateway 5): an incoming Root and Parent are kept, what is missing is made.  Pure. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

str trace_continue(str incoming, int64_t now_s, struct arena *arena);

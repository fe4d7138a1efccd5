/*
 * capture: the decisions of one call, out of its event and its response, by a function's settings.  No I/O: bytes in,
 * predictions out, in the arena.  Replay and shadow use the same, so a decision is the same decision everywhere.
 */
#pragma once

#include "base/arena.h"
#include "base/vec.h"
#include "monitor/prediction.h"
#include "monitor/settings.h"

struct captured_call {
    int64_t time_us;
    str function, version, alias, source, request_id;
    str event, response; /* as they were; a gateway's proxy form is looked into */
    bool is_cut;         /* event or response is not whole: nothing can be read from it */
    double threshold;    /* in force, on the scale from 0 to 1 */
    int threshold_number;
};

struct predictions {
    struct prediction *list;
    int count;
};

enum { CAPTURED_ROWS_MAX = 200000 }; /* of one call: Lambda's 6 MB hold some 100,000 */

/* A call whose response has no decisions gives none; one that cannot be read gives one that is undecided. */
void capture(const struct monitor_settings *settings, const struct captured_call *call, struct arena *arena,
             struct predictions *ret);

/*
 * chores: what the monitor's lane does by itself: labels out of the inbox (each second), silence taken for truth (each
 * minute), months that are too old (each day, and at once when the setting says so).
 *
 *     timer ─▶ submit ─▶ lane: a step of what is due ─▶ done ─▶ submit again while there is more, behind what waits
 *
 * Steps are bounded, so posts and captures wait for one at most.
 */
#pragma once

#include <uv.h>

#include "base/err.h"
#include "loop/lane.h"
#include "monitor/store.h"

struct chores;

enum { CHORES_MS = 1000, DROP_MS = 24 * 60 * 60 * 1000 };

MUST_USE bool chores_new(uv_loop_t *loop, struct lane *lane, struct store *store, const char *folder,
                         struct chores **ret, struct err *err);
/* How many months are kept, this one counted; 0: all. */
void chores_keep_months(struct chores *chores, int months);
void chores_stop(struct chores *chores); /* before lane_free() */
void chores_free(struct chores *chores); /* behind it */

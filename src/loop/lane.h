/*
 * lane: one thread that does blocking work in order, for the loop that owns all state.
 *
 * A job gets values and returns values through its `ctx` and touches nothing that is shared: `run` happens
 * on the lane's thread, `done` on the loop afterwards, in the order of submission.  The house has few lanes, each the
 * only writer of its database: `state` (sculler.db), `records`, `replay`, `monitor`.
 */
#pragma once

#include <uv.h>

struct lane;

struct lane *lane_new(uv_loop_t *loop, const char *name);
/* Its thread gives way to the loop and to workers when the CPUs are busy: for work that nobody waits for. */
void lane_be_nice(struct lane *lane);
void lane_submit(struct lane *lane, void (*run)(void *ctx), void (*done)(void *ctx), void *ctx);
size_t lane_waiting(const struct lane *lane);
/* Runs what is queued, calls its `done`s (the loop's thread calls this, outside of uv_run or inside), then ends. */
void lane_free(struct lane *lane);

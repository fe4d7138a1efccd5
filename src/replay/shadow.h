/*
 * shadow: live calls of an alias, copied to a second version.  Its answer is recorded, of source "shadow", and never
 * returned; nobody waits for it: it is made after the live answer has left, when there is room, and dropped and counted
 * when there is none for long.
 *
 *     invoke: RECORDED ─▶ on_recorded: a copy of the event ─▶ queue (bounded) ─▶ invoke_start, background
 *                                                               └─▶ dropped: full, or waited too long
 */
#pragma once

#include <uv.h>

#include "base/err.h"
#include "base/str.h"

struct invoker;
struct shadows;

struct shadow_setting {
    str function, alias, version;
    double share; /* of the calls, 0 to 1 */
    int64_t set_us;
};

/* Since it was set, or the server was started. */
struct shadow_counts {
    int64_t seen;     /* live calls of the alias */
    int64_t copied;   /* of these, to be given to the version */
    int64_t answered; /* of those */
    int64_t failed;   /* ended in an error */
    int64_t dropped;  /* there was no room for them, or no version to give them to */
    int64_t since_us;
};

struct shadows *shadows_new(uv_loop_t *loop, struct invoker *invoker);
void shadows_stop(struct shadows *shadows); /* as replays_stop() */
void shadows_free(struct shadows *shadows);
void shadows_put(struct shadows *shadows, const struct shadow_setting *setting); /* copies it */
void shadows_remove(struct shadows *shadows, str function);
/* False: the function has none.  What ret borrows stays until the next change. */
bool shadows_get(const struct shadows *shadows, str function, struct shadow_setting *ret,
                 struct shadow_counts *ret_counts);
int shadows_count(const struct shadows *shadows);

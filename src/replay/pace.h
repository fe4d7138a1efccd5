/*
 * pace: when may a call that nobody waits for be started?  Not faster than its rate; at once only where there is room;
 * a little where all CPUs are taken, so that it ends some day; and after a refusal later, each time twice as late.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/pool.h"

enum {
    PACE_ROOM_CHECK_MS = 5, /* how soon it looks again where there is no room */
    PACE_TRICKLE_MS = 500,  /* between two calls where all CPUs are taken */
    PACE_SLACK_MS = 20,     /* what was missed within this time is made up for */
    PACE_BACKOFF_MS_MIN = 100,
    PACE_BACKOFF_MS_MAX = 10 * 1000,
};

struct pace {
    double rate; /* calls a second */
    int64_t next_us, last_us, backoff_us;
    int64_t refused_since_us; /* 0: the last one was not refused */
    bool gives_way;           /* it would start one, and there is no room */
};

/* 0: now; else in how many microseconds to ask again. */
int64_t pace_wait_us(struct pace *pace, enum pool_room room, int64_t now_us);
void pace_started(struct pace *pace, int64_t now_us);
void pace_refused(struct pace *pace, int64_t now_us);
void pace_answered(struct pace *pace);

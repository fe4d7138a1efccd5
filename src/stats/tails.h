/*
 * tails: the bounds of an interval from a simulation, without keeping all that was drawn: only as many of the least and
 * of the largest as the bounds need.
 */
#pragma once

#include <stdint.h>

enum { STATS_TAIL_MAX = 256, STATS_DRAWS_DEFAULT = 4000 };

/* How an interval is simulated.  At a low level fewer are drawn than asked, so that a tail holds what it must. */
struct stats_draws {
    double level;
    uint64_t seed;
    int count; /* 0: STATS_DRAWS_DEFAULT */
};

struct stats_tails {
    double share; /* in each tail */
    int draws, kept;
    int seen;                                         /* without NaN, which is left out */
    double low[STATS_TAIL_MAX], high[STATS_TAIL_MAX]; /* the least, rising; the largest, falling */
};

/* Then draw `draws` times. */
void stats_tails_init(struct stats_tails *tails, const struct stats_draws *how);
void stats_tails_add(struct stats_tails *tails, double value);
void stats_tails_bounds(const struct stats_tails *tails, double *ret_low, double *ret_high); /* NaN: nothing seen */

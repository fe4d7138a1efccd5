/*
 * advice: whom to ask.  A person can label so many more predictions: from which scores, so that a figure gets surest?
 * Each label goes where it lowers the figure's variance most (Neyman, JRSS 1934; taking the best one at a time is the
 * optimum of such a sum: Fox, Operations Research 1966): where there are many unlabelled, where the truth is uncertain,
 * and where the figure depends on it.  Within a stratum, take at random; adjust.h then makes the figure of what was
 * labelled.
 *
 * Pure.  What a stratum's share of positives is, its labels say, and one more row of its mean score.
 */
#pragma once

#include "stats/curve.h"
#include "stats/strata.h"

enum stats_target { STATS_TARGET_PRECISION, STATS_TARGET_RECALL, STATS_TARGET_F1 };

struct stats_advice {
    double value;                /* of the figure, expected */
    double half_now, half_after; /* half of its interval, as it is and with these labels */
    int strata;
    struct {
        int first, end;    /* bins [first, end) */
        double unlabelled; /* predictions that can be asked about */
        double take;       /* so many of them */
    } rows[STATS_STRATA_MAX];
};

struct stats_advice stats_advise(const struct stats_scores *scores, int edge, enum stats_target target, double labels,
                                 double level);

/*
 * estimate: what the figures of decisions are likely to be before their labels have come (confidence-based performance
 * estimation, CBPE, as NannyML documents it): a calibrated score of 0.8 is 0.8 of a positive.  At a threshold, expected
 * tp is the sum of the calibrated scores from it on, fp that of what they lack to 1, fn and tn the same below it.
 *
 * Right when the calibration holds: it copes with other scores in the window than in the reference, and is blind to a
 * change of what a score means.  So it is shown as an estimate, beside what the last labels said.
 *
 * The interval says where the real figure will lie when all labels have come: it has both what chance leaves open (each
 * label is drawn: Poisson's binomial) and how well the calibration is known (the share of positives of each block of
 * the isotonic regression is drawn from its Jeffreys posterior).  estimate_test.c measures how often it holds.
 */
#pragma once

#include "stats/calibration.h"
#include "stats/confusion.h"
#include "stats/curve.h"
#include "stats/interval.h"
#include "stats/tails.h"

#include "base/arena.h"

/* Expected confusion of unlabelled scores, at every edge. */
void stats_estimate_curve(const struct stats_calibration *calibration, const double scores[STATS_BINS],
                          struct stats_confusion ret[STATS_EDGES]);

struct stats_estimate {
    struct stats_confusion expected;                       /* what is known, and what is expected of the rest */
    struct stats_interval precision, recall, f1, accuracy; /* n: decisions, k: expected tp */
};

struct stats_estimate_of {
    const struct stats_scores *reference; /* labelled: what `calibration` was made of */
    const struct stats_calibration *calibration;
    const double *scores;         /* [STATS_BINS]: without labels */
    struct stats_confusion known; /* of the window's rows that have their labels already */
    int edge;
};

/* `scratch` takes about 100 KB. */
void stats_estimate_at(const struct stats_estimate_of *of, const struct stats_draws *how, struct arena *scratch,
                       struct stats_estimate *ret);

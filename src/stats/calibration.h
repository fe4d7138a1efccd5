/*
 * calibration: does a score of 0.8 mean that 80 % are positive?
 *
 * Sources: Brier (Monthly Weather Review 1950); reliability tables as scikit-learn's calibration_curve() makes them;
 * expected calibration error (Naeini, Cooper and Hauskrecht, AAAI 2015); isotonic regression by pooling adjacent
 * violators (Ayer et al., 1955; Barlow et al., 1972); "only when it lowers the calibration error on held-out folds" as
 * NannyML does.
 *
 * In a histogram a score is taken for the middle of its bin: at most 1/2048 off.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/curve.h"
#include "stats/interval.h"

#include "base/arena.h"

/* Of the scores of one label: how many, their sum, the sum of their squares. */
struct stats_moments {
    double n, sum, sum_squares;
};

/* The mean of (score - label)^2, exactly.  Of a histogram: of the middles of bins. */
double stats_brier(const struct stats_moments *negative, const struct stats_moments *positive);
double stats_brier_of_bins(const struct stats_scores *scores);

enum { STATS_RELIABILITY_BINS_MAX = 64 };

struct stats_reliability {
    double low, high; /* scores in [low, high); the last has 1, too */
    double n, mean_score;
    struct stats_interval positive; /* Wilson: the share that is positive */
};

/*
 * The labelled scores in `count` bins of equal width, or with about equally many each.  Empty ones are left out; the
 * number of rows is returned.
 */
int stats_reliability_by_width(const struct stats_scores *scores, int count, double level,
                               struct stats_reliability *ret);
int stats_reliability_by_count(const struct stats_scores *scores, int count, double level,
                               struct stats_reliability *ret);
/* The mean distance of mean score and share of positives, weighed by n.  NaN without rows. */
double stats_calibration_error(const struct stats_reliability *rows, int count);

/*
 * The rising sequence nearest to `values` in weighed squares.  At most STATS_BINS of them.  Where the weight is 0, the
 * line between its neighbours, or the nearest at an end; all 0: the values are left as they are.
 */
void stats_isotonic(const double *values, const double *weights, double *ret, int count);

/* From a score to a probability, learnt from labelled scores. */
struct stats_calibration {
    double share[STATS_BINS];         /* P(positive) of each bin */
    bool is_learnt;                   /* else the score is taken at its word: its bin's middle */
    double error_before, error_after; /* calibration error on held-out folds; NaN: too few labels to say */
};

enum { STATS_CALIBRATION_LABELS_MIN = 50 }; /* with fewer nothing is learnt */

/* Counts are whole here.  `scratch` takes about 100 KB. */
void stats_calibrate(const struct stats_scores *reference, uint64_t seed, struct arena *scratch,
                     struct stats_calibration *ret);

/*
 * drift: has a distribution moved between a reference and a window, or is this chance?  A verdict always comes with
 * what it stands on: both sample sizes, the threshold it was held against, and a p-value.
 *
 * The population stability index, sum (a - b) ln(a / b), is as large as 0.1 on unchanged data when samples are small,
 * so its threshold is made from the sizes: (1/n + 1/m) times the chi-square quantile (Yurdakul, "Statistical properties
 * of the population stability index", 2018).  Half a count is added to every bin, and bins are quantiles of the
 * reference with ten of each sample to a bin at least; then a false alarm is as frequent as alpha says (drift_test.c
 * measures it).
 *
 * Kolmogorov and Smirnov's two-sample test: exact, ties included, by counting lattice paths (Hodges, 1957; Schroeer and
 * Trenkler, 1995) while n m is small, else Kolmogorov's limit with Stephens' correction (JRSS B 1970), which is on the
 * safe side where there are ties. Pearson's chi-square of categories; rare ones are counted together, so that each cell
 * expects five at least.
 *
 * Pure.  Counts are whole.  With too few of either sample there is no verdict: `drifted` is false and p is NaN.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "stats/curve.h"

enum { STATS_PSI_BINS_MAX = 10, STATS_DRIFT_ROWS_MIN = 20 };

struct stats_drift_options {
    double alpha;      /* false alarms that are put up with; 0: 0.01 */
    double features;   /* how many are asked at once: each gets alpha / features; 0: 1 */
    double effect_min; /* what is smaller than this never counts as drift, however sure it is */
};

struct stats_drift {
    double statistic, threshold, p;
    double n, m; /* sizes of reference and window */
    int bins;    /* that were compared; 0: too few to say */
    bool drifted;
};

/* Of counts in bins that were chosen by the reference. */
struct stats_drift stats_psi(const double *reference, const double *window, int bins,
                             const struct stats_drift_options *options);
/* Of score histograms: bins are made here. */
struct stats_drift stats_psi_of_scores(const double reference[STATS_BINS], const double window[STATS_BINS],
                                       const struct stats_drift_options *options);
/*
 * Of a feature's values: bins of about equally many of a reference that is sorted; cuts[i] is the first value past bin
 * i. Returns how many bins; there is a cut fewer.
 */
int stats_quantile_cuts(const double *sorted, size_t count, int bins_max, double *ret_cuts);
int stats_bin_by_cuts(const double *cuts, int bins, double value);

/* Counts in bins, in order, or samples.  The statistic is the largest distance of the two distributions. */
struct stats_drift stats_ks(const double *reference, const double *window, int bins,
                            const struct stats_drift_options *options);
struct stats_drift stats_ks_of_samples(const double *sorted_reference, size_t n, const double *sorted_window, size_t m,
                                       const struct stats_drift_options *options);

/* Counts by category; a new one has 0 in the reference.  The statistic is Cramer's V: chi-square = V^2 (n + m). */
struct stats_drift stats_chi_square(const double *reference, const double *window, int categories,
                                    const struct stats_drift_options *options);

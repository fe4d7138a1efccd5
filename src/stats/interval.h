/*
 * interval: how sure a figure is.  An interval has the value, its bounds, and the counts it stands on.
 *
 * Sources: Wilson's score interval (E. B. Wilson, JASA 1927) and Jeffreys' (both as in Brown, Cai and DasGupta,
 * "Interval estimation for a binomial proportion", Statistical Science 2001); R. G. Newcombe, "Interval estimation for
 * the difference between independent proportions", Statistics in Medicine 1998, method 10.  Mean coverage over p is
 * that of the table of the 2001 paper (interval_test.c enumerates it); at one p and a small n no method keeps 95 %,
 * since counts are whole.
 *
 * Pure.  `level` is a share: 0.95.  With n = 0 all is NaN but n and k.
 */
#pragma once

#include "stats/confusion.h"

#define STATS_LEVEL_DEFAULT 0.95

struct stats_interval {
    double value, low, high;
    double n, k; /* k of n; what they count is said where an interval is made */
};

/* What is shown beside a proportion: k of n. */
struct stats_interval stats_wilson(double k, double n, double level);

/* Equal tails of the posterior Beta(k + 1/2, n - k + 1/2); the bound is 0 at k = 0, and 1 at k = n. */
struct stats_interval stats_jeffreys(double k, double n, double level);
/* P(p < target) under that posterior: "how likely is it that precision is below 0.9?" */
double stats_jeffreys_below(double k, double n, double target);

/* k1/n1 - k2/n2 of independent samples; n = n1 + n2, k = k1 + k2. */
struct stats_interval stats_difference(double k1, double n1, double k2, double n2, double level);

/*
 * F1 without a simulation: F1 = 2J / (1 + J) rises with J = tp / (tp + fp + fn), which is a proportion.  So J's Wilson
 * bounds, mapped, are F1's.  n = tp + fp + fn, k = tp.
 */
struct stats_interval stats_f1_interval(const struct stats_confusion *c, double level);

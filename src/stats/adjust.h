/*
 * adjust: precision and recall when labels were taken by score, and not at random: if most positives are checked and
 * few of the rest, the plain recall of the labelled is far too good.  Predictions are put into strata by score; what
 * the labelled of a stratum say is said of all of it (post-stratification: Cochran, "Sampling techniques", 5A.9).
 *
 * Right if, within a stratum, who got a label does not depend on the truth.  When every prediction has its label the
 * figures and intervals are the plain ones (Wilson).  A side without any label tells nothing: then what needs it is
 * NaN.
 *
 * The interval is simulated: the positives among a side's unlabelled are drawn from a beta distribution with the mean
 * and the variance that its strata give (Cochran, 5.9, with the finite population's correction), then the figure as of
 * a sample.  adjust_test.c measures its coverage: 92 to 96 %, also with five labels a stratum.
 */
#pragma once

#include "stats/curve.h"
#include "stats/interval.h"
#include "stats/tails.h"

enum { STATS_STRATUM_LABELS_MIN = 5 };

struct stats_adjusted {
    struct stats_confusion expected;         /* of all predictions, labelled or not */
    struct stats_interval precision, recall; /* n: labels they stand on, k: the positive ones among those */
    int strata;
};

struct stats_adjusted stats_adjust(const struct stats_scores *scores, int edge, const struct stats_draws *how);

/*
 * strata: scores in a few ranges, for questions about labels that were not taken at random.  No range straddles the
 * threshold's edge.
 */
#pragma once

#include "stats/curve.h"

enum { STATS_STRATA_PER_SIDE_MAX = 20, STATS_STRATA_MAX = 2 * STATS_STRATA_PER_SIDE_MAX };

struct stats_stratum {
    int first, end;               /* bins [first, end) */
    double n, labelled, positive; /* all predictions; those with a label; those with a positive one */
    double score_sum;             /* of all */
};

/* From the edge outwards; each has about equally many labelled ones, and no fewer than that unless its side has. */
int stats_strata_by_labels(const struct stats_scores *scores, int edge, double labelled_min,
                           struct stats_stratum ret[STATS_STRATA_MAX]);
/* Half as many strata; each has about equally many predictions of its side. */
int stats_strata_by_scores(const struct stats_scores *scores, int edge, struct stats_stratum ret[STATS_STRATA_MAX]);

#include "stats/adjust.h"

#include "stats/random.h"
#include "stats/special.h"
#include "stats/strata.h"

#include <stdbool.h>

/* One side of the threshold.  Of what is unlabelled, `mean` are positive give or take sqrt(variance). */
struct side {
    double n, labelled, positive, expected; /* expected: positives of all */
    double mean, variance;
};

/*
 * The share of positives near a stratum: its own labels, and those of its neighbours on its side, since five say
 * little.  They are drawn towards the side's share by one row in all, split by size: a prior of 1/2 for each stratum
 * would make strata without positives add up to many.
 */
static double share_near(const struct stats_stratum *strata, int count, int at, const struct side *side,
                         double *ret_spread)
{
    double labelled = 0, positive = 0, prior = 0, share = (side->positive + 0.5) / (side->labelled + 1);

    for (int i = at > 0 ? at - 1 : 0; i <= at + 1 && i < count; i++) {
        labelled += strata[i].labelled;
        positive += strata[i].positive;
        prior += strata[i].n / side->n;
    }
    share = (positive + prior * share) / (labelled + prior);
    *ret_spread = share * (1 - share) * (labelled > 1 ? labelled / (labelled - 1) : 1);
    return share;
}

static struct side side_of(const struct stats_stratum *strata, int count)
{
    struct side side = {0};

    for (int i = 0; i < count; i++) {
        side.n += strata[i].n;
        side.labelled += strata[i].labelled;
        side.positive += strata[i].positive;
    }
    for (int i = 0; i < count && side.labelled > 0; i++) {
        const struct stats_stratum *s = &strata[i];
        double spread, near = share_near(strata, count, i, &side, &spread), rest = s->n - s->labelled;

        side.expected += s->n * s->positive / s->labelled;
        side.mean += rest * (s->positive + near) / (s->labelled + 1);
        side.variance += rest * s->n / s->labelled * spread;
    }
    return side;
}

/*
 * Positives among all of a side: those that are known, and a draw of the others.  The draw is of the beta distribution
 * that has their mean and variance: like the truth it is skewed near an end, and never past it.
 */
static double draw_side(const struct side *side, struct stats_random *random)
{
    double rest = side->n - side->labelled, share = side->mean / rest, weight;

    if (!(rest > 0 && side->variance > 0))
        return side->positive;
    weight = fmax(share * (1 - share) * rest * rest / side->variance - 1, 1e-3);
    return side->positive + rest * stats_random_beta(random, share * weight, (1 - share) * weight);
}

static struct stats_interval around(double value, double n, double k, const struct stats_tails *tails)
{
    struct stats_interval ret = {value, STATS_NAN, STATS_NAN, n, k};

    if (isnan(value))
        return ret;
    stats_tails_bounds(tails, &ret.low, &ret.high);
    ret.low = fmin(ret.low, value);
    ret.high = fmax(ret.high, value);
    return ret;
}

static void simulate(const struct side *above, const struct side *below, const struct stats_draws *how,
                     struct stats_adjusted *ret)
{
    struct stats_tails precision, recall;
    struct stats_random random;

    stats_random_init(&random, how->seed);
    stats_tails_init(&precision, how);
    stats_tails_init(&recall, how);
    for (int i = 0; i < precision.draws; i++) {
        double tp = draw_side(above, &random), fn = draw_side(below, &random);

        /* And the whole window is a sample of what the function decides. */
        stats_tails_add(&precision, stats_random_beta(&random, tp + 0.5, above->n - tp + 0.5));
        stats_tails_add(&recall, stats_random_beta(&random, tp + 0.5, fn + 0.5));
    }
    ret->precision = around(ret->precision.value, ret->precision.n, ret->precision.k, &precision);
    ret->recall = around(ret->recall.value, ret->recall.n, ret->recall.k, &recall);
}

struct stats_adjusted stats_adjust(const struct stats_scores *scores, int edge, const struct stats_draws *how)
{
    struct stats_stratum strata[STATS_STRATA_MAX];
    int count = stats_strata_by_labels(scores, edge, STATS_STRATUM_LABELS_MIN, strata), split = 0;
    struct stats_adjusted ret = {.strata = count};
    struct side above, below;
    bool is_known;

    while (split < count && strata[split].first >= edge)
        split++;
    above = side_of(strata, split);
    below = side_of(strata + split, count - split);
    ret.expected =
        (struct stats_confusion){above.expected, above.n - above.expected, below.expected, below.n - below.expected};
    if (above.n == above.labelled && below.n == below.labelled) {
        ret.precision = stats_wilson(above.positive, above.n, how->level);
        ret.recall = stats_wilson(above.positive, above.positive + below.positive, how->level);
        return ret;
    }
    is_known = above.labelled > 0 || above.n == 0;
    ret.precision = (struct stats_interval){above.labelled > 0 ? stats_precision(&ret.expected) : STATS_NAN, STATS_NAN,
                                            STATS_NAN, above.labelled, above.positive};
    is_known = is_known && (below.labelled > 0 || below.n == 0);
    ret.recall = (struct stats_interval){is_known ? stats_recall(&ret.expected) : STATS_NAN, STATS_NAN, STATS_NAN,
                                         above.labelled + below.labelled, above.positive + below.positive};
    simulate(&above, &below, how, &ret);
    return ret;
}

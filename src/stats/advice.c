#include "stats/advice.h"

#include "stats/confusion.h"
#include "stats/special.h"

/* A figure of tp, of fn, and of how many are positive by the decision; and how it moves with tp and fn. */
struct slope {
    double value, by_tp, by_fn;
    double of_chance; /* the variance that stays when every label is known */
};

static struct slope precision_slope(double tp, double fn, double decided)
{
    double p = tp / decided;

    (void)fn;
    return (struct slope){p, 1 / decided, 0, p * (1 - p) / decided};
}

static struct slope recall_slope(double tp, double fn, double decided)
{
    double positives = tp + fn, r = tp / positives;

    (void)decided;
    return (struct slope){r, fn / positives / positives, -tp / positives / positives, r * (1 - r) / positives};
}

/* F1 = 2J / (1 + J) of the proportion J = tp / (decided + fn); its slope by J is 2 / (1 + J)^2. */
static struct slope f1_slope(double tp, double fn, double decided)
{
    double sum = decided + tp + fn, j = tp / (decided + fn), by_j = 2 / ((1 + j) * (1 + j));

    return (struct slope){2 * tp / sum, 2 * (decided + fn) / sum / sum, -2 * tp / sum / sum,
                          by_j * by_j * j * (1 - j) / (decided + fn)};
}

static struct slope (*const slopes[])(double, double, double) = {
    [STATS_TARGET_PRECISION] = precision_slope,
    [STATS_TARGET_RECALL] = recall_slope,
    [STATS_TARGET_F1] = f1_slope,
};

static double share_of(const struct stats_stratum *s)
{
    return (s->positive + s->score_sum / s->n) / (s->labelled + 1);
}

/* Variance of the figure from one stratum is scale * (per_label - 1 / n); without a label it is as with half of one. */
static double scale_of(const struct stats_stratum *s, double slope)
{
    double share = share_of(s);

    return slope * slope * s->n * s->n * share * (1 - share);
}

static double per_label(double labels)
{
    return 1 / fmax(labels, 0.5);
}

static double variance_of(const struct stats_stratum *strata, const double *scales, const double *takes, int count)
{
    double sum = 0;

    for (int i = 0; i < count; i++)
        sum += scales[i] * (per_label(strata[i].labelled + takes[i]) - 1 / strata[i].n);
    return sum;
}

/* The stratum in which one more label does most; -1: there is none left. */
static int best_stratum(const struct stats_stratum *strata, const double *scales, const double *takes, int count)
{
    double gain_best = 0;
    int best = -1;

    for (int i = 0; i < count; i++) {
        double labels = strata[i].labelled + takes[i], gain = scales[i] * (per_label(labels) - per_label(labels + 1));

        if (labels + 1 <= strata[i].n && gain > gain_best) {
            gain_best = gain;
            best = i;
        }
    }
    return best;
}

static struct slope slope_of(const struct stats_stratum *strata, int count, int edge, enum stats_target target)
{
    double tp = 0, fn = 0, decided = 0;

    for (int i = 0; i < count; i++) {
        double positives = strata[i].positive + (strata[i].n - strata[i].labelled) * share_of(&strata[i]);

        *(strata[i].first >= edge ? &tp : &fn) += positives;
        decided += strata[i].first >= edge ? strata[i].n : 0;
    }
    return slopes[target](tp, fn, decided);
}

struct stats_advice stats_advise(const struct stats_scores *scores, int edge, enum stats_target target, double labels,
                                 double level)
{
    struct stats_stratum strata[STATS_STRATA_MAX];
    struct stats_advice ret = {.strata = stats_strata_by_scores(scores, edge, strata)};
    struct slope slope = slope_of(strata, ret.strata, edge, target);
    double scales[STATS_STRATA_MAX] = {0}, takes[STATS_STRATA_MAX] = {0}, z = stats_normal_quantile(0.5 + level / 2);

    ret.value = slope.value;
    ret.half_now = ret.half_after = STATS_NAN;
    for (int i = 0; i < ret.strata; i++)
        scales[i] = scale_of(&strata[i], strata[i].first >= edge ? slope.by_tp : slope.by_fn);
    ret.half_now = z * sqrt(variance_of(strata, scales, takes, ret.strata) + slope.of_chance);
    for (int best; labels >= 1 && (best = best_stratum(strata, scales, takes, ret.strata)) >= 0; labels--)
        takes[best]++;
    ret.half_after = z * sqrt(variance_of(strata, scales, takes, ret.strata) + slope.of_chance);
    for (int i = 0; i < ret.strata; i++) {
        ret.rows[i].first = strata[i].first;
        ret.rows[i].end = strata[i].end;
        ret.rows[i].unlabelled = strata[i].n - strata[i].labelled;
        ret.rows[i].take = takes[i];
    }
    return ret;
}

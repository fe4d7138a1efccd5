#include "stats/calibration.h"

#include "stats/random.h"
#include "stats/special.h"

enum { FOLDS = 5, GROUPS = 10 };

double stats_brier(const struct stats_moments *negative, const struct stats_moments *positive)
{
    double n = negative->n + positive->n;

    return n > 0 ? (negative->sum_squares + positive->n - 2 * positive->sum + positive->sum_squares) / n : STATS_NAN;
}

static struct stats_moments moments_of(const double bins[STATS_BINS])
{
    struct stats_moments ret = {0};

    for (int i = 0; i < STATS_BINS; i++) {
        double score = stats_bin_centre(i);

        ret.n += bins[i];
        ret.sum += bins[i] * score;
        ret.sum_squares += bins[i] * score * score;
    }
    return ret;
}

double stats_brier_of_bins(const struct stats_scores *scores)
{
    struct stats_moments negative = moments_of(scores->negative), positive = moments_of(scores->positive);

    return stats_brier(&negative, &positive);
}

/* Add a row over the bins [first, end), unless it is empty.  True: it was added. */
static bool add_row(const struct stats_scores *scores, int first, int end, double level, struct stats_reliability *ret)
{
    double n = 0, positive = 0, sum = 0;

    for (int i = first; i < end; i++) {
        double count = scores->negative[i] + scores->positive[i];

        n += count;
        positive += scores->positive[i];
        sum += count * stats_bin_centre(i);
    }
    if (!(n > 0))
        return false;
    *ret = (struct stats_reliability){stats_threshold_of(first), stats_threshold_of(end), n, sum / n,
                                      stats_wilson(positive, n, level)};
    return true;
}

int stats_reliability_by_width(const struct stats_scores *scores, int count, double level,
                               struct stats_reliability *ret)
{
    int rows = 0, first = 0;

    count = count < STATS_RELIABILITY_BINS_MAX ? count : STATS_RELIABILITY_BINS_MAX;
    for (int i = 0; i < count; i++) {
        int end = (int)round((double)STATS_BINS * (i + 1) / count);

        rows += add_row(scores, first, end, level, &ret[rows]);
        first = end;
    }
    return rows;
}

int stats_reliability_by_count(const struct stats_scores *scores, int count, double level,
                               struct stats_reliability *ret)
{
    double total = stats_total(scores->negative) + stats_total(scores->positive), seen = 0;
    int rows = 0, first = 0, cut = 1;

    count = count < STATS_RELIABILITY_BINS_MAX ? count : STATS_RELIABILITY_BINS_MAX;
    for (int i = 0; i < STATS_BINS; i++) {
        seen += scores->negative[i] + scores->positive[i];
        if (seen * count < total * cut || (i < STATS_BINS - 1 && cut == count))
            continue;
        rows += add_row(scores, first, i + 1, level, &ret[rows]);
        first = i + 1;
        while (cut < count && seen * count >= total * cut)
            cut++;
    }
    if (first < STATS_BINS)
        rows += add_row(scores, first, STATS_BINS, level, &ret[rows]);
    return rows;
}

double stats_calibration_error(const struct stats_reliability *rows, int count)
{
    double n = 0, sum = 0;

    for (int i = 0; i < count; i++) {
        n += rows[i].n;
        sum += rows[i].n * fabs(rows[i].mean_score - rows[i].positive.value);
    }
    return n > 0 ? sum / n : STATS_NAN;
}

/* Where nothing weighs: on the line between neighbours that do. */
static void fill_gaps(const double *weights, double *values, int count)
{
    int before = -1;

    for (int i = 0; i <= count; i++) {
        if (i < count && !(weights[i] > 0))
            continue;
        for (int gap = before + 1; gap < i; gap++) {
            if (before < 0)
                values[gap] = i < count ? values[i] : values[gap];
            else if (i == count)
                values[gap] = values[before];
            else
                values[gap] = values[before] + (values[i] - values[before]) * (gap - before) / (i - before);
        }
        before = i;
    }
}

/*
 * Blocks of equal value on a stack; one that is not above the one before it is pooled with that.  The stack's weights
 * lie in `ret`: there are never more blocks than values that were read.
 */
void stats_isotonic(const double *values, const double *weights, double *ret, int count)
{
    double mean[STATS_BINS], *weight = ret;
    uint16_t end[STATS_BINS];
    int blocks = 0, at = 0;

    for (int i = 0; i < count; i++) {
        double w = weights[i], m = values[i];

        if (!(w > 0))
            continue;
        while (blocks > 0 && mean[blocks - 1] >= m) {
            blocks--;
            m = (m * w + mean[blocks] * weight[blocks]) / (w + weight[blocks]);
            w += weight[blocks];
        }
        mean[blocks] = m;
        weight[blocks] = w;
        end[blocks++] = (uint16_t)(i + 1);
    }
    for (int block = 0; block < blocks; block++)
        for (; at < end[block]; at++)
            ret[at] = mean[block];
    for (; blocks == 0 && at < count; at++)
        ret[at] = values[at];
    fill_gaps(weights, ret, count);
}

/* The share of positives by bin, made to rise. */
static void learn(const double negative[STATS_BINS], const double positive[STATS_BINS], double ret[STATS_BINS])
{
    double weights[STATS_BINS];

    for (int i = 0; i < STATS_BINS; i++) {
        weights[i] = negative[i] + positive[i];
        ret[i] = weights[i] > 0 ? positive[i] / weights[i] : stats_bin_centre(i);
    }
    stats_isotonic(ret, weights, ret, STATS_BINS);
}

struct fold {
    double negative[STATS_BINS], positive[STATS_BINS];
};

/* Each row goes to a fold by chance: of what is left, a binomial part. */
static void deal(const double bins[STATS_BINS], struct stats_random *random, struct fold *folds, bool is_positive)
{
    for (int i = 0; i < STATS_BINS; i++) {
        double left = round(bins[i]);

        for (int f = 0; f < FOLDS; f++) {
            double part = left > 0 ? stats_random_binomial(random, left, 1.0 / (FOLDS - f)) : 0;

            (is_positive ? folds[f].positive : folds[f].negative)[i] = part;
            left -= part;
        }
    }
}

/* Held-out rows of scores that are near each other: what was promised of them before and after, and what came. */
struct group {
    double positive, before, after;
};

/*
 * Fold by fold: over all folds together the promises of a group add up to what came nearly by themselves, since each
 * row was learnt from in the other folds.
 */
static void judge(const struct fold *held, const double share[STATS_BINS], const int group_of[STATS_BINS],
                  double *ret_before, double *ret_after)
{
    struct group groups[GROUPS] = {0};

    for (int i = 0; i < STATS_BINS; i++) {
        double n = held->negative[i] + held->positive[i];
        struct group *group = &groups[group_of[i]];

        group->positive += held->positive[i];
        group->before += n * stats_bin_centre(i);
        group->after += n * share[i];
    }
    for (int g = 0; g < GROUPS; g++) {
        *ret_before += fabs(groups[g].before - groups[g].positive);
        *ret_after += fabs(groups[g].after - groups[g].positive);
    }
}

/* The fold's own rows are taken out of the reference, then put back. */
static void learn_without(const struct fold *held, struct fold *all, double ret[STATS_BINS])
{
    for (int i = 0; i < STATS_BINS; i++) {
        all->negative[i] -= held->negative[i];
        all->positive[i] -= held->positive[i];
    }
    learn(all->negative, all->positive, ret);
    for (int i = 0; i < STATS_BINS; i++) {
        all->negative[i] += held->negative[i];
        all->positive[i] += held->positive[i];
    }
}

static void hold_out(const struct stats_scores *reference, uint64_t seed, struct arena *scratch,
                     struct stats_calibration *ret)
{
    struct fold *folds = arena_new(scratch, struct fold, FOLDS), *all = arena_new(scratch, struct fold, 1);
    double *share = arena_new(scratch, double, STATS_BINS), total, seen = 0, before = 0, after = 0;
    int *group_of = arena_new(scratch, int, STATS_BINS);
    struct stats_random random;

    stats_random_init(&random, seed);
    deal(reference->negative, &random, folds, false);
    deal(reference->positive, &random, folds, true);
    total = stats_total(reference->negative) + stats_total(reference->positive);
    for (int i = 0; i < STATS_BINS; i++) {
        double n = reference->negative[i] + reference->positive[i];

        all->negative[i] = round(reference->negative[i]);
        all->positive[i] = round(reference->positive[i]);
        group_of[i] = (int)fmin((seen + n / 2) / total * GROUPS, GROUPS - 1);
        seen += n;
    }
    for (int f = 0; f < FOLDS; f++) {
        learn_without(&folds[f], all, share);
        judge(&folds[f], share, group_of, &before, &after);
    }
    ret->error_before = before / total;
    ret->error_after = after / total;
}

void stats_calibrate(const struct stats_scores *reference, uint64_t seed, struct arena *scratch,
                     struct stats_calibration *ret)
{
    double positives = stats_total(reference->positive), total = positives + stats_total(reference->negative);

    ret->error_before = ret->error_after = STATS_NAN;
    if (total >= STATS_CALIBRATION_LABELS_MIN && positives > 0 && positives < total)
        hold_out(reference, seed, scratch, ret);
    ret->is_learnt = ret->error_after < ret->error_before; /* false with NaN */
    if (ret->is_learnt)
        learn(reference->negative, reference->positive, ret->share);
    else
        for (int i = 0; i < STATS_BINS; i++)
            ret->share[i] = stats_bin_centre(i);
}

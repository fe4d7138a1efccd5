#include "stats/estimate.h"

#include "stats/random.h"
#include "stats/special.h"

enum { FIGURES = 4, NORMAL_VARIANCE_MIN = 100 };

void stats_estimate_curve(const struct stats_calibration *calibration, const double scores[STATS_BINS],
                          struct stats_confusion ret[STATS_EDGES])
{
    double positives = 0, negatives = 0, tp = 0, fp = 0;

    for (int i = 0; i < STATS_BINS; i++) {
        positives += scores[i] * calibration->share[i];
        negatives += scores[i] * (1 - calibration->share[i]);
    }
    for (int edge = STATS_BINS; edge >= 0; edge--) {
        if (edge < STATS_BINS) {
            tp += scores[edge] * calibration->share[edge];
            fp += scores[edge] * (1 - calibration->share[edge]);
        }
        ret[edge] = (struct stats_confusion){tp, fp, fmax(positives - tp, 0), fmax(negatives - fp, 0)};
    }
}

/*
 * Scores whose share of positives is learnt as one: a block of the isotonic regression.  The window's rows in it are
 * drawn together, those from the edge on and those below it.
 */
struct side {
    double n, share; /* rows of the window, their mean calibrated share */
};

struct block {
    double reference_n, reference_k;
    struct side above, below;
};

static void side_add(struct side *side, double n, double share)
{
    if (n > 0) {
        side->share = (side->n * side->share + n * share) / (side->n + n);
        side->n += n;
    }
}

static int blocks_of(const struct stats_estimate_of *of, struct arena *scratch, struct block *ret)
{
    double *fitted = arena_new(scratch, double, STATS_BINS), *weights = arena_new(scratch, double, STATS_BINS),
           last = -1;
    const double *negative = of->reference->negative, *positive = of->reference->positive;
    int count = 0;

    for (int i = 0; i < STATS_BINS; i++) {
        weights[i] = negative[i] + positive[i];
        fitted[i] = weights[i] > 0 ? positive[i] / weights[i] : 0;
    }
    stats_isotonic(fitted, weights, fitted, STATS_BINS);
    for (int i = 0; i < STATS_BINS; i++) {
        bool begins = weights[i] > 0 && fitted[i] > last; /* a gap goes with the block before it */

        if (begins || count == 0)
            ret[count++] = (struct block){0};
        last = begins ? fitted[i] : last;
        ret[count - 1].reference_n += weights[i];
        ret[count - 1].reference_k += positive[i];
        side_add(i >= of->edge ? &ret[count - 1].above : &ret[count - 1].below, of->scores[i],
                 of->calibration->share[i]);
    }
    return count;
}

/*
 * A sum of many binomial draws.  Where its variance is large it is normal to within what an interval shows, and a
 * window of a million rows costs no more than one of a thousand.
 */
struct sum {
    double n, mean, variance;
};

static double drawn_share(const struct side *side, double off)
{
    return fmin(fmax(side->share + off, 0), 1);
}

static void sum_add(struct sum *sum, const struct side *side, double off)
{
    double share = drawn_share(side, off);

    sum->n += side->n;
    sum->mean += side->n * share;
    sum->variance += side->n * share * (1 - share);
}

static double sum_draw(const struct sum *sum, struct stats_random *random)
{
    double drawn = sum->mean + sqrt(sum->variance) * stats_random_normal(random);

    return fmin(fmax(round(drawn), 0), sum->n);
}

static double sum_exactly(const struct block *blocks, const double *off, int count, bool above,
                          struct stats_random *random)
{
    double sum = 0;

    for (int i = 0; i < count; i++) {
        const struct side *side = above ? &blocks[i].above : &blocks[i].below;

        sum += side->n > 0 ? stats_random_binomial(random, side->n, drawn_share(side, off[i])) : 0;
    }
    return sum;
}

static struct stats_confusion draw(const struct block *blocks, int count, const struct stats_confusion *known,
                                   struct stats_random *random)
{
    struct stats_confusion c = *known;
    struct sum above = {0}, below = {0};
    double off[STATS_BINS], tp, fn;

    for (int i = 0; i < count; i++) {
        double n = blocks[i].reference_n, k = blocks[i].reference_k;

        off[i] = n > 0 ? stats_random_beta(random, k + 0.5, n - k + 0.5) - k / n : 0;
        sum_add(&above, &blocks[i].above, off[i]);
        sum_add(&below, &blocks[i].below, off[i]);
    }
    tp =
        above.variance > NORMAL_VARIANCE_MIN ? sum_draw(&above, random) : sum_exactly(blocks, off, count, true, random);
    fn = below.variance > NORMAL_VARIANCE_MIN ? sum_draw(&below, random)
                                              : sum_exactly(blocks, off, count, false, random);
    c.tp += tp;
    c.fp += above.n - tp;
    c.fn += fn;
    c.tn += below.n - fn;
    return c;
}

static struct stats_interval interval_of(double value, const struct stats_confusion *expected,
                                         const struct stats_tails *tails)
{
    struct stats_interval ret = {value, STATS_NAN, STATS_NAN, expected->tp + expected->fp + expected->fn + expected->tn,
                                 expected->tp};

    if (isnan(value))
        return ret;
    stats_tails_bounds(tails, &ret.low, &ret.high);
    ret.low = fmin(ret.low, value);
    ret.high = fmax(ret.high, value);
    return ret;
}

void stats_estimate_at(const struct stats_estimate_of *of, const struct stats_draws *how, struct arena *scratch,
                       struct stats_estimate *ret)
{
    static stats_metric *const metrics[FIGURES] = {stats_precision, stats_recall, stats_f1, stats_accuracy};
    struct stats_interval *const results[FIGURES] = {&ret->precision, &ret->recall, &ret->f1, &ret->accuracy};
    struct block *blocks = arena_new(scratch, struct block, STATS_BINS);
    struct stats_tails *tails = arena_new(scratch, struct stats_tails, FIGURES);
    struct stats_confusion expected = of->known;
    int count = blocks_of(of, scratch, blocks);
    struct stats_random random;

    for (int i = 0; i < count; i++) {
        expected.tp += blocks[i].above.n * blocks[i].above.share;
        expected.fp += blocks[i].above.n * (1 - blocks[i].above.share);
        expected.fn += blocks[i].below.n * blocks[i].below.share;
        expected.tn += blocks[i].below.n * (1 - blocks[i].below.share);
    }
    stats_random_init(&random, how->seed);
    for (int f = 0; f < FIGURES; f++)
        stats_tails_init(&tails[f], how);
    for (int i = 0; i < tails[0].draws; i++) {
        struct stats_confusion drawn = draw(blocks, count, &of->known, &random);

        for (int f = 0; f < FIGURES; f++)
            stats_tails_add(&tails[f], metrics[f](&drawn));
    }
    ret->expected = expected;
    for (int f = 0; f < FIGURES; f++)
        *results[f] = interval_of(metrics[f](&expected), &expected, &tails[f]);
}

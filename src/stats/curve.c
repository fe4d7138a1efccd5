#include "stats/curve.h"

#include "stats/special.h"

#include <stdbool.h>
#include <stdlib.h>

/* With fewer of a label than this, DeLong's variance is too unsure of itself (curve_test.c measures the coverage). */
enum { DELONG_LABELS_MIN = 20 };

int stats_bin(double score)
{
    if (!(score > 0))
        return 0;
    return score >= 1 ? STATS_BINS - 1 : (int)(score * STATS_BINS);
}

int stats_edge(double threshold)
{
    if (!(threshold > 0))
        return 0;
    return threshold >= 1 ? STATS_BINS : (int)(threshold * STATS_BINS + 0.5);
}

double stats_threshold_of(int edge)
{
    return (double)edge / STATS_BINS;
}

double stats_bin_centre(int bin)
{
    return (bin + 0.5) / STATS_BINS;
}

double stats_total(const double bins[STATS_BINS])
{
    double sum = 0;

    for (int i = 0; i < STATS_BINS; i++)
        sum += bins[i];
    return sum;
}

void stats_suffix_sums(const double bins[STATS_BINS], double ret[STATS_EDGES])
{
    ret[STATS_BINS] = 0;
    for (int i = STATS_BINS - 1; i >= 0; i--)
        ret[i] = ret[i + 1] + bins[i];
}

void stats_curve(const struct stats_scores *scores, struct stats_confusion ret[STATS_EDGES])
{
    double negatives = stats_total(scores->negative), positives = stats_total(scores->positive), tp = 0, fp = 0;

    for (int edge = STATS_BINS; edge >= 0; edge--) {
        if (edge < STATS_BINS) {
            tp += scores->positive[edge];
            fp += scores->negative[edge];
        }
        /* Weights do not add up to the last bit in another order: never below zero. */
        ret[edge] = (struct stats_confusion){tp, fp, fmax(positives - tp, 0), fmax(negatives - fp, 0)};
    }
}

struct stats_confusion stats_confusion_at(const struct stats_scores *scores, int edge)
{
    struct stats_confusion c = {0};

    for (int i = 0; i < STATS_BINS; i++) {
        *(i >= edge ? &c.tp : &c.fn) += scores->positive[i];
        *(i >= edge ? &c.fp : &c.tn) += scores->negative[i];
    }
    return c;
}

/* The middle of the first run of edges that have the best value: as far as can be from where it gets worse. */
static int best(const double values[STATS_EDGES])
{
    int first = -1, last = -1;

    for (int edge = 0; edge < STATS_EDGES; edge++) {
        if (isnan(values[edge]))
            continue;
        if (first < 0 || values[edge] > values[first])
            first = last = edge;
        else if (values[edge] == values[first] && last == edge - 1)
            last = edge;
    }
    return first < 0 ? -1 : (first + last) / 2;
}

int stats_best_edge(const struct stats_confusion curve[STATS_EDGES], stats_metric *metric)
{
    double values[STATS_EDGES];

    for (int edge = 0; edge < STATS_EDGES; edge++)
        values[edge] = metric(&curve[edge]);
    return curve[0].tp > 0 ? best(values) : -1;
}

int stats_cheapest_edge(const struct stats_confusion curve[STATS_EDGES], double cost_fp, double cost_fn)
{
    double values[STATS_EDGES];

    for (int edge = 0; edge < STATS_EDGES; edge++)
        values[edge] = -stats_cost(&curve[edge], cost_fp, cost_fn);
    return curve[0].tp + curve[0].fp > 0 ? best(values) : -1;
}

/* The area, and DeLong's variance of it: that of placements, each score's share of the other label's that it beats. */
struct area {
    double value, variance, negatives, positives;
};

static struct area area_of(const struct stats_scores *scores)
{
    double n = stats_total(scores->negative), m = stats_total(scores->positive), below = 0, above = m;
    double sum = 0, square_positive = 0, square_negative = 0, spread_positive, spread_negative;
    struct area area = {STATS_NAN, STATS_NAN, n, m};

    if (!(n > 0 && m > 0))
        return area;
    for (int i = 0; i < STATS_BINS; i++) {
        double of_positive, of_negative;

        above -= scores->positive[i];
        of_positive = (below + scores->negative[i] / 2) / n;
        of_negative = (above + scores->positive[i] / 2) / m;
        sum += scores->positive[i] * of_positive;
        square_positive += scores->positive[i] * of_positive * of_positive;
        square_negative += scores->negative[i] * of_negative * of_negative;
        below += scores->negative[i];
    }
    area.value = sum / m;
    if (n > 1 && m > 1) {
        spread_positive = (square_positive - m * area.value * area.value) / (m - 1);
        spread_negative = (square_negative - n * area.value * area.value) / (n - 1);
        area.variance = fmax(spread_positive, 0) / m + fmax(spread_negative, 0) / n;
    }
    return area;
}

/* How far `area` lies from what was seen, in standard errors that hold if `area` is the truth. */
static double newcombe_distance(const struct area *seen, double area)
{
    double weight = (seen->negatives + seen->positives) / 2 - 1;
    double spread = 1 + weight * ((1 - area) / (2 - area) + area / (1 + area));

    return (area - seen->value) / sqrt(area * (1 - area) * spread / (seen->negatives * seen->positives));
}

/* The distance rises with `area`: halving finds where it is z. */
static double newcombe_bound(const struct area *seen, double z)
{
    double low = z < 0 ? 0 : seen->value, high = z < 0 ? seen->value : 1;

    for (int i = 0; i < 60; i++) {
        double middle = low + (high - low) / 2;

        if (newcombe_distance(seen, middle) > z)
            high = middle;
        else
            low = middle;
    }
    return low + (high - low) / 2;
}

struct stats_interval stats_auc(const struct stats_scores *scores, double level)
{
    struct area area = area_of(scores);
    struct stats_interval ret = {area.value, STATS_NAN, STATS_NAN, area.negatives + area.positives, area.positives};
    double z = stats_normal_quantile(0.5 + level / 2), logit, half;
    bool is_inside = area.value > 0 && area.value < 1 && area.variance > 0;

    if (isnan(area.value))
        return ret;
    if (!is_inside || fmin(area.negatives, area.positives) < DELONG_LABELS_MIN) {
        ret.low = area.value <= 0 ? 0 : newcombe_bound(&area, -z);
        ret.high = area.value >= 1 ? 1 : newcombe_bound(&area, z);
        return ret;
    }
    logit = log(area.value / (1 - area.value));
    half = z * sqrt(area.variance) / (area.value * (1 - area.value));
    ret.low = 1 / (1 + exp(half - logit));
    ret.high = 1 / (1 + exp(-half - logit));
    return ret;
}

double stats_average_precision(const struct stats_scores *scores)
{
    double positives = stats_total(scores->positive), tp = 0, fp = 0, sum = 0;

    if (!(positives > 0))
        return STATS_NAN;
    for (int i = STATS_BINS - 1; i >= 0; i--) {
        tp += scores->positive[i];
        fp += scores->negative[i];
        if (scores->positive[i] > 0)
            sum += scores->positive[i] / positives * (tp / (tp + fp));
    }
    return sum;
}

static int by_falling_score(const void *a, const void *b)
{
    double x = ((const struct stats_row *)a)->score, y = ((const struct stats_row *)b)->score;

    return (x < y) - (x > y);
}

void stats_rows_sort(struct stats_row *rows, size_t count)
{
    if (count > 0)
        qsort(rows, count, sizeof *rows, by_falling_score);
}

/* The next group of equal scores: its counts; false at the end. */
static bool next_group(const struct stats_row *sorted, size_t count, size_t *at, double *ret_positive,
                       double *ret_negative)
{
    size_t first = *at;

    *ret_positive = *ret_negative = 0;
    for (; *at < count && sorted[*at].score == sorted[first].score; ++*at)
        *(sorted[*at].positive >= 0.5 ? ret_positive : ret_negative) += 1;
    return *at > first;
}

double stats_auc_of_rows(const struct stats_row *sorted, size_t count)
{
    double tp = 0, fp = 0, beaten = 0, positive, negative;

    for (size_t at = 0; next_group(sorted, count, &at, &positive, &negative);) {
        beaten += negative * (tp + positive / 2);
        tp += positive;
        fp += negative;
    }
    return tp > 0 && fp > 0 ? beaten / tp / fp : STATS_NAN;
}

double stats_average_precision_of_rows(const struct stats_row *sorted, size_t count)
{
    double tp = 0, fp = 0, sum = 0, positive, negative;

    for (size_t at = 0; next_group(sorted, count, &at, &positive, &negative);) {
        tp += positive;
        fp += negative;
        sum += positive * (tp / (tp + fp));
    }
    return tp > 0 ? sum / tp : STATS_NAN;
}

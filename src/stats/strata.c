#include "stats/strata.h"

#include <math.h>

/* What a stratum must have before it is full. */
typedef double weight_of(const struct stats_scores *scores, int bin);

static double labels_of(const struct stats_scores *scores, int bin)
{
    return scores->negative[bin] + scores->positive[bin];
}

static double all_of(const struct stats_scores *scores, int bin)
{
    return labels_of(scores, bin) + scores->unknown[bin];
}

static void add_bin(const struct stats_scores *scores, int bin, struct stats_stratum *stratum)
{
    stratum->first = bin < stratum->first ? bin : stratum->first;
    stratum->end = bin >= stratum->end ? bin + 1 : stratum->end;
    stratum->n += all_of(scores, bin);
    stratum->labelled += labels_of(scores, bin);
    stratum->positive += scores->positive[bin];
    stratum->score_sum += all_of(scores, bin) * stats_bin_centre(bin);
}

/* How a side is parted. */
struct parts {
    weight_of *weight;
    double least; /* of weight in a stratum */
    int count_max;
};

/* Bins from `at` by `step` until `end`.  What is left when a stratum is full but cannot be filled joins the last. */
static int fill(const struct stats_scores *scores, int at, int end, const struct parts *parts,
                struct stats_stratum *ret)
{
    int step = at < end ? 1 : -1, count = 0;
    double total = 0, left, target, held = 0;

    for (int i = at; i != end; i += step)
        total += parts->weight(scores, i);
    target = fmax(total / parts->count_max, parts->least);
    left = total;
    for (int i = at; i != end; i += step) {
        if (count == 0 || (held >= target && left >= target && all_of(scores, i) > 0)) {
            ret[count++] = (struct stats_stratum){.first = STATS_BINS};
            held = 0;
        }
        add_bin(scores, i, &ret[count - 1]);
        held += parts->weight(scores, i);
        left -= parts->weight(scores, i);
    }
    if (count == 1 && ret[0].n == 0) /* nothing on this side */
        return 0;
    return count;
}

static int both_sides(const struct stats_scores *scores, int edge, const struct parts *parts, struct stats_stratum *ret)
{
    int above = edge < STATS_BINS ? fill(scores, edge, STATS_BINS, parts, ret) : 0;

    return above + (edge > 0 ? fill(scores, edge - 1, -1, parts, ret + above) : 0);
}

int stats_strata_by_labels(const struct stats_scores *scores, int edge, double labelled_min,
                           struct stats_stratum ret[STATS_STRATA_MAX])
{
    return both_sides(scores, edge, &(struct parts){labels_of, labelled_min, STATS_STRATA_PER_SIDE_MAX}, ret);
}

int stats_strata_by_scores(const struct stats_scores *scores, int edge, struct stats_stratum ret[STATS_STRATA_MAX])
{
    return both_sides(scores, edge, &(struct parts){all_of, 1, STATS_STRATA_PER_SIDE_MAX / 2}, ret);
}

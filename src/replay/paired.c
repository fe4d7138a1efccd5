/*
 * Both are ratios of sums over the same rows: precision before is the sum of "a yes that is right" over the sum of "a
 * yes".  So each is asymptotically normal, and the difference's variance is that of the sum, over the rows, of what a
 * row adds to it (its influence): that they are the same rows is in it, because it is taken row by row.  For precision
 * this is the comparison of predictive values of Moskowitz and Pepe, "Comparing the predictive values of diagnostic
 * tests", Clinical Trials 2006; for recall, where the rows are the same ones, it is McNemar's as an interval.
 */
#include "replay/paired.h"

#include <math.h>

enum { CELLS = 8 };

#define Z95 1.959963984540054

/* A cell's number has the bits label, before, after. */
static void cells_of(const struct replay_counts *counts, int64_t ret[CELLS])
{
    const int64_t cells[CELLS] = {counts->joint_000, counts->joint_001, counts->joint_010, counts->joint_011,
                                  counts->joint_100, counts->joint_101, counts->joint_110, counts->joint_111};

    for (int i = 0; i < CELLS; i++)
        ret[i] = cells[i];
}

static bool has_label(int cell)
{
    return cell & 4;
}

static bool yes_before(int cell)
{
    return cell & 2;
}

static bool yes_after(int cell)
{
    return cell & 1;
}

/* Rows for which `counts` holds are the ratio's denominator, and with `hits` its numerator. */
typedef bool (*of_cell)(int cell);

static struct stats_interval ratio(const int64_t cells[CELLS], of_cell hits, of_cell counts)
{
    int64_t k = 0, n = 0;

    for (int i = 0; i < CELLS; i++) {
        n += counts(i) ? cells[i] : 0;
        k += counts(i) && hits(i) ? cells[i] : 0;
    }
    return stats_wilson((double)k, (double)n, STATS_LEVEL_DEFAULT);
}

static double influence(const struct stats_interval *share, bool counts, bool hits)
{
    return counts ? ((double)hits - share->value) / share->n : 0;
}

static void fill(const int64_t cells[CELLS], of_cell hits_before, of_cell counts_before, of_cell hits_after,
                 of_cell counts_after, struct paired *ret)
{
    double variance = 0, value, half;

    ret->before = ratio(cells, hits_before, counts_before);
    ret->after = ratio(cells, hits_after, counts_after);
    for (int i = 0; i < CELLS; i++) {
        double each = influence(&ret->after, counts_after(i), hits_after(i)) -
                      influence(&ret->before, counts_before(i), hits_before(i));
        variance += cells[i] > 0 ? (double)cells[i] * each * each : 0;
    }
    value = ret->after.value - ret->before.value; /* NaN when one of them is */
    half = Z95 * sqrt(variance);
    ret->difference = (struct stats_interval){.value = value, .low = value - half, .high = value + half};
}

void paired_precision(const struct replay_counts *counts, struct paired *ret)
{
    int64_t cells[CELLS];

    cells_of(counts, cells);
    fill(cells, has_label, yes_before, has_label, yes_after, ret);
}

void paired_recall(const struct replay_counts *counts, struct paired *ret)
{
    int64_t cells[CELLS];

    cells_of(counts, cells);
    fill(cells, yes_before, has_label, yes_after, has_label, ret);
}

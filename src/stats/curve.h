/*
 * curve: every threshold at once.  Scores in [0, 1] are kept as counts in 1,024 bins, by label; a decision is
 * score >= threshold.  Suffix sums over the bins are the confusion at each of the 1,025 edges, so that moving a
 * threshold costs nothing, however many predictions there are.
 *
 * An edge e in [0, 1024] is the threshold e / 1024: positive are the bins from e on.  At edge 1024 nothing is positive,
 * as with a threshold just above 1.  Between edges the histogram does not know; who must be exact counts rows.
 *
 * Sources: area under the ROC curve as the Mann-Whitney statistic, ties by half; its interval: see stats_auc(). Average
 * precision as scikit-learn defines it, without interpolation.  Of bins both are those of scores rounded down to
 * their bin; of rows they are exact.
 *
 * Pure, O(bins) or O(n log n).
 */
#pragma once

#include <stddef.h>

#include "stats/confusion.h"
#include "stats/interval.h"

enum { STATS_BINS = 1024, STATS_EDGES = STATS_BINS + 1 };

/* Counts (or weights) of scores, by label; `unknown` has no label yet. */
struct stats_scores {
    double negative[STATS_BINS], positive[STATS_BINS], unknown[STATS_BINS];
};

int stats_bin(double score);         /* min(1023, floor(1024 score)); below 0 and NaN: 0 */
int stats_edge(double threshold);    /* the nearest edge */
double stats_threshold_of(int edge); /* edge / 1024 */
double stats_bin_centre(int bin);    /* (bin + 1/2) / 1024: what a score of the bin is taken for where a mean is due */
double stats_total(const double bins[STATS_BINS]);
void stats_suffix_sums(const double bins[STATS_BINS], double ret[STATS_EDGES]); /* ret[e]: in the bins from e on */

/* The labelled ones' confusion at every edge. */
void stats_curve(const struct stats_scores *scores, struct stats_confusion ret[STATS_EDGES]);
struct stats_confusion stats_confusion_at(const struct stats_scores *scores, int edge);

/*
 * The edge of the largest value, and of the least cost; of equal neighbours the middle one.  -1: there is none, since
 * no label is positive (for a cost: there is no label).
 */
int stats_best_edge(const struct stats_confusion curve[STATS_EDGES], stats_metric *metric);
int stats_cheapest_edge(const struct stats_confusion curve[STATS_EDGES], double cost_fp, double cost_fn);

/*
 * The area under the ROC curve; n = labelled, k = positives among them.  NaN without one of each label.
 * The interval is DeLong's (DeLong, DeLong and Clarke-Pearson, Biometrics 1988) on the logit scale; with few of a
 * label, or an area of 0 or 1, where DeLong's variance is 0, it is Newcombe's (Statistics in Medicine 2006, part 2,
 * method 5), which inverts the variance of Hanley and McNeil (Radiology 1982).
 */
struct stats_interval stats_auc(const struct stats_scores *scores, double level);
double stats_average_precision(const struct stats_scores *scores);

/* A prediction with its truth. */
struct stats_row {
    double score;
    double positive; /* 1 or 0 */
};

/* Sorts rows by falling score; the two below want them so. */
void stats_rows_sort(struct stats_row *rows, size_t count);
double stats_auc_of_rows(const struct stats_row *sorted, size_t count);
double stats_average_precision_of_rows(const struct stats_row *sorted, size_t count);

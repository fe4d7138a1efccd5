/*
 * confusion: what became of decisions, and the usual figures of it, each by the definition of scikit-learn's user guide
 * ("Classification metrics").  Counts are doubles: whole numbers up to 2^53, or weights, or expectations.
 *
 * Pure.  A figure whose denominator is 0 is undefined, and that is NaN, never 0 or 1.
 */
#pragma once

struct stats_confusion {
    double tp, fp, fn, tn;
};

/* One figure of a confusion. */
typedef double stats_metric(const struct stats_confusion *c);

stats_metric stats_precision;         /* tp / (tp + fp) */
stats_metric stats_recall;            /* tp / (tp + fn) */
stats_metric stats_specificity;       /* tn / (tn + fp) */
stats_metric stats_npv;               /* tn / (tn + fn), the precision of "no" */
stats_metric stats_accuracy;          /* (tp + tn) / all */
stats_metric stats_prevalence;        /* (tp + fn) / all */
stats_metric stats_decided_share;     /* (tp + fp) / all: how often the answer is yes */
stats_metric stats_f1;                /* 2 tp / (2 tp + fp + fn) */
stats_metric stats_balanced_accuracy; /* (recall + specificity) / 2 */
stats_metric stats_mcc;               /* Matthews' correlation, in [-1, 1] */

double stats_f_beta(const struct stats_confusion *c, double beta); /* beta > 1 weighs recall more */
double stats_cost(const struct stats_confusion *c, double cost_fp, double cost_fn);

struct stats_confusion stats_confusion_sum(const struct stats_confusion *a, const struct stats_confusion *b);

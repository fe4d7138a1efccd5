#include "stats/confusion.h"

#include "stats/special.h"

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : STATS_NAN;
}

static double all(const struct stats_confusion *c)
{
    return c->tp + c->fp + c->fn + c->tn;
}

double stats_precision(const struct stats_confusion *c)
{
    return ratio(c->tp, c->tp + c->fp);
}

double stats_recall(const struct stats_confusion *c)
{
    return ratio(c->tp, c->tp + c->fn);
}

double stats_specificity(const struct stats_confusion *c)
{
    return ratio(c->tn, c->tn + c->fp);
}

double stats_npv(const struct stats_confusion *c)
{
    return ratio(c->tn, c->tn + c->fn);
}

double stats_accuracy(const struct stats_confusion *c)
{
    return ratio(c->tp + c->tn, all(c));
}

double stats_prevalence(const struct stats_confusion *c)
{
    return ratio(c->tp + c->fn, all(c));
}

double stats_decided_share(const struct stats_confusion *c)
{
    return ratio(c->tp + c->fp, all(c));
}

double stats_f1(const struct stats_confusion *c)
{
    return stats_f_beta(c, 1);
}

double stats_balanced_accuracy(const struct stats_confusion *c)
{
    return (stats_recall(c) + stats_specificity(c)) / 2;
}

/* The roots are taken singly: the product of four counts of a million is past what a double holds exactly. */
double stats_mcc(const struct stats_confusion *c)
{
    double scale = sqrt(c->tp + c->fp) * sqrt(c->tp + c->fn) * sqrt(c->tn + c->fp) * sqrt(c->tn + c->fn);

    return ratio(c->tp * c->tn - c->fp * c->fn, scale);
}

double stats_f_beta(const struct stats_confusion *c, double beta)
{
    double square = beta * beta;

    return ratio((1 + square) * c->tp, (1 + square) * c->tp + square * c->fn + c->fp);
}

double stats_cost(const struct stats_confusion *c, double cost_fp, double cost_fn)
{
    return c->fp * cost_fp + c->fn * cost_fn;
}

struct stats_confusion stats_confusion_sum(const struct stats_confusion *a, const struct stats_confusion *b)
{
    return (struct stats_confusion){a->tp + b->tp, a->fp + b->fp, a->fn + b->fn, a->tn + b->tn};
}

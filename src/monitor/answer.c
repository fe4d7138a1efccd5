#include "monitor/answer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "codec/time_format.h"
#include "monitor/period_private.h"
#include "stats/confusion.h"

#define WHOLE_MAX 9007199254740992.0 /* 2^53 */

/* -- parts -----------------------------------------------------------------------------------------------------------
 */

void answer_number(struct jw *jw, const char *key, double value)
{
    if (value == floor(value) && fabs(value) < WHOLE_MAX)
        jw_int(jw, key, (int64_t)value);
    else
        jw_real(jw, key, value);
}

void answer_time(struct jw *jw, const char *key, int64_t time_us)
{
    char text[TIME_TEXT_MAX];

    time_format_zulu(time_us / 1000, text);
    jw_str(jw, key, str_of(text));
}

void answer_interval(struct jw *jw, const char *key, const struct stats_interval *interval)
{
    jw_object_key(jw, key);
    jw_real(jw, "value", interval->value);
    jw_real(jw, "low", interval->low);
    jw_real(jw, "high", interval->high);
    answer_number(jw, "n", interval->n);
    answer_number(jw, "k", interval->k);
    jw_object_end(jw);
}

static void answer_proportion(struct jw *jw, const char *key, double k, double n)
{
    struct stats_interval interval = stats_wilson(k, n, STATS_LEVEL_DEFAULT);

    answer_interval(jw, key, &interval);
}

static void answer_filter(struct jw *jw, const char *key, str value)
{
    if (value.at)
        jw_str(jw, key, value);
}

void answer_head(struct answering *answering, int64_t from_us, int64_t to_us)
{
    const struct question *question = &answering->question;
    struct jw *jw = answering->jw;

    jw_str(jw, "function", question->function);
    answer_time(jw, "from", from_us);
    answer_time(jw, "to", to_us);
    answer_filter(jw, "version", question->version);
    answer_filter(jw, "alias", question->alias);
    answer_filter(jw, "segment", question->segment);
    answer_filter(jw, "source", question->source);
    if (question->as_of_us)
        answer_time(jw, "as_of", question->as_of_us);
}

/* -- quality ----------------------------------------------------------------------------------------------------------
 */

/* A row of the table: a proportion k of n of the confusion. */
static const struct {
    const char *name;
    int k[4], n[4]; /* how often tp, fp, fn, tn are in it */
} proportions[] = {
    {"precision", {1, 0, 0, 0}, {1, 1, 0, 0}},   {"recall", {1, 0, 0, 0}, {1, 0, 1, 0}},
    {"specificity", {0, 0, 0, 1}, {0, 1, 0, 1}}, {"accuracy", {1, 0, 0, 1}, {1, 1, 1, 1}},
    {"prevalence", {1, 0, 1, 0}, {1, 1, 1, 1}},
};

static double weighted(const int weights[4], const struct stats_confusion *c)
{
    return weights[0] * c->tp + weights[1] * c->fp + weights[2] * c->fn + weights[3] * c->tn;
}

void answer_proportions(struct jw *jw, const struct stats_confusion *c)
{
    struct stats_interval f1 = stats_f1_interval(c, STATS_LEVEL_DEFAULT);

    for (size_t i = 0; i < sizeof proportions / sizeof *proportions; i++)
        answer_proportion(jw, proportions[i].name, weighted(proportions[i].k, c), weighted(proportions[i].n, c));
    answer_interval(jw, "f1", &f1);
}

static double labelled_of(const struct figures *figures)
{
    const struct stats_confusion *c = &figures->decided;

    return c->tp + c->fp + c->fn + c->tn;
}

static void answer_confusion(struct jw *jw, const struct stats_confusion *c, double unlabelled_positive,
                             double unlabelled_negative)
{
    jw_object_key(jw, "confusion");
    answer_number(jw, "tp", c->tp);
    answer_number(jw, "fp", c->fp);
    answer_number(jw, "fn", c->fn);
    answer_number(jw, "tn", c->tn);
    answer_number(jw, "unlabelled_positive", unlabelled_positive);
    answer_number(jw, "unlabelled_negative", unlabelled_negative);
    jw_object_end(jw);
}

static void answer_amount(struct jw *jw, const struct figures *figures)
{
    jw_object_key(jw, "amount");
    jw_real(jw, "tp", figures->amount_tp);
    jw_real(jw, "fp", figures->amount_fp);
    jw_real(jw, "fn", figures->amount_fn);
    jw_real(jw, "tn", figures->amount_tn);
    jw_real(jw, "unlabelled", figures->amount_unlabelled);
    jw_object_end(jw);
}

static void answer_decisions(const struct answering *answering, const struct figures *figures, double edge)
{
    struct jw *jw = answering->jw;
    double positive = 0, negative = 0;

    if (!answering->question.has_threshold) {
        answer_confusion(jw, &figures->decided, figures->unlabelled_positive, figures->unlabelled_negative);
        answer_proportions(jw, &figures->decided);
        answer_amount(jw, figures);
        return;
    }
    for (int i = 0; i < STATS_BINS; i++)
        *(i / (double)STATS_BINS >= edge ? &positive : &negative) += figures->scores.unknown[i];
    answer_confusion(jw, &figures->asked, positive, negative);
    answer_proportions(jw, &figures->asked);
}

static void answer_group(const struct answering *answering, const struct figures *figures, double edge)
{
    struct jw *jw = answering->jw;
    double labelled = labelled_of(figures);
    double unlabelled = figures->unlabelled_positive + figures->unlabelled_negative, n = labelled + unlabelled;
    struct stats_interval auc = stats_auc(&figures->scores, STATS_LEVEL_DEFAULT);

    answer_number(jw, "n", n);
    answer_number(jw, "labelled", labelled);
    answer_number(jw, "unlabelled", unlabelled);
    jw_real(jw, "labelled_share", n > 0 ? labelled / n : (double)NAN);
    answer_number(jw, "undecided", figures->undecided);
    answer_decisions(answering, figures, edge);
    answer_interval(jw, "auc", &auc);
    jw_real(jw, "average_precision", stats_average_precision(&figures->scores));
    jw_real(jw, "brier", answer_brier(figures));
}

static void answer_threshold(const struct answering *answering, const struct answer_figures *figures)
{
    struct jw *jw = answering->jw;

    jw_object_key(jw, "threshold");
    jw_str(jw, "of", answering->question.has_threshold ? STR("asked") : STR("in force"));
    if (answering->question.has_threshold) {
        jw_real(jw, "value", figures->edge);
        jw_real(jw, "asked", answering->question.threshold);
    }
    jw_object_end(jw);
}

static void add_figures(struct figures *sum, const struct figures *more)
{
    for (int i = 0; i < STATS_BINS; i++) {
        sum->scores.negative[i] += more->scores.negative[i];
        sum->scores.positive[i] += more->scores.positive[i];
        sum->scores.unknown[i] += more->scores.unknown[i];
    }
    sum->decided = stats_confusion_sum(&sum->decided, &more->decided);
    sum->asked = stats_confusion_sum(&sum->asked, &more->asked);
    sum->unlabelled_positive += more->unlabelled_positive;
    sum->unlabelled_negative += more->unlabelled_negative;
    for (int label = 0; label < 2; label++) {
        sum->sum[label] += more->sum[label];
        sum->sum_squares[label] += more->sum_squares[label];
    }
    sum->amount_tp += more->amount_tp;
    sum->amount_fp += more->amount_fp;
    sum->amount_fn += more->amount_fn;
    sum->amount_tn += more->amount_tn;
    sum->amount_unlabelled += more->amount_unlabelled;
    sum->undecided += more->undecided;
}

static void answer_groups(const struct answering *answering, const struct answer_figures *figures)
{
    struct jw *jw = answering->jw;

    if (answering->question.by == BY_NOTHING)
        return;
    jw_array_key(jw, "groups");
    for (int i = 0; i < figures->count; i++) {
        jw_object(jw);
        jw_str(jw, "key", figures->groups[i].key);
        answer_group(answering, &figures->groups[i], figures->edge);
        jw_object_end(jw);
    }
    jw_array_end(jw);
}

bool answer_quality(struct answering *answering, struct err *err)
{
    struct answer_figures figures;
    struct figures *all = arena_new(answering->arena, struct figures, 1);

    if (!question_figures(answering->folder, &answering->question, answering->arena, &figures, err))
        return false;
    for (int i = 0; i < figures.count; i++)
        add_figures(all, &figures.groups[i]);
    jw_object(answering->jw);
    answer_head(answering, figures.from_us, figures.to_us);
    answer_threshold(answering, &figures);
    answer_group(answering, all, figures.edge);
    answer_groups(answering, &figures);
    if (!answer_marks(answering, figures.from_us, figures.to_us, err))
        return false;
    jw_object_end(answering->jw);
    return true;
}

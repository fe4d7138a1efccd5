/* answer_curve: the whole trade-off at once: the histograms by label, for a slider that needs no round trip, and the
 * figures at each edge. */
#include "monitor/answer.h"

#include <math.h>

static void write_bins(struct jw *jw, const char *key, const double bins[STATS_BINS])
{
    jw_array_key(jw, key);
    for (int i = 0; i < STATS_BINS; i++)
        jw_int_value(jw, (int64_t)bins[i]);
    jw_array_end(jw);
}

static void write_point(const struct answering *answering, const struct stats_confusion *c, int edge)
{
    struct jw *jw = answering->jw;

    jw_real(jw, "threshold", stats_threshold_of(edge));
    answer_number(jw, "tp", c->tp);
    answer_number(jw, "fp", c->fp);
    answer_number(jw, "fn", c->fn);
    answer_number(jw, "tn", c->tn);
    jw_real(jw, "precision", stats_precision(c));
    jw_real(jw, "recall", stats_recall(c));
    jw_real(jw, "f1", stats_f1(c));
    jw_real(jw, "cost", stats_cost(c, answering->cost_fp, answering->cost_fn));
}

static void write_best(const struct answering *answering, const char *key, const struct stats_confusion *curve,
                       int edge)
{
    if (edge < 0) {
        jw_null(answering->jw, key);
        return;
    }
    jw_object_key(answering->jw, key);
    write_point(answering, &curve[edge], edge);
    answer_proportions(answering->jw, &curve[edge]);
    jw_object_end(answering->jw);
}

static void write_points(const struct answering *answering, const struct stats_confusion *curve)
{
    jw_array_key(answering->jw, "points");
    for (int edge = 0; edge < STATS_EDGES; edge++) {
        jw_object(answering->jw);
        write_point(answering, &curve[edge], edge);
        jw_object_end(answering->jw);
    }
    jw_array_end(answering->jw);
}

bool answer_curve(struct answering *answering, struct err *err)
{
    struct stats_confusion *curve = arena_new(answering->arena, struct stats_confusion, STATS_EDGES);
    struct answer_figures figures;
    const struct stats_scores *scores;
    struct stats_interval auc;
    struct jw *jw = answering->jw;

    answering->question.by = BY_NOTHING;
    if (!question_figures(answering->folder, &answering->question, answering->arena, &figures, err))
        return false;
    scores = &figures.groups[0].scores;
    stats_curve(scores, curve);
    auc = stats_auc(scores, STATS_LEVEL_DEFAULT);
    jw_object(jw);
    answer_head(answering, figures.from_us, figures.to_us);
    answer_interval(jw, "auc", &auc);
    jw_real(jw, "average_precision", stats_average_precision(scores));
    write_bins(jw, "negative", scores->negative);
    write_bins(jw, "positive", scores->positive);
    write_bins(jw, "unlabelled", scores->unknown);
    jw_object_key(jw, "best");
    write_best(answering, "f1", curve, stats_best_edge(curve, stats_f1));
    write_best(answering, "cost", curve, stats_cheapest_edge(curve, answering->cost_fp, answering->cost_fn));
    jw_object_end(jw);
    if (answering->with_points)
        write_points(answering, curve);
    jw_object_end(jw);
    return true;
}

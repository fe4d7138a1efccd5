/*
 * answer_learnt: what is said from the labels there are about what has none: whether scores are probabilities, what the
 * figures will be when the rest is labelled, and which rows to label.
 */
#include "monitor/answer.h"

#include <math.h>
#include <stdio.h>

#include "monitor/answer_rows.h"
#include "monitor/period_private.h"
#include "monitor/prediction_row.h"
#include "monitor/store.h"
#include "stats/adjust.h"
#include "stats/advice.h"
#include "stats/calibration.h"
#include "stats/estimate.h"

#define DAY_US (24LL * 3600 * 1000 * 1000)

enum {
    REFERENCE_DAYS = 90, /* what a score means is learnt from the labels of so long */
    MONTH_DAYS = 30,
    RELIABILITY_BINS = 10,
    ADVISED_DEFAULT = 200,
    SEED = 1,     /* the same question has the same answer */
    DRAWS = 1000, /* of an interval: a page waits for them */
};

static bool figures_of(const struct answering *answering, int64_t from_us, int64_t to_us, struct figures **ret,
                       struct err *err)
{
    struct question question = answering->question;
    struct answer_figures figures;

    question.from_us = from_us;
    question.to_us = to_us;
    question.by = BY_NOTHING;
    question.is_exact = question.has_threshold = false;
    if (!question_figures(answering->folder, &question, answering->arena, &figures, err))
        return false;
    *ret = &figures.groups[0];
    return true;
}

/* -- calibration ------------------------------------------------------------------------------------------------------
 */

double answer_brier(const struct figures *figures)
{
    const struct stats_confusion *c = &figures->decided;
    struct stats_moments of[2] = {{c->fp + c->tn, figures->sum[0], figures->sum_squares[0]},
                                  {c->tp + c->fn, figures->sum[1], figures->sum_squares[1]}};

    return stats_brier(&of[0], &of[1]);
}

static void write_reliability(struct jw *jw, const char *key, const struct stats_reliability *rows, int count)
{
    jw_array_key(jw, key);
    for (int i = 0; i < count; i++) {
        jw_object(jw);
        jw_real(jw, "low", rows[i].low);
        jw_real(jw, "high", rows[i].high);
        answer_number(jw, "n", rows[i].n);
        jw_real(jw, "mean_score", rows[i].mean_score);
        answer_interval(jw, "positive", &rows[i].positive);
        jw_object_end(jw);
    }
    jw_array_end(jw);
}

bool answer_calibration(struct answering *answering, struct err *err)
{
    struct stats_reliability rows[STATS_RELIABILITY_BINS_MAX];
    const struct question *question = &answering->question;
    struct jw *jw = answering->jw;
    struct figures *figures;
    int count;

    if (!figures_of(answering, question->from_us, question->to_us, &figures, err))
        return false;
    jw_object(jw);
    answer_head(answering, question->from_us, question->to_us);
    jw_real(jw, "brier", answer_brier(figures));
    count = stats_reliability_by_width(&figures->scores, RELIABILITY_BINS, STATS_LEVEL_DEFAULT, rows);
    jw_real(jw, "ece", stats_calibration_error(rows, count));
    write_reliability(jw, "bins", rows, count);
    count = stats_reliability_by_count(&figures->scores, RELIABILITY_BINS, STATS_LEVEL_DEFAULT, rows);
    write_reliability(jw, "bins_by_count", rows, count);
    jw_object_end(jw);
    return true;
}

/* -- the threshold that is meant --------------------------------------------------------------------------------------
 */

struct last_threshold {
    const struct answering *answering;
    double value; /* NAN: no rows */
};

/* Files come oldest first: the last one that has a row stands. */
static bool read_threshold(void *ctx, struct db *db, struct err *err)
{
    struct last_threshold *last = ctx;
    struct db_value values[FILTER_VALUES_MAX];
    char filter[FILTER_SQL_MAX];
    int count = 0;

    question_filter(&last->answering->question, filter, values, &count);
    str sql = arena_printf(last->answering->arena,
                           "SELECT r.threshold FROM rows r JOIN streams s ON s.id = r.stream"
                           " JOIN segments g ON g.id = r.segment WHERE 1%s ORDER BY r.id DESC LIMIT 1",
                           filter);
    DB_ROWS_AUTO rows = db_query_values(db, err, sql.at, values, count);
    if (db_next(&rows, err))
        last->value = db_real(&rows, 0);
    return err->code == ERR_NONE;
}

/* The one that is asked about, else the one that the newest decision was made by. */
static bool threshold_of(const struct answering *answering, double *ret, struct err *err)
{
    struct last_threshold last = {answering, (double)NAN};
    const struct question *question = &answering->question;

    *ret = question->threshold;
    if (question->has_threshold)
        return true;
    if (!question_files(answering->folder, question->from_us, question->to_us, read_threshold, &last, err))
        return false;
    *ret = isnan(last.value) ? THRESHOLD_DEFAULT : last.value;
    return true;
}

/* -- estimate ---------------------------------------------------------------------------------------------------------
 */

static void estimate(const struct answering *answering, const struct stats_scores *reference,
                     const struct stats_confusion *known, const double scores[STATS_BINS], int edge,
                     struct stats_estimate *ret, bool *ret_learnt)
{
    const struct stats_draws how = {.level = STATS_LEVEL_DEFAULT, .seed = SEED, .count = DRAWS};
    struct stats_calibration *calibration = arena_new(answering->arena, struct stats_calibration, 1);
    struct stats_estimate_of of = {reference, calibration, scores, *known, edge};

    stats_calibrate(reference, SEED, answering->arena, calibration);
    stats_estimate_at(&of, &how, answering->arena, ret);
    *ret_learnt = calibration->is_learnt;
}

/* How far an estimate from the labels before was from what the labels of the last month said since. */
static bool last_error(struct answering *answering, int edge, struct stats_confusion *ret_real,
                       struct stats_estimate *ret, bool *ret_known, struct err *err)
{
    int64_t from_us = answering->question.from_us, month_us = from_us - MONTH_DAYS * DAY_US;
    const struct stats_confusion none = {0};
    struct figures *before, *month;
    double *scores = arena_new(answering->arena, double, STATS_BINS);
    bool learnt;

    if (!figures_of(answering, month_us - REFERENCE_DAYS * DAY_US, month_us, &before, err) ||
        !figures_of(answering, month_us, from_us, &month, err))
        return false;
    *ret_real = stats_confusion_at(&month->scores, edge);
    *ret_known =
        stats_total(before->scores.positive) + stats_total(before->scores.negative) >= STATS_CALIBRATION_LABELS_MIN &&
        ret_real->tp + ret_real->fp + ret_real->fn + ret_real->tn > 0;
    for (int i = 0; i < STATS_BINS; i++)
        scores[i] = month->scores.positive[i] + month->scores.negative[i];
    if (*ret_known)
        estimate(answering, &before->scores, &none, scores, edge, ret, &learnt);
    return true;
}

static void write_last_error(struct jw *jw, const struct stats_confusion *real, const struct stats_estimate *said)
{
    jw_object_key(jw, "error_last_month");
    jw_real(jw, "precision", said->precision.value - stats_precision(real));
    jw_real(jw, "recall", said->recall.value - stats_recall(real));
    jw_object_end(jw);
}

static void write_estimate(struct jw *jw, const struct stats_estimate *estimate)
{
    answer_interval(jw, "precision", &estimate->precision);
    answer_interval(jw, "recall", &estimate->recall);
    answer_interval(jw, "f1", &estimate->f1);
    answer_interval(jw, "accuracy", &estimate->accuracy);
}

static void write_adjusted(struct jw *jw, const struct stats_scores *scores, int edge)
{
    const struct stats_draws how = {.level = STATS_LEVEL_DEFAULT, .seed = SEED, .count = DRAWS};
    struct stats_adjusted adjusted = stats_adjust(scores, edge, &how);

    jw_object_key(jw, "adjusted"); /* as if labels had been taken at random */
    answer_interval(jw, "precision", &adjusted.precision);
    answer_interval(jw, "recall", &adjusted.recall);
    jw_object_end(jw);
}

static void write_reference(struct jw *jw, const struct figures *reference, int64_t from_us, int64_t to_us, bool learnt)
{
    jw_object_key(jw, "reference");
    answer_number(jw, "n", stats_total(reference->scores.positive) + stats_total(reference->scores.negative));
    answer_time(jw, "from", from_us);
    answer_time(jw, "to", to_us);
    jw_bool(jw, "calibrated", learnt);
    jw_object_end(jw);
}

bool answer_estimate(struct answering *answering, struct err *err)
{
    const struct question *question = &answering->question;
    int64_t reference_us = question->to_us - REFERENCE_DAYS * DAY_US;
    struct stats_estimate now, then;
    struct figures *window, *reference;
    struct stats_confusion known, real;
    struct jw *jw = answering->jw;
    double threshold;
    bool learnt, has_then;
    int edge;

    if (!threshold_of(answering, &threshold, err) ||
        !figures_of(answering, question->from_us, question->to_us, &window, err) ||
        !figures_of(answering, reference_us, question->to_us, &reference, err))
        return false;
    edge = stats_edge(threshold);
    if (!last_error(answering, edge, &real, &then, &has_then, err))
        return false;
    known = stats_confusion_at(&window->scores, edge);
    estimate(answering, &reference->scores, &known, window->scores.unknown, edge, &now, &learnt);
    jw_object(jw);
    answer_head(answering, question->from_us, question->to_us);
    jw_real(jw, "threshold", stats_threshold_of(edge));
    answer_number(jw, "unlabelled", stats_total(window->scores.unknown));
    write_estimate(jw, &now);
    write_adjusted(jw, &window->scores, edge);
    jw_object_key(jw, "real");
    answer_proportions(jw, &known);
    jw_object_end(jw);
    write_reference(jw, reference, reference_us, question->to_us, learnt);
    if (has_then)
        write_last_error(jw, &real, &then);
    else
        jw_null(jw, "error_last_month");
    jw_object_end(jw);
    return true;
}

/* -- advice -----------------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    enum stats_target target;
} targets[] = {
    {"precision", STATS_TARGET_PRECISION},
    {"recall", STATS_TARGET_RECALL},
    {"f1", STATS_TARGET_F1},
};

static bool target_of(str name, enum stats_target *ret, struct err *err)
{
    if (name.len == 0)
        name = STR("precision");
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (str_eq(name, str_of(targets[i].name))) {
            *ret = targets[i].target;
            return true;
        }
    return err_set(err, ERR_INVALID, "metric is none of precision, recall, f1");
}

struct picking {
    struct answering *answering;
    const struct stats_advice *advice;
    int64_t from_us, to_us;
    int left[STATS_STRATA_MAX]; /* still to take of each stratum */
};

/* At random within the stratum, so that what they are stands for the rest.  The newest month gives first. */
static bool pick_stratum(struct picking *picking, struct db *db, int stratum, struct err *err)
{
    struct answering *answering = picking->answering;
    struct db_value values[5 + FILTER_VALUES_MAX] = {
        DB_INT(picking->from_us), DB_INT(picking->to_us),
        DB_REAL(picking->advice->rows[stratum].first / (double)STATS_BINS),
        DB_REAL(picking->advice->rows[stratum].end == STATS_BINS
                    ? 2
                    : picking->advice->rows[stratum].end / (double)STATS_BINS)};
    struct prediction_row row;
    char filter[FILTER_SQL_MAX];
    int count = 4;

    question_filter(&answering->question, filter, values, &count);
    values[count++] = DB_INT(picking->left[stratum]);
    str sql =
        arena_printf(answering->arena,
                     "SELECT r.id FROM rows r JOIN streams s ON s.id = r.stream JOIN segments g ON g.id = r.segment"
                     " WHERE r.time_us >= ? AND r.time_us < ? AND r.label IS NULL AND r.score >= ? AND r.score < ?%s"
                     " ORDER BY random() LIMIT ?",
                     filter);
    DB_ROWS_AUTO rows = db_query_values(db, err, sql.at, values, count);
    while (db_next(&rows, err)) {
        if (!prediction_row_read(db, db_int(&rows, 0), answering->arena, &row, err))
            return false;
        jw_object(answering->jw);
        prediction_row_write(answering->jw, &row, (double)NAN);
        jw_object_end(answering->jw);
        picking->left[stratum]--;
    }
    return err->code == ERR_NONE;
}

static bool pick_rows(void *ctx, struct db *db, struct err *err)
{
    struct picking *picking = ctx;

    for (int i = 0; i < picking->advice->strata; i++)
        if (picking->left[i] > 0 && !pick_stratum(picking, db, i, err))
            return false;
    return true;
}

static void write_expected(struct jw *jw, const char *key, const struct stats_advice *advice, double half)
{
    double low = advice->value - half, high = advice->value + half;

    jw_object_key(jw, key);
    jw_real(jw, "value", advice->value);
    jw_real(jw, "low", low < 0 ? 0 : low);
    jw_real(jw, "high", high > 1 ? 1 : high);
    jw_object_end(jw);
}

bool answer_advice(struct answering *answering, struct err *err)
{
    const struct question *question = &answering->question;
    double labels = answering->count > 0 ? answering->count : ADVISED_DEFAULT, threshold;
    struct stats_advice advice;
    struct picking picking = {answering, &advice, question->from_us, question->to_us, {0}};
    enum stats_target target;
    struct figures *figures;
    struct jw *jw = answering->jw;

    if (!target_of(answering->metric, &target, err) || !threshold_of(answering, &threshold, err) ||
        !figures_of(answering, question->from_us, question->to_us, &figures, err))
        return false;
    advice = stats_advise(&figures->scores, stats_edge(threshold), target, labels, STATS_LEVEL_DEFAULT);
    for (int i = 0; i < advice.strata; i++)
        picking.left[i] = (int)advice.rows[i].take;
    jw_object(jw);
    answer_head(answering, question->from_us, question->to_us);
    jw_str(jw, "metric", str_of(targets[target].name));
    write_expected(jw, "now", &advice, advice.half_now);
    write_expected(jw, "after", &advice, advice.half_after);
    jw_array_key(jw, "rows");
    if (!question_files(answering->folder, question->from_us, question->to_us, pick_rows, &picking, err))
        return false;
    jw_array_end(jw);
    jw_object_end(jw);
    return true;
}

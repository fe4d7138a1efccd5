#include "monitor/question.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/vec.h"
#include "codec/time_format.h"
#include "monitor/period_private.h"
#include "monitor/store.h"

#define HOUR_US (3600LL * 1000 * 1000)
#define DAY_US (24 * HOUR_US)

struct collecting {
    const struct question *question;
    struct arena *arena;
    struct map by_key;
    VEC(struct figures *) groups;
    int64_t from_us, to_us;
    int edge;
    int64_t scanned;
};

/* -- files
 * ------------------------------------------------------------------------------------------------------------- */

/* A file that was made just now, or when the server was killed, has no tables yet, and no rows. */
static bool has_tables(struct db *db, struct err *err)
{
    DB_ROWS_AUTO rows = db_query(db, err, "PRAGMA user_version");

    return db_next(&rows, err) && db_int(&rows, 0) > 0;
}

bool question_file(const char *folder, int64_t month_us, bool (*each)(void *ctx, struct db *db, struct err *err),
                   void *ctx, struct err *err)
{
    char path[PERIOD_PATH_MAX];
    struct db *db;
    bool good;

    period_path(folder, month_us, path);
    if (!db_open_readonly(path, &db, err)) {
        if (access(path, F_OK) < 0 && errno == ENOENT) { /* dropped since it was listed */
            *err = (struct err){0};
            return true;
        }
        return err_wrap(err, "%s", path);
    }
    good = has_tables(db, err) ? each(ctx, db, err) : err->code == ERR_NONE;
    db_close(db);
    return good;
}

bool question_files(const char *folder, int64_t from_us, int64_t to_us,
                    bool (*each)(void *ctx, struct db *db, struct err *err), void *ctx, struct err *err)
{
    int64_t months[PERIODS_MAX];
    int count;

    *err = (struct err){0};
    if (!store_months(folder, months, &count, err))
        return false;
    for (int i = count - 1; i >= 0; i--)
        if (months[i] < to_us && month_after(months[i]) > from_us && !question_file(folder, months[i], each, ctx, err))
            return false;
    return true;
}

/* -- filters ----------------------------------------------------------------------------------------------------------
 */

static void add_filter(char sql[FILTER_SQL_MAX], struct db_value *values, int *count, const char *column, str value)
{
    size_t len = strlen(sql);

    if (!value.at)
        return;
    snprintf(sql + len, FILTER_SQL_MAX - len, " AND %s = ?", column);
    values[(*count)++] = DB_STR(value);
}

void question_filter(const struct question *question, char sql[FILTER_SQL_MAX], struct db_value *values, int *count)
{
    sql[0] = '\0';
    add_filter(sql, values, count, "s.function", question->function);
    add_filter(sql, values, count, "s.version", question->version);
    add_filter(sql, values, count, "s.alias", question->alias);
    add_filter(sql, values, count, "s.source", question->source);
    add_filter(sql, values, count, "g.segment", question->segment);
    if (!question->source.at && !question->version.at && question->by != BY_VERSION && question->by != BY_SOURCE)
        strncat(sql, " AND s.source <> 'shadow'", FILTER_SQL_MAX - strlen(sql) - 1);
}

/* -- groups -----------------------------------------------------------------------------------------------------------
 */

static int64_t start_of(const struct question *question, int64_t time_us)
{
    switch (question->by) {
    case BY_HOUR:
        return hour_of(time_us);
    case BY_DAY:
        return day_of(time_us);
    case BY_NOTHING:
    case BY_VERSION:
    case BY_SEGMENT:
    case BY_ALIAS:
    case BY_SOURCE:
        break;
    }
    return 0;
}

/* The column of a row's group, over aliases s and g. */
static const char *key_column(enum question_by by)
{
    static const char *const columns[] = {
        [BY_NOTHING] = "''",        [BY_HOUR] = "''",       [BY_DAY] = "''",          [BY_VERSION] = "s.version",
        [BY_SEGMENT] = "g.segment", [BY_ALIAS] = "s.alias", [BY_SOURCE] = "s.source",
    };

    return columns[by];
}

static struct figures *group_of(struct collecting *collecting, int64_t time_us, str key, struct err *err)
{
    int64_t start_us = start_of(collecting->question, time_us);
    char moment[TIME_TEXT_MAX];
    struct figures *group;

    if (start_us) {
        time_format_zulu(start_us / 1000, moment);
        key = str_of(moment);
    }
    group = map_get(&collecting->by_key, key);
    if (group)
        return group;
    if (collecting->groups.len == GROUPS_MAX) {
        err_set(err, ERR_INVALID, "the answer would have more than %d groups: ask for a shorter time, or group by day",
                GROUPS_MAX);
        return NULL;
    }
    group = arena_new(collecting->arena, struct figures, 1);
    group->key = arena_copy(collecting->arena, key);
    group->start_us = start_us;
    map_put(&collecting->by_key, key, group);
    *vec_push(&collecting->groups) = group;
    return group;
}

/* -- from histograms --------------------------------------------------------------------------------------------------
 */

enum {
    COL_KEY,
    COL_START,
    COL_LABEL,
    COL_COUNT,
    COL_POSITIVES,
    COL_SUM,
    COL_SQUARES,
    COL_AMOUNT_P,
    COL_AMOUNT_N,
    COL_BINS
};

static void add_decided(struct figures *group, const struct db_rows *rows)
{
    double positives = (double)db_int(rows, COL_POSITIVES), negatives = (double)db_int(rows, COL_COUNT) - positives;
    double amount_positive = db_real(rows, COL_AMOUNT_P), amount_negative = db_real(rows, COL_AMOUNT_N);
    int64_t label = db_int(rows, COL_LABEL);

    if (label == LABEL_UNKNOWN) {
        group->unlabelled_positive += positives;
        group->unlabelled_negative += negatives;
        group->amount_unlabelled += amount_positive + amount_negative;
        return;
    }
    *(label ? &group->decided.tp : &group->decided.fp) += positives;
    *(label ? &group->decided.fn : &group->decided.tn) += negatives;
    *(label ? &group->amount_tp : &group->amount_fp) += amount_positive;
    *(label ? &group->amount_fn : &group->amount_tn) += amount_negative;
    group->sum[label] += db_real(rows, COL_SUM);
    group->sum_squares[label] += db_real(rows, COL_SQUARES);
}

static double *bins_of(struct figures *group, int64_t label)
{
    return label == LABEL_UNKNOWN ? group->scores.unknown : label ? group->scores.positive : group->scores.negative;
}

static bool add_bins(struct figures *group, const struct db_rows *rows, struct err *err)
{
    double *to = bins_of(group, db_int(rows, COL_LABEL));
    int64_t bins[SCORE_BINS] = {0};
    ARENA_AUTO arena = {0};

    if (!bins_add(db_text(rows, COL_BINS, &arena), bins))
        return err_set(err, ERR_SYSTEM, "a histogram cannot be read: the file is damaged");
    for (int i = 0; i < SCORE_BINS; i++)
        to[i] += (double)bins[i];
    return true;
}

static bool read_tier(struct collecting *collecting, struct db *db, int tier, int64_t from_us, int64_t to_us,
                      struct err *err)
{
    struct db_value values[3 + FILTER_VALUES_MAX] = {DB_INT(tier), DB_INT(from_us), DB_INT(to_us)};
    char filter[FILTER_SQL_MAX];
    int count = 3;
    ARENA_AUTO arena = {0};
    struct figures *group;

    if (from_us >= to_us)
        return true;
    question_filter(collecting->question, filter, values, &count);
    str sql = arena_printf(&arena,
                           "SELECT %s, h.start_us, h.label, h.count, h.positives, h.sum, h.sum_squares,"
                           " h.amount_positive, h.amount_negative, h.bins FROM score_hist h"
                           " JOIN streams s ON s.id = h.stream JOIN segments g ON g.id = h.segment"
                           " WHERE h.tier = ? AND h.start_us >= ? AND h.start_us < ?%s",
                           key_column(collecting->question->by), filter);
    DB_ROWS_AUTO rows = db_query_values(db, err, sql.at, values, count);
    while (db_next(&rows, err)) {
        group = group_of(collecting, db_int(&rows, COL_START), db_text(&rows, COL_KEY, &arena), err);
        if (!group || !add_bins(group, &rows, err))
            return false;
        add_decided(group, &rows);
    }
    return err->code == ERR_NONE;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* from ─ hours ─ first whole day ─ days ─ last whole day ─ hours ─ to */
static bool read_days(struct collecting *collecting, struct db *db, struct err *err)
{
    int64_t from_us = collecting->from_us, to_us = collecting->to_us;
    int64_t first_us = day_of(from_us + DAY_US - HOUR_US), last_us = most(day_of(to_us), first_us);

    return read_tier(collecting, db, TIER_HOUR, from_us, least(first_us, to_us), err) &&
           read_tier(collecting, db, TIER_DAY, first_us, last_us, err) &&
           read_tier(collecting, db, TIER_HOUR, last_us, to_us, err);
}

static bool read_undecided(struct collecting *collecting, struct db *db, struct err *err)
{
    struct db_value values[2 + FILTER_VALUES_MAX] = {DB_INT(collecting->from_us), DB_INT(collecting->to_us)};
    char filter[FILTER_SQL_MAX];
    int count = 2;
    ARENA_AUTO arena = {0};
    struct figures *group;

    question_filter(collecting->question, filter, values, &count);
    str sql =
        arena_printf(&arena,
                     "SELECT %s, u.hour_us, sum(u.count) FROM undecided u JOIN streams s ON s.id = u.stream"
                     " JOIN segments g ON g.id = u.segment WHERE u.hour_us >= ? AND u.hour_us < ?%s GROUP BY 1, 2",
                     key_column(collecting->question->by), filter);
    DB_ROWS_AUTO rows = db_query_values(db, err, sql.at, values, count);
    while (db_next(&rows, err)) {
        group = group_of(collecting, db_int(&rows, 1), db_text(&rows, 0, &arena), err);
        if (!group)
            return false;
        group->undecided += (double)db_int(&rows, 2);
    }
    return err->code == ERR_NONE;
}

static int64_t file_month(struct db *db, struct err *err)
{
    DB_ROWS_AUTO rows = db_query(db, err, "SELECT start_us FROM score_hist WHERE tier = 2 LIMIT 1");

    return db_next(&rows, err) ? db_int(&rows, 0) : INT64_MAX;
}

static bool read_histograms(struct collecting *collecting, struct db *db, struct err *err)
{
    int64_t month_us = file_month(db, err);

    if (err->code != ERR_NONE)
        return false;
    if (collecting->question->by == BY_HOUR)
        return read_tier(collecting, db, TIER_HOUR, collecting->from_us, collecting->to_us, err);
    if (collecting->question->by != BY_DAY && month_us >= collecting->from_us && month_us < INT64_MAX &&
        month_after(month_us) <= collecting->to_us)
        return read_tier(collecting, db, TIER_MONTH, month_us, month_us + 1, err);
    return read_days(collecting, db, err);
}

/* -- from rows --------------------------------------------------------------------------------------------------------
 */

enum { ROW_KEY, ROW_TIME, ROW_SCORE, ROW_DECISION, ROW_AMOUNT, ROW_LABEL };

static void add_row(struct collecting *collecting, struct figures *group, const struct db_rows *rows)
{
    double score = db_real(rows, ROW_SCORE), amount = db_real(rows, ROW_AMOUNT);
    bool decision = db_int(rows, ROW_DECISION) != 0, asked = score >= collecting->question->threshold;
    int label = db_is_null(rows, ROW_LABEL) ? LABEL_UNKNOWN : db_real(rows, ROW_LABEL) >= 0.5;

    bins_of(group, label)[score_bin(score)] += 1;
    if (label == LABEL_UNKNOWN) {
        *(decision ? &group->unlabelled_positive : &group->unlabelled_negative) += 1;
        group->amount_unlabelled += amount;
        return;
    }
    *(decision ? label ? &group->decided.tp : &group->decided.fp
      : label  ? &group->decided.fn
               : &group->decided.tn) += 1;
    *(asked ? label ? &group->asked.tp : &group->asked.fp : label ? &group->asked.fn : &group->asked.tn) += 1;
    *(decision ? label ? &group->amount_tp : &group->amount_fp
      : label  ? &group->amount_fn
               : &group->amount_tn) += amount;
    group->sum[label] += score;
    group->sum_squares[label] += score * score;
}

static str rows_sql(const struct collecting *collecting, const char *filter, struct arena *arena)
{
    return arena_printf(arena,
                        "SELECT %s, r.time_us, r.score, r.decision, r.amount, %s FROM rows r"
                        " JOIN streams s ON s.id = r.stream JOIN segments g ON g.id = r.segment"
                        " WHERE r.time_us >= ?2 AND r.time_us < ?3%s",
                        key_column(collecting->question->by),
                        collecting->question->as_of_us
                            ? "(SELECT e.label FROM label_events e WHERE e.row = r.id AND e.known_us <= ?1"
                              " ORDER BY e.origin IS '" ORIGIN_DELAYED "', e.known_us DESC, e.id DESC LIMIT 1)"
                            : "r.label + 0 * ?1",
                        filter);
}

static bool read_rows(struct collecting *collecting, struct db *db, struct err *err)
{
    int64_t as_of_us = collecting->question->as_of_us;
    int64_t to_us = as_of_us ? least(collecting->to_us, as_of_us) : collecting->to_us;
    struct db_value values[3 + FILTER_VALUES_MAX] = {DB_INT(as_of_us), DB_INT(collecting->from_us), DB_INT(to_us)};
    char filter[FILTER_SQL_MAX];
    int count = 3;
    ARENA_AUTO arena = {0}, texts = {0};
    struct figures *group;

    question_filter(collecting->question, filter, values, &count);
    DB_ROWS_AUTO rows = db_query_values(db, err, rows_sql(collecting, filter, &arena).at, values, count);
    while (db_next(&rows, err)) {
        if (++collecting->scanned > SCANNED_ROWS_MAX)
            return err_set(
                err, ERR_INVALID,
                "exact and as_of count row by row, and there are more than %d in this time: ask for a shorter "
                "one",
                SCANNED_ROWS_MAX);
        group = group_of(collecting, db_int(&rows, ROW_TIME), db_text(&rows, ROW_KEY, &texts), err);
        arena_reset(&texts);
        if (!group)
            return false;
        add_row(collecting, group, &rows);
    }
    return err->code == ERR_NONE;
}

/* -- all -------------------------------------------------------------------------------------------------------------
 */

static bool read_file(void *ctx, struct db *db, struct err *err)
{
    struct collecting *collecting = ctx;
    bool by_row = collecting->question->is_exact || collecting->question->as_of_us;

    return (by_row ? read_rows(collecting, db, err) : read_histograms(collecting, db, err)) &&
           read_undecided(collecting, db, err);
}

static int by_key(const void *a, const void *b)
{
    str x = (*(struct figures *const *)a)->key, y = (*(struct figures *const *)b)->key;
    int order = memcmp(x.at, y.at, x.len < y.len ? x.len : y.len);

    return order ? order : (x.len > y.len) - (x.len < y.len);
}

static void finish(struct collecting *collecting, struct answer_figures *ret)
{
    const struct question *question = collecting->question;
    size_t count = collecting->groups.len;

    if (count > 1)
        qsort(collecting->groups.at, count, sizeof *collecting->groups.at, by_key);
    *ret = (struct answer_figures){
        .groups = arena_new(collecting->arena, struct figures, count ? count : 1),
        .count = (int)count,
        .from_us = collecting->from_us,
        .to_us = collecting->to_us,
        .edge = question->is_exact ? question->threshold : stats_threshold_of(stats_edge(question->threshold)),
    };
    for (size_t i = 0; i < count; i++) {
        ret->groups[i] = *collecting->groups.at[i];
        if (question->has_threshold && !question->is_exact)
            ret->groups[i].asked = stats_confusion_at(&ret->groups[i].scores, stats_edge(question->threshold));
    }
}

bool question_figures(const char *folder, const struct question *question, struct arena *arena,
                      struct answer_figures *ret, struct err *err)
{
    struct collecting collecting = {
        .question = question,
        .arena = arena,
        .from_us = hour_of(question->from_us),
        .to_us = hour_of(question->to_us + HOUR_US - 1),
    };
    bool good;

    *err = (struct err){0};
    good = (question->by != BY_NOTHING || group_of(&collecting, 0, STR(""), err)) &&
           question_files(folder, collecting.from_us, collecting.to_us, read_file, &collecting, err);
    if (good)
        finish(&collecting, ret);
    vec_free(&collecting.groups);
    map_done(&collecting.by_key);
    return good;
}

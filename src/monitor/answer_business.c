/*
 * answer_business: what became of the decisions: of each event's name how many there were, and the median of its values
 * (seconds to complete an operation) with its quartiles, each with an interval that assumes nothing of how they are
 * spread.
 *
 * An event that names no version is of the one that scored most in its hour.
 */
#include "monitor/answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "codec/time_format.h"
#include "monitor/period_events.h"
#include "monitor/period_private.h"
#include "stats/order.h"

#define SEPARATOR STR("\x1f")

struct series { /* of one name, and of one group of it */
    str name, key;
    int64_t count, open; /* events; starts that have no end */
    VEC(double) values;
};

struct gathering {
    struct answering *answering;
    int64_t from_us, to_us;
    struct map by_key;           /* name and key -> struct series */
    VEC(struct series *) series; /* in order, a name's groups one after the other */
    int64_t scanned;
};

/* -- gathering --------------------------------------------------------------------------------------------------------
 */

static struct series *series_of(struct gathering *gathering, str name, str key, struct err *err)
{
    struct arena *arena = gathering->answering->arena;
    char room[2 * NAME_BYTES_MAX + TIME_TEXT_MAX];
    struct buf both = {.at = room, .capacity = sizeof room, .max = sizeof room};
    struct series *series;

    buf_add_all(&both, name, SEPARATOR, key);
    series = map_get(&gathering->by_key, buf_str(&both));
    if (series)
        return series;
    if (gathering->series.len == GROUPS_MAX) {
        err_set(err, ERR_INVALID,
                "the answer would have more than %d groups: ask for a shorter time, by day, or one name", GROUPS_MAX);
        return NULL;
    }
    series = arena_new(arena, struct series, 1);
    series->name = arena_copy(arena, name);
    series->key = arena_copy(arena, key);
    map_put(&gathering->by_key, arena_copy(arena, buf_str(&both)), series);
    *vec_push(&gathering->series) = series;
    return series;
}

static const char *key_sql(enum question_by by)
{
    if (by == BY_VERSION)
        return "CASE WHEN e.version <> '' THEN e.version ELSE coalesce((SELECT s.version FROM score_hist h JOIN "
               "streams s"
               " ON s.id = h.stream WHERE h.tier = 0 AND h.start_us = e.time_us - e.time_us % 3600000000 AND "
               "s.function ="
               " e.function AND s.source <> 'shadow' GROUP BY s.version ORDER BY sum(h.count) DESC LIMIT 1), '') END";
    return "''";
}

static str key_of(const struct question *question, int64_t time_us, str key, char room[TIME_TEXT_MAX])
{
    if (question->by != BY_HOUR && question->by != BY_DAY)
        return key;
    time_format_zulu((question->by == BY_HOUR ? hour_of(time_us) : day_of(time_us)) / 1000, room);
    return str_of(room);
}

enum { COL_NAME, COL_KEY, COL_TIME, COL_PHASE, COL_VALUE };

/* A start and an end are one event: it is counted where it ends; until then it is open. */
static bool add_event(struct gathering *gathering, const struct db_rows *rows, struct arena *texts, struct err *err)
{
    char room[TIME_TEXT_MAX];
    str key = key_of(&gathering->answering->question, db_int(rows, COL_TIME), db_text(rows, COL_KEY, texts), room);
    bool is_start = db_int(rows, COL_PHASE) == EVENT_START, has_value = !db_is_null(rows, COL_VALUE);
    struct series *series;

    if (is_start && has_value)
        return true;
    series = series_of(gathering, db_text(rows, COL_NAME, texts), key, err);
    if (!series)
        return false;
    *(is_start ? &series->open : &series->count) += 1;
    if (has_value)
        *vec_push(&series->values) = db_real(rows, COL_VALUE);
    return true;
}

static bool has_events(struct db *db, struct err *err) /* a month that was written before there were any has no table */
{
    DB_ROWS_AUTO rows = db_query(db, err, "SELECT 1 FROM sqlite_master WHERE name = 'events'");

    return db_next(&rows, err);
}

static bool gather(void *ctx, struct db *db, struct err *err)
{
    struct gathering *gathering = ctx;
    const struct question *question = &gathering->answering->question;
    str name = gathering->answering->name;
    ARENA_AUTO sql = {0}, texts = {0};

    if (!has_events(db, err))
        return err->code == ERR_NONE;
    DB_ROWS_AUTO rows = db_query(
        db, err,
        arena_printf(&sql,
                     "SELECT e.name, %s, e.time_us, e.phase, e.value FROM events e WHERE e.function = ?"
                     " AND e.time_us >= ? AND e.time_us < ? AND (? = '' OR e.name = ?) AND (? = '' OR e.version = ?)",
                     key_sql(question->by))
            .at,
        DB_STR(question->function), DB_INT(gathering->from_us), DB_INT(gathering->to_us), DB_STR(name), DB_STR(name),
        DB_STR(question->version), DB_STR(question->version));
    while (db_next(&rows, err)) {
        if (++gathering->scanned > SCANNED_ROWS_MAX)
            return err_set(err, ERR_INVALID, "there are more than %d events in this time: ask for a shorter one",
                           SCANNED_ROWS_MAX);
        if (!add_event(gathering, &rows, &texts, err))
            return false;
        arena_reset(&texts);
    }
    return err->code == ERR_NONE;
}

/* -- writing ----------------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    double share;
} quantiles[] = {{"p25", 0.25}, {"median", 0.5}, {"p75", 0.75}};

static void write_quantile(struct jw *jw, const char *key, const struct stats_quantile *quantile)
{
    jw_object_key(jw, key);
    jw_real(jw, "value", quantile->value);
    jw_real(jw, "low", quantile->low);
    jw_real(jw, "high", quantile->high);
    answer_number(jw, "n", quantile->n);
    jw_real(jw, "coverage", quantile->coverage);
    jw_object_end(jw);
}

static void write_series(struct jw *jw, struct series *series)
{
    if (series->values.len > 0)
        stats_sort(series->values.at, series->values.len);
    jw_int(jw, "count", series->count);
    jw_int(jw, "open", series->open);
    jw_int(jw, "n", (int64_t)series->values.len);
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        struct stats_quantile quantile =
            stats_quantile(series->values.at, series->values.len, quantiles[i].share, STATS_LEVEL_DEFAULT);

        write_quantile(jw, quantiles[i].name, &quantile);
    }
}

static void add_series(struct series *sum, const struct series *more)
{
    sum->count += more->count;
    sum->open += more->open;
    for (size_t i = 0; i < more->values.len; i++)
        *vec_push(&sum->values) = more->values.at[i];
}

static size_t name_ends(const struct gathering *gathering, size_t from)
{
    size_t to = from;

    while (to < gathering->series.len && str_eq(gathering->series.at[to]->name, gathering->series.at[from]->name))
        to++;
    return to;
}

static void write_groups(struct gathering *gathering, size_t from, size_t to)
{
    struct jw *jw = gathering->answering->jw;

    jw_array_key(jw, "groups");
    for (size_t i = from; i < to; i++) {
        jw_object(jw);
        jw_str(jw, "key", gathering->series.at[i]->key);
        write_series(jw, gathering->series.at[i]);
        jw_object_end(jw);
    }
    jw_array_end(jw);
}

static void write_name(struct gathering *gathering, size_t from, size_t to)
{
    struct jw *jw = gathering->answering->jw;
    struct series all = {0};

    for (size_t i = from; i < to; i++)
        add_series(&all, gathering->series.at[i]);
    jw_object(jw);
    jw_str(jw, "name", gathering->series.at[from]->name);
    write_series(jw, &all);
    if (gathering->answering->question.by != BY_NOTHING)
        write_groups(gathering, from, to);
    jw_object_end(jw);
    vec_free(&all.values);
}

static void write_names(struct gathering *gathering)
{
    struct jw *jw = gathering->answering->jw;
    size_t to;

    jw_object(jw);
    answer_head(gathering->answering, gathering->from_us, gathering->to_us);
    jw_array_key(jw, "events");
    for (size_t from = 0; from < gathering->series.len; from = to) {
        to = name_ends(gathering, from);
        write_name(gathering, from, to);
    }
    jw_array_end(jw);
    jw_object_end(jw);
}

static int order_of(str x, str y)
{
    int order = memcmp(x.at, y.at, x.len < y.len ? x.len : y.len);

    return order ? order : (x.len > y.len) - (x.len < y.len);
}

static int by_name_and_key(const void *a, const void *b)
{
    const struct series *x = *(struct series *const *)a, *y = *(struct series *const *)b;
    int order = order_of(x->name, y->name);

    return order ? order : order_of(x->key, y->key);
}

bool answer_business(struct answering *answering, struct err *err)
{
    const struct question *question = &answering->question;
    struct gathering gathering = {.answering = answering, .from_us = question->from_us, .to_us = question->to_us};
    bool good;

    if (question->by == BY_SEGMENT || question->by == BY_ALIAS || question->by == BY_SOURCE)
        return err_set(err, ERR_INVALID, "events have no segment, alias or source: by takes hour, day or version");
    good = question_files(answering->folder, question->from_us, question->to_us, gather, &gathering, err);
    if (good) {
        if (gathering.series.len > 1)
            qsort(gathering.series.at, gathering.series.len, sizeof *gathering.series.at, by_name_and_key);
        write_names(&gathering);
    }
    for (size_t i = 0; i < gathering.series.len; i++)
        vec_free(&gathering.series.at[i]->values);
    vec_free(&gathering.series);
    map_done(&gathering.by_key);
    return good;
}

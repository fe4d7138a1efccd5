#include "monitor/answer_rows.h"

#include <math.h>
#include <stdlib.h>

#include "monitor/answer.h"
#include "monitor/period_private.h"
#include "monitor/prediction_row.h"
#include "monitor/store.h"

#define HOUR_US (3600LL * 1000 * 1000)
#define DAY_US (24 * HOUR_US)

/* -- rows of several months ------------------------------------------------------------------------------------------
 */

struct reading {
    struct arena *arena;
    const struct browse_place *places;
    struct prediction_row *rows;
    int count;
    int64_t month_us;
};

static bool read_month(void *ctx, struct db *db, struct err *err)
{
    struct reading *reading = ctx;

    for (int i = 0; i < reading->count; i++)
        if (month_of(reading->places[i].time_us) == reading->month_us &&
            !prediction_row_read(db, reading->places[i].row, reading->arena, &reading->rows[i], err))
            return false;
    return true;
}

/* A file is opened once, wherever its rows stand in the order. */
static bool read_rows(const char *folder, struct reading *reading, struct err *err)
{
    bool *is_read = arena_new(reading->arena, bool, reading->count + 1);

    for (int i = 0; i < reading->count; i++) {
        if (is_read[i])
            continue;
        reading->month_us = month_of(reading->places[i].time_us);
        if (!question_file(folder, reading->month_us, read_month, reading, err))
            return false;
        for (int k = i; k < reading->count; k++)
            is_read[k] = is_read[k] || month_of(reading->places[k].time_us) == reading->month_us;
    }
    return true;
}

static bool browse_and_read(const char *folder, const struct browse *browse, struct arena *arena, struct browsed *ret,
                            struct prediction_row **ret_rows, struct err *err)
{
    struct reading reading = {.arena = arena};

    if (!browse_rows(folder, browse, arena, ret, err))
        return false;
    reading.places = ret->rows;
    reading.count = ret->count;
    reading.rows = *ret_rows = arena_new(arena, struct prediction_row, ret->count + 1);
    return read_rows(folder, &reading, err);
}

static void write_row(struct jw *jw, const struct prediction_row *row, double asked, const char *relation)
{
    jw_object(jw);
    if (relation)
        jw_str(jw, "relation", str_of(relation));
    prediction_row_write(jw, row, asked);
    jw_object_end(jw);
}

/* -- a page ----------------------------------------------------------------------------------------------------------
 */

bool answer_predictions(const char *folder, const struct browse *browse, struct arena *arena, struct jw *jw,
                        struct err *err)
{
    const struct question *question = &browse->question;
    struct answering head = {.question = *question, .jw = jw};
    double asked = question->has_threshold ? question->threshold : (double)NAN;
    struct browsed browsed;
    struct prediction_row *rows;

    if (!browse_and_read(folder, browse, arena, &browsed, &rows, err))
        return false;
    jw_object(jw);
    answer_head(&head, browsed.from_us, browsed.to_us);
    jw_str(jw, "kind", str_of(browse_kinds[browse->kind]));
    jw_str(jw, "order", str_of(browse_orders[browse->order]));
    jw_real(jw, "threshold", asked);
    jw_int(jw, "scanned", browsed.scanned);
    jw_bool(jw, "complete", browsed.is_complete);
    jw_array_key(jw, "rows");
    for (int i = 0; i < browsed.count; i++)
        write_row(jw, &rows[i], asked, NULL);
    jw_array_end(jw);
    if (browsed.has_next)
        jw_str(jw, "next", browse_cursor(&browsed, arena));
    else
        jw_null(jw, "next");
    jw_object_end(jw);
    return true;
}

/* -- one -------------------------------------------------------------------------------------------------------------
 */

struct own {
    struct prediction_lookup *lookup;
    int64_t time_us, row;
    uint64_t tag;
};

static bool find_in_file(void *ctx, struct db *db, struct err *err)
{
    struct own *own = ctx;
    DB_ROWS_AUTO rows =
        db_query(db, err,
                 "SELECT 1 FROM rows p JOIN meta m JOIN streams s ON s.id = p.stream WHERE p.id = ?1"
                 " AND p.time_us / 1000 = ?2 AND m.tag = ?3 AND p.client_id IS NULL"
                 " AND (?4 = '' OR s.function = ?4)",
                 DB_INT(own->row), DB_INT(own->time_us / 1000), DB_INT(own->tag), DB_STR(own->lookup->function));

    own->lookup->found = db_next(&rows, err);
    own->lookup->row = own->row;
    own->lookup->month_us = month_of(own->time_us);
    return err->code == ERR_NONE;
}

bool find_own_prediction(struct prediction_lookup *lookup, struct err *err)
{
    struct own own = {.lookup = lookup};
    int64_t months[PERIODS_MAX];
    int count;

    *err = (struct err){0};
    if (!prediction_id_read(lookup->id, &own.time_us, &own.row, &own.tag))
        return true;
    if (!store_months(lookup->folder, months, &count, err))
        return false;
    for (int i = 0; i < count; i++)
        if (months[i] == month_of(own.time_us))
            return question_file(lookup->folder, months[i], find_in_file, &own, err);
    return true;
}

static bool write_labels(struct jw *jw, struct db *db, int64_t row, struct err *err)
{
    ARENA_AUTO arena = {0};
    DB_ROWS_AUTO rows = db_query(db, err,
                                 "SELECT label, known_us, received_us, source, note FROM label_events WHERE row = ?"
                                 " ORDER BY known_us DESC, id DESC",
                                 DB_INT(row));

    jw_array_key(jw, "labels");
    while (db_next(&rows, err)) {
        jw_object(jw);
        if (db_is_null(&rows, 0))
            jw_null(jw, "label");
        else
            answer_number(jw, "label", db_real(&rows, 0));
        answer_time(jw, "time", db_int(&rows, 1));
        answer_time(jw, "received", db_int(&rows, 2));
        jw_str(jw, "source", db_text(&rows, 3, &arena));
        jw_str(jw, "note", db_text(&rows, 4, &arena));
        jw_object_end(jw);
    }
    jw_array_end(jw);
    return err->code == ERR_NONE;
}

/* Rows of a call lie one behind the other: up to CALL_ROWS_MAX of them, with this one in the middle where it can be. */
static bool write_call(struct prediction_lookup *lookup, struct db *db, const struct prediction_row *row,
                       struct err *err)
{
    int64_t first, end;
    struct prediction_row other;

    if (!row->call)
        return true;
    {
        DB_ROWS_AUTO rows =
            db_query(db, err, "SELECT first_row, first_row + rows FROM calls WHERE id = ?", DB_INT(row->call));
        if (!db_next(&rows, err))
            return err->code == ERR_NONE;
        first = db_int(&rows, 0);
        end = db_int(&rows, 1);
    }
    if (first < row->id - CALL_ROWS_MAX / 2)
        first = row->id - CALL_ROWS_MAX / 2;
    if (end > first + CALL_ROWS_MAX + 1)
        end = first + CALL_ROWS_MAX + 1;
    for (int64_t id = first; id < end; id++) {
        if (id == row->id)
            continue;
        if (!prediction_row_read(db, id, lookup->arena, &other, err))
            return false;
        write_row(lookup->jw, &other, (double)NAN, "call");
    }
    return true;
}

/* Ties are the upper ones', so that no row is in both. */
static bool write_nearest(struct prediction_lookup *lookup, const struct prediction_row *row, enum browse_order order,
                          struct err *err)
{
    bool up = order == BROWSE_BY_SCORE;
    const struct browse browse = {
        .question = {.function = row->function,
                     .segment = row->segment,
                     .source = row->source,
                     .from_us = row->time_us - NEAREST_SPAN_DAYS * DAY_US,
                     .to_us = row->time_us + HOUR_US},
        .order = order,
        .limit = up ? NEAREST_ROWS + 1 : NEAREST_ROWS,
        .has_after = true,
        .after =
            up ? (struct browse_place){row->score, INT64_MAX, INT64_MAX} : (struct browse_place){-row->score, -1, -1},
        .scanned_max = NEAREST_SCANNED_MAX,
    };
    struct browsed browsed;
    struct prediction_row *rows;
    int written = 0;

    if (!browse_and_read(lookup->folder, &browse, lookup->arena, &browsed, &rows, err))
        return false;
    for (int i = 0; i < browsed.count && written < NEAREST_ROWS; i++) {
        if (rows[i].id == row->id && rows[i].time_us == row->time_us)
            continue;
        write_row(lookup->jw, &rows[i], (double)NAN, "score");
        written++;
    }
    return true;
}

static bool write_prediction(void *ctx, struct db *db, struct err *err)
{
    struct prediction_lookup *lookup = ctx;
    struct jw *jw = lookup->jw;
    struct prediction_row row;

    if (!prediction_row_read(db, lookup->row, lookup->arena, &row, err))
        return false;
    lookup->request_id = row.request_id;
    prediction_row_write(jw, &row, (double)NAN);
    if (!write_labels(jw, db, row.id, err))
        return false;
    jw_array_key(jw, "neighbours");
    if (!write_call(lookup, db, &row, err) || !write_nearest(lookup, &row, BROWSE_BY_SCORE_DOWN, err) ||
        !write_nearest(lookup, &row, BROWSE_BY_SCORE, err))
        return false;
    jw_array_end(jw);
    return true;
}

bool answer_prediction(struct prediction_lookup *lookup, struct err *err)
{
    *err = (struct err){0};
    jw_object(lookup->jw);
    return question_file(lookup->folder, lookup->month_us, write_prediction, lookup, err);
}

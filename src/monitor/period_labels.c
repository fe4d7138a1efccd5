#include "monitor/period_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* -- which rows ------------------------------------------------------------------------------------------------------
 */

struct finding {
    struct period *period;
    const struct label *label;
    int64_t *rows;
    int room, count;
    struct err err;
};

/* Hashes collide, so the row is looked at: `column` of it must be the text, and its function the label's. */
static bool is_of(struct finding *finding, const char *sql, int64_t id, str text)
{
    const struct stream *stream;
    ARENA_AUTO arena = {0};
    DB_ROWS_AUTO rows = db_query(finding->period->db, &finding->err, sql, DB_INT(id));

    if (!db_next(&rows, &finding->err))
        return false;
    stream = names_stream_of(&finding->period->names, db_int(&rows, 0));
    return stream && str_eq(stream->function, finding->label->function) && str_eq(db_text(&rows, 1, &arena), text);
}

static bool keep_row(struct finding *finding, int64_t row)
{
    if (finding->count < finding->room)
        finding->rows[finding->count] = row;
    return finding->count++ < finding->room;
}

static bool on_items_row(void *ctx, int64_t row)
{
    struct finding *finding = ctx;

    if (is_of(finding, "SELECT stream, items FROM rows WHERE id = ?", row, finding->label->items))
        return keep_row(finding, row);
    return finding->err.code == ERR_NONE;
}

static bool on_client_row(void *ctx, int64_t row)
{
    struct finding *finding = ctx;

    if (is_of(finding, "SELECT stream, client_id FROM rows WHERE id = ?", row, finding->label->prediction_id)) {
        (void)keep_row(finding, row);
        return false;
    }
    return finding->err.code == ERR_NONE;
}

/* Mostly the row of position n is the n-th behind the first; where rows were no decisions, it stands before that. */
static bool row_at(struct finding *finding, int64_t first, int64_t rows_count, int64_t *ret)
{
    struct db *db = finding->period->db;
    int position = finding->label->position;
    DB_ROWS_AUTO guess = db_query(db, &finding->err, "SELECT id FROM rows WHERE id = ? AND position = ? AND id < ?",
                                  DB_INT(first + position), DB_INT(position), DB_INT(first + rows_count));

    if (db_next(&guess, &finding->err)) {
        *ret = db_int(&guess, 0);
        return true;
    }
    db_rows_done(&guess);
    DB_ROWS_AUTO scan = db_query(db, &finding->err, "SELECT id FROM rows WHERE id >= ? AND id < ? AND position = ?",
                                 DB_INT(first), DB_INT(first + rows_count), DB_INT(position));
    if (!db_next(&scan, &finding->err))
        return false;
    *ret = db_int(&scan, 0);
    return true;
}

static bool on_call(void *ctx, int64_t call)
{
    struct finding *finding = ctx;
    struct period *period = finding->period;
    bool is_open = call == period->call; /* its rows come just now, and are not counted in the table */
    int64_t row, first, count;
    ARENA_AUTO arena = {0};
    DB_ROWS_AUTO rows =
        db_query(period->db, &finding->err, "SELECT request_id, first_row, rows FROM calls WHERE id = ?", DB_INT(call));

    if (!db_next(&rows, &finding->err))
        return finding->err.code == ERR_NONE;
    if (!str_eq(db_text(&rows, 0, &arena), finding->label->request_id))
        return true;
    first = db_int(&rows, 1);
    count = is_open ? period->next_row - first : db_int(&rows, 2);
    db_rows_done(&rows);
    if (row_at(finding, first, count, &row) && is_of(finding, "SELECT stream, '' FROM rows WHERE id = ?", row, STR("")))
        return keep_row(finding, row);
    return finding->err.code == ERR_NONE;
}

/* An id of ours: its file is this one, and there is a row of that number and that millisecond. */
static bool is_own_row(struct finding *finding, int64_t row, int64_t time_us)
{
    DB_ROWS_AUTO rows =
        db_query(finding->period->db, &finding->err, "SELECT time_us / 1000 FROM rows WHERE id = ?", DB_INT(row));

    return db_next(&rows, &finding->err) && db_int(&rows, 0) == time_us / 1000;
}

static bool find_by_id(struct finding *finding)
{
    const struct label *label = finding->label;
    struct period *period = finding->period;
    int64_t time_us, row;
    uint64_t tag;

    if (prediction_id_read(label->prediction_id, &time_us, &row, &tag) && tag == period->tag &&
        is_own_row(finding, row, time_us) && is_of(finding, "SELECT stream, '' FROM rows WHERE id = ?", row, STR("")))
        return keep_row(finding, row);
    return finding->err.code == ERR_NONE &&
           runs_find(period->runs, RUNS_HASH(STR("p"), label->function, label->prediction_id), on_client_row, finding,
                     &finding->err);
}

static bool find(struct finding *finding)
{
    const struct label *label = finding->label;
    struct runs *runs = finding->period->runs;

    if (label->prediction_id.len > 0)
        return find_by_id(finding);
    if (label->request_id.len > 0)
        return runs_find(runs, RUNS_HASH(STR("r"), label->request_id), on_call, finding, &finding->err);
    return runs_find(runs, RUNS_HASH(STR("i"), label->function, label->items), on_items_row, finding, &finding->err);
}

bool period_find(struct period *period, const struct label *label, int64_t *rows, int room, int *ret_count,
                 struct err *err)
{
    struct finding finding = {.period = period, .label = label, .rows = rows, .room = room};

    if (!find(&finding) || finding.err.code != ERR_NONE) {
        *err = finding.err;
        return false;
    }
    *ret_count = finding.count;
    return true;
}

static bool on_request(void *ctx, int64_t call)
{
    struct finding *finding = ctx;
    ARENA_AUTO arena = {0};
    DB_ROWS_AUTO rows =
        db_query(finding->period->db, &finding->err, "SELECT request_id FROM calls WHERE id = ?", DB_INT(call));

    if (db_next(&rows, &finding->err) && str_eq(db_text(&rows, 0, &arena), finding->label->request_id))
        finding->count++;
    return finding->count == 0 && finding->err.code == ERR_NONE;
}

bool period_has_request(struct period *period, str request_id, bool *ret, struct err *err)
{
    const struct label label = {.request_id = request_id};
    struct finding finding = {.period = period, .label = &label};

    if (!runs_find(period->runs, RUNS_HASH(STR("r"), request_id), on_request, &finding, &finding.err) ||
        finding.err.code != ERR_NONE) {
        *err = finding.err;
        return false;
    }
    *ret = finding.count > 0;
    return true;
}

/* -- waiting for their prediction ------------------------------------------------------------------------------------
 */

static uint64_t position_hash(str request_id, int position)
{
    char room[UINT_DIGITS_MAX];

    return RUNS_HASH(STR("o"), request_id, str_of_uint((unsigned long long)position, room));
}

uint64_t label_hash(const struct label *label)
{
    if (label->prediction_id.len > 0)
        return RUNS_HASH(STR("p"), label->function, label->prediction_id);
    if (label->request_id.len > 0)
        return position_hash(label->request_id, label->position);
    return RUNS_HASH(STR("i"), label->function, label->items);
}

int prediction_hashes(const struct prediction *p, uint64_t ret[PREDICTION_HASHES_MAX])
{
    int count = 0;

    if (p->client_id.len > 0)
        ret[count++] = RUNS_HASH(STR("p"), p->function, p->client_id);
    if (p->request_id.len > 0)
        ret[count++] = position_hash(p->request_id, p->position);
    if (p->items.len > 0)
        ret[count++] = RUNS_HASH(STR("i"), p->function, p->items);
    return count;
}

/* -- labelling -------------------------------------------------------------------------------------------------------
 */

struct labelled_row {
    int64_t time_us;
    int32_t stream, segment;
    struct scored scored;
    double label; /* NAN: none */
    int64_t label_us;
};

static bool read_row(struct db *db, int64_t row, struct labelled_row *ret, struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(
        db, err, "SELECT time_us, stream, segment, score, decision, amount, label, label_us FROM rows WHERE id = ?",
        DB_INT(row));

    if (!db_next(&rows, err))
        return err->code ? false : err_set(err, ERR_SYSTEM, "row %" PRId64 " is gone: the file is damaged", row);
    *ret = (struct labelled_row){
        .time_us = db_int(&rows, 0),
        .stream = (int32_t)db_int(&rows, 1),
        .segment = (int32_t)db_int(&rows, 2),
        .scored = {db_real(&rows, 3), db_is_null(&rows, 5) ? (double)NAN : db_real(&rows, 5), db_int(&rows, 4) != 0},
        .label = db_is_null(&rows, 6) ? (double)NAN : db_real(&rows, 6),
        .label_us = db_is_null(&rows, 7) ? INT64_MIN : db_int(&rows, 7),
    };
    return true;
}

static bool was_applied(struct db *db, int64_t row, str origin, bool *ret, struct err *err)
{
    *err = (struct err){0};
    *ret = false;
    if (origin.len == 0)
        return true;
    DB_ROWS_AUTO rows =
        db_query(db, err, "SELECT 1 FROM label_events WHERE origin = ? AND row = ?", DB_STR(origin), DB_INT(row));
    *ret = db_next(&rows, err);
    return err->code == ERR_NONE;
}

static bool add_event(struct db *db, int64_t row, const struct label *label, struct err *err)
{
    return db_run(db, err,
                  "INSERT INTO label_events (row, label, known_us, received_us, source, note, origin)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?)",
                  DB_INT(row), label->is_retracted ? DB_NULL : DB_REAL(label->value), DB_INT(label->known_us),
                  DB_INT(clock_wall_us()), DB_STR(label->source), DB_STR(label->note), DB_STR_OR_NULL(label->origin));
}

static int class_of(double label)
{
    return isnan(label) ? LABEL_UNKNOWN : label >= 0.5;
}

/* From one cell of the histograms to another. */
static bool move(struct period *period, const struct labelled_row *row, double to, struct err *err)
{
    struct tally_key key = {hour_of(row->time_us), row->stream, row->segment, class_of(row->label)};

    if (class_of(to) == key.label)
        return true;
    if (tally_is_full(&period->tally) && !tally_write(&period->tally, period->db, err))
        return false;
    tally_add(&period->tally, &key, &row->scored, -1);
    key.label = class_of(to);
    tally_add(&period->tally, &key, &row->scored, 1);
    return true;
}

static bool set_label(struct period *period, int64_t id, const struct labelled_row *row, const struct label *label,
                      struct err *err)
{
    double value = label->is_retracted ? (double)NAN : label->value;

    return move(period, row, value, err) &&
           db_run(period->db, err, "UPDATE rows SET label = ?, label_us = ? WHERE id = ?",
                  label->is_retracted ? DB_NULL : DB_REAL(value), DB_INT(label->known_us), DB_INT(id));
}

static bool says_the_same(const struct labelled_row *row, const struct label *label)
{
    return label->is_retracted ? isnan(row->label) : !isnan(row->label) && row->label == label->value;
}

/* What silence said gives way to whatever somebody says, whenever that became known. */
static bool is_by_silence(struct db *db, int64_t id, const struct label *label, bool *ret, struct err *err)
{
    *err = (struct err){0};
    *ret = false;
    if (str_eq(label->origin, STR(ORIGIN_DELAYED)))
        return true;
    DB_ROWS_AUTO rows = db_query(
        db, err, "SELECT max(origin IS NULL OR origin <> '" ORIGIN_DELAYED "') = 0 FROM label_events WHERE row = ?",
        DB_INT(id));
    *ret = db_next(&rows, err) && !db_is_null(&rows, 0) && db_int(&rows, 0) != 0;
    return err->code == ERR_NONE;
}

bool period_label(struct period *period, int64_t id, const struct label *label, enum labelled *ret, struct err *err)
{
    struct labelled_row row;
    bool applied, silent = false;

    if (!read_row(period->db, id, &row, err) || !was_applied(period->db, id, label->origin, &applied, err) ||
        (row.label_us != INT64_MIN && !applied && !is_by_silence(period->db, id, label, &silent, err)))
        return false;
    if (applied || (!silent && says_the_same(&row, label) && label->known_us >= row.label_us)) {
        *ret = LABEL_UNCHANGED;
        return true;
    }
    if (!add_event(period->db, id, label, err))
        return false;
    *ret = LABEL_OLDER;
    if (label->known_us < row.label_us && !silent)
        return true;
    *ret = row.label_us == INT64_MIN ? LABELLED : LABEL_CORRECTED;
    return set_label(period, id, &row, label, err);
}

#include "monitor/inbox.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"
#include "codec/json_cell.h"
#include "monitor/period_private.h"
#include "monitor/posted.h"

/* ROOM: a label as JSON, whatever people put into it; what is longer is refused. */
enum { ROW_BYTES_MAX = 64 * 1024 };

#define NOW_SQL "(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))"

/* Of types only what every client can hold to: ids are texts or numbers, a label 1, 0.7, 'true' or 'null'. */
static const char schema[] = "CREATE TABLE label_inbox ("
                             "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
                             "  function TEXT NOT NULL,"
                             "  prediction_id ANY,"
                             "  request_id TEXT,"
                             "  position INTEGER,"
                             "  items TEXT," /* {"budget_id": "309366", ...} */
                             "  label ANY NOT NULL,"
                             "  time ANY," /* when it became known; else when it was inserted */
                             "  source TEXT,"
                             "  note TEXT,"
                             "  origin TEXT NOT NULL DEFAULT (lower(hex(randomblob(12)))),"
                             "  inserted TEXT NOT NULL DEFAULT " NOW_SQL ") STRICT;"
                             "CREATE TABLE label_inbox_refused ("
                             "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
                             "  why TEXT NOT NULL,"
                             "  refused TEXT NOT NULL DEFAULT " NOW_SQL ","
                             "  function TEXT, prediction_id ANY, request_id TEXT, position INTEGER, items TEXT,"
                             "  label ANY, time ANY, source TEXT, note TEXT, origin TEXT, inserted TEXT"
                             ") STRICT;";

#define COPIED "function, prediction_id, request_id, position, items, label, time, source, note, origin, inserted"

struct handled {
    int64_t id;
    str why; /* empty: it was applied */
};

struct inbox {
    struct db *db;
    int64_t data_version; /* of the last look that found nothing */
    int batch_max;        /* 1 after a failure, until what failed is found */
    struct arena arena;   /* of a batch */
    VEC(struct handled) handled;
    bool is_telling_busy;
};

/* -- opening --------------------------------------------------------------------------------------------------------
 */

static bool set_up(struct inbox *inbox, struct err *err)
{
    static const struct db_migration migrations[] = {{1, schema}};
    char pragma[64];

    snprintf(pragma, sizeof pragma, "PRAGMA busy_timeout=%d", INBOX_BUSY_TIMEOUT_MS);
    return db_migrate(inbox->db, migrations, 1, err) && db_run(inbox->db, err, pragma);
}

bool inbox_open(const char *folder, struct inbox **ret, struct err *err)
{
    struct inbox *inbox = calloc(1, sizeof *inbox);
    char path[PERIOD_PATH_MAX];

    if (!inbox)
        abort();
    inbox->data_version = -1;
    inbox->batch_max = INBOX_BATCH_MAX;
    snprintf(path, sizeof path, "%s/inbox.db", folder);
    if (!db_open(path, &inbox->db, err) || !set_up(inbox, err)) {
        err_wrap(err, "%s", path);
        inbox_close(inbox);
        return false;
    }
    *ret = inbox;
    return true;
}

void inbox_close(struct inbox *inbox)
{
    if (!inbox)
        return;
    db_close(inbox->db);
    arena_free(&inbox->arena);
    vec_free(&inbox->handled);
    free(inbox);
}

/* -- a label ----------------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    enum json_cell kind;
} columns[] = {
    {"function", JSON_CELL_TEXT},   {"prediction_id", JSON_CELL_TEXT}, {"request_id", JSON_CELL_TEXT},
    {"position", JSON_CELL_NUMBER}, {"items", JSON_CELL_ANY},          {"label", JSON_CELL_NUMBER},
    {"time", JSON_CELL_NUMBER},     {"source", JSON_CELL_TEXT},        {"note", JSON_CELL_TEXT},
};
enum { COLUMN_ID, COLUMN_FIRST, COLUMN_ORIGIN = COLUMN_FIRST + sizeof columns / sizeof *columns };

/* A REAL as a text that reads back the same. */
#define TEXT_SQL(column) \
    "CASE typeof(" column ") WHEN 'real' THEN printf('%!.17g', " column ") ELSE CAST(" column " AS TEXT) END"
static const char select_sql[] =
    "SELECT id, function, " TEXT_SQL("prediction_id") ", request_id, position, items, " TEXT_SQL(
        "label") ", coalesce(" TEXT_SQL("time") ", inserted), source, note, origin FROM label_inbox ORDER BY id LIMIT "
                                                "?";

static bool row_as_json(const struct db_rows *rows, struct buf *json, struct arena *arena, struct err *err)
{
    struct jw jw;

    buf_clear(json);
    jw_init(&jw, json);
    jw_object(&jw);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        json_cell(&jw, str_of(columns[i].name), columns[i].kind, db_text(rows, (int)(COLUMN_FIRST + i), arena));
    jw_object_end(&jw);
    return buf_ok(json) ||
           err_set(err, ERR_INVALID, "the label is longer than the %d bytes it may have", ROW_BYTES_MAX);
}

static bool read_label(const struct db_rows *rows, struct buf *json, struct arena *arena, struct label *ret,
                       struct err *err)
{
    struct posted_row row;

    if (!row_as_json(rows, json, arena, err) || !posted_row_read(buf_str(json), arena, &row, err) ||
        !posted_label(&row, STR(""), clock_wall_us(), ret, err))
        return false;
    if (row.source.len == 0)
        ret->source = STR("inbox");
    ret->origin = arena_concat(arena, STR("inbox:"), db_text(rows, COLUMN_ORIGIN, arena));
    return true;
}

static bool apply_row(struct inbox *inbox, struct store *store, const struct db_rows *rows, struct buf *json,
                      struct err *err)
{
    ARENA_AUTO arena = {0};
    struct handled handled = {.id = db_int(rows, COLUMN_ID)};
    struct label label;
    struct label_result ignored;

    if (!read_label(rows, json, &arena, &label, err) || !store_label(store, &label, &ignored, err)) {
        if (err->code != ERR_INVALID)
            return false;
        handled.why = arena_copy(&inbox->arena, str_of(err->text));
        *err = (struct err){0};
    }
    *vec_push(&inbox->handled) = handled;
    return true;
}

static bool apply_rows(struct inbox *inbox, struct store *store, struct err *err)
{
    BUF_AUTO json = {0};
    DB_ROWS_AUTO rows = db_query(inbox->db, err, select_sql, DB_INT(inbox->batch_max));

    buf_init(&json, ROW_BYTES_MAX);
    while (db_next(&rows, err))
        if (!apply_row(inbox, store, &rows, &json, err))
            return false;
    return err->code == ERR_NONE;
}

/* -- a batch ----------------------------------------------------------------------------------------------------------
 */

static bool has_changed(struct inbox *inbox, bool *ret, int64_t *ret_version, struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(inbox->db, err, "PRAGMA data_version");

    if (!db_next(&rows, err))
        return false;
    *ret_version = db_int(&rows, 0);
    *ret = *ret_version != inbox->data_version;
    return true;
}

/* What asks too much of a transaction is found by having one of its own; it is refused there. */
static bool refuse_alone(struct inbox *inbox, struct err *err)
{
    if (inbox->batch_max > 1 || err->code != ERR_LIMIT)
        return false;
    inbox->handled.len = 0;
    DB_ROWS_AUTO rows = db_query(inbox->db, err, "SELECT id FROM label_inbox ORDER BY id LIMIT 1");
    struct err ignored = {0};
    if (db_next(&rows, &ignored))
        *vec_push(&inbox->handled) = (struct handled){db_int(&rows, 0), arena_copy(&inbox->arena, str_of(err->text))};
    *err = (struct err){0};
    return inbox->handled.len > 0;
}

bool inbox_apply(struct inbox *inbox, struct store *store, struct inbox_report *ret, struct err *err)
{
    *err = (struct err){0};
    *ret = (struct inbox_report){0};
    inbox->handled.len = 0;
    arena_reset(&inbox->arena);
    if (store_begin(store, true, err) && apply_rows(inbox, store, err) && store_commit(store, err)) {
        ret->has_more = inbox->handled.len == (size_t)inbox->batch_max;
        return true;
    }
    store_rollback(store);
    ret->has_more = true;
    if (refuse_alone(inbox, err))
        return true;
    inbox->batch_max = 1;
    return false;
}

static bool settle(struct inbox *inbox, const struct handled *handled, struct inbox_report *report, struct err *err)
{
    report->applied += handled->why.len == 0;
    report->refused += handled->why.len > 0;
    if (handled->why.len > 0 &&
        !db_run(inbox->db, err,
                "INSERT INTO label_inbox_refused (why, " COPIED ") SELECT ?, " COPIED " FROM label_inbox WHERE id = ?",
                DB_STR(handled->why), DB_INT(handled->id)))
        return false;
    return db_run(inbox->db, err, "DELETE FROM label_inbox WHERE id = ?", DB_INT(handled->id));
}

static bool settle_all(struct inbox *inbox, struct inbox_report *report, struct err *err)
{
    for (size_t i = 0; i < inbox->handled.len; i++)
        if (!settle(inbox, &inbox->handled.at[i], report, err))
            return false;
    return report->refused == 0 ||
           db_run(inbox->db, err,
                  "DELETE FROM label_inbox_refused WHERE id <= (SELECT max(id) FROM label_inbox_refused) - ?",
                  DB_INT(INBOX_REFUSED_MAX));
}

static bool begin(struct inbox *inbox, struct inbox_report *ret, struct err *err)
{
    if (db_begin(inbox->db, err))
        return true;
    if (err->code != ERR_TIMEOUT)
        return false;
    *ret = (struct inbox_report){.is_busy = true};
    *err = (struct err){0};
    return false;
}

bool inbox_run(struct inbox *inbox, struct store *store, struct inbox_report *ret, struct err *err)
{
    int64_t version;
    bool changed;

    *ret = (struct inbox_report){0};
    if (!has_changed(inbox, &changed, &version, err))
        return false;
    if (!changed)
        return true;
    if (!begin(inbox, ret, err))
        return ret->is_busy;
    if (!inbox_apply(inbox, store, ret, err) || !settle_all(inbox, ret, err) || !db_commit(inbox->db, err)) {
        db_rollback(inbox->db);
        ret->has_more = inbox->batch_max == 1;
        return false;
    }
    inbox->batch_max = inbox->batch_max * 2 < INBOX_BATCH_MAX ? inbox->batch_max * 2 : INBOX_BATCH_MAX;
    if (!ret->has_more)
        inbox->data_version = version;
    return true;
}

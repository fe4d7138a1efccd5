#include "logs/store.h"

#include <stdio.h>

/* The view is the face for people and tools: its columns stay; the table behind it may change. */
static const struct db_migration migrations[] = {
    {1, "CREATE TABLE invocations ("
        "  id INTEGER PRIMARY KEY,"
        "  received_us INTEGER NOT NULL," /* wall */
        "  request_id TEXT NOT NULL,"
        "  function TEXT NOT NULL,"
        "  version TEXT NOT NULL,"
        "  alias TEXT NOT NULL,"
        "  source TEXT NOT NULL,"
        "  detail TEXT NOT NULL,"
        "  status INTEGER NOT NULL,"
        "  error_type TEXT NOT NULL,"
        "  cause TEXT NOT NULL,"
        "  cold INTEGER NOT NULL,"
        "  resolved_us INTEGER NOT NULL," /* since received; -1: did not get there */
        "  admitted_us INTEGER NOT NULL,"
        "  started_us INTEGER NOT NULL,"
        "  ended_us INTEGER NOT NULL,"
        "  answered_us INTEGER NOT NULL,"
        "  init_us INTEGER NOT NULL,"
        "  worker INTEGER NOT NULL,"
        "  memory_mb INTEGER NOT NULL,"
        "  memory_peak_kb INTEGER NOT NULL,"
        "  input_bytes INTEGER NOT NULL,"
        "  output_bytes INTEGER NOT NULL,"
        "  input BLOB NOT NULL,"
        "  output BLOB NOT NULL,"
        "  log BLOB NOT NULL"
        ") STRICT;"
        "CREATE INDEX invocations_function ON invocations(function, id);"
        "CREATE INDEX invocations_request ON invocations(request_id);"

        "CREATE VIEW calls AS SELECT"
        "  id, strftime('%Y-%m-%dT%H:%M:%f', received_us / 1e6, 'unixepoch') || 'Z' AS received,"
        "  request_id, function, version, alias, source, detail, status,"
        "  nullif(error_type, '') AS error_type, nullif(cause, '') AS cause, cold,"
        "  CASE WHEN started_us >= 0 THEN (started_us - admitted_us) / 1000.0 END AS queued_ms,"
        "  CASE WHEN ended_us >= 0 THEN (ended_us - started_us) / 1000.0 END AS duration_ms,"
        "  answered_us / 1000.0 AS total_ms, init_us / 1000.0 AS init_ms,"
        "  memory_mb, memory_peak_kb / 1024.0 AS memory_peak_mb, input_bytes, output_bytes,"
        "  CAST(input AS TEXT) AS input, CAST(output AS TEXT) AS output, CAST(log AS TEXT) AS log"
        " FROM invocations;"

        "CREATE TABLE journal ("
        "  one INTEGER PRIMARY KEY CHECK (one = 1),"
        "  file INTEGER NOT NULL,"
        "  offset INTEGER NOT NULL"
        ") STRICT;"
        "INSERT INTO journal VALUES (1, 1, 0);"},
};

#define COLUMNS                                                                                                 \
    "received_us, request_id, function, version, alias, source, detail, status, error_type, cause, cold, "      \
    "resolved_us, admitted_us, started_us, ended_us, answered_us, init_us, worker, memory_mb, memory_peak_kb, " \
    "input_bytes, output_bytes, input, output, log"

/* A crash of the machine may take the last second, as it takes the journal's; a crash of the server takes nothing.  So
 * this database need not wait for the disk at each commit. */
bool records_store_open(const char *path, struct db **ret, struct err *err)
{
    struct db *db = NULL;

    if (!db_open(path, &db, err))
        return false;
    if (!db_migrate(db, migrations, sizeof migrations / sizeof *migrations, err) ||
        !db_run(db, err, "PRAGMA synchronous=NORMAL")) {
        db_close(db);
        return false;
    }
    *ret = db;
    return true;
}

bool records_store_place(struct db *db, struct journal_place *ret, struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(db, err, "SELECT file, offset FROM journal");
    if (!db_next(&rows, err))
        return err->code ? false : err_set(err, ERR_SYSTEM, "records.db has no place of the journal");
    *ret = (struct journal_place){db_int(&rows, 0), db_int(&rows, 1)};
    return true;
}

static bool insert(struct db *db, const struct record *r, struct err *err)
{
    return db_run(
        db, err,
        "INSERT INTO invocations (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " ?, ?, ?, ?, ?, ?)",
        DB_INT(r->received_wall_us), DB_STR(r->request_id), DB_STR(r->function), DB_STR(r->version), DB_STR(r->alias),
        DB_STR(r->source), DB_STR(r->detail), DB_INT(r->status), DB_STR(r->error_type), DB_STR(r->cause),
        DB_INT(r->cold), DB_INT(r->resolved_us), DB_INT(r->admitted_us), DB_INT(r->started_us), DB_INT(r->ended_us),
        DB_INT(r->answered_us), DB_INT(r->init_us), DB_INT(r->worker), DB_INT(r->memory_mb), DB_INT(r->memory_peak_kb),
        DB_INT(r->input_bytes), DB_INT(r->output_bytes), DB_BLOB(r->input), DB_BLOB(r->output), DB_BLOB(r->log));
}

static bool insert_batch(struct db *db, struct journal_reader *reader, struct journal_place end, int *ret_count,
                         struct err *err)
{
    struct record record;
    int count = 0;

    while (count < RECORDS_BATCH_MAX && journal_read(reader, end, &record, err)) {
        if (!insert(db, &record, err))
            return false;
        count++;
    }
    *ret_count = count;
    return err->code == ERR_NONE && db_run(db, err, "UPDATE journal SET file = ?, offset = ?",
                                           DB_INT(reader->place.file), DB_INT(reader->place.offset));
}

bool records_store_drain(struct db *db, struct journal_reader *reader, struct journal_place end, struct err *err)
{
    struct journal_place from;
    int count = RECORDS_BATCH_MAX;

    *err = (struct err){0};
    while (count == RECORDS_BATCH_MAX) {
        from = reader->place;
        if (!db_begin(db, err))
            return false;
        if (!insert_batch(db, reader, end, &count, err) || !db_commit(db, err)) {
            db_rollback(db);
            reader->place = from;
            return false;
        }
    }
    return true;
}

/* Ids are given in order and the oldest go first, so their span is their number. */
static bool is_within(struct db *db, const struct records_limits *limits, bool *ret, struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(db, err,
                                 "SELECT coalesce((SELECT max(id) FROM invocations) - (SELECT min(id) FROM invocations)"
                                 " + 1, 0), (SELECT page_count FROM pragma_page_count) -"
                                 " (SELECT freelist_count FROM pragma_freelist_count),"
                                 " (SELECT page_size FROM pragma_page_size)");
    if (!db_next(&rows, err))
        return false;
    *ret = db_int(&rows, 0) <= limits->rows_max && db_int(&rows, 1) * db_int(&rows, 2) <= limits->bytes_max;
    return true;
}

bool records_store_trim(struct db *db, const struct records_limits *limits, struct err *err)
{
    bool within = false;

    while (is_within(db, limits, &within, err) && !within) {
        if (!db_run(db, err, "DELETE FROM invocations WHERE id < (SELECT min(id) FROM invocations) + ?",
                    DB_INT(RECORDS_BATCH_MAX)))
            return false;
        if (db_changes(db) == 0)
            return true;
    }
    return within;
}

/* Reading */

static void read_record(const struct db_rows *rows, struct arena *arena, struct record *ret)
{
    int i = 1;

    *ret = (struct record){0};
    ret->received_wall_us = db_int(rows, i++);
    ret->request_id = db_text(rows, i++, arena);
    ret->function = db_text(rows, i++, arena);
    ret->version = db_text(rows, i++, arena);
    ret->alias = db_text(rows, i++, arena);
    ret->source = db_text(rows, i++, arena);
    ret->detail = db_text(rows, i++, arena);
    ret->status = (int32_t)db_int(rows, i++);
    ret->error_type = db_text(rows, i++, arena);
    ret->cause = db_text(rows, i++, arena);
    ret->cold = db_int(rows, i++) != 0;
    ret->resolved_us = (int32_t)db_int(rows, i++);
    ret->admitted_us = (int32_t)db_int(rows, i++);
    ret->started_us = (int32_t)db_int(rows, i++);
    ret->ended_us = (int32_t)db_int(rows, i++);
    ret->answered_us = (int32_t)db_int(rows, i++);
    ret->init_us = (int32_t)db_int(rows, i++);
    ret->worker = (uint32_t)db_int(rows, i++);
    ret->memory_mb = (uint32_t)db_int(rows, i++);
    ret->memory_peak_kb = (uint32_t)db_int(rows, i++);
    ret->input_bytes = db_int(rows, i++);
    ret->output_bytes = db_int(rows, i++);
    ret->input = db_text(rows, i++, arena);
    ret->output = db_text(rows, i++, arena);
    ret->log = db_text(rows, i++, arena);
}

/* One text for each way through the table, so that each uses its index. */
static struct db_rows query(struct db *db, const struct records_filter *filter, struct err *err)
{
    struct db_value after = DB_INT(filter->after_id), since = DB_INT(filter->since_us), limit = DB_INT(filter->limit);

    if (filter->request_id.len > 0)
        return db_query(db, err,
                        "SELECT id, " COLUMNS " FROM invocations WHERE request_id = ? AND id > ? AND received_us >= ?"
                        " ORDER BY id LIMIT ?",
                        DB_STR(filter->request_id), after, since, limit);
    if (filter->after_id > 0)
        return db_query(db, err,
                        "SELECT id, " COLUMNS " FROM invocations WHERE (?1 = '' OR function = ?1) AND id > ?2"
                        " AND received_us >= ?3 ORDER BY id LIMIT ?4",
                        DB_STR(filter->function), after, since, limit);
    if (filter->function.len > 0)
        return db_query(db, err,
                        "SELECT * FROM (SELECT id, " COLUMNS " FROM invocations WHERE function = ? AND received_us >= ?"
                        " ORDER BY id DESC LIMIT ?) ORDER BY id",
                        DB_STR(filter->function), since, limit);
    return db_query(db, err,
                    "SELECT * FROM (SELECT id, " COLUMNS " FROM invocations WHERE received_us >= ?"
                    " ORDER BY id DESC LIMIT ?) ORDER BY id",
                    since, limit);
}

bool records_query(struct db *db, const struct records_filter *filter, struct arena *arena,
                   void (*on_row)(void *ctx, int64_t id, const struct record *record), void *ctx, struct err *err)
{
    struct record *record;

    *err = (struct err){0};
    DB_ROWS_AUTO rows = query(db, filter, err);
    while (db_next(&rows, err)) {
        record = arena_new(arena, struct record, 1);
        read_record(&rows, arena, record);
        on_row(ctx, db_int(&rows, 0), record);
    }
    return err->code == ERR_NONE;
}

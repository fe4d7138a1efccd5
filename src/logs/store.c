#include "logs/store.h"

#include "logs/rollup.h"

#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

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
    {3, "ALTER TABLE invocations ADD COLUMN threshold_number INTEGER NOT NULL DEFAULT 0;"},
};

static const char columns[] = "id"
#define FIELD(kind, name, column, meaning) ", " #column
#include "logs/record.def"
#undef FIELD
    ;

static const char insert_sql[] = "INSERT INTO invocations (id"
#define FIELD(kind, name, column, meaning) ", " #column
#include "logs/record.def"
#undef FIELD
                                 ") VALUES (NULL"
#define FIELD(kind, name, column, meaning) ", ?"
#include "logs/record.def"
#undef FIELD
                                 ")";

MUST_USE static bool migrate(struct db *db, struct err *err)
{
    const struct db_migration all[] = {migrations[0], rollup_migration, migrations[1]};

    return db_migrate(db, all, sizeof all / sizeof *all, err);
}

/* A crash of the machine may take the last second, as it takes the journal's; a crash of the server takes nothing.  So
 * this database need not wait for the disk at each commit. */
bool records_store_open(const char *path, struct db **ret, struct err *err)
{
    struct db *db = NULL;

    if (!db_open(path, &db, err))
        return false;
    if (!migrate(db, err) || !db_run(db, err, "PRAGMA synchronous=NORMAL")) {
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

enum { BREATH_COUNT = 8 /* records */, BREATH_US = 100 };

static struct db_value value_of(const struct record *record, const struct record_field *field)
{
    if (field->kind == RECORD_WORD)
        return DB_STR(record_text(record, field));
    if (field->kind == RECORD_BODY)
        return DB_BLOB(record_text(record, field));
    return DB_INT(record_number(record, field));
}

static bool insert(struct db *db, const struct record *record, struct err *err)
{
    struct db_value values[RECORD_FIELDS];

    for (int i = 0; i < RECORD_FIELDS; i++)
        values[i] = value_of(record, &record_fields[i]);
    return db_run_values(db, err, insert_sql, values, RECORD_FIELDS);
}

/*
 * With pauses: a thread that wakes up may take the CPU from the one that answers calls, and has it until the next tick
 * of the scheduler's clock or until it sleeps.  In pieces of a tenth of a millisecond that is not noticed.
 */
static bool insert_batch(struct db *db, struct journal_reader *reader, struct journal_place end, struct rollup *rollup,
                         int *ret_count, struct err *err)
{
    struct record record;
    int count = 0;

    while (count < RECORDS_BATCH_MAX && journal_read(reader, end, &record, err)) {
        if (!insert(db, &record, err))
            return false;
        rollup_count(rollup, &record);
        if (++count % BREATH_COUNT == 0)
            (void)usleep(BREATH_US);
    }
    *ret_count = count;
    return err->code == ERR_NONE && rollup_store(rollup, db, err) &&
           db_run(db, err, "UPDATE journal SET file = ?, offset = ?", DB_INT(reader->place.file),
                  DB_INT(reader->place.offset));
}

bool records_store_drain(struct db *db, struct journal_reader *reader, struct journal_place end, struct err *err)
{
    struct journal_place from;
    int count = RECORDS_BATCH_MAX;

    *err = (struct err){0};
    while (count == RECORDS_BATCH_MAX) {
        struct rollup *rollup = rollup_new();
        from = reader->place;
        bool good = db_begin(db, err) && insert_batch(db, reader, end, rollup, &count, err) && db_commit(db, err);
        rollup_free(rollup);
        if (!good) {
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

    if (!rollup_trim(db, clock_wall_us() / 1000000, err))
        return false;
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

/* Column 0 is the id. */
static void read_record(const struct db_rows *rows, struct arena *arena, struct record *ret)
{
    *ret = (struct record){0};
    for (int i = 0; i < RECORD_FIELDS; i++) {
        const struct record_field *field = &record_fields[i];

        if (record_is_text(field))
            record_set_text(ret, field, db_text(rows, i + 1, arena));
        else
            record_set_number(ret, field, db_int(rows, i + 1));
    }
}

#define SOURCE_IS_WANTED " AND (source = ?5 OR ?5 = 'all' OR (?5 = '' AND source NOT IN ('replay', 'shadow')))"

/* One text for each way through the table, so that each uses its index; the newest are found before they are read. */
static struct db_rows query(struct db *db, const struct records_filter *filter, struct arena *arena, struct err *err)
{
    struct db_value after = DB_INT(filter->after_id), since = DB_INT(filter->since_us), limit = DB_INT(filter->limit);
    const char *which;

    if (filter->request_id.len > 0)
        which = "request_id = ?1 AND id > ?2 AND received_us >= ?3" SOURCE_IS_WANTED " ORDER BY id LIMIT ?4";
    else if (filter->after_id != 0)
        which = "(?1 = '' OR function = ?1) AND id > ?2 AND received_us >= ?3" SOURCE_IS_WANTED " ORDER BY id LIMIT ?4";
    else if (filter->function.len > 0)
        which =
            "id IN (SELECT id FROM invocations WHERE function = ?1 AND id > ?2 AND received_us >= ?3" SOURCE_IS_WANTED
            " ORDER BY id DESC LIMIT ?4) ORDER BY id";
    else
        which = "id IN (SELECT id FROM invocations WHERE ?1 = '' AND id > ?2 AND received_us >= ?3" SOURCE_IS_WANTED
                " ORDER BY id DESC LIMIT ?4) ORDER BY id";
    return db_query(db, err, arena_printf(arena, "SELECT %s FROM invocations WHERE %s", columns, which).at,
                    DB_STR(filter->request_id.len > 0 ? filter->request_id : filter->function), after, since, limit,
                    DB_STR(filter->request_id.len > 0 ? RECORD_SOURCES_ALL : filter->source));
}

bool records_ran_for_somebody(const struct record *record)
{
    return record->started_us >= 0 && record_source(record->source)->is_traffic;
}

bool records_last(struct db *db, str function, int64_t count, struct records_span *ret, struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(db, err,
                                 "SELECT coalesce(min(id), 0), coalesce(max(id), 0), count(*) FROM"
                                 " (SELECT id FROM invocations WHERE function = ? AND started_us >= 0"
                                 " AND source IN ('lambda', 'gateway', 'history') ORDER BY id DESC LIMIT ?)",
                                 DB_STR(function), DB_INT(count));
    if (!db_next(&rows, err))
        return err->code ? false : err_set(err, ERR_SYSTEM, "records.db cannot count its rows");
    *ret = (struct records_span){db_int(&rows, 0), db_int(&rows, 1), db_int(&rows, 2)};
    return true;
}

bool records_query(struct db *db, const struct records_filter *filter, struct arena *arena,
                   bool (*on_row)(void *ctx, int64_t id, const struct record *record), void *ctx, struct err *err)
{
    struct record *record;

    *err = (struct err){0};
    DB_ROWS_AUTO rows = query(db, filter, arena, err);
    while (db_next(&rows, err)) {
        record = arena_new(arena, struct record, 1);
        read_record(&rows, arena, record);
        if (!on_row(ctx, db_int(&rows, 0), record))
            return true;
    }
    return err->code == ERR_NONE;
}

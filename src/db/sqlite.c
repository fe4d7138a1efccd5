/*
 * SQLite behind db.h.  One connection per handle; each SQL text is prepared once and kept, keyed by the text itself.
 *
 * Invariants:
 *  - a cached statement is either in use by one db_rows, or reset with its parameters cleared, so a read
 *    transaction never outlives the rows that opened it (a forgotten one would stop the WAL from being reset);
 *  - asking for a text that is in use prepares another statement for it, finalized when its rows are done;
 *  - after a failed fsync the kernel may have dropped the dirty pages, so a retry that succeeds proves nothing:
 *    the process stops at once, and what was acknowledged is what the log holds.
 */
#include "db/db.h"

#include "db/stop_vfs.h"

#include <assert.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/map.h"

enum {
    STATEMENTS_MAX = 256, /* cached; the house has about a hundred SQL texts */
    BUSY_TIMEOUT_MS = 5000,
};

struct db {
    sqlite3 *handle;
    struct map statements;  /* SQL text -> struct statement */
    struct statement *last; /* of these, that was asked for last: a batch asks for the same again and again */
};

struct statement {
    sqlite3_stmt *stmt;
    bool busy;
    bool cached;
};

static const char open_pragmas[] = "PRAGMA journal_mode=WAL;"
                                   "PRAGMA synchronous=FULL;"
                                   "PRAGMA foreign_keys=ON;"
                                   "PRAGMA trusted_schema=OFF;"
                                   "PRAGMA temp_store=MEMORY;";

static enum err_code code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
        return ERR_CONFLICT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_TIMEOUT;
    case SQLITE_TOOBIG:
        return ERR_LIMIT;
    case SQLITE_FULL:
        return ERR_FULL;
    default:
        return ERR_SYSTEM;
    }
}

static void stop_if_not_durable(int rc)
{
    if (rc != SQLITE_IOERR_FSYNC && rc != SQLITE_IOERR_DIR_FSYNC && rc != SQLITE_IOERR_CLOSE)
        return;
    fprintf(stderr, "the disk refused an fsync (SQLite %d): stopping, so that nothing is acknowledged after it\n", rc);
    abort();
}

static bool fail(struct db *db, struct err *err, const char *what)
{
    int rc = sqlite3_extended_errcode(db->handle);

    stop_if_not_durable(rc);
    if ((rc & 0xff) == SQLITE_NOMEM)
        abort();
    err_set(err, code_of(rc), "%s: %s", what, sqlite3_errmsg(db->handle));
    err->os_errno = sqlite3_system_errno(db->handle);
    return false;
}

/* Opening and closing */

static bool execute(struct db *db, const char *sql, struct err *err)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK || fail(db, err, "database");
}

static bool open_with(const char *path, int flags, const char *pragmas, struct db **ret, struct err *err)
{
    struct db *db = calloc(1, sizeof *db);

    if (!db)
        abort();
    if (sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, stop_vfs()) !=
        SQLITE_OK) {
        fail(db, err, path);
        db_close(db);
        return false;
    }
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    if (!execute(db, pragmas, err)) {
        db_close(db);
        return err_wrap(err, "%s", path);
    }
    *ret = db;
    return true;
}

/* The file is its owner's alone: it holds environments and payloads.  SQLite gives the WAL the same mode. */
MUST_USE static bool make_private(const char *path, struct err *err)
{
    if (strcmp(path, ":memory:") == 0)
        return true;
    FD_AUTO fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    return (fd >= 0 && fchmod(fd, 0600) == 0) || err_sys(err, "%s", path);
}

bool db_open(const char *path, struct db **ret, struct err *err)
{
    return make_private(path, err) && open_with(path, SQLITE_OPEN_READWRITE, open_pragmas, ret, err);
}

bool db_open_readonly(const char *path, struct db **ret, struct err *err)
{
    return open_with(path, SQLITE_OPEN_READONLY, "PRAGMA trusted_schema=OFF; PRAGMA query_only=ON;", ret, err);
}

static void statement_free(struct statement *statement)
{
    sqlite3_finalize(statement->stmt);
    free(statement);
}

static void forget_statements(struct db *db)
{
    size_t cursor = 0;
    void *statement;
    str sql;

    while (map_next(&db->statements, &cursor, &sql, &statement)) {
        assert(!((struct statement *)statement)->busy); /* somebody's rows are not done */
        statement_free(statement);
    }
    map_done(&db->statements);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    forget_statements(db);
    stop_if_not_durable(sqlite3_close(db->handle));
    free(db);
}

/* Statements */

static struct statement *prepare(struct db *db, const char *sql, bool cache, struct err *err)
{
    struct statement *statement;
    const char *tail = "";
    sqlite3_stmt *stmt;

    if (sqlite3_prepare_v3(db->handle, sql, -1, cache ? SQLITE_PREPARE_PERSISTENT : 0, &stmt, &tail) != SQLITE_OK) {
        fail(db, err, "SQL");
        return NULL;
    }
    assert(stmt && tail[strspn(tail, "; \n\t")] == '\0'); /* one statement: what follows it would not run */
    statement = calloc(1, sizeof *statement);
    if (!statement)
        abort();
    *statement = (struct statement){.stmt = stmt, .cached = cache};
    return statement;
}

static struct statement *find_statement(struct db *db, const char *sql)
{
    if (!db->last || strcmp(sqlite3_sql(db->last->stmt), sql) != 0)
        db->last = map_get(&db->statements, str_of(sql));
    return db->last;
}

static struct statement *take_statement(struct db *db, const char *sql, struct err *err)
{
    struct statement *statement = find_statement(db, sql);

    if (statement && statement->busy) {
        statement = prepare(db, sql, false, err);
    } else if (!statement) {
        if (db->statements.len >= STATEMENTS_MAX)
            statement = prepare(db, sql, false, err);
        else if ((statement = prepare(db, sql, true, err)))
            map_put(&db->statements, str_of(sql), statement);
    }
    if (statement)
        statement->busy = true;
    return statement;
}

static void give_back(struct statement *statement)
{
    if (!statement->cached) {
        statement_free(statement);
        return;
    }
    sqlite3_reset(statement->stmt);
    sqlite3_clear_bindings(statement->stmt);
    statement->busy = false;
}

/* whose: SQLITE_STATIC when the values outlive the statement's run, SQLITE_TRANSIENT (a copy) when they may not. */
static int bind_one(sqlite3_stmt *stmt, int column, const struct db_value *value, sqlite3_destructor_type whose)
{
    const char *bytes = value->bytes.at ? value->bytes.at : "";

    switch (value->kind) {
    case DB_KIND_NULL:
        return sqlite3_bind_null(stmt, column);
    case DB_KIND_INT:
        return sqlite3_bind_int64(stmt, column, value->number);
    case DB_KIND_REAL:
        return sqlite3_bind_double(stmt, column, value->real);
    case DB_KIND_TEXT:
        return sqlite3_bind_text64(stmt, column, bytes, value->bytes.len, whose, SQLITE_UTF8);
    case DB_KIND_BLOB:
        return sqlite3_bind_blob64(stmt, column, bytes, value->bytes.len, whose);
    }
    abort();
}

static bool bind_all(struct db *db, struct statement *statement, const struct db_value *values, int count,
                     sqlite3_destructor_type whose, struct err *err)
{
    assert(sqlite3_bind_parameter_count(statement->stmt) == count);
    for (int i = 0; i < count; i++)
        if (bind_one(statement->stmt, i + 1, &values[i], whose) != SQLITE_OK)
            return fail(db, err, "SQL parameter");
    return true;
}

struct db_rows db_query_values(struct db *db, struct err *err, const char *sql, const struct db_value *values,
                               int count)
{
    struct statement *statement = take_statement(db, sql, err);

    if (statement && !bind_all(db, statement, values, count, SQLITE_TRANSIENT, err)) {
        give_back(statement);
        statement = NULL;
    }
    return (struct db_rows){.db = db, .statement = statement};
}

bool db_next(struct db_rows *rows, struct err *err)
{
    struct statement *statement = rows->statement;
    int rc;

    if (!statement)
        return false;
    rc = sqlite3_step(statement->stmt);
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        fail(rows->db, err, "SQL");
    db_rows_done(rows);
    return false;
}

void db_rows_done(struct db_rows *rows)
{
    if (rows->statement)
        give_back(rows->statement);
    rows->statement = NULL;
}

bool db_run_values(struct db *db, struct err *err, const char *sql, const struct db_value *values, int count)
{
    struct statement *statement = take_statement(db, sql, err);
    bool good;

    if (!statement)
        return false;
    good = bind_all(db, statement, values, count, SQLITE_STATIC, err); /* give_back() unbinds them */
    if (good) {
        int rc = sqlite3_step(statement->stmt);

        while (rc == SQLITE_ROW) /* RETURNING, or a pragma's answer: not wanted here */
            rc = sqlite3_step(statement->stmt);
        good = rc == SQLITE_DONE || fail(db, err, "SQL");
    }
    give_back(statement);
    return good;
}

int64_t db_changes(const struct db *db)
{
    return sqlite3_changes64(db->handle);
}

int64_t db_last_rowid(const struct db *db)
{
    return sqlite3_last_insert_rowid(db->handle);
}

/* Columns */

static sqlite3_stmt *row_of(const struct db_rows *rows)
{
    const struct statement *statement = rows->statement;

    assert(statement);
    return statement->stmt;
}

int64_t db_int(const struct db_rows *rows, int column)
{
    return sqlite3_column_int64(row_of(rows), column);
}

double db_real(const struct db_rows *rows, int column)
{
    return sqlite3_column_double(row_of(rows), column);
}

bool db_is_null(const struct db_rows *rows, int column)
{
    return sqlite3_column_type(row_of(rows), column) == SQLITE_NULL;
}

str db_text(const struct db_rows *rows, int column, struct arena *arena)
{
    const char *at = sqlite3_column_blob(row_of(rows), column); /* NULL when empty or NULL */
    int len = sqlite3_column_bytes(row_of(rows), column);

    return arena_copy(arena, (str){at, at ? (size_t)len : 0});
}

/* Transactions and migrations */

bool db_begin(struct db *db, struct err *err)
{
    return db_run(db, err, "BEGIN IMMEDIATE");
}

bool db_commit(struct db *db, struct err *err)
{
    return db_run(db, err, "COMMIT");
}

bool db_flush(struct db *db, struct err *err)
{
    int rc = sqlite3_db_cacheflush(db->handle);

    if (rc == SQLITE_OK || rc == SQLITE_BUSY) /* a page is in use, and stays for the commit */
        return true;
    stop_if_not_durable(rc);
    return err_set(err, code_of(rc), "SQL: %s", sqlite3_errstr(rc)); /* the handle does not keep it */
}

void db_rollback(struct db *db)
{
    if (!sqlite3_get_autocommit(db->handle))
        stop_if_not_durable(sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL));
}

static bool read_number(struct db *db, int *ret, struct err *err)
{
    struct err seen = {0};
    DB_ROWS_AUTO rows = db_query(db, &seen, "PRAGMA user_version");

    if (!db_next(&rows, &seen)) {
        *err = seen;
        return false;
    }
    *ret = (int)db_int(&rows, 0);
    return true;
}

/* user_version lives in the database's header page: it commits, or not, with the migration itself. */
static bool migrate_one(struct db *db, const struct db_migration *migration, struct err *err)
{
    char set_number[64];

    snprintf(set_number, sizeof set_number, "PRAGMA user_version=%d", migration->number);
    if (!db_begin(db, err))
        return false;
    if (!execute(db, migration->sql, err) || !execute(db, set_number, err) || !db_commit(db, err)) {
        db_rollback(db);
        return err_wrap(err, "migration %d", migration->number);
    }
    return true;
}

bool db_migrate(struct db *db, const struct db_migration *list, int count, struct err *err)
{
    int newest = count > 0 ? list[count - 1].number : 0;
    int number;

    if (!read_number(db, &number, err))
        return false;
    if (number > newest)
        return err_set(err, ERR_CONFLICT,
                       "the database is at schema %d, made by a newer sculler; this one knows up to %d", number,
                       newest);
    for (int i = 0; i < count; i++) {
        assert(i == 0 || list[i].number > list[i - 1].number);
        if (list[i].number > number && !migrate_one(db, &list[i], err))
            return false;
    }
    return true;
}

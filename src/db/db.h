/*
 * db: one face for SQL.  SQLite now (WAL, synchronous=FULL, STRICT tables), PostgreSQL when it is shared.
 *
 * A handle belongs to one thread (a lane).  Values go in as parameters, never pasted into the text:
 *
 *     db_run(db, &err, "UPDATE functions SET memory = ? WHERE name = ?", DB_INT(512), DB_STR(name));
 *
 *     DB_ROWS_AUTO rows = db_query(db, &err, "SELECT version, sha FROM versions WHERE name = ?", DB_STR(name));
 *     while (db_next(&rows, &err)) { int64_t v = db_int(&rows, 0); str sha = db_text(&rows, 1, arena); }
 *
 * A failed fsync (SQLITE_IOERR_FSYNC and kin) stops the process: nothing after it may be acknowledged.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct db;

struct db_value {
    enum { DB_KIND_NULL, DB_KIND_INT, DB_KIND_REAL, DB_KIND_TEXT, DB_KIND_BLOB } kind;
    int64_t number;
    double real;
    str bytes;
};

#define DB_NULL ((struct db_value){.kind = DB_KIND_NULL})
#define DB_INT(i) ((struct db_value){.kind = DB_KIND_INT, .number = (int64_t)(i)})
#define DB_REAL(r) ((struct db_value){.kind = DB_KIND_REAL, .real = (r)})
#define DB_STR(s) ((struct db_value){.kind = DB_KIND_TEXT, .bytes = (s)})
#define DB_BLOB(s) ((struct db_value){.kind = DB_KIND_BLOB, .bytes = (s)})
/* NULL when empty: for optional text */
#define DB_STR_OR_NULL(s) ((s).len ? DB_STR(s) : DB_NULL)

struct db_rows { /* open so that it can live on the stack */
    struct db *db;
    void *statement;
};

struct db_migration {
    int number; /* 1, 2, 3 … applied once, in order, each in a transaction with its number */
    const char *sql;
};

/* path: a file, made when it is not there, its owner's alone (0600); or ":memory:". */
MUST_USE bool db_open(const char *path, struct db **ret, struct err *err);
MUST_USE bool db_open_readonly(const char *path, struct db **ret, struct err *err);
void db_close(struct db *db);
/* Refuses a database whose number is higher than the last it knows (a newer sculler made it). */
MUST_USE bool db_migrate(struct db *db, const struct db_migration *list, int count, struct err *err);

MUST_USE bool db_begin(struct db *db, struct err *err); /* BEGIN IMMEDIATE */
MUST_USE bool db_commit(struct db *db, struct err *err);
/* What the transaction has changed goes into the log now, and its commit needs almost no room any more: for a
 * transaction of several files, which is to fail before the first of them has committed. */
MUST_USE bool db_flush(struct db *db, struct err *err);
void db_rollback(struct db *db); /* harmless when there is no transaction */

MUST_USE bool db_run_values(struct db *db, struct err *err, const char *sql, const struct db_value *values, int count);
int64_t db_changes(const struct db *db); /* rows that the last db_run changed */
int64_t db_last_rowid(const struct db *db);
struct db_rows db_query_values(struct db *db, struct err *err, const char *sql, const struct db_value *values,
                               int count);
bool db_next(struct db_rows *rows, struct err *err); /* false: no more, or err.code is set */
void db_rows_done(struct db_rows *rows);

int64_t db_int(const struct db_rows *rows, int column);
double db_real(const struct db_rows *rows, int column);
bool db_is_null(const struct db_rows *rows, int column);
str db_text(const struct db_rows *rows, int column, struct arena *arena); /* copied; blobs too */

#define DB_VALUES_(...) ((struct db_value[]){DB_NULL, ##__VA_ARGS__})
#define DB_COUNT_(...) ((int)(sizeof DB_VALUES_(__VA_ARGS__) / sizeof(struct db_value)) - 1)
#define db_run(db, err, sql, ...) db_run_values(db, err, sql, DB_VALUES_(__VA_ARGS__) + 1, DB_COUNT_(__VA_ARGS__))
#define db_query(db, err, sql, ...) db_query_values(db, err, sql, DB_VALUES_(__VA_ARGS__) + 1, DB_COUNT_(__VA_ARGS__))
#define DB_ROWS_AUTO CLEANUP(db_rows_done) struct db_rows

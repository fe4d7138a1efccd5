/*
 * rows: a C struct that is a row of a table, described once; from the description come the SQL that reads and writes
 * it and the JSON members that AWS shows of it.
 *
 *     static const struct row_column columns[] = {
 *         {"id", ROW_STR, offsetof(struct rest_api, id), .json = "id"},
 *         {"tags", ROW_JSON, offsetof(struct rest_api, tags), .json = "tags"},
 *     };
 *
 * A str with at == NULL is SQL's NULL and is left out of the JSON; the empty text is neither.  The first `keys_count`
 * columns are the primary key.  All on the state lane, in the caller's transaction.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "codec/json_write.h"
#include "db/db.h"

enum row_type {
    ROW_STR,
    ROW_JSON, /* a str that holds JSON: shown as it is */
    ROW_INT,  /* int64_t; ROW_INT_NONE is NULL */
    ROW_TIME, /* int64_t, microseconds; shown in whole seconds */
    ROW_BOOL,
};
#define ROW_INT_NONE INT64_MIN

struct row_column {
    const char *name;
    enum row_type type;
    size_t offset;
    const char *json; /* NULL: not shown */
};

enum { ROW_COLUMNS_MAX = 16, ROW_KEYS_MAX = 4 };

struct row_table {
    const char *name;
    const struct row_column *columns;
    int count, keys_count;
    size_t size; /* of the C struct */
};

/* Not there: ERR_NOT_FOUND.  `key` has table->keys_count parts. */
MUST_USE bool row_get(struct db *db, const struct row_table *table, const str *key, struct arena *arena, void *ret,
                      struct err *err);
/* Adds; there already: ERR_CONFLICT. */
MUST_USE bool row_insert(struct db *db, const struct row_table *table, const void *row, struct err *err);
/* Writes all columns of a row that is there. */
MUST_USE bool row_update(struct db *db, const struct row_table *table, const void *row, struct err *err);
/* All rows that begin with `key` (0 parts: all there are), oldest first, as an array of table->size. */
MUST_USE bool row_list(struct db *db, const struct row_table *table, const str *key, int key_count, struct arena *arena,
                       void **ret, int *ret_count, struct err *err);
/* Rows that begin with `key`; none: ERR_NOT_FOUND.  What hangs on them goes too (ON DELETE CASCADE). */
MUST_USE bool row_delete(struct db *db, const struct row_table *table, const str *key, int key_count, struct err *err);

/* The members of the row, in the order of its columns, into an object that the caller has opened. */
void row_write(struct jw *jw, const struct row_table *table, const void *row);

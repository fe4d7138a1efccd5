/*
 * feed_table: the columns of a CSV file, and its rows as the server takes them: JSON, a line each.
 */
#pragma once

#include "base/arena.h"
#include "cli/feed.h"
#include "codec/csv.h"

struct feed_column_use {
    str name;
    str member; /* empty: passed over */
    enum json_cell kind;
    bool is_item, is_feature;
};

struct feed_table {
    const struct feed_kind *kind;
    struct arena *arena;
    str map, items, features;     /* --map theirs=ours,...  --items a,b  --features c,d (or *: all that is left) */
    bool has_function;            /* told for all rows */
    bool items_are_guessed;       /* columns that are not there do not matter */
    struct feed_column_use *uses; /* once there is a header */
    int count;
    int id_column, source_column; /* -1: none */
    bool has_items, has_features;
};

/* ERR_INVALID: this table does not say what is needed, and how to go on. */
MUST_USE bool feed_table_header(struct feed_table *table, const struct csv *csv, struct err *err);
/* Adds the row and a line end. */
void feed_table_row(const struct feed_table *table, const struct csv_row *row, struct buf *out);
/* A line of JSON likewise.  False: it is none that can be sent, and why. */
MUST_USE bool feed_line(const struct feed_kind *kind, str line, int64_t number, struct buf *out, const char **ret_why);

/*
 * parquet: flat tables as Parquet files (Apache Parquet format specification), out, for pandas, DuckDB, Spark and the
 * like.  Written a row at a time, field by field as by jw and cw; what is finished goes to a callback, so a table of
 * any length needs the memory of one row group (PARQUET_GROUP_BYTES_MAX, and what its columns have begun).
 *
 * Every column may have nulls.  Values are PLAIN, texts that repeat go by a dictionary, pages are of version 1 and
 * compressed by zlib (GZIP).  A row group tells its nulls, and of whole numbers and times the least and the largest, so
 * readers can pass over what they are not asked for.
 *
 * A fault (the callback's, or a limit) stays: pq_end_row() and parquet_end() return it, what is written in between is
 * dropped.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

enum {
    PARQUET_COLUMNS_MAX = 512,
    PARQUET_GROUP_ROWS_MAX = 128 * 1024,
    PARQUET_GROUP_BYTES_MAX = 16 * 1024 * 1024, /* of pages, those that are finished compressed */
    PARQUET_PAGE_BYTES = 128 * 1024,            /* of a page's values when it is closed */
    PARQUET_TEXT_BYTES_MAX = 1024 * 1024,
    PARQUET_DICTIONARY_MAX = 4096, /* texts; and bytes: */
    PARQUET_DICTIONARY_BYTES_MAX = 256 * 1024,
    PARQUET_FOOTER_BYTES_MAX = 64 * 1024 * 1024,
};

enum parquet_type {
    PARQUET_INT,
    PARQUET_REAL,
    PARQUET_BOOL,
    PARQUET_TEXT,
    PARQUET_TIME, /* microseconds since 1970, UTC */
};

struct parquet_column {
    str name; /* lives until parquet_free() */
    enum parquet_type type;
};

typedef bool parquet_on_bytes(void *context, str bytes, struct err *err);

struct parquet_options {
    const struct parquet_column *columns; /* copied */
    int count;
    bool plain; /* no compression and no dictionaries: for tests of the form */
    parquet_on_bytes *on_bytes;
    void *context;
};

struct parquet;

struct parquet *parquet_new(const struct parquet_options *options);
void parquet_free(struct parquet *pq); /* may be called at any time; without parquet_end() the file has no footer */
#define PARQUET_AUTO CLEANUP(parquet_free_at) struct parquet *
void parquet_free_at(struct parquet **pq);

/* The fields of a row, in the order of the columns; another type than the column's is a bug of ours. */
void pq_int(struct parquet *pq, int64_t value);
void pq_real(struct parquet *pq, double value);
void pq_bool(struct parquet *pq, bool value);
void pq_text(struct parquet *pq, str text); /* what is not UTF-8 in it becomes U+FFFD */
void pq_time(struct parquet *pq, int64_t microseconds);
void pq_null(struct parquet *pq);
MUST_USE bool pq_end_row(struct parquet *pq, struct err *err);

MUST_USE bool parquet_end(struct parquet *pq, struct err *err); /* the last group, and the footer */

/*
 * store: records.db: the table of invocations and the questions asked of it.  On the records lane.
 *
 * The journal's place up to which records are in the table is a row beside them and changes in the same
 * transaction, so no record is in twice and none is missed.
 */
#pragma once

#include "base/err.h"
#include "db/db.h"
#include "logs/journal.h"
#include "logs/record.h"

enum {
    RECORDS_ROWS_MAX = 1000 * 1000,
    RECORDS_BATCH_MAX = 1000, /* rows a transaction, in and out */
};
#define RECORDS_BYTES_MAX (4LL * 1024 * 1024 * 1024)

struct records_limits {
    int64_t rows_max, bytes_max;
};

MUST_USE bool records_store_open(const char *path, struct db **ret, struct err *err);
MUST_USE bool records_store_place(struct db *db, struct journal_place *ret, struct err *err);
/* All that the reader has before `end`, in batches; the reader stands at the place in the database. */
MUST_USE bool records_store_drain(struct db *db, struct journal_reader *reader, struct journal_place end,
                                  struct err *err);
/* Removes the oldest until the rest is within the limits. */
MUST_USE bool records_store_trim(struct db *db, const struct records_limits *limits, struct err *err);

#define RECORDS_FROM_THE_OLDEST (-1)

struct records_filter {
    str function, request_id; /* empty: any */
    str source;               /* as record_source_is_wanted(); of one request id any */
    int64_t since_us;         /* received at or after; 0: any */
    int64_t after_id;         /* 0: the newest `limit`; else the first `limit` behind this one (or FROM_THE_OLDEST) */
    int limit;
};

/* The last calls of a function that ran for somebody, at most `count`: from which id to which, and how many.  Rows of
 * other calls lie between. */
struct records_span {
    int64_t first_id, last_id, count;
};
MUST_USE bool records_last(struct db *db, str function, int64_t count, struct records_span *ret, struct err *err);
/* Is this one of those? */
bool records_ran_for_somebody(const struct record *record);

/* Oldest first.  The record lives in the arena.  on_row returns false when it wants no more. */
MUST_USE bool records_query(struct db *db, const struct records_filter *filter, struct arena *arena,
                            bool (*on_row)(void *ctx, int64_t id, const struct record *record), void *ctx,
                            struct err *err);

/*
 * record: the one thing that every call leaves behind.  Logs, metrics, captured predictions, `why` and replay are
 * all made from it.
 *
 * Its life: record_append() writes it (one write(2), CRC32C, page cache: it survives kill -9) to the journal before
 * the answer leaves; the `records` lane puts batches into records.db (table invocations); a journal file whose
 * records are all in the database is removed; at start what is left in the journal is put there first.
 */
#pragma once

#include <stdint.h>
#include <uv.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"

struct record {
    str request_id, function, version, alias /* or empty */;
    str source; /* "lambda" or "gateway" */
    str detail; /* gateway: "POST /test/budget_expense_matcher/"; else empty */
    int64_t received_wall_us;
    int32_t resolved_us, admitted_us, started_us, ended_us, answered_us; /* since received; -1: did not get there */
    int32_t init_us;
    int32_t status; /* HTTP status answered */
    str error_type; /* empty: none */
    str cause;      /* in words, for `why`; empty: none */
    bool cold;
    uint32_t worker, memory_mb, memory_peak_kb;
    str input, output;                 /* cut at RECORD_*_BYTES_MAX */
    int64_t input_bytes, output_bytes; /* whole sizes */
    str log;                           /* START to REPORT as Lambda prints it */
};

struct records;
struct lane;

MUST_USE bool records_open(uv_loop_t *loop, const char *state_dir, struct records **ret, struct err *err);
void records_close(struct records *records); /* everything reaches the database first */
void records_append(struct records *records, const struct record *record);
/* Told of every record right after it was appended: the live tail.  The record is valid during the call. */
void records_watch(struct records *records, void (*on_record)(void *ctx, const struct record *record), void *ctx);
void records_unwatch(struct records *records, void (*on_record)(void *ctx, const struct record *record), void *ctx);

/* For reading jobs: a read-only handle on records.db; what was appended before the call is visible to a job on
 * the records lane. */
struct lane *records_lane(struct records *records);
struct db *records_db(struct records *records); /* on that lane only */

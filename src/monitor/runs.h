/*
 * runs: an index from a 64-bit hash to row numbers that is cheap to add to, though hashes come at random.
 *
 * A B-tree of random keys dirties a page a key, and each commit writes them all.  Here what a transaction adds is
 * sorted and written as one run of chunks; RUNS_FAN of a level are merged into one of the next, so a key is written
 * about log8(keys) times, always in sequence (the log-structured merge-tree: O'Neil et al., Acta Informatica 33, 1996).
 * A look-up asks each run's Bloom filter (Bloom, CACM 13, 1970; 10 bits a key, 1 % wrong), kept in memory, and reads
 * one chunk of those that do not say no.
 *
 * Hashes collide: who finds a row looks at it.  Tables runs and run_chunks of the file; the caller has the transaction.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "db/db.h"

enum {
    RUNS_FAN = 8,
    RUN_CHUNK_PAIRS = 1024,
    RUNS_PENDING_MAX = 256 * 1024, /* 8 MB; then they are written, in the same transaction */
};

struct runs;

extern const char runs_schema[]; /* for the file's first migration */

MUST_USE bool runs_open(struct db *db, struct runs **ret, struct err *err);
void runs_close(struct runs *runs);

/* Found from now on, written by the next runs_write(). */
MUST_USE bool runs_add(struct runs *runs, uint64_t hash, int64_t number, struct err *err);
/* Calls on each number of that hash, the newest transaction's first, until on_number returns false. */
MUST_USE bool runs_find(struct runs *runs, uint64_t hash, bool (*on_number)(void *ctx, int64_t number), void *ctx,
                        struct err *err);
MUST_USE bool runs_write(struct runs *runs, struct err *err);

/* Of a few texts, one after the other: FNV-1a, 64 bits (Fowler, Noll, Vo), with a finishing mix. */
uint64_t runs_hash(const str *parts, int count);
#define RUNS_HASH(...) runs_hash(STR_LIST(__VA_ARGS__))

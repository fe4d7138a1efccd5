/*
 * orphans: labels whose prediction is not there (yet).  Table orphans of monitor.db; their hashes in memory too, so
 * that a prediction that no label waits for costs one look-up.
 */
#pragma once

#include "base/err.h"
#include "db/db.h"
#include "monitor/prediction.h"

struct orphans;

extern const char orphans_schema[];

MUST_USE bool orphans_open(struct db *db, struct orphans **ret, struct err *err);
void orphans_close(struct orphans *orphans);
int64_t orphans_count(const struct orphans *orphans);

/* One that says what the last one before it says is kept once.  ERR_INVALID: there are ORPHANS_MAX. */
MUST_USE bool orphans_add(struct orphans *orphans, const struct label *label, struct err *err);
/* False: surely none. */
bool orphans_may_have(const struct orphans *orphans, uint64_t hash);
/* Calls on each label that is about this prediction, oldest known first, and removes it.  Its origin is "orphan:<id>".
 */
MUST_USE bool orphans_take(struct orphans *orphans, uint64_t hash, const struct prediction *prediction,
                           bool (*on_label)(void *ctx, const struct label *label, struct err *err), void *ctx,
                           struct err *err);

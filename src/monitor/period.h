/*
 * period: one month's file, `2026-11.db`: the predictions of that month, what is known to be true of them, and the
 * histograms of their scores.  One file, so that one transaction covers a row, its place in the index and its count.
 *
 *     period_begin ─▶ period_insert, period_label … ─▶ period_prepare ─▶ period_commit
 *                                                  └─▶ period_rollback (the file's tables in memory are read again)
 *
 * Columns of the views `predictions`, `labels`, `confusion_hourly`, `undecided_hourly` stay; the tables behind may
 * change. On the monitor lane.
 */
#pragma once

#include "base/err.h"
#include "db/db.h"
#include "logs/journal.h"
#include "monitor/prediction.h"
#include "monitor/prediction_id.h"

struct period;

enum {
    SEGMENTS_MAX = 1000,      /* of a function in a month; what comes after is counted in the segment below */
    ITEM_MATCHES_MAX = 10000, /* rows that one label may be about */
    STREAMS_MAX = 4096,       /* (function, version, alias, source) of a month */
};
#define SEGMENT_OTHER "(other)"

enum { PERIOD_PATH_MAX = 4096 };
/* For who reads a month's file (by its views, or its tables): its path.  folder: PERIOD_PATH_MAX - 16 at most. */
void period_path(const char *folder, int64_t month_us, char ret[PERIOD_PATH_MAX]);

/* folder: of the months' files.  Any time of the month will do. */
MUST_USE bool period_open(const char *folder, int64_t time_us, struct period **ret, struct err *err);
void period_close(struct period *period);
int64_t period_month(const struct period *period);

/* durable: the commit waits for the disk.  Else what the journal still has may be lost by a power cut, and is read
 * again. */
MUST_USE bool period_begin(struct period *period, bool durable, struct err *err);
/* All but the commit itself; what can fail for want of room fails here. */
MUST_USE bool period_prepare(struct period *period, struct err *err);
MUST_USE bool period_commit(struct period *period, struct err *err);
/* False: the file could not be read again, and is not usable. */
MUST_USE bool period_rollback(struct period *period, struct err *err);

enum inserted { INSERTED, INSERTED_UNDECIDED, INSERTED_BEFORE /* the client's id is there already */ };
/* ret_row: of a row that was inserted. */
MUST_USE bool period_insert(struct period *period, const struct prediction *prediction, enum inserted *ret,
                            int64_t *ret_row, struct err *err);

enum labelled { LABELLED, LABEL_CORRECTED, LABEL_UNCHANGED, LABEL_OLDER /* kept, but a newer one counts */ };
MUST_USE bool period_label(struct period *period, int64_t row, const struct label *label, enum labelled *ret,
                           struct err *err);
/* The rows that a label is about, newest first, as many as there is room for; *ret_count is one more when there are
 * more. */
MUST_USE bool period_find(struct period *period, const struct label *label, int64_t *rows, int room, int *ret_count,
                          struct err *err);

/* Has it rows of that call? */
MUST_USE bool period_has_request(struct period *period, str request_id, bool *ret, struct err *err);

/* What an orphaned label of this would have waited under. */
uint64_t label_hash(const struct label *label);
/* The hashes under which labels of this prediction would wait: how many there are. */
enum { PREDICTION_HASHES_MAX = 3 };
int prediction_hashes(const struct prediction *prediction, uint64_t ret[PREDICTION_HASHES_MAX]);

/* How far the journal of records is captured; in the same transaction as what was captured. */
MUST_USE bool period_place(struct period *period, struct journal_place *ret, struct err *err);
MUST_USE bool period_set_place(struct period *period, struct journal_place place, struct err *err);

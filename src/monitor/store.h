/*
 * store: all that is known of predictions: <state>/monitor/, a file for each month and monitor.db beside them.
 *
 *     store_begin ─▶ store_predict, store_label … ─▶ store_commit      (or store_rollback)
 *
 * A transaction spans the files it touches.  They commit one after the other, monitor.db last, and what is in them can
 * be applied again without a difference (ids of clients, origins of labels, the journal's place), so a crash between
 * two of them loses nothing that was acknowledged and counts nothing twice.
 *
 * Labels whose prediction is not there yet are orphans: kept in monitor.db and joined by the transaction that brings
 * it. On the monitor lane.
 */
#pragma once

#include "base/err.h"
#include "logs/journal.h"
#include "monitor/period.h"
#include "monitor/period_delayed.h"
#include "monitor/period_events.h"
#include "monitor/rules.h"

struct store;

enum {
    PERIODS_MAX = 1200,    /* months on disk: a century */
    PERIODS_OPEN_MAX = 16, /* at a time */
    ORPHANS_MAX = 1000000, /* labels that wait for their prediction */
    AHEAD_HOURS_MAX = 24,  /* how far in the future a prediction may be */
};

MUST_USE bool store_open(const char *folder, struct store **ret, struct err *err);
void store_close(struct store *store);
struct rules *store_rules(struct store *store);

MUST_USE bool store_begin(struct store *store, bool durable, struct err *err);
MUST_USE bool store_commit(struct store *store, struct err *err);
void store_rollback(struct store *store);

/* ERR_INVALID: this one cannot be kept, and err says why in words; the transaction goes on.  Else it must be rolled
 * back. */
/* truth: what is known of it already, or NULL; only its value, time, source and note are looked at. */
MUST_USE bool store_predict(struct store *store, const struct prediction *prediction, const struct label *truth,
                            enum inserted *ret, struct err *err);

struct label_result {
    int rows, labelled, corrected, unchanged, older; /* rows: that the label is about */
    bool is_orphan;
};
MUST_USE bool store_label(struct store *store, const struct label *label, struct label_result *ret, struct err *err);

/* The row that has this id of a client's, of any month; false in *ret_found: none. */
MUST_USE bool store_find(struct store *store, str function, str prediction_id, int64_t *ret_month_us, int64_t *ret_row,
                         bool *ret_found, struct err *err);

MUST_USE bool store_has_request(struct store *store, int64_t time_us, str request_id, bool *ret, struct err *err);

/* How far the journal of records was captured; and to be set in the transaction of what was. */
MUST_USE bool store_place(struct store *store, struct journal_place *ret, struct err *err);
MUST_USE bool store_set_place(struct store *store, int64_t time_us, struct journal_place place, struct err *err);

/* The months there are, newest first: their starts.  At most PERIODS_MAX. */
MUST_USE bool store_months(const char *folder, int64_t *ret_months, int *ret_count, struct err *err);
/* Removes the files of months before that of `before_us`, and refuses predictions of them from now on; who has one open
 * reads on.  Outside of a transaction. */
MUST_USE bool store_drop_before(struct store *store, int64_t before_us, int *ret_dropped, struct err *err);
/* The months that predictions were added to since this was asked, one after the other.  False: no more. */
bool store_take_addition(struct store *store, int64_t *ret_month);

/* ret_is_new: it was not there yet.  ret_is_paired: the start and the end of it are both known. */
MUST_USE bool store_event(struct store *store, const struct event *event, bool *ret_is_new, bool *ret_is_paired,
                          struct err *err);
/* A step of period_delay() through a month; ret_more: it was not the last. */
MUST_USE bool store_delay(struct store *store, int64_t month_us, const struct delayed *delayed, int64_t now_us,
                          int *ret_labelled, bool *ret_more, struct err *err);

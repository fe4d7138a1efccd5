/*
 * inbox: labels that others put into a table, with any client of SQLite, while the server runs: table label_inbox of
 * <folder>/inbox.db (the manual, "Labels", names its columns).
 *
 *     INSERT by others ─▶ label_inbox ─▶ store_label ─▶ the store's commit ─▶ the inbox's commit: it is gone from
 * there, or stands in label_inbox_refused with why
 *
 * A file of its own, so that somebody's forgotten transaction holds up nothing but this.  Between the two commits a
 * crash leaves a label in both; it is applied again, and by its origin (random, given by the table) found to be known.
 * On the monitor lane.
 */
#pragma once

#include "base/err.h"
#include "monitor/store.h"

struct inbox;

enum {
    INBOX_BATCH_MAX = 2000,     /* labels of a transaction */
    INBOX_REFUSED_MAX = 100000, /* kept; the oldest go first */
    INBOX_BUSY_TIMEOUT_MS = 50, /* how long it waits for who writes there; then it comes again */
};

struct inbox_report {
    int64_t applied, refused;
    bool has_more;
    bool is_busy; /* somebody else writes there */
};

MUST_USE bool inbox_open(const char *folder, struct inbox **ret, struct err *err);
void inbox_close(struct inbox *inbox);
/* A batch, when there is something.  False: nothing was changed in the inbox, and it can be tried again. */
MUST_USE bool inbox_run(struct inbox *inbox, struct store *store, struct inbox_report *ret, struct err *err);
/* Its first half: labels are in the store, and still in the inbox.  For inbox_run() and its tests. */
MUST_USE bool inbox_apply(struct inbox *inbox, struct store *store, struct inbox_report *ret, struct err *err);

/*
 * follow: the records of calls as they come, captured: the second reader of the journal.
 *
 * A batch of records is one transaction together with the journal's place, so each call is captured once however the
 * server ends; a file of the journal stays until this reader is past it.  Does nothing, and keeps no file, while no
 * function is monitored.  follow_run() on the monitor lane, the rest on the loop.
 */
#pragma once

#include "base/err.h"
#include "logs/place.h"
#include "monitor/store.h"

struct follow;

/* records_folder: of the journal. */
MUST_USE bool follow_open(struct store *store, const char *journal_folder, struct follow **ret, struct err *err);
void follow_close(struct follow *follow);
/* The first file that is still to be read; INT64_MAX: none. */
int64_t follow_kept_file(const struct follow *follow);
/* Begins with what is behind `end`, unless it follows already; for when the first function is monitored. */
void follow_start(struct follow *follow, struct journal_place end);
/* Captures all before `end`.  False: the database refused; nothing of the batch was kept, and it is tried again. */
MUST_USE bool follow_run(struct follow *follow, struct journal_place end, struct err *err);

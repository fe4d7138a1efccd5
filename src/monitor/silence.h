/*
 * silence: what period_delayed does to a month, done to all that is due: the functions whose settings say what silence
 * means (unlabelled_after), in the months that have rows old enough.  Those are: all of them at the start and when the
 * settings change, else the one that now comes of age, and those that predictions were added to.  On the monitor lane.
 */
#pragma once

#include "base/err.h"
#include "monitor/store.h"

struct silence;

enum { SILENCE_MS = 60 * 1000 }; /* between passes */

struct silence *silence_new(struct store *store);
void silence_free(struct silence *silence);
/* A step, when there is something to do.  False: it is tried again by the next. */
MUST_USE bool silence_run(struct silence *silence, int *ret_labelled, bool *ret_more, struct err *err);

/*
 * verdict: which versions of a function failed their proof, kept with the function as the tag `sculler:failed` ("7 9"):
 * Lambda has no word for it, a version cannot be changed, and tags every client sees.
 */
#pragma once

#include "cli/session.h"

/* Numbers with a blank between, the newest first; empty: none. */
MUST_USE bool verdict_failed(struct session *session, str function, str *ret, struct err *err);
/* Best effort: the deploy has failed already, and says why. */
void verdict_mark_failed(struct session *session, str function, str version);
/* A version may be tried again, and then goes live.  Best effort, too. */
void verdict_clear(struct session *session, str function, str version);
/* Is the number in the list? */
bool verdict_has(str list, str version);

/*
 * replay: the last calls on record through another version, as the server does it: begun, followed, told.  For diff and
 * deploy.
 */
#pragma once

#include <stdio.h>

#include "cli/session.h"

#define REPLAY_ROWS_SHOWN_DEFAULT 20

struct replay_wish {
    str function, version, against; /* against: a version, an alias, or "recorded" */
    long long last;
    double rate; /* 0: the server's default; likewise the others, when negative */
    long long concurrency;
    double threshold, tolerance;
};

/* Its id.  It runs on when we go. */
MUST_USE bool replay_begin(struct session *session, const struct replay_wish *wish, str *ret_id, struct err *err);
/* Until it has ended, with its progress on a terminal; Ctrl-C cancels it.  `rows`: of what changes, so many. */
MUST_USE bool replay_follow(struct session *session, str id, long long rows, json_t **ret, struct err *err);
MUST_USE bool replay_read(struct session *session, str id, long long rows, json_t **ret, struct err *err);

/* Does anything change: decisions where the server knows them, else answers; calls that failed or are mended too? */
bool replay_differs(const json_t *result);
/* In words, `to` where results go or where words about them go. */
void replay_print(FILE *to, const json_t *result, int indent);

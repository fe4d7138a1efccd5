/*
 * store: replay.db: replays and what they found, and the shadows that are set.  On replay's lane.
 */
#pragma once

#include "db/db.h"
#include "replay/compare.h"
#include "replay/shadow.h"

enum replay_state {
    REPLAY_WAITING,
    REPLAY_RUNNING,
    REPLAY_DONE,
    REPLAY_FAILED_STATE, /* it could not go on; why says */
    REPLAY_CANCELLED,
    REPLAY_INTERRUPTED,
    REPLAY_STATES,
};
extern const char *const replay_state_words[REPLAY_STATES];

struct replay_saved { /* a row of `replays` */
    int64_t number;   /* rowid */
    char id[REPLAY_ID_CHARS];
    struct replay_order order;
    enum replay_state state;
    str why;
    int64_t created_us, started_us, ended_us;
    int64_t calls;          /* how many are on record; -1: not looked up yet */
    int64_t at_id, last_id; /* records: done up to, last one */
    int64_t resumes;
    struct replay_counts counts;
};

MUST_USE bool replay_store_open(const char *path, struct db **ret, struct err *err);
/* Sets saved->number.  The oldest results go, so that REPLAYS_KEPT_MAX stay. */
MUST_USE bool replay_store_add(struct db *db, struct replay_saved *saved, struct err *err);
/* What changes of it while it runs. */
MUST_USE bool replay_store_update(struct db *db, const struct replay_saved *saved, struct err *err);
MUST_USE bool replay_store_add_change(struct db *db, int64_t number, int64_t call_id, str request_id,
                                      const struct replay_change *change, struct err *err);
/* id empty: the newest `limit`, of one function unless that is empty; unfinished: only those, the oldest first.  In the
 * arena. */
struct replay_filter {
    str id, function;
    bool unfinished;
    int limit, offset;
};
MUST_USE bool replay_store_read(struct db *db, const struct replay_filter *filter, struct arena *arena,
                                struct replay_saved **ret, int *ret_count, struct err *err);

struct replay_change_row {
    str request_id, kind, key, words;
    int64_t position;                        /* -1: none */
    double score_before, score_after, label; /* NaN: none */
    int decision_before, decision_after;     /* 0, 1; -1: it is not there */
};
/* The labelled ones first, then those whose score changed most. */
MUST_USE bool replay_store_changes(struct db *db, int64_t number, int limit, int offset, struct arena *arena,
                                   struct replay_change_row **ret, int *ret_count, struct err *err);

MUST_USE bool replay_store_put_shadow(struct db *db, const struct shadow_setting *setting, struct err *err);
MUST_USE bool replay_store_remove_shadow(struct db *db, str function, struct err *err);
MUST_USE bool replay_store_shadows(struct db *db, struct arena *arena, struct shadow_setting **ret, int *ret_count,
                                   struct err *err);

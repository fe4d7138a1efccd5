/*
 * replay_private: what the files of this room share.
 *
 *     replays.c    which replays there are: begin, cancel, resume, end; who runs and who waits
 *     engine.c     one that runs: pages of calls, run, judged, put on disk
 *     tell.c       what is told of them, as JSON
 *
 * A call of a page:
 *
 *     READY ─▶ RUNNING (the version before, unless its answer is on record) ─▶ READY ─▶ RUNNING (the version)
 *       ▲         │ no room                                                                │
 *       └─────────┘                                                    JUDGING (lane) ◀────┘─▶ JUDGED
 */
#pragma once

#include <sys/queue.h>

#include "db/db.h"
#include "invoke/invoke.h"
#include "logs/store.h"
#include "loop/lane.h"
#include "replay/judge.h"
#include "replay/pace.h"
#include "replay/store.h"

enum call_state { CALL_READY, CALL_RUNNING, CALL_JUDGING, CALL_JUDGED, CALL_LEFT_OUT };

struct replay_call {
    struct replay *replay;
    int64_t id; /* of records.db */
    const struct record *record;
    enum call_state state;
    bool has_before, runs_before; /* the answer before is there; is what it runs for */
    bool is_reused;               /* the answer before is that on record */
    struct invocation invocation;
    struct arena arena;   /* of that */
    struct arena answers; /* the pair's, until it is judged */
    struct arena kept;    /* the verdict's, until it is on disk */
    struct replay_pair pair;
    struct replay_verdict verdict;
};

/* Read, run and put on disk together, so that a replay that is resumed counts no call twice. */
struct replay_page {
    struct arena arena; /* the records */
    struct replay_call calls[REPLAY_PAGE_CALLS];
    int count;
    int64_t end_id; /* the last record that was looked at */
    bool is_there, is_last;
    size_t bytes;
};

struct replay {
    TAILQ_ENTRY(replay) next;
    struct replays *replays;
    struct arena arena; /* texts of what is saved */
    struct replay_saved saved;
    struct pace pace;
    struct replay_page page;
    int64_t throttled; /* not on disk yet */
    int in_flight;     /* calls that run or are judged */
    bool is_busy;      /* a job has its page */
    bool is_marked;    /* as running, on disk */
    bool is_ending;
    enum replay_state end_state;
    int64_t pause_until_us; /* after the disk said no */
};

TAILQ_HEAD(replay_list, replay);

struct replays {
    struct replays_options options;
    struct db *db; /* the lane's */
    struct lane *lane;
    struct replay_list all; /* running and waiting, the oldest first */
    int count, adding_count;
    uv_timer_t timer;
    struct shadows *shadows;
    struct judge *own_judge; /* the lane's */
    const struct replay_judge *judge;
    bool is_stopping;
};

/* engine.c */
/* Does what can be done now; in how many microseconds to come again (INT64_MAX: when something has happened). */
int64_t replay_turn(struct replay *replay, int64_t now_us);
void replay_end(struct replay *replay, enum replay_state state, str why); /* as soon as nothing of it is under way */
void replay_drop_page(struct replay *replay);
int replay_page_done(const struct replay *replay); /* calls of the page that are through */

/* replays.c */
bool replays_has_version(const struct replays *replays, str function, str qualifier, struct err *err);
void replays_kick(struct replays *replays);
void replays_on_ended(struct replay *replay); /* it is on disk as such: it is freed */

/* tell.c */
struct replay_now { /* of one that runs, as the loop knows it */
    bool is_there, gives_way;
    enum replay_state state;
    int64_t started_us;
    int in_flight;
    int64_t calls;            /* -1: not looked up yet */
    int64_t taken, throttled; /* with what is not on disk yet */
    bool is_refused;
};
void replay_tell(struct jw *jw, const struct replay_saved *saved, const struct replay_now *now);
void replay_tell_changes(struct jw *jw, const struct replay_change_row *rows, int count);

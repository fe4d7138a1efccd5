/*
 * replay: what would another version have said?  The last N calls on record run through any version, and the two
 * answers are compared; and shadows: live calls copied to a second version.  Nobody waits for either, so they give way.
 *
 * A replay's life:
 *
 *     replays_start ─▶ WAITING ─▶ RUNNING ─▶ DONE | FAILED | CANCELLED
 *                         ▲          │
 *                         └──────────┘ the server ended, and another begins: it goes on behind the last page on disk
 *                                      (INTERRUPTED when that happened too often without a page in between)
 *
 * What an answer decides is not known here: a judge (monitor/) tells the rows of an answer and their labels.  Without
 * one, or for a function without settings, whole answers are compared.
 */
#pragma once

#include <uv.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "codec/json_write.h"
#include "replay/shadow.h"

struct invoker;
struct invocation;
struct record;
struct replays;

struct replay_counts {
#define COUNT(name, meaning) int64_t name;
#include "replay/replay.def"
#undef COUNT
};

/* One row of an answer, as its settings see it. */
struct replay_row {
    str key; /* which one it is, the same in both answers (its ids, as JSON); empty: told by its place */
    int position;
    double score; /* NaN: it has none */
    bool decision;
    double label; /* set by labels(): in [0, 1], from 0.5 on a yes; NaN: unknown */
};
struct replay_rows {
    struct replay_row *at;
    int count;
};

struct replay_answer {
    str function, version; /* who answered */
    str alias;             /* by which the call was made, or empty: whose threshold is in force ... */
    int64_t decided_us;    /* ... then (wall) */
    double threshold;      /* NaN: that one */
    str request_id;        /* of the recorded call */
    int64_t received_us;   /* likewise */
    str event, answer;
};

/* Who knows what answers decide, and what is true.  Asked on replay's lane only; the rows live in the arena. */
struct replay_judge {
    void *ctx;
    /* The rows of an answer, in its order.  False: nothing is known of decisions of this version. */
    bool (*decide)(void *ctx, const struct replay_answer *answer, struct arena *arena, struct replay_rows *ret);
    /* Fills labels from what is known of the recorded call's own rows; those of others stay NaN. */
    void (*labels)(void *ctx, const struct replay_answer *answer, struct replay_rows *rows);
};

struct replays_options {
    uv_loop_t *loop;
    const char *state_dir;
    struct invoker *invoker;
    const struct replay_judge *judge; /* NULL: monitor's settings and labels, of state_dir */
};

MUST_USE bool replays_open(const struct replays_options *options, struct replays **ret, struct err *err);
/* Nothing more is started, and what comes back from now on was ended by us.  Before the pool goes. */
void replays_stop(struct replays *replays);
void replays_close(struct replays *replays); /* after the pool went: all calls have been told */

#define REPLAY_RECORDED STR("recorded")

struct replay_order {
    str function, version; /* which versions, each by number, alias or $LATEST; */
    str against;           /* ... or REPLAY_RECORDED: the answers on record, of whatever version */
    int64_t last;          /* how many calls */
    double rate;           /* calls a second at most */
    int concurrency;       /* calls at once at most */
    double tolerance;      /* of numbers that are compared */
    double threshold;      /* NaN: each version's own */
};

enum { REPLAY_ID_CHARS = 37 };

/* `on_started`: it is on disk; or why not.  False: it makes no sense, or there are too many; nothing was begun. */
MUST_USE bool replays_start(struct replays *replays, const struct replay_order *order,
                            void (*on_started)(void *ctx, const char *id, const struct err *err), void *ctx,
                            struct err *err);
/* False: it does not run (any more). */
bool replays_cancel(struct replays *replays, str id);

/* Questions.  jw, which is written to on another thread until on_told, gets one JSON value; err: ERR_NOT_FOUND. */
struct replay_question {
    str id;       /* empty: a list, the newest first */
    str function; /* of a list: of this one only; or empty */
    int limit;    /* replays of a list; rows of one */
    int offset;   /* rows to leave out before */
    struct jw *jw;
    void (*on_told)(void *ctx, const struct err *err);
    void *ctx;
};
void replays_ask(struct replays *replays, const struct replay_question *question);

/* Shadows: one a function.  As replays_start(); false of the second: it has none.  A shadow of an alias whose version
 * is the shadow's own copies nothing. */
MUST_USE bool replays_set_shadow(struct replays *replays, const struct shadow_setting *setting,
                                 void (*on_done)(void *ctx, const struct err *err), void *ctx, struct err *err);
MUST_USE bool replays_remove_shadow(struct replays *replays, str function,
                                    void (*on_done)(void *ctx, const struct err *err), void *ctx);
bool replays_shadow(const struct replays *replays, str function, struct shadow_setting *ret,
                    struct shadow_counts *ret_counts);

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
    str key;      /* which one it is, the same in both answers; empty: told by its place */
    double score; /* NaN: it has none */
    bool decision;
    double label; /* set by labels(): in [0, 1], from 0.5 on a yes; NaN: unknown */
};
struct replay_rows {
    struct replay_row *at;
    int count;
};

/* Who knows what answers decide.  Settings are taken and given back on the loop; the rest is asked on replay's lane. */
struct replay_judge {
    void *ctx;
    void *(*take_settings)(void *ctx, str function, str version); /* NULL: this version has none */
    void (*release_settings)(void *ctx, void *settings);
    /* The rows of an answer, in its order.  `threshold` NaN: the settings' own.  False: they do not fit this answer. */
    bool (*decide)(void *ctx, void *settings, str event, str answer, double threshold, struct arena *arena,
                   struct replay_rows *ret);
    /* Fills each row's label from what is known of the recorded call. */
    void (*labels)(void *ctx, str function, str request_id, struct replay_rows *rows);
};

struct replays_options {
    uv_loop_t *loop;
    const char *state_dir;
    struct invoker *invoker;
    const struct replay_judge *judge; /* NULL: answers are compared as they are */
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

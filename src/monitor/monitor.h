/*
 * monitor: is the model still right?  The face of the room: what comes in is kept by the monitor lane, the only writer;
 * what is asked is answered by the quality lane, from handles that only read.
 *
 *     records ─▶ capture ─┐
 *     monitor_post ───────┴─▶ monitor lane: one transaction for all that wait ─▶ month files, monitor.db ─▶ done
 *     monitor_ask  ─────────▶ quality lane: reads the same files
 *
 * What is posted is answered after its commit (synchronous=FULL), several posts a commit.
 */
#pragma once

#include <sys/queue.h>
#include <uv.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "monitor/rules.h"

struct monitor;
struct records;
struct store;

/* Before records_open(), which is to keep the journal's files from monitor_kept_file() on; then monitor_follow(). */
MUST_USE bool monitor_open(uv_loop_t *loop, const char *state_dir, struct monitor **ret, struct err *err);
int64_t monitor_kept_file(const struct monitor *monitor);
/* From now on calls are captured as they are recorded.  False: too many watch the records. */
MUST_USE bool monitor_follow(struct monitor *monitor, struct records *records);
void monitor_close(struct monitor *monitor); /* all that was posted is kept first */
const char *monitor_folder(const struct monitor *monitor);
/* How many months of predictions are kept, this one counted; 0 (as it begins): all. */
void monitor_keep_months(struct monitor *monitor, int months);

enum {
    POST_ERRORS_DEFAULT = 20, /* told in words; the rest is counted */
    POST_ERRORS_MAX = 50000,  /* of who asks for more */
    POSTS_WAITING_MAX = 256,  /* then clients are told to come again */
    POST_BODY_BYTES_MAX = 64 << 20,
};

enum post_kind { POST_PREDICTIONS, POST_LABELS, POST_EVENTS, POST_KINDS_COUNT };

struct post_error {
    int64_t row; /* from 1 */
    str why;
};

struct post_report {
    int64_t accepted, duplicates, undecided, refused;
    int64_t matched, rows, labelled, corrected, unchanged, older, orphans; /* of labels */
    int64_t paired;                                                        /* of events */
    struct post_error *errors;                                             /* in the post's arena */
    int errors_count;
};

struct monitor_post { /* the caller's, until done */
    enum post_kind kind;
    str body;     /* JSON: a value, an array, or a line each */
    str function; /* of rows that name none; may be empty */
    int errors_max;
    struct arena *arena;
    void (*done)(struct monitor_post *post); /* on the loop; err.code: nothing of it was kept */
    void *ctx;
    struct post_report report;
    struct err err;
    STAILQ_ENTRY(monitor_post) link; /* the monitor's */
};

/* False: POSTS_WAITING_MAX wait already. */
MUST_USE bool monitor_post(struct monitor *monitor, struct monitor_post *post);

/* What only the writer may do (thresholds, settings): `run` on the monitor lane inside a transaction that is committed
 * when it returned true, and durable; then `done` on the loop. */
struct monitor_change {
    bool (*run)(struct monitor_change *change, struct store *store);
    void (*done)(struct monitor_change *change);
    void *ctx;
    struct err err; /* set: nothing was changed */
    struct monitor *monitor;
    bool is_monitoring; /* there are functions that are monitored, after it */
};
void monitor_change(struct monitor *monitor, struct monitor_change *change);

/* `run` on the quality lane, then `done` on the loop. */
void monitor_ask(struct monitor *monitor, void (*run)(void *ctx), void (*done)(void *ctx), void *ctx);

/* -- thresholds ----------------------------------------------------------------------------------------------------
 */

enum { THRESHOLD_TEXT_MAX = 32 };
struct threshold_in_force {
    double value;
    int number;
    char text[THRESHOLD_TEXT_MAX]; /* of the value, as JSON */
};
/* What is in force for calls by that alias (empty: by none), on the loop; NULL when none was ever set. */
const struct threshold_in_force *monitor_threshold(const struct monitor *monitor, str function, str alias);

struct threshold_change { /* the caller's, until done */
    str function, alias;
    bool is_rollback; /* to what had been set before; else `value` */
    double value;
    str by, note;
    struct arena *arena; /* for what is in `ret` */
    void (*done)(struct threshold_change *change);
    void *ctx;
    struct threshold ret;         /* the new one: durable, and in force since before done() */
    struct err err;               /* set: nothing was changed */
    struct monitor_change change; /* the monitor's */
};
void monitor_set_threshold(struct monitor *monitor, struct threshold_change *change);

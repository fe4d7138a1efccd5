/*
 * Who does what on which thread:
 *
 *     loop             monitor_post ─▶ waiting list ─▶ submit one job for all that wait ──────────────▶ done, each
 *     monitor lane                                      └─▶ begin, post_apply each, commit ┘
 *
 * While a job runs, what comes waits for the next: so commits are as few as the disk is slow.
 */
#include "monitor/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "loop/lane.h"
#include "monitor/post.h"
#include "monitor/store.h"

enum { FOLDER_MAX = 3800 };

STAILQ_HEAD(posts, monitor_post);

struct monitor {
    char folder[FOLDER_MAX];
    struct lane *lane, *quality_lane;
    struct posts waiting;
    int waiting_count;
    bool posting;

    struct store *store; /* the monitor lane's */
};

bool monitor_open(uv_loop_t *loop, const char *state_dir, struct monitor **ret, struct err *err)
{
    struct monitor *monitor = calloc(1, sizeof *monitor);

    if (!monitor)
        abort();
    STAILQ_INIT(&monitor->waiting);
    if (snprintf(monitor->folder, sizeof monitor->folder, "%s/monitor", state_dir) >= (int)sizeof monitor->folder) {
        free(monitor);
        return err_set(err, ERR_LIMIT, "the path of the state is too long");
    }
    if (!store_open(monitor->folder, &monitor->store, err)) {
        free(monitor);
        return false;
    }
    monitor->lane = lane_new(loop, "monitor");
    lane_be_nice(monitor->lane);
    monitor->quality_lane = lane_new(loop, "quality");
    lane_be_nice(monitor->quality_lane);
    *ret = monitor;
    return true;
}

void monitor_close(struct monitor *monitor)
{
    if (!monitor)
        return;
    lane_free(monitor->quality_lane);
    lane_free(monitor->lane);
    store_close(monitor->store);
    free(monitor);
}

const char *monitor_folder(const struct monitor *monitor)
{
    return monitor->folder;
}

/* -- posts ----------------------------------------------------------------------------------------------------------
 */

struct posting {
    struct monitor *monitor;
    struct posts posts;
};

static void start_posting(struct monitor *monitor);

static bool apply_all(struct store *store, struct posts *posts, struct err *err)
{
    struct monitor_post *post;

    if (!store_begin(store, true, err))
        return false;
    STAILQ_FOREACH (post, posts, link)
        if (!post_apply(post, store, err))
            return false;
    return store_commit(store, err);
}

static void apply_alone(struct store *store, struct monitor_post *post)
{
    post->err = (struct err){0};
    if (store_begin(store, true, &post->err) && post_apply(post, store, &post->err) &&
        store_commit(store, &post->err)) {
        post->err = (struct err){0}; /* of rows that were refused */
        return;
    }
    store_rollback(store);
    post->report = (struct post_report){0};
}

/* What one post asks too much of does not fail the others: then each has a transaction of its own. */
static void posting_run(void *ctx)
{
    struct posting *posting = ctx;
    struct store *store = posting->monitor->store;
    struct monitor_post *post;
    struct err err = {0};

    if (apply_all(store, &posting->posts, &err))
        return;
    store_rollback(store);
    STAILQ_FOREACH (post, &posting->posts, link)
        apply_alone(store, post);
}

static void posting_done(void *ctx)
{
    struct posting *posting = ctx;
    struct monitor *monitor = posting->monitor;
    struct monitor_post *post;

    monitor->posting = false;
    while ((post = STAILQ_FIRST(&posting->posts))) {
        STAILQ_REMOVE_HEAD(&posting->posts, link);
        post->done(post);
    }
    free(posting);
    if (!STAILQ_EMPTY(&monitor->waiting))
        start_posting(monitor);
}

static void start_posting(struct monitor *monitor)
{
    struct posting *posting = calloc(1, sizeof *posting);

    if (!posting)
        abort();
    posting->monitor = monitor;
    STAILQ_INIT(&posting->posts);
    STAILQ_CONCAT(&posting->posts, &monitor->waiting);
    monitor->waiting_count = 0;
    monitor->posting = true;
    lane_submit(monitor->lane, posting_run, posting_done, posting);
}

bool monitor_post(struct monitor *monitor, struct monitor_post *post)
{
    if (monitor->waiting_count == POSTS_WAITING_MAX)
        return false;
    post->err = (struct err){0};
    STAILQ_INSERT_TAIL(&monitor->waiting, post, link);
    monitor->waiting_count++;
    if (!monitor->posting)
        start_posting(monitor);
    return true;
}

/* -- changes and questions ------------------------------------------------------------------------------------------
 */

static void change_run(void *ctx)
{
    struct monitor_change *change = ctx;
    struct store *store = change->monitor->store;

    change->err = (struct err){0};
    if (store_begin(store, true, &change->err) && change->run(change, store) && store_commit(store, &change->err))
        return;
    store_rollback(store);
}

static void change_done(void *ctx)
{
    struct monitor_change *change = ctx;

    change->done(change);
}

void monitor_change(struct monitor *monitor, struct monitor_change *change)
{
    change->monitor = monitor;
    lane_submit(monitor->lane, change_run, change_done, change);
}

void monitor_ask(struct monitor *monitor, void (*run)(void *ctx), void (*done)(void *ctx), void *ctx)
{
    lane_submit(monitor->quality_lane, run, done, ctx);
}

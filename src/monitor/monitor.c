/*
 * Who does what on which thread:
 *
 *     loop             monitor_post ─▶ waiting list ─▶ submit one job for all that wait ──────────────▶ done, each
 *     monitor lane                                      └─▶ begin, post_apply each, commit ┘
 *
 * While a job runs, what comes waits for the next: so commits are as few as the disk is slow.
 *
 *     loop             a record ─▶ timer ─▶ submit ─────────────────────▶ done: the journal may go up to there
 *     monitor lane                           └─▶ follow_run: capture ┘
 */
#include "monitor/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "codec/json_write.h"
#include "logs/record.h"
#include "loop/lane.h"
#include "monitor/chores.h"
#include "monitor/follow.h"
#include "monitor/post.h"
#include "monitor/store.h"

enum {
    FOLDER_MAX = 3800,
    CAPTURE_AFTER_MS = 500,  /* each transaction has a cost of its own, so few of them */
    CAPTURE_AGAIN_MS = 1000, /* after the database refused */
};

STAILQ_HEAD(posts, monitor_post);

struct monitor {
    char folder[FOLDER_MAX];
    struct lane *lane, *quality_lane;
    struct posts waiting;
    int waiting_count;
    bool posting;
    struct records *records;
    uv_timer_t timer;
    bool timer_on, capturing, following, closing;
    bool unread; /* records came since the last capture was submitted */

    struct map in_force; /* function and alias -> struct threshold_in_force */

    struct chores *chores;

    struct store *store; /* the monitor lane's, as is the next */
    struct follow *follow;
};

static void on_record(void *ctx, const struct record *record);
static void load_in_force(struct monitor *monitor);
static void forget_in_force(struct monitor *monitor);

static bool open_parts(struct monitor *monitor, const char *state_dir, struct err *err)
{
    char journal[FOLDER_MAX];

    if (strlen(state_dir) + 16 > sizeof journal)
        return err_set(err, ERR_LIMIT, "the path of the state is too long");
    snprintf(monitor->folder, sizeof monitor->folder, "%s/monitor", state_dir);
    snprintf(journal, sizeof journal, "%s/journal", state_dir);
    return store_open(monitor->folder, &monitor->store, err) &&
           follow_open(monitor->store, journal, &monitor->follow, err);
}

bool monitor_open(uv_loop_t *loop, const char *state_dir, struct monitor **ret, struct err *err)
{
    struct monitor *monitor = calloc(1, sizeof *monitor);

    if (!monitor)
        abort();
    STAILQ_INIT(&monitor->waiting);
    if (!open_parts(monitor, state_dir, err)) {
        store_close(monitor->store);
        free(monitor);
        return false;
    }
    load_in_force(monitor);
    monitor->following = follow_kept_file(monitor->follow) != INT64_MAX;
    uv_timer_init(loop, &monitor->timer);
    uv_unref((uv_handle_t *)&monitor->timer);
    monitor->timer.data = monitor;
    monitor->lane = lane_new(loop, "monitor");
    lane_be_nice(monitor->lane);
    monitor->quality_lane = lane_new(loop, "quality");
    lane_be_nice(monitor->quality_lane);
    if (!chores_new(loop, monitor->lane, monitor->store, monitor->folder, &monitor->chores, err)) {
        monitor_close(monitor);
        return false;
    }
    *ret = monitor;
    return true;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void monitor_close(struct monitor *monitor)
{
    if (!monitor)
        return;
    monitor->closing = true;
    uv_timer_stop(&monitor->timer);
    if (monitor->records)
        records_unwatch(monitor->records, on_record, monitor);
    chores_stop(monitor->chores);
    lane_free(monitor->quality_lane);
    lane_free(monitor->lane);
    chores_free(monitor->chores);
    follow_close(monitor->follow);
    store_close(monitor->store);
    forget_in_force(monitor);
    uv_close((uv_handle_t *)&monitor->timer, on_timer_closed);
}

int64_t monitor_kept_file(const struct monitor *monitor)
{
    return follow_kept_file(monitor->follow);
}

void monitor_keep_months(struct monitor *monitor, int months)
{
    chores_keep_months(monitor->chores, months);
}

const char *monitor_folder(const struct monitor *monitor)
{
    return monitor->folder;
}

/* -- capture ----------------------------------------------------------------------------------------------------------
 */

struct capturing {
    struct monitor *monitor;
    struct journal_place end;
    bool starts; /* the first function is monitored just now */
    bool good;
    int64_t kept_file;
    struct err err;
};

static void submit_capture(struct monitor *monitor, bool starts);

static void on_timer(uv_timer_t *timer)
{
    struct monitor *monitor = timer->data;

    monitor->timer_on = false;
    submit_capture(monitor, false);
}

static void arm(struct monitor *monitor, int delay_ms)
{
    if (monitor->timer_on || monitor->capturing || monitor->closing)
        return;
    monitor->timer_on = true;
    uv_timer_start(&monitor->timer, on_timer, (uint64_t)delay_ms, 0);
}

static void on_record(void *ctx, const struct record *record)
{
    struct monitor *monitor = ctx;

    (void)record;
    if (!monitor->following)
        return;
    monitor->unread = true;
    arm(monitor, CAPTURE_AFTER_MS);
}

static void capture_run(void *ctx)
{
    struct capturing *capturing = ctx;
    struct follow *follow = capturing->monitor->follow;

    if (capturing->starts)
        follow_start(follow, capturing->end);
    capturing->good = follow_run(follow, capturing->end, &capturing->err);
    capturing->kept_file = follow_kept_file(follow);
}

static void capture_done(void *ctx)
{
    struct capturing *capturing = ctx;
    struct monitor *monitor = capturing->monitor;

    monitor->capturing = false;
    records_keep(monitor->records, capturing->kept_file);
    if (!capturing->good) {
        log_error("decisions wait in the journal: the database refused them", F_CSTR("why", capturing->err.text));
        arm(monitor, CAPTURE_AGAIN_MS);
    } else if (monitor->unread) {
        arm(monitor, CAPTURE_AFTER_MS);
    }
    free(capturing);
}

static void submit_capture(struct monitor *monitor, bool starts)
{
    struct capturing *capturing = calloc(1, sizeof *capturing);

    if (!capturing)
        abort();
    *capturing = (struct capturing){.monitor = monitor, .end = records_end(monitor->records), .starts = starts};
    monitor->capturing = true;
    monitor->unread = false;
    lane_submit(monitor->lane, capture_run, capture_done, capturing);
}

bool monitor_follow(struct monitor *monitor, struct records *records)
{
    if (!records_watch(records, on_record, monitor))
        return false;
    monitor->records = records;
    if (monitor->following)
        submit_capture(monitor, false); /* what a crash left */
    return true;
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
    if (!store_begin(store, true, &change->err) || !change->run(change, store) || !store_commit(store, &change->err))
        store_rollback(store);
    change->is_monitoring = store_rules(store)->monitored_count > 0;
}

static void change_done(void *ctx)
{
    struct monitor_change *change = ctx;
    struct monitor *monitor = change->monitor;

    if (change->is_monitoring && !monitor->following && monitor->records) {
        monitor->following = true;
        submit_capture(monitor, true);
    }
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

/* -- thresholds -----------------------------------------------------------------------------------------------------
 */

enum { KEY_BYTES_MAX = 2 * NAME_BYTES_MAX + 1 };

/* The lane's rules are not the loop's to read, and a call is to cost no more than this: so the loop has a copy. */
static str key_of(str function, str alias, char room[KEY_BYTES_MAX])
{
    size_t len = 0;

    if (function.len > NAME_BYTES_MAX || alias.len > NAME_BYTES_MAX)
        return STR("");
    memcpy(room, function.at, function.len);
    len += function.len;
    room[len++] = '\x1f';
    if (alias.len > 0)
        memcpy(room + len, alias.at, alias.len);
    return (str){room, len + alias.len};
}

const struct threshold_in_force *monitor_threshold(const struct monitor *monitor, str function, str alias)
{
    char room[KEY_BYTES_MAX];

    if (monitor->in_force.len == 0 || function.len == 0)
        return NULL;
    return map_get(&monitor->in_force, key_of(function, alias, room));
}

static void put_in_force(struct monitor *monitor, str key, const struct threshold *threshold)
{
    struct threshold_in_force *in_force = map_get(&monitor->in_force, key);
    BUF_AUTO text = {0};

    if (!in_force) {
        in_force = calloc(1, sizeof *in_force);
        if (!in_force)
            abort();
        map_put(&monitor->in_force, key, in_force);
    }
    buf_init(&text, THRESHOLD_TEXT_MAX - 1);
    json_add_real(&text, threshold->value);
    in_force->value = threshold->value;
    in_force->number = threshold->number;
    snprintf(in_force->text, sizeof in_force->text, STR_FMT, STR_ARG(buf_str(&text)));
}

static void load_in_force(struct monitor *monitor)
{
    const struct rules *rules = store_rules(monitor->store);
    size_t cursor = 0;
    void *value;
    str key;

    while (map_next(&rules->thresholds, &cursor, &key, &value)) {
        const struct thresholds *history = value;

        if (history->list.len > 0)
            put_in_force(monitor, key, &history->list.at[history->list.len - 1]);
    }
}

static void forget_in_force(struct monitor *monitor)
{
    size_t cursor = 0;
    void *value;
    str key;

    while (map_next(&monitor->in_force, &cursor, &key, &value))
        free(value);
    map_done(&monitor->in_force);
}

static bool run_threshold(struct monitor_change *change, struct store *store)
{
    struct threshold_change *wanted = change->ctx;
    struct threshold threshold = {
        .value = wanted->value, .set_us = clock_wall_us(), .by = wanted->by, .note = wanted->note};
    bool (*set)(struct rules *, str, str, struct threshold, struct threshold *, struct err *) =
        wanted->is_rollback ? rules_rollback_threshold : rules_set_threshold;

    if (!set(store_rules(store), wanted->function, wanted->alias, threshold, &wanted->ret, &change->err))
        return false;
    wanted->ret.by = arena_copy(wanted->arena, wanted->ret.by);
    wanted->ret.note = arena_copy(wanted->arena, wanted->ret.note);
    return true;
}

static void on_threshold(struct monitor_change *change)
{
    struct threshold_change *wanted = change->ctx;
    char room[KEY_BYTES_MAX];

    wanted->err = change->err;
    if (wanted->err.code == ERR_NONE)
        put_in_force(change->monitor, key_of(wanted->function, wanted->alias, room), &wanted->ret);
    wanted->done(wanted);
}

void monitor_set_threshold(struct monitor *monitor, struct threshold_change *wanted)
{
    wanted->change = (struct monitor_change){.run = run_threshold, .done = on_threshold, .ctx = wanted};
    monitor_change(monitor, &wanted->change);
}

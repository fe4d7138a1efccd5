/*
 * pool: who runs a call, and when.
 *
 *                     an idle worker                                    answer, exit, deadline
 *     pool_submit ----------------------------------------> [RUNNING] --------------------------> pool_finish
 *          |                                                    ^
 *          |  none: fork or start a template                    | a worker is free
 *          +-----------------------------------------------> [WAITING]
 *          |                                                    | queue_wait, init failed, refused
 *          +-- reserved concurrency, full queue, draining       v
 *              -> throttled at once                          pool_finish
 *
 * Invariants: a template in which a call waits has a process, is getting one, or is about to lose the old one.
 * Waiting calls are served in order; a new call never passes one that waits.  A function's `admitted` counts what
 * runs and waits.  on_done is the last thing that happens to a call, when all lists are right again: it may
 * submit the next.
 */
#include "runtime/runtime_private.h"

#include "base/clock.h"
#include "base/limits.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    SWEEP_MS_MIN = 10,
    SWEEP_MS_MAX = 1000,
};

static const char concurrency_limit[] = "ConcurrentInvocationLimitExceeded";
static const char reserved_limit[] = "ReservedFunctionConcurrentInvocationLimitExceeded";

static void dispatch(struct template *template);
static void sweep(uv_timer_t *timer);

static void *zalloc(size_t bytes)
{
    void *at = calloc(1, bytes);

    if (!at)
        abort();
    return at;
}

struct pool *pool_new(uv_loop_t *loop, struct keeper *keeper, const struct pool_options *options)
{
    struct pool *pool = zalloc(sizeof *pool);
    int shortest = options->queue_wait_ms_max;

    pool->loop = loop;
    pool->keeper = keeper;
    pool->options = *options;
    pool->forks_at_once = (int)uv_available_parallelism();
    pool->sweep.data = pool;
    if (options->worker_idle_ms < shortest)
        shortest = options->worker_idle_ms;
    if (options->template_idle_ms < shortest)
        shortest = options->template_idle_ms;
    shortest /= 4;
    shortest = shortest < SWEEP_MS_MIN ? SWEEP_MS_MIN : shortest > SWEEP_MS_MAX ? SWEEP_MS_MAX : shortest;
    (void)uv_timer_init(loop, &pool->sweep);
    (void)uv_timer_start(&pool->sweep, sweep, (uint64_t)shortest, (uint64_t)shortest);
    uv_unref((uv_handle_t *)&pool->sweep);
    return pool;
}

/* Templates */

static struct function_load *take_load(struct pool *pool, str function)
{
    struct function_load *load = map_get(&pool->loads, function);

    if (!load) {
        load = zalloc(sizeof *load + function.len + 1);
        memcpy(load->name, function.at, function.len);
        (void)map_put(&pool->loads, function, load);
    }
    load->templates++;
    return load;
}

static void forget_template(struct template *template)
{
    struct pool *pool = template->pool;
    struct function_load *load = template->load;

    (void)map_remove(&pool->templates, template->what->key);
    if (--load->templates == 0) {
        (void)map_remove(&pool->loads, str_of(load->name));
        free(load);
    }
    template_free(template);
}

/* No calls, no reason to stay: end its process, or forget it when it has none. */
static void retire_if_quiet(struct template *template)
{
    bool busy = template->waiting_count > 0 || template->workers_count[WORKER_BUSY] > 0;

    if (!template->is_retired || busy)
        return;
    if (template->state == TEMPLATE_READY || template->state == TEMPLATE_STARTING)
        template_kill(template);
}

/* The same version under another key is older: what runs there may finish. */
static void retire_others(const struct template *newest)
{
    size_t cursor = 0;
    void *value;
    str key;

    while (map_next(&newest->pool->templates, &cursor, &key, &value)) {
        struct template *other = value;
        if (other == newest || other->load != newest->load || !str_eq(other->what->version, newest->what->version))
            continue;
        other->is_retired = true;
        retire_if_quiet(other);
    }
}

static struct template *take_template(struct pool *pool, struct runnable *what)
{
    struct template *template = map_get(&pool->templates, what->key);

    if (template) {
        template->is_retired = false; /* it is called again, so it is what runs */
        return template;
    }
    template = template_new(pool, what, take_load(pool, what->function));
    (void)map_put(&pool->templates, what->key, template);
    retire_others(template);
    return template;
}

/* Calls */

static void done(struct run *run, const struct run_result *result)
{
    if (run->ended_us == 0)
        run->ended_us = clock_steady_us();
    run->on_done(run->ctx, run, result);
}

static void throttle(struct run *run, const char *reason)
{
    struct run_result result = {.outcome = RUN_THROTTLED, .reason = reason};

    done(run, &result);
}

void pool_finish(struct template *template, struct run *run, const struct run_result *result)
{
    struct pool *pool = template->pool;
    bool last;

    template->load->admitted--;
    last = --pool->admitted == 0;
    template->used_us = clock_steady_us();
    retire_if_quiet(template);
    done(run, result);
    if (last && pool->is_draining && pool->admitted == 0 && pool->on_drained) {
        void (*on_drained)(void *ctx) = pool->on_drained;
        pool->on_drained = NULL;
        on_drained(pool->drained_ctx);
    }
}

static struct run *leave_queue(struct template *template, struct place *place)
{
    struct run *run = place->run;

    TAILQ_REMOVE(&template->waiting, place, next);
    template->waiting_count--;
    template->load->waiting--;
    run->place = NULL;
    if (template->starter == run)
        template->starter = NULL;
    return run;
}

static void enter_queue(struct template *template, struct run *run)
{
    struct place *place = arena_new(run->arena, struct place, 1);

    place->run = run;
    run->place = place;
    TAILQ_INSERT_TAIL(&template->waiting, place, next);
    template->waiting_count++;
    template->load->waiting++;
}

/* NULL: it may run or wait; else AWS's reason. */
static const char *refuse(const struct pool *pool, const struct run *run)
{
    const struct function_load *load = map_get(&pool->loads, run->what->function);

    if (pool->is_draining)
        return concurrency_limit;
    if (run->reserved_concurrency >= 0 && (load ? load->admitted : 0) >= run->reserved_concurrency)
        return reserved_limit;
    return load && load->waiting >= pool->options.queue_per_function_max ? concurrency_limit : NULL;
}

void pool_submit(struct pool *pool, struct run *run)
{
    struct template *template;
    const char *refusal;

    run->queued_us = clock_steady_us();
    run->started_us = run->ended_us = run->init_us = 0;
    run->cold = false;
    if (run->log.max == 0)
        buf_init(&run->log, RECORD_LOG_BYTES_MAX);
    refusal = refuse(pool, run);
    if (refusal) {
        throttle(run, refusal);
        return;
    }
    template = take_template(pool, run->what);
    template->load->admitted++;
    pool->admitted++;
    if (template->waiting_count == 0 && template->workers_count[WORKER_IDLE] > 0) {
        worker_run(TAILQ_FIRST(&template->workers[WORKER_IDLE]), run);
        return;
    }
    enter_queue(template, run);
    dispatch(template);
}

/* Workers for those who wait */

static bool evict_idle(struct pool *pool, const struct template *except)
{
    struct worker *oldest = NULL;
    size_t cursor = 0;
    void *value;
    str key;

    while (map_next(&pool->templates, &cursor, &key, &value)) {
        struct template *template = value;
        struct worker *worker = TAILQ_LAST(&template->workers[WORKER_IDLE], worker_list);
        if (template != except && worker && (!oldest || worker->idle_since_us < oldest->idle_since_us))
            oldest = worker;
    }
    if (oldest)
        worker_end(oldest);
    return oldest != NULL;
}

static bool may_fork(struct template *template)
{
    struct pool *pool = template->pool;

    /* Short calls are served by who is there while the next is forked: 64 no-ops at once took 12 to 24 ms when all
     * 64 were forked at once.  More than a fork a core gains nothing in any case. */
    if (template->workers_count[WORKER_FORKING] >= pool->forks_at_once ||
        template->workers_count[WORKER_FORKING] >= template->waiting_count ||
        template_workers(template) >= pool->options.workers_per_version_max)
        return false;
    /* An evicted worker counts until it is gone; its end calls dispatch for those who wait. */
    return pool->workers < pool->options.workers_total_max || (evict_idle(pool, template), false);
}

static void dispatch(struct template *template)
{
    struct err err;

    if (template->state == TEMPLATE_COLD && template->waiting_count > 0) {
        template->starter = TAILQ_FIRST(&template->waiting)->run;
        template_start(template);
    }
    if (template->state != TEMPLATE_READY)
        return;
    while (template->waiting_count > 0 && template->workers_count[WORKER_IDLE] > 0)
        worker_run(TAILQ_FIRST(&template->workers[WORKER_IDLE]),
                   leave_queue(template, TAILQ_FIRST(&template->waiting)));
    while (template->state == TEMPLATE_READY && may_fork(template)) {
        if (!worker_fork(template, &err)) {
            if (template_workers(template) == 0)
                template_kill(template); /* it cannot serve: start anew */
            break;
        }
    }
}

void pool_on_worker_free(struct template *template)
{
    struct pool *pool = template->pool;
    size_t cursor = 0;
    void *value;
    str key;

    dispatch(template);
    if (pool->workers < pool->options.workers_total_max - 1 || template->waiting_count > 0)
        return;
    while (map_next(&pool->templates, &cursor, &key, &value)) { /* the total was the limit: others may have waited */
        struct template *other = value;
        if (other != template && other->waiting_count > 0)
            dispatch(other);
    }
}

/* What templates tell */

static void give_init_log(struct template *template, struct run *run)
{
    if (run->log.len == 0)
        buf_add(&run->log, buf_str(&template->init_log));
    run->log_bytes_dropped += template->init_log_dropped;
    buf_clear(&template->init_log);
    template->init_log_dropped = 0;
}

void pool_on_template_ready(struct template *template)
{
    struct place *place;

    if (template->starter) {
        template->starter->init_us = template->init_us;
        give_init_log(template, template->starter);
    }
    TAILQ_FOREACH (place, &template->waiting, next) {
        place->run->cold = true;
    }
    dispatch(template);
    retire_if_quiet(template);
}

static struct run_result failure_result(struct template *template, struct run *run, const struct init_failure *failure)
{
    switch (failure->kind) {
    case INIT_RAISED:
        return (struct run_result){
            .outcome = RUN_FUNCTION_ERROR, .payload = failure->payload, .error_type = "Runtime.InitError"};
    case INIT_EXITED:
        return payload_exit(run, failure->status);
    case INIT_TIMED_OUT:
        return payload_timeout(run, template->pool->options.init_timeout_ms);
    case INIT_REFUSED:
        return payload_refused(run, failure->why);
    }
    abort();
}

/* All who wait now are told, and no more: an on_done may submit again, and that call tries anew. */
void pool_on_init_failed(struct template *template, const struct init_failure *failure)
{
    struct place_list failed = TAILQ_HEAD_INITIALIZER(failed);
    struct place *place;

    TAILQ_FOREACH (place, &template->waiting, next) {
        if (!template->starter)
            template->starter = place->run;
    }
    if (template->starter) {
        template->starter->init_us = clock_steady_us() - template->started_us;
        give_init_log(template, template->starter);
    }
    while ((place = TAILQ_FIRST(&template->waiting))) {
        (void)leave_queue(template, place);
        TAILQ_INSERT_TAIL(&failed, place, next);
    }
    while ((place = TAILQ_FIRST(&failed))) {
        struct run *run = place->run;
        struct run_result result = failure_result(template, run, failure);
        TAILQ_REMOVE(&failed, place, next);
        run->cold = true;
        pool_finish(template, run, &result);
    }
}

/* The next fork would most likely end as this one did.  So each tells one who waits: every call ends in an answer. */
void pool_on_worker_stillborn(struct template *template, int status)
{
    struct place *place = TAILQ_FIRST(&template->waiting);
    struct run_result result;
    struct run *run;

    if (!place)
        return;
    run = leave_queue(template, place);
    run->cold = true;
    result = payload_exit(run, status);
    pool_finish(template, run, &result);
}

void pool_on_template_gone(struct template *template)
{
    if (template->waiting_count > 0)
        dispatch(template);
    else if (template->state == TEMPLATE_COLD)
        forget_template(template);
}

/* Time */

static void expire_waiting(struct template *template, int64_t now_us)
{
    int64_t wait_us = template->pool->options.queue_wait_ms_max * 1000LL;
    struct place *place;

    /* Waiting for an init is bounded by init's own timeout. */
    while (template->state == TEMPLATE_READY && (place = TAILQ_FIRST(&template->waiting)) &&
           now_us - (place->run->queued_us > template->ready_us ? place->run->queued_us : template->ready_us) >
               wait_us) {
        struct run_result result = {.outcome = RUN_THROTTLED, .reason = concurrency_limit};
        pool_finish(template, leave_queue(template, place), &result);
    }
}

static void expire_workers(struct template *template, int64_t now_us)
{
    int64_t idle_us = template->pool->options.worker_idle_ms * 1000LL;
    struct worker *worker;

    while ((worker = TAILQ_LAST(&template->workers[WORKER_IDLE], worker_list)) &&
           now_us - worker->idle_since_us > idle_us)
        worker_end(worker);
}

/* Asked at each sweep rather than told by the catalog: the template's own reference keeps a runnable from going, and
 * a new runnable may have the same key (a change that runs nothing else), which is then no reason to end it. */
static void retire_if_deleted(struct template *template)
{
    const struct catalog *catalog = template->pool->options.catalog;

    if (!catalog || catalog_has(catalog, template->what))
        return;
    template->is_retired = true;
    retire_if_quiet(template);
}

static void sweep(uv_timer_t *timer)
{
    struct pool *pool = timer->data;
    int64_t now_us = clock_steady_us();
    size_t cursor = 0;
    void *value;
    str key;

    while (map_next(&pool->templates, &cursor, &key, &value)) {
        struct template *template = value;
        retire_if_deleted(template);
        expire_workers(template, now_us);
        dispatch(template); /* a fork that failed is tried again */
        if (template->waiting_count == 0 && template_workers(template) == 0 && template->state == TEMPLATE_READY &&
            now_us - template->used_us > pool->options.template_idle_ms * 1000LL)
            template_kill(template);
    }
    cursor = 0;
    while (map_next(&pool->templates, &cursor, &key, &value)) {
        size_t before = pool->templates.len;
        expire_waiting(value, now_us);
        if (pool->templates.len != before)
            break; /* an on_done changed the map; the rest has its turn at the next sweep */
    }
}

/* The end */

void pool_drain(struct pool *pool, void (*on_drained)(void *ctx), void *ctx)
{
    pool->is_draining = true;
    pool->on_drained = on_drained;
    pool->drained_ctx = ctx;
    if (pool->admitted == 0) {
        pool->on_drained = NULL;
        on_drained(ctx);
    }
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void pool_free(struct pool *pool)
{
    size_t cursor = 0;
    void *value;
    str key;

    if (!pool)
        return;
    pool->is_draining = true;
    for (; map_next(&pool->templates, &cursor, &key, &value); cursor = 0) {
        struct template *template = value;
        struct init_failure failure = {.kind = INIT_EXITED, .status = SIGKILL};
        template_abandon(template);
        pool_on_init_failed(template, &failure);
        forget_template(template);
    }
    map_done(&pool->templates);
    map_done(&pool->loads);
    uv_close((uv_handle_t *)&pool->sweep, on_closed);
}

struct pool_counts pool_counts(const struct pool *pool)
{
    struct pool_counts counts = {.workers = pool->workers};
    size_t cursor = 0;
    void *value;
    str key;

    while (map_next(&pool->templates, &cursor, &key, &value)) {
        const struct template *template = value;
        counts.templates += template->state != TEMPLATE_COLD;
        counts.workers_busy += template->workers_count[WORKER_BUSY];
        counts.waiting += template->waiting_count;
    }
    return counts;
}

int pool_ready_workers(const struct pool *pool, const struct runnable *runnable)
{
    const struct template *template = map_get(&pool->templates, runnable->key);

    return template ? template->workers_count[WORKER_IDLE] + template->workers_count[WORKER_BUSY] : 0;
}

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
 * A free worker takes one call, or a batch of what waits (batch.c).  What idles leaves, what is wanted ahead of demand
 * is forked, by keepalive.c.
 *
 * Invariants: a template in which a call waits has a process, is getting one, or is about to lose the old one.
 * Waiting calls are served in order; a new call passes none that waits but background ones, which are last.  A
 * function's `admitted` counts what runs and waits, without those.  on_done is the last thing that happens to a call,
 * when all lists are right again: it may submit the next.
 */
#include "runtime/runtime_private.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SWEEP_MS_MIN = 10,
    SWEEP_MS_MAX = 1000,
    SHARE_MS = 100, /* how long the calls of one version keep another's waiting, where there are too few workers */
};

static const char concurrency_limit[] = "ConcurrentInvocationLimitExceeded";
static const char reserved_limit[] = "ReservedFunctionConcurrentInvocationLimitExceeded";

static void sweep(uv_timer_t *timer);
static void on_turn(uv_timer_t *timer);

/* Half of the machine's memory, unless a setting says otherwise. */
static int64_t memory_budget_kb(const struct pool_options *options)
{
    int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

    return options->templates_memory_mb > 0 ? options->templates_memory_mb * 1024 : pages * (page / 1024) / 2;
}

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
    pool->memory_budget_kb = memory_budget_kb(options);
    pool->sweep.data = pool->turn.data = pool;
    pool->handles = 2;
    TAILQ_INIT(&pool->cancelled);
    (void)uv_timer_init(loop, &pool->turn);
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

/* The same key: what runs is the same, how much of it is wanted (provisioned) may have changed. */
static void refresh(struct template *template, struct runnable *what)
{
    if (template->what == what)
        return;
    runnable_retain(what);
    runnable_release(template->what);
    template->what = what;
}

struct template *pool_template(struct pool *pool, struct runnable *what)
{
    struct template *template = map_get(&pool->templates, what->key);

    if (template) {
        template->is_retired = false; /* it is called again, so it is what runs */
        refresh(template, what);
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

/* What it counted for, but for `admitted` of the pool, which is drained when all have been told. */
static void release(struct template *template, const struct run *run)
{
    if (run->background) {
        template->pool->background--;
    } else {
        template->load->admitted--;
        template->pool->admitted_unreserved -= run->reserved_concurrency < 0;
    }
    template->used_us = clock_steady_us();
    retire_if_quiet(template);
}

static void tell(struct pool *pool, struct run *run, const struct run_result *result)
{
    pool->admitted--;
    done(run, result);
    if (pool->is_draining && pool->admitted == pool->background && pool->on_drained) {
        void (*on_drained)(void *ctx) = pool->on_drained;
        pool->on_drained = NULL;
        on_drained(pool->drained_ctx);
    }
}

void pool_finish(struct template *template, struct run *run, const struct run_result *result)
{
    struct pool *pool = template->pool;

    release(template, run);
    tell(pool, run, result);
}

struct run *pool_leave_queue(struct template *template, struct place *place)
{
    struct run *run = place->run;

    TAILQ_REMOVE(&template->waiting, place, next);
    template->waiting_count--;
    template->imports_waiting -= run->import_only;
    template->load->waiting--;
    template->pool->waiting--;
    template->background_waiting -= run->background;
    template->pool->background_waiting -= run->background;
    place->template = NULL;
    if (template->starter == run)
        template->starter = NULL;
    return run;
}

static void count_in(struct template *template, struct place *place)
{
    place->template = template;
    template->waiting_count++;
    template->imports_waiting += place->run->import_only;
    template->load->waiting++;
    template->pool->waiting++;
    template->background_waiting += place->run->background;
    template->pool->background_waiting += place->run->background;
}

/* The last in the queue goes before those for whom nobody waits, who are few. */
static void pass_background(struct template *template, struct place *place)
{
    struct place *before = TAILQ_PREV(place, place_list, next);

    for (int i = 0; i < template->background_waiting; i++) {
        TAILQ_REMOVE(&template->waiting, place, next);
        TAILQ_INSERT_BEFORE(before, place, next);
        before = TAILQ_PREV(place, place_list, next);
    }
}

static void enter_queue(struct template *template, struct run *run)
{
    struct place *place = arena_new(run->arena, struct place, 1);

    place->run = run;
    run->place = place;
    TAILQ_INSERT_TAIL(&template->waiting, place, next);
    count_in(template, place);
    if (!run->background)
        pass_background(template, place);
}

/* Their worker was gone before it had read them: nothing has run, so they are as they were. */
void pool_take_back(struct template *template, struct place_list *unserved)
{
    struct place *place;

    while ((place = TAILQ_LAST(unserved, place_list))) {
        TAILQ_REMOVE(unserved, place, next);
        place->run->started_us = 0;
        if (place->run->background)
            TAILQ_INSERT_TAIL(&template->waiting, place, next);
        else
            TAILQ_INSERT_HEAD(&template->waiting, place, next);
        count_in(template, place);
    }
}

/* Its turn would not come in time: better said now than after the wait. */
static bool is_hopeless(const struct pool *pool, const struct run *run)
{
    const struct template *template = map_get(&pool->templates, run->what->key);
    int workers = template ? batch_workers_max(template) : 0;

    if (!template || template->can_batch || template_workers(template) < workers)
        return false;
    return template->service_us * template->waiting_count / workers > pool->options.queue_wait_ms_max * 1000.0;
}

/* What is reserved by a function is its own, also when it does not use it; the others share the rest. */
static bool account_is_full(const struct pool *pool, const struct run *run)
{
    int account = pool->options.account_concurrency;

    if (account <= 0)
        return false;
    return pool->admitted - pool->background >= account ||
           (run->reserved_concurrency < 0 && pool->admitted_unreserved >= account - pool->reserved);
}

/* NULL: it may run or wait; else AWS's reason. */
static const char *refuse(const struct pool *pool, const struct run *run)
{
    const struct function_load *load = map_get(&pool->loads, run->what->function);

    if (pool->is_draining || (!run->background && account_is_full(pool, run)))
        return concurrency_limit;
    if (!run->background && run->reserved_concurrency >= 0 && (load ? load->admitted : 0) >= run->reserved_concurrency)
        return reserved_limit;
    if (load && load->waiting >= pool->options.queue_per_function_max)
        return concurrency_limit;
    return is_hopeless(pool, run) ? concurrency_limit : NULL;
}

void pool_submit(struct pool *pool, struct run *run)
{
    struct template *template;
    const char *refusal;

    run->queued_us = clock_steady_us();
    run->started_us = run->ended_us = run->init_us = 0;
    run->cold = false;
    run->place = NULL;
    if (run->log.max == 0)
        buf_init(&run->log, RECORD_LOG_BYTES_MAX);
    refusal = refuse(pool, run);
    if (refusal) {
        throttle(run, refusal);
        return;
    }
    template = pool_template(pool, run->what);
    pool->admitted++;
    if (run->background) {
        pool->background++;
    } else {
        template->load->admitted++;
        pool->admitted_unreserved += run->reserved_concurrency < 0;
    }
    enter_queue(template, run);
    pool_dispatch(template);
}

/* Nobody is there to read their answers. */
static void on_turn(uv_timer_t *timer)
{
    struct pool *pool = timer->data;
    struct place *place;

    while ((place = TAILQ_FIRST(&pool->cancelled))) {
        struct run_result result = payload_refused(place->run, "the client went away while its call waited");
        TAILQ_REMOVE(&pool->cancelled, place, next);
        tell(pool, place->run, &result);
    }
}

/* It leaves at once, so that its place is another's; it is told later, since who cancels is not prepared for it. */
void pool_cancel(struct pool *pool, struct run *run)
{
    struct place *place = run->place;
    struct template *template = place ? place->template : NULL;

    if (!template)
        return;
    (void)pool_leave_queue(template, place);
    release(template, run);
    TAILQ_INSERT_TAIL(&pool->cancelled, place, next);
    (void)uv_timer_start(&pool->turn, on_turn, 0, 0);
}

/* Workers for those who wait */

static bool may_fork(struct template *template)
{
    struct pool *pool = template->pool;

    /* Short calls are served by who is there while the next is forked: 64 no-ops at once took 12 to 24 ms when all
     * 64 were forked at once.  More than a fork a core gains nothing in any case. */
    if (template->workers_count[WORKER_FORKING] >= pool->forks_at_once || clock_steady_us() < template->fork_us ||
        template->workers_count[WORKER_FORKING] >= template->waiting_count ||
        template_workers(template) >= batch_workers_max(template))
        return false;
    /* An evicted worker counts until it is gone; its end calls dispatch for those who wait. */
    return pool->workers < pool->options.workers_total_max || (keepalive_evict_worker(pool, template), false);
}

static void serve_waiting(struct template *template)
{
    struct place_list batch;

    while (template->workers_count[WORKER_IDLE] > 0 && batch_take(template, &batch))
        serve_batch(TAILQ_FIRST(&template->workers[WORKER_IDLE]), &batch);
}

static void fork_for_waiting(struct template *template)
{
    struct err err = {0};

    while (template->state == TEMPLATE_READY && may_fork(template)) {
        if (template->is_solo) {
            worker_start(template);
        } else if (!worker_fork(template, false, &err)) {
            log_warn("a worker cannot be forked", F_STR("function", template->what->function), F_CSTR("why", err.text));
            if (template->workers_count[WORKER_IDLE] + template->workers_count[WORKER_BUSY] == 0)
                template_kill(template); /* it cannot serve: start anew */
            return;
        }
    }
}

void pool_dispatch(struct template *template)
{
    if (template->state == TEMPLATE_COLD && template->waiting_count > 0) {
        template->starter = TAILQ_FIRST(&template->waiting)->run;
        template_start(template);
    }
    if (template->state == TEMPLATE_READY)
        import_answer_waiting(template);
    if (template->state != TEMPLATE_READY)
        return;
    serve_waiting(template);
    if (template->state == TEMPLATE_READY)
        fork_for_waiting(template);
    keepalive_park(template);
}

/* All workers are taken.  Does a version wait that has none, where this one has others, or longer than its share? */
static bool gives_way(const struct template *template)
{
    const struct pool *pool = template->pool;
    const struct worker *idle = TAILQ_FIRST(&template->workers[WORKER_IDLE]);
    bool has_others = template_workers(template) > 1;
    size_t cursor = 0;
    void *value;
    str key;

    if (!idle || idle->answers == 0 || pool->workers < pool->options.workers_total_max ||
        pool->waiting == template->waiting_count || template->workers_count[WORKER_ENDING] > 0)
        return false;
    while (map_next(&pool->templates, &cursor, &key, &value)) {
        const struct template *other = value;
        const struct place *first = TAILQ_FIRST(&other->waiting);
        if (first && other->state == TEMPLATE_READY && template_workers(other) == 0 &&
            (has_others || idle->idle_since_us - first->run->queued_us > SHARE_MS * 1000LL))
            return true;
    }
    return false;
}

static void serve_others(const struct template *template, bool without_workers)
{
    const struct pool *pool = template->pool;
    size_t cursor = 0;
    void *value;
    str key;

    while (map_next(&pool->templates, &cursor, &key, &value)) {
        struct template *other = value;
        if (other != template && other->waiting_count > 0 && (!without_workers || template_workers(other) == 0))
            pool_dispatch(other);
    }
}

/* When all workers are taken, others may have waited for this one: first who has none at all. */
void pool_on_room(struct template *template)
{
    const struct pool *pool = template->pool;
    int left = pool->options.workers_total_max - pool->workers;

    if (gives_way(template))
        worker_end(TAILQ_FIRST(&template->workers[WORKER_IDLE]));
    if (left == 1 && pool->waiting > template->waiting_count)
        serve_others(template, true);
    pool_dispatch(template);
    if (left <= 1 && template->waiting_count == 0 && pool->waiting > 0)
        serve_others(template, false);
}

/* What templates tell */

void pool_give_init_log(struct template *template, struct run *run)
{
    if (template->init_log.len > 0)
        buf_add(&run->log, buf_str(&template->init_log));
    run->log_bytes_dropped += template->init_log_dropped;
    buf_clear(&template->init_log);
    template->init_log_dropped = 0;
}

void pool_on_template_ready(struct template *template)
{
    struct place *place;

    if (template->starter)
        template->starter->init_us = template->init_us;
    TAILQ_FOREACH (place, &template->waiting, next) {
        place->run->cold = true;
    }
    pool_dispatch(template);
    retire_if_quiet(template);
}

static struct run_result failure_result(struct run *run, const struct init_failure *failure)
{
    switch (failure->kind) {
    case INIT_RAISED:
        return (struct run_result){
            .outcome = RUN_FUNCTION_ERROR, .payload = failure->payload, .error_type = "Runtime.InitError"};
    case INIT_EXITED:
        return payload_exit(run, failure->status);
    case INIT_TIMED_OUT:
        return payload_timeout(run, failure->timeout_ms);
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
        pool_give_init_log(template, template->starter);
    }
    while ((place = TAILQ_FIRST(&template->waiting))) {
        (void)pool_leave_queue(template, place);
        TAILQ_INSERT_TAIL(&failed, place, next);
    }
    while ((place = TAILQ_FIRST(&failed))) {
        struct run *run = place->run;
        struct run_result result = failure_result(run, failure);
        TAILQ_REMOVE(&failed, place, next);
        run->cold = true;
        pool_finish(template, run, &result);
    }
}

/* The next fork would most likely end as this one did.  So each tells one who waits: every call ends in an answer. */
void pool_on_worker_stillborn(struct template *template, const struct init_failure *failure)
{
    struct place *place = TAILQ_FIRST(&template->waiting);
    struct run_result result;
    struct run *run;

    if (!place)
        return;
    run = pool_leave_queue(template, place);
    run->cold = true;
    pool_give_init_log(template, run);
    result = failure_result(run, failure);
    pool_finish(template, run, &result);
}

void pool_on_template_gone(struct template *template)
{
    bool is_empty = template->state == TEMPLATE_COLD && LIST_EMPTY(&template->processes);

    if (template->waiting_count > 0)
        pool_dispatch(template);
    else if (is_empty && (template->is_retired || !template->what->provisioned))
        forget_template(template);
}

/* Time */

/* Waiting for an init is bounded by init's own time, and that of its second run; the rest by queue_wait_ms. */
static int64_t waits_until_us(const struct template *template, const struct run *run)
{
    const struct pool_options *options = &template->pool->options;
    int64_t wait_us = options->queue_wait_ms_max * 1000LL;

    if (template->state == TEMPLATE_READY)
        return (run->queued_us > template->ready_us ? run->queued_us : template->ready_us) + wait_us;
    return run->queued_us + wait_us +
           1000LL * (template->what->settings.init_timeout_ms + options->init_timeout_ms + template->what->timeout_ms +
                     4 * GRACE_MS);
}

/* The oldest of the calls that are waited for, or of the others: the queue has these behind those. */
static struct place *oldest(const struct template *template, bool background)
{
    struct place *place = TAILQ_LAST(&template->waiting, place_list);

    if (!background)
        return template->waiting_count > template->background_waiting ? TAILQ_FIRST(&template->waiting) : NULL;
    for (int i = 1; i < template->background_waiting; i++)
        place = TAILQ_PREV(place, place_list, next);
    return template->background_waiting > 0 ? place : NULL;
}

static void expire_waiting(struct template *template, bool background, int64_t now_us)
{
    struct place *place;

    while ((place = oldest(template, background)) && now_us > waits_until_us(template, place->run)) {
        struct run_result result = {.outcome = RUN_THROTTLED, .reason = concurrency_limit};
        pool_finish(template, pool_leave_queue(template, place), &result);
    }
}

/* Asked at each sweep rather than told by the catalog: the template's own reference keeps a runnable from going, and
 * a new runnable may have the same key (a change that runs nothing else), which is then no reason to end it. */
static void follow_catalog(struct template *template)
{
    const struct catalog *catalog = template->pool->options.catalog;
    const struct function_entry *entry = catalog ? catalog_function(catalog, template->what->function) : NULL;

    for (int i = 0; entry && i < entry->versions_count; i++) {
        if (str_eq(entry->versions[i]->key, template->what->key))
            refresh(template, entry->versions[i]);
    }
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

    while (map_next(&pool->templates, &cursor, &key, &value))
        follow_catalog(value);
    pool->reserved = pool->options.catalog ? catalog_reserved(pool->options.catalog) : 0;
    keepalive_sweep(pool, now_us);
    cursor = 0;
    while (map_next(&pool->templates, &cursor, &key, &value)) {
        size_t before = pool->templates.len;
        pool_dispatch(value); /* a fork that failed is tried again */
        expire_waiting(value, false, now_us);
        expire_waiting(value, true, now_us);
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
    if (pool->admitted == pool->background) {
        pool->on_drained = NULL;
        on_drained(ctx);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct pool *pool = handle->data;

    if (--pool->handles == 0)
        free(pool);
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
    on_turn(&pool->turn);
    map_done(&pool->templates);
    map_done(&pool->loads);
    uv_close((uv_handle_t *)&pool->turn, on_closed);
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

enum pool_room pool_room(const struct pool *pool)
{
    struct pool_counts counts = pool_counts(pool);
    int background_busy = pool->background - pool->background_waiting;

    if (pool->is_draining || pool->waiting > pool->background_waiting)
        return POOL_ROOM_NONE;
    return counts.workers_busy - background_busy < pool->forks_at_once ? POOL_ROOM_FREE : POOL_ROOM_TIGHT;
}

const char *pool_host_lacks(const struct pool *pool)
{
    return keeper_note(pool->keeper);
}

int pool_ready_workers(const struct pool *pool, const struct runnable *runnable)
{
    const struct template *template = map_get(&pool->templates, runnable->key);
    int ready = template ? template->workers_count[WORKER_IDLE] + template->workers_count[WORKER_BUSY] : 0;

    return template && ready == 0 && template->init_failed ? -1 : ready;
}

/*
 * template: one function version as it is run here, and its process that has imported the handler and forks workers.
 *
 *              template_start             INIT_DONE
 *     [COLD] ----------------> [STARTING] ----------> [READY]
 *        ^                         |                     |
 *        |                         | INIT_ERROR, init    | template_kill: idle, retired
 *        |                         | timeout             v
 *        +---------------------- [ENDING] <--------------+
 *          its process' end, which may come from any state: workers gone, then pool_on_template_gone
 *
 * A template is long-lived as a place for waiting calls; its process comes and goes.  One that is old or has seen
 * crashes is renewed while it serves: when the successor's import is done it takes over, and the old process goes with
 * the last of its calls.  A version that does not survive a
 * fork (threads alive after the import, a fork that hangs) is served without: each worker is a process that has
 * imported the handler itself.  Then READY means that an import was seen to work, and template->process is NULL.
 */
#include "runtime/runtime_private.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

enum {
    RENEW_RETRY_MS = 60 * 1000,
    INIT_MS_USUAL = 60 * 1000, /* what a slow import is told to ask for; past it the most there is */
    INIT_MS_MAX = 900 * 1000,
};

struct template *template_new(struct pool *pool, struct runnable *what, struct function_load *load)
{
    struct template *template = calloc(1, sizeof *template);

    if (!template)
        abort();
    runnable_retain(what);
    template->pool = pool;
    template->what = what;
    template->load = load;
    template->is_solo = !what->settings.fork;
    LIST_INIT(&template->processes);
    TAILQ_INIT(&template->waiting);
    for (int i = 0; i < WORKER_STATES; i++)
        TAILQ_INIT(&template->workers[i]);
    buf_init(&template->init_log, RECORD_LOG_BYTES_MAX);
    template->hold.data = template;
    (void)uv_timer_init(pool->loop, &template->hold);
    template->used_us = clock_steady_us();
    return template;
}

static void on_freed(uv_handle_t *handle)
{
    struct template *template = handle->data;

    buf_free(&template->init_log);
    free(template);
}

void template_free(struct template *template)
{
    runnable_release(template->what);
    template->what = NULL;
    uv_close((uv_handle_t *)&template->hold, on_freed);
}

int template_workers(const struct template *template)
{
    int count = 0;

    for (int i = 0; i < WORKER_STATES; i++)
        count += template->workers_count[i];
    return count;
}

void template_note(struct template *template, const char *words)
{
    log_warn(words, F_STR("function", template->what->function), F_STR("version", template->what->version));
    buf_printf(&template->init_log, "[sculler] %s\n", words);
}

/* Start and end */

void template_start(struct template *template)
{
    template->state = TEMPLATE_STARTING;
    template->started_us = clock_steady_us();
    template->process = process_start(template, NULL);
}

static void become_cold(struct template *template)
{
    template->state = TEMPLATE_COLD;
    template->is_closing = false;
    pool_on_template_gone(template);
}

static void on_empty(uv_timer_t *timer)
{
    become_cold(timer->data);
}

void template_kill(struct template *template)
{
    struct process *process;

    if (template->state == TEMPLATE_COLD || template->state == TEMPLATE_ENDING)
        return;
    template->state = TEMPLATE_ENDING;
    template->is_closing = true;
    template->is_holding = false;
    (void)uv_timer_stop(&template->hold);
    LIST_FOREACH (process, &template->processes, next)
        process_kill(process);
    if (LIST_EMPTY(&template->processes)) /* told on the next turn, as every end is */
        (void)uv_timer_start(&template->hold, on_empty, 0, 0);
}

/* The pool goes: nobody wants to hear of it again. */
void template_abandon(struct template *template)
{
    struct process *process;

    while ((process = LIST_FIRST(&template->processes))) {
        process_drop(process);
        worker_lose_all(process, SIGKILL);
        process_close(process);
    }
    template->process = template->successor = NULL;
    template->state = TEMPLATE_COLD;
}

/* Taking turns: the old process goes with the last of its workers; those without a call leave now. */

static void retire_process(struct process *process)
{
    process->is_retiring = true;
    if (process->workers == 0)
        process_kill(process);
}

static void end_stale_workers(struct template *template)
{
    struct worker *worker, *after;

    for (worker = TAILQ_FIRST(&template->workers[WORKER_IDLE]); worker; worker = after) {
        after = TAILQ_NEXT(worker, next);
        if (worker->started_us <= template->fresh_us)
            worker_end(worker);
    }
}

void template_renew(struct template *template)
{
    if (template->state != TEMPLATE_READY || template->successor || clock_steady_us() < template->retry_us)
        return;
    if (template->is_solo) { /* each has its own: they leave one by one, and are replaced as calls want it */
        template->fresh_us = template->ready_us = clock_steady_us();
        end_stale_workers(template);
        return;
    }
    template->started_us = clock_steady_us();
    template->successor = process_start(template, NULL);
}

static void take_over(struct template *template)
{
    struct process *old = template->process;

    template->process = template->successor;
    template->successor = NULL;
    template->fresh_us = clock_steady_us();
    end_stale_workers(template);
    if (old)
        retire_process(old);
}

/* What its processes tell */

static void go_without_forks(struct template *template, const char *why)
{
    BUF_AUTO words = {0};

    if (template->is_solo)
        return;
    template->is_solo = true;
    buf_init(&words, 1024);
    buf_printf(&words, "this version is served without forks, each worker imports the handler itself: %s", why);
    buf_add_char(&words, '\0');
    template_note(template, words.at);
}

/* Its word on its memory is a stranger's: with more than it can have it would drive out others. */
static void learn(struct template *template, const struct frame *frame)
{
    BUF_AUTO why = {0};
    int64_t told_kb = frame->header.memory_kb, most_kb = process_memory_mb_max(template) * 1024;

    template->can_batch = frame->header.status &FRAME_CAN_BATCH;
    template->memory_kb = (uint32_t)(told_kb < most_kb ? told_kb : most_kb);
    template->init_failed = template->is_rerun = false;
    if (frame->header.status & FRAME_CAN_FORK)
        return;
    buf_init(&why, 512);
    buf_printf(&why, "after the import: %.*s", (int)(frame->body.len < 300 ? frame->body.len : 300), frame->body.at);
    buf_add_char(&why, '\0');
    go_without_forks(template, why.at);
}

void template_on_init_done(struct process *process, const struct frame *frame)
{
    struct template *template = process->template;
    struct err err = {0};

    if (process->is_ending)
        return;
    if (process->solo) {
        if (!worker_become(process->solo, &err))
            process_kill(process);
        return;
    }
    if (process == template->successor)
        take_over(template);
    if (process != template->process)
        return;
    learn(template, frame);
    template->state = TEMPLATE_READY;
    template->ready_us = clock_steady_us();
    template->init_us = template->ready_us - template->started_us; /* with the interpreter's start */
    keepalive_on_start(template);
    pool_on_template_ready(template);
}

/* Which setting gives it more, since the words of a timeout do not. */
static void note_slow_import(struct template *template, int timeout_ms, bool again)
{
    BUF_AUTO words = {0};

    buf_init(&words, 256);
    buf_printf(&words, "the import took more than %g s%s; say `init_timeout_ms = %d`", timeout_ms / 1000.0,
               again ? " and was run again in the call" : "", timeout_ms < INIT_MS_USUAL ? INIT_MS_USUAL : INIT_MS_MAX);
    buf_add_char(&words, '\0');
    template_note(template, words.at);
}

/* AWS: an init that takes too long is run again inside the first invocation, under the function's timeout. */
static bool runs_again(struct template *template, const struct init_failure *failure)
{
    if (failure->kind != INIT_TIMED_OUT || template->is_rerun || template->waiting_count == 0 ||
        failure->timeout_ms >= template->what->timeout_ms)
        return false;
    note_slow_import(template, failure->timeout_ms, true);
    return template->is_rerun = true;
}

void template_on_init_failed(struct process *process, const struct init_failure *failure)
{
    struct template *template = process->template;

    if (template->is_closing) /* our wish: who came meanwhile has a new start */
        return;
    if (process->solo) {
        pool_on_worker_stillborn(template, failure);
        return;
    }
    if (process == template->successor) {
        template->successor = NULL;
        template->retry_us = clock_steady_us() + RENEW_RETRY_MS * 1000LL;
        template_note(template, "the version was to be started afresh, and its import failed: it goes on as it is");
    }
    if (process != template->process)
        return;
    template->state = TEMPLATE_ENDING;
    if (runs_again(template, failure))
        return; /* its end brings pool_on_template_gone, and that a new start for who waits */
    if (failure->kind == INIT_TIMED_OUT && !template->is_rerun)
        note_slow_import(template, failure->timeout_ms, false);
    template->is_rerun = false;
    template->init_failed = true;
    pool_on_init_failed(template, failure);
}

void template_on_frame(struct process *process, const struct frame *frame)
{
    struct template *template = process->template;
    struct worker *worker = worker_find(template, frame->header.worker);

    if (!worker || worker->home != process)
        return;
    if (frame->header.type == FRAME_FORKED)
        worker_on_forked(worker, frame->header.status);
    else if (!worker->is_solo && worker->is_born)
        worker_gone(worker, frame->header.status);
}

/* Its successor, if one is coming, takes its place at once. */
static void lose_process(struct template *template)
{
    template->process = template->successor;
    template->successor = NULL;
    template->state = template->process ? TEMPLATE_STARTING : TEMPLATE_COLD;
}

/* One that ends of itself as soon as it shall fork would be started over and over for the calls that wait. */
static void judge_barren(struct template *template, const struct process *process, int status)
{
    struct init_failure failure = {.kind = INIT_EXITED, .status = status};

    if (process != template->process || template->state != TEMPLATE_READY || template->is_closing ||
        process->had_worker || ++template->barren < BARREN_MAX)
        return;
    template->barren = 0;
    pool_on_init_failed(template, &failure);
}

void template_on_process_gone(struct process *process, int status)
{
    struct template *template = process->template;

    judge_barren(template, process, status);
    if (process == template->successor)
        template->successor = NULL;
    if (process == template->process && template->is_closing)
        template->process = NULL;
    else if (process == template->process)
        lose_process(template);
    worker_lose_all(process, status);
    process_close(process);
    pool_on_room(template);
    if (!template->is_closing)
        pool_on_template_gone(template);
    else if (LIST_EMPTY(&template->processes))
        become_cold(template);
}

/* Byte-by-byte guessing of a stack's canary needs many forks of one layout ("From Zygote to Morula", S&P 2014). */
void template_on_crash(struct worker *worker)
{
    int number = WIFSIGNALED(worker->status) ? WTERMSIG(worker->status) : 0;
    struct process *home = worker->home;

    if (worker->is_solo || !home || (number != SIGSEGV && number != SIGABRT && number != SIGBUS))
        return;
    if (++home->crashes % CRASHES_MAX == 0 && home == worker->template->process)
        template_renew(worker->template);
}

/* A cell that is full for a moment has room again soon; one whose import filled it would be asked at once, for ever. */
void template_on_fork_failed(struct template *template)
{
    if (++template->fork_failures >= FORK_TRIES_MAX)
        template->fork_us = clock_steady_us() + FORK_RETRY_MS * 1000LL;
}

void template_on_hang(struct template *template, const char *why)
{
    struct process *forks = template->process;

    if (template->is_solo || ++template->fork_hangs < FORK_HANGS_MAX)
        return;
    go_without_forks(template, why);
    template->fresh_us = clock_steady_us();
    if (template->state != TEMPLATE_READY || !forks)
        return;
    template->process = NULL;
    if (template->successor) /* no longer wanted */
        process_kill(template->successor);
    template->successor = NULL;
    end_stale_workers(template);
    retire_process(forks);
}

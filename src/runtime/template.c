/*
 * template: one function version as it is run here, and its process that has imported the handler and forks workers.
 *
 *              template_start             INIT_DONE
 *     [COLD] ----------------> [STARTING] ----------> [READY]
 *        ^                         |                     |
 *        |                         | INIT_ERROR, init    | template_kill: idle, retired, worn, deaf
 *        |                         | timeout             v
 *        +---------------------- [ENDING] <--------------+
 *          its cells' end, which may come from any state: workers gone, then pool_on_template_gone
 *
 * A template is long-lived as a place for waiting calls; its process comes and goes.  A version that does not survive a
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

static int init_timeout_ms(const struct template *template)
{
    int own = template->what->settings.init_timeout_ms;

    if (template->is_rerun)
        return template->what->timeout_ms;
    return own > 0 ? own : template->pool->options.init_timeout_ms;
}

void template_start(struct template *template)
{
    template->state = TEMPLATE_STARTING;
    template->started_us = clock_steady_us();
    template->crashes = 0;
    template->is_worn = false;
    template->process = process_start(template, NULL, init_timeout_ms(template));
}

static void kill_solo_workers(struct template *template)
{
    struct worker *worker;

    for (int state = 0; state < WORKER_STATES; state++) {
        TAILQ_FOREACH (worker, &template->workers[state], next) {
            if (worker->process)
                process_kill(worker->process);
        }
    }
}

static void become_cold(struct template *template)
{
    template->state = TEMPLATE_COLD;
    template->tmp_of = 0; /* it went with the cell */
    pool_on_template_gone(template);
}

static void on_empty(uv_timer_t *timer)
{
    become_cold(timer->data);
}

void template_kill(struct template *template)
{
    if (template->state == TEMPLATE_COLD || template->state == TEMPLATE_ENDING)
        return;
    template->state = TEMPLATE_ENDING;
    template->is_holding = false;
    (void)uv_timer_stop(&template->hold);
    if (template->process)
        process_kill(template->process);
    kill_solo_workers(template);
    if (!template->process && template_workers(template) == 0) /* told on the next turn, as every end is */
        (void)uv_timer_start(&template->hold, on_empty, 0, 0);
}

static void lose_workers(struct template *template, bool solo, int status)
{
    struct worker *worker, *after;

    for (int state = 0; state < WORKER_STATES; state++) {
        for (worker = TAILQ_FIRST(&template->workers[state]); worker; worker = after) {
            after = TAILQ_NEXT(worker, next);
            if ((worker->process != NULL) == solo)
                worker_lost(worker, status);
        }
    }
}

/* The pool goes: nobody wants to hear of it again. */
void template_abandon(struct template *template)
{
    struct worker *worker;

    if (template->process)
        process_abandon(template->process);
    template->process = NULL;
    for (int state = 0; state < WORKER_STATES; state++) {
        TAILQ_FOREACH (worker, &template->workers[state], next) {
            if (worker->process)
                process_abandon(worker->process);
        }
    }
    lose_workers(template, false, SIGKILL);
    lose_workers(template, true, SIGKILL);
    template->state = TEMPLATE_COLD;
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

static void learn(struct template *template, const struct frame *frame)
{
    BUF_AUTO why = {0};

    template->can_batch = frame->header.status &FRAME_CAN_BATCH;
    template->memory_kb = frame->header.memory_kb;
    template->init_failed = template->is_rerun = false;
    if (frame->header.status & FRAME_CAN_FORK)
        return;
    buf_init(&why, 512);
    buf_printf(&why, "after the import there are threads, which a fork would lose: %.*s",
               (int)(frame->body.len < 300 ? frame->body.len : 300), frame->body.at);
    buf_add_char(&why, '\0');
    go_without_forks(template, why.at);
}

void template_on_init_done(struct process *process, const struct frame *frame)
{
    struct template *template = process->template;

    struct err err = {0};

    if (process->solo) {
        if (!worker_become(process->solo, &err))
            process_kill(process);
        return;
    }
    learn(template, frame);
    template->state = TEMPLATE_READY;
    template->ready_us = clock_steady_us();
    template->init_us = template->ready_us - template->started_us; /* with the interpreter's start */
    keepalive_on_start(template);
    pool_on_template_ready(template);
}

/* AWS: an init that takes too long is run again inside the first invocation, under the function's timeout. */
static bool runs_again(struct template *template, const struct init_failure *failure)
{
    if (failure->kind != INIT_TIMED_OUT || template->is_rerun || template->waiting_count == 0 ||
        failure->timeout_ms >= template->what->timeout_ms)
        return false;
    return template->is_rerun = true;
}

void template_on_init_failed(struct process *process, const struct init_failure *failure)
{
    struct template *template = process->template;

    if (process->solo) {
        pool_on_worker_stillborn(template, failure);
        return;
    }
    template->state = TEMPLATE_ENDING;
    if (runs_again(template, failure))
        return; /* its end brings pool_on_template_gone, and that a new start for who waits */
    template->is_rerun = false;
    template->init_failed = true;
    pool_on_init_failed(template, failure);
}

void template_on_frame(struct process *process, const struct frame *frame)
{
    struct template *template = process->template;
    struct worker *worker = worker_find(template, frame->header.worker);

    if (!worker)
        return;
    if (frame->header.type == FRAME_FORKED) {
        worker_on_forked(worker, frame->header.status);
    } else if (!worker->process && worker->is_born) {
        worker_gone(worker, frame->header.status);
        pool_on_worker_free(template);
    }
}

void template_on_process_gone(struct process *process, int status)
{
    struct template *template = process->template;
    struct worker *solo = process->solo;

    if (solo) {
        worker_lost(solo, status);
        if (template->state != TEMPLATE_ENDING)
            pool_on_worker_free(template);
        else if (!template->process && template_workers(template) == 0)
            become_cold(template);
        return;
    }
    template->state = TEMPLATE_ENDING;
    template->process = NULL;
    lose_workers(template, false, status);
    if (template_workers(template) == 0)
        become_cold(template);
    else
        kill_solo_workers(template);
}

/* Byte-by-byte guessing of a stack's canary needs many forks of one layout ("From Zygote to Morula", S&P 2014). */
void template_on_crash(struct template *template, int status)
{
    if (!WIFSIGNALED(status) || template->is_solo)
        return;
    if (WTERMSIG(status) != SIGSEGV && WTERMSIG(status) != SIGABRT && WTERMSIG(status) != SIGBUS)
        return;
    template->is_worn = template->is_worn || ++template->crashes >= CRASHES_MAX;
}

void template_on_fork_hang(struct template *template)
{
    if (template->is_solo || ++template->fork_hangs < FORK_HANGS_MAX)
        return;
    go_without_forks(template, "a fork of it hangs before it can serve");
    template->is_worn = true;
}

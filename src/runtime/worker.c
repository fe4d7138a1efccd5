/*
 * worker: one process that serves one call, or one batch, at a time; as the server sees it.
 *
 *   worker_fork, worker_start
 *                 v        READY              serve_batch
 *            [FORKING] ------------> [IDLE] -------------> [BUSY]
 *                 |                    |  <--------------    |
 *                 | worker_end, too    |   all answered      | deadline (killed, calls answered)
 *                 v slow (killed)      v                     v its socket closed
 *               +------------------ [ENDING] ------------------+
 *                                      |  its process is gone, the keeper has told its figures: freed
 *
 * Invariants: calls are attached in BUSY, and in ENDING only until it is known how it ended.  Nothing is read from a
 * worker that is ENDING, its last words excepted.  If it is still there a grace after it should have gone, it is
 * killed; a grace later so is the cell that is its home.
 *
 * Ends, by who begins them: worker_end asks it to leave; worker_cut ends what has lost its line or may not go on;
 * worker_gone is told that its process has ended, worker_lose_all that its whole cell has.  The last buries it at
 * once; the others come to conclude(), which tells its callers as soon as is known why, and at last bury()s it.
 *
 * The keeper ends workers (keeper_end_worker): it kills what is left, strays included, and tells whether memory was the
 * reason, and how much there was.  Callers wait for that, some milliseconds and FIGURES_MS at most.
 */
#include "runtime/runtime_private.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

static void on_timer(uv_timer_t *timer);
static void conclude(struct worker *worker);

static bool is_unused(const struct worker *worker)
{
    return !worker->was_used && (worker->state == WORKER_FORKING || worker->state == WORKER_IDLE);
}

/* The warmest idle worker first; one that never had a call last. */
void worker_enter(struct worker *worker, enum worker_state state)
{
    struct template *template = worker->template;

    template->unused_count -= is_unused(worker);
    TAILQ_REMOVE(&template->workers[worker->state], worker, next);
    template->workers_count[worker->state]--;
    worker->state = state;
    if (state == WORKER_IDLE && !worker->was_used)
        TAILQ_INSERT_TAIL(&template->workers[state], worker, next);
    else
        TAILQ_INSERT_HEAD(&template->workers[state], worker, next);
    template->workers_count[state]++;
    template->unused_count += is_unused(worker);
}

struct worker *worker_find(struct template *template, uint32_t number)
{
    struct worker *worker;

    for (int state = 0; state < WORKER_STATES; state++) {
        TAILQ_FOREACH (worker, &template->workers[state], next) {
            if (worker->number == number)
                return worker;
        }
    }
    return NULL;
}

/* Birth */

static void on_closed(uv_handle_t *handle)
{
    struct worker *worker = handle->data;

    if (--worker->handles > 0)
        return;
    buf_free(&worker->in);
    free(worker);
}

/* Without sockets yet: see open_ends. */
static struct worker *new_worker(struct template *template, struct process *home)
{
    struct worker *worker = calloc(1, sizeof *worker);

    if (!worker)
        abort();
    worker->template = template;
    worker->home = home;
    worker->started_us = clock_steady_us();
    worker->state = WORKER_FORKING;
    worker->number = ++template->pool->last_worker;
    worker->work_fd = worker->log_fd = -1;
    worker->handles = 1;
    worker->timer.data = worker;
    TAILQ_INIT(&worker->running);
    (void)uv_timer_init(template->pool->loop, &worker->timer);
    TAILQ_INSERT_HEAD(&template->workers[WORKER_FORKING], worker, next);
    template->workers_count[WORKER_FORKING]++;
    template->unused_count++;
    template->pool->workers++;
    if (home)
        home->workers++;
    return worker;
}

struct ends {
    int work, log, gate, keepers_gate;
};

static void close_ends(struct ends *ends)
{
    fd_close(&ends->work);
    fd_close(&ends->log);
    fd_close(&ends->gate);
    fd_close(&ends->keepers_gate);
}

static bool open_ends(struct worker *worker, struct ends *ret, struct err *err)
{
    uv_loop_t *loop = worker->template->pool->loop;
    int work[2], log[2], gate[2], on = 1;

    *ret = (struct ends){-1, -1, -1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, work) < 0)
        return err_sys(err, "a socket for a worker");
    worker->work_fd = work[0];
    ret->work = work[1];
    if (pipe2(log, O_CLOEXEC) < 0) {
        fd_close(&worker->work_fd);
        return err_sys(err, "a pipe for a worker");
    }
    worker->log_fd = log[0];
    ret->log = log[1];
    (void)fcntl(log[0], F_SETFL, O_NONBLOCK); /* our end only: the function's print() waits */
    worker->handles = 3;
    worker->work.data = worker->log.data = worker;
    buf_init(&worker->in, sizeof(struct frame_header) + 2 * (size_t)INVOKE_RESPONSE_BYTES_MAX);
    (void)uv_poll_init(loop, &worker->work, worker->work_fd);
    (void)uv_poll_init(loop, &worker->log, worker->log_fd);
    (void)uv_poll_start(&worker->work, UV_READABLE, serve_on_work);
    (void)uv_poll_start(&worker->log, UV_READABLE, serve_on_log);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, gate) < 0)
        return err_sys(err, "a gate for a worker");
    ret->gate = gate[0];
    ret->keepers_gate = gate[1];
    (void)setsockopt(gate[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on); /* before anything is sent on it */
    return true;
}

/* "lambda" makes it AWS's ceiling.  An init is in the template's group, where there is none. */
static struct cell_limits worker_limits(const struct runnable *what)
{
    uint32_t quota = (uint32_t)(what->memory_mb * 100000LL / MB_A_CPU);

    return (struct cell_limits){.memory_bytes = (uint64_t)what->memory_mb << 20,
                                .pids_max = PIDS_A_WORKER_MAX,
                                .cpu_quota_us = what->settings.cpu == 0 ? 0 : quota};
}

static bool admit(struct worker *worker, const struct ends *ends, struct err *err)
{
    struct template *template = worker->template;
    struct process *process = worker->home;
    struct worker_options options = {.limits = worker_limits(template->what),
                                     .tmp_mb = (uint32_t) template->what->tmp_mb,
                                     .takes_all = process->solo != NULL,
                                     .tmp_of = process->kept_count > 0 ? process->kept[process->kept_count - 1] : 0,
                                     .gate_fd = ends->keepers_gate};
    struct frame_header header = {.type = FRAME_FORK,
                                  .worker = worker->number,
                                  .status = (process->solo ? FRAME_START_BECOME : 0) |
                                            (worker->is_parked ? FRAME_START_PARK : 0)};

    /* The fork takes longer than what the keeper does meanwhile, and its hello waits at the gate. */
    if (!process_send(process, &header, (int[]){ends->work, ends->log, ends->gate}, FRAME_FORK_FDS))
        return err_set(err, ERR_SYSTEM, "the template does not listen");
    if (!keeper_admit_worker(template->pool->keeper, process->cell, worker->number, &options, err))
        return false;
    process->kept_count -= process->kept_count > 0;
    return true;
}

static bool begin(struct worker *worker, struct err *err)
{
    struct ends ends;
    bool good = open_ends(worker, &ends, err) && admit(worker, &ends, err);

    close_ends(&ends);
    (void)uv_timer_start(&worker->timer, on_timer, FORK_MS, 0);
    return good;
}

bool worker_fork(struct template *template, bool parked, struct err *err)
{
    struct worker *worker = new_worker(template, template->process);

    worker->is_parked = parked;
    if (begin(worker, err))
        return true;
    worker_gone(worker, 0);
    return false;
}

bool worker_become(struct worker *worker, struct err *err)
{
    return begin(worker, err);
}

void worker_start(struct template *template)
{
    struct process *ready = template->process; /* of the template's init: the first worker is there already */
    struct worker *worker = new_worker(template, ready);
    struct err err = {0};

    worker->is_solo = true;
    if (!ready) {
        worker->home = process_start(template, worker);
        worker->home->workers++;
        return;
    }
    template->process = NULL;
    ready->solo = worker;
    if (!worker_become(worker, &err))
        process_kill(ready);
}

void worker_on_forked(struct worker *worker, int error)
{
    if (error == 0) {
        worker->is_born = true;
        worker->template->fork_failures = 0;
    } else if (!worker->is_solo) { /* no process came of it: the call goes on waiting for another */
        template_on_fork_failed(worker->template);
        worker_gone(worker, 0);
    }
}

/* Work */

static bool is_stale(const struct worker *worker)
{
    return worker->home->is_retiring || worker->started_us <= worker->template->fresh_us;
}

void worker_on_free(struct worker *worker)
{
    (void)uv_timer_stop(&worker->timer);
    worker->idle_since_us = clock_steady_us();
    worker_enter(worker, WORKER_IDLE);
    if (is_stale(worker) && (worker->answers > 0 || worker->template->waiting_count == 0))
        worker_end(worker); /* else it serves one who waited for it */
    pool_on_room(worker->template);
}

void worker_set_deadline(struct worker *worker, int64_t in_us)
{
    (void)uv_timer_start(&worker->timer, on_timer, (uint64_t)(in_us + 999) / 1000, 0);
}

/* The keeper */

static void keep_tmp(struct worker *worker)
{
    struct process *home = worker->home;

    home->kept_asked--;
    if (worker->figures.was_admitted && home->kept_count < KEPT_TMP_MAX)
        home->kept[home->kept_count++] = worker->number;
}

/* A lock that a thread of the template held at the fork is never released (libgomp and BLAS are known for it). */
static void judge_first_call(struct worker *worker)
{
    struct template *template = worker->template;

    if (worker->is_late && worker->answers == 0 && !worker->is_solo && !template->forks_work &&
        worker->figures.cpu_us > 0 && worker->figures.cpu_us < HANG_CPU_US)
        template_on_hang(template, "the first call of a fork hangs, without using the CPU");
}

/* Killed, and the keeper says that it is: its template's word would add nothing. */
static void take_as_gone(struct worker *worker)
{
    if (worker->is_gone || !worker->is_killed || !(worker->figures.was_admitted || !worker->is_born))
        return;
    worker->is_gone = true;
    worker->status = SIGKILL;
    if (worker->is_solo)
        process_kill(worker->home);
}

static void on_told(void *ctx, const struct worker_end *end)
{
    struct farewell *farewell = ctx;
    struct worker *worker = farewell->worker;

    free(farewell);
    if (!worker)
        return;
    worker->farewell = NULL;
    worker->is_told = true;
    worker->figures = *end;
    if (worker->keeps_tmp)
        keep_tmp(worker);
    judge_first_call(worker);
    take_as_gone(worker);
    conclude(worker);
}

/* It kills what is left of it, strays included.  Who has lost a call leaves its /tmp to its successor, as on Lambda. */
static void ask_keeper(struct worker *worker)
{
    struct process *home = worker->home;

    if (worker->farewell || worker->is_told)
        return;
    if (home->cell == 0) {
        worker->is_told = true;
        return;
    }
    worker->keeps_tmp = !worker->is_solo && !TAILQ_EMPTY(&worker->running) && !home->is_retiring &&
                        home->kept_count + home->kept_asked < KEPT_TMP_MAX;
    home->kept_asked += worker->keeps_tmp;
    worker->farewell = calloc(1, sizeof *worker->farewell);
    if (!worker->farewell)
        abort();
    worker->farewell->worker = worker;
    keeper_end_worker(worker->template->pool->keeper, home->cell, worker->number, worker->keeps_tmp, on_told,
                      worker->farewell);
}

/* Death */

static void stop_reading(struct worker *worker)
{
    worker_enter(worker, WORKER_ENDING);
    if (worker->work_fd >= 0)
        (void)uv_poll_stop(&worker->work);
}

void worker_cut(struct worker *worker, enum whose_doing whose)
{
    if (worker->state != WORKER_ENDING)
        stop_reading(worker);
    worker->is_killed = worker->is_killed || whose == OUR_DOING;
    (void)uv_timer_start(&worker->timer, on_timer, FIGURES_MS, 0);
    ask_keeper(worker);
}

void worker_end(struct worker *worker)
{
    stop_reading(worker);
    worker->is_dismissed = true;
    (void)uv_timer_start(&worker->timer, on_timer, GRACE_MS, 0);
    if (worker->work_fd >= 0)
        (void)shutdown(worker->work_fd, SHUT_RDWR); /* it sees the end of its work */
}

static void note_end_of_calls(struct worker *worker)
{
    struct place *place;

    TAILQ_FOREACH (place, &worker->running, next)
        place->run->ended_us = clock_steady_us();
}

/* It has not gone when it should have: first it is killed, then its callers are told, then its cell is killed. */
static void on_overdue(struct worker *worker)
{
    if (worker->is_gone) { /* the keeper does not tell */
        worker->is_told = true;
        conclude(worker);
    } else if (!worker->is_killed) {
        (void)uv_timer_start(&worker->timer, on_timer, GRACE_MS, 0);
        worker->is_killed = true;
        ask_keeper(worker);
        if (worker->is_told)
            take_as_gone(worker);
        conclude(worker);
    } else if (!worker->waits_no_more) {
        (void)uv_timer_start(&worker->timer, on_timer, GRACE_MS, 0);
        worker->waits_no_more = true;
        conclude(worker);
    } else {
        process_kill(worker->home);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct worker *worker = timer->data;

    switch (worker->state) {
    case WORKER_BUSY:
        worker->is_late = true;
        note_end_of_calls(worker);
        worker_cut(worker, OUR_DOING);
        return;
    case WORKER_FORKING: /* it, or its template before the fork, hangs in a hook */
        if (!worker->is_solo)
            template_on_hang(worker->template, "a fork of it hangs before it can serve");
        worker_cut(worker, OUR_DOING);
        return;
    case WORKER_ENDING:
        on_overdue(worker);
        return;
    case WORKER_IDLE:
    case WORKER_STATES:
        return;
    }
}

static struct run_result how_it_ended(struct run *run, const struct worker *worker)
{
    if (worker->is_late)
        return payload_timeout(run, worker->template->what->timeout_ms);
    return worker->figures.out_of_memory ? payload_out_of_memory(run) : payload_exit(run, worker->status);
}

static void close_worker(struct worker *worker)
{
    struct template *template = worker->template;
    struct process *home = worker->home;

    TAILQ_REMOVE(&template->workers[WORKER_ENDING], worker, next);
    template->workers_count[WORKER_ENDING]--;
    template->pool->workers--;
    if (worker->farewell) {
        worker->farewell->worker = NULL;
        home->kept_asked -= worker->keeps_tmp;
    }
    if (worker->is_solo)
        home->solo = NULL;
    if (--home->workers == 0 && home->is_retiring)
        process_kill(home);
    if (worker->handles == 3) {
        uv_close((uv_handle_t *)&worker->work, on_closed);
        uv_close((uv_handle_t *)&worker->log, on_closed);
    }
    uv_close((uv_handle_t *)&worker->timer, on_closed);
    fd_close(&worker->work_fd);
    fd_close(&worker->log_fd);
}

/* Its callers have been told.  If it never served, one who waits for it is. */
static void bury(struct worker *worker)
{
    struct template *template = worker->template;
    bool was_our_wish = worker->is_dismissed || template->is_closing;
    bool stillborn = !worker->was_ready && !was_our_wish && (worker->is_born || worker->is_killed);
    struct init_failure failure = {.kind = INIT_EXITED, .status = worker->status};

    if (!worker->was_used && !was_our_wish)
        keepalive_on_unused_end(template);
    if (stillborn && worker->log_fd >= 0)
        (void)log_pipe_read(worker->log_fd, true, log_keep_init, template);
    close_worker(worker);
    if (stillborn)
        pool_on_worker_stillborn(template, &failure);
}

/* Tells its callers, as soon as it is known how it ended; it is no more when it is gone and told about. */
static void conclude(struct worker *worker)
{
    struct template *template = worker->template;

    if ((worker->is_gone || worker->is_late) && (worker->is_told || worker->waits_no_more))
        serve_tell_all(worker, how_it_ended);
    if (!worker->is_gone || !worker->is_told)
        return;
    bury(worker);
    pool_on_room(template);
}

static void note_end(struct worker *worker, int status)
{
    worker->is_gone = true;
    worker->status = status;
    if (worker->state != WORKER_ENDING)
        stop_reading(worker);
    serve_read_last_words(worker);
    if (!worker->is_late)
        note_end_of_calls(worker);
    if (!worker->is_killed)
        template_on_crash(worker);
}

void worker_gone(struct worker *worker, int status)
{
    if (worker->is_gone)
        return;
    note_end(worker, status);
    ask_keeper(worker);
    (void)uv_timer_start(&worker->timer, on_timer, FIGURES_MS, 0);
    conclude(worker);
}

static struct worker *first_of(const struct process *home, bool not_ending)
{
    struct worker *worker;

    for (int state = 0; state < WORKER_STATES; state++) {
        if (not_ending && state == WORKER_ENDING)
            continue;
        TAILQ_FOREACH (worker, &home->template->workers[state], next) {
            if (worker->home == home)
                return worker;
        }
    }
    return NULL;
}

/* First none of them can be given a call, then each is told about: that may bring new calls. */
void worker_lose_all(struct process *home, int status)
{
    struct worker *worker;

    while ((worker = first_of(home, true)))
        stop_reading(worker);
    while ((worker = first_of(home, false))) {
        if (!worker->is_gone)
            note_end(worker, status);
        serve_tell_all(worker, how_it_ended);
        bury(worker);
    }
}

/*
 * worker: one process that serves one call, or one batch, at a time; as the server sees it.
 *
 *   worker_fork, worker_start
 *                 v        READY              worker_run
 *            [FORKING] ------------> [IDLE] -------------> [BUSY]
 *                 |                    |  <--------------    |
 *                 | worker_end, too    |   all answered      | deadline (killed, calls answered)
 *                 v slow (killed)      v                     v its socket closed (calls wait for the status)
 *               +------------------ [ENDING] ------------------+
 *                                      |  its process is gone, the keeper has told its figures: freed
 *
 * Invariants: calls are attached in BUSY, and in ENDING only until it is known how it ended; a killed worker has
 * none.  Nothing is read from a worker that is ENDING, its last words excepted.  If it is still there a grace
 * after it should have gone, it is killed; a grace later so is its template's cell.
 *
 * The keeper ends workers (keeper_end_worker): it kills what is left, strays included, and tells whether memory was the
 * reason.  A caller waits for that only when its worker was killed and not by us.
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

static const struct frame_rule accepted[] = {
    {FRAME_READY, 0},
    {FRAME_RESPONSE, INVOKE_RESPONSE_BYTES_MAX},
    {FRAME_ERROR, INVOKE_RESPONSE_BYTES_MAX},
    {FRAME_OVERSIZE, 0},
};

enum { ACCEPTED = sizeof accepted / sizeof *accepted };

static void on_work(uv_poll_t *poll, int status, int events);
static void on_log(uv_poll_t *poll, int status, int events);
static void on_timer(uv_timer_t *timer);
static void settle(struct worker *worker);

static bool is_unused(const struct worker *worker)
{
    return !worker->was_used && (worker->state == WORKER_FORKING || worker->state == WORKER_IDLE);
}

/* The warmest idle worker first; one that never had a call last. */
static void enter(struct worker *worker, enum worker_state state)
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
static struct worker *new_worker(struct template *template, struct process *process)
{
    struct worker *worker = calloc(1, sizeof *worker);

    if (!worker)
        abort();
    worker->template = template;
    worker->process = process;
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
    (void)uv_poll_start(&worker->work, UV_READABLE, on_work);
    (void)uv_poll_start(&worker->log, UV_READABLE, on_log);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, gate) < 0)
        return err_sys(err, "a gate for a worker");
    ret->gate = gate[0];
    ret->keepers_gate = gate[1];
    (void)setsockopt(gate[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on); /* before anything is sent on it */
    return true;
}

/* A share that grows with MemorySize; "lambda" makes it AWS's ceiling.  An init is in the template's group: neither. */
static struct cell_limits worker_limits(const struct runnable *what)
{
    uint32_t weight = (uint32_t)(what->memory_mb * 100 / MB_A_CPU),
             quota = (uint32_t)(what->memory_mb * 100000LL / MB_A_CPU);

    return (struct cell_limits){.memory_bytes = (uint64_t)what->memory_mb << 20,
                                .pids_max = PIDS_A_WORKER_MAX,
                                .cpu_weight = weight > 0 ? weight : 1,
                                .cpu_quota_us = what->settings.cpu == 0 ? 0 : quota};
}

static bool admit(struct worker *worker, struct process *process, const struct ends *ends, struct err *err)
{
    struct template *template = worker->template;
    struct worker_options options = {.limits = worker_limits(template->what),
                                     .tmp_mb = (uint32_t) template->what->tmp_mb,
                                     .tmp_of = process->solo ? 0 : template->tmp_of,
                                     .gate_fd = ends->keepers_gate};
    struct frame_header header = {.type = FRAME_FORK,
                                  .worker = worker->number,
                                  .status = (process->solo ? FRAME_START_BECOME : 0) |
                                            (worker->is_parked ? FRAME_START_PARK : 0)};

    if (!keeper_admit_worker(template->pool->keeper, process->cell, worker->number, &options, err))
        return false;
    if (!process->solo)
        template->tmp_of = 0;
    if (!process_send(process, &header, (int[]){ends->work, ends->log, ends->gate}, FRAME_FORK_FDS))
        return err_set(err, ERR_SYSTEM, "the template does not listen");
    return true;
}

static bool begin(struct worker *worker, struct process *process, struct err *err)
{
    struct ends ends;
    bool good = open_ends(worker, &ends, err) && admit(worker, process, &ends, err);

    close_ends(&ends);
    (void)uv_timer_start(&worker->timer, on_timer, FORK_MS, 0);
    return good;
}

bool worker_fork(struct template *template, bool parked, struct err *err)
{
    struct worker *worker = new_worker(template, NULL);

    worker->is_parked = parked;
    if (begin(worker, template->process, err))
        return true;
    worker_gone(worker, 0);
    return false;
}

bool worker_become(struct worker *worker, struct err *err)
{
    return begin(worker, worker->process, err);
}

void worker_start(struct template *template)
{
    struct process *ready = template->process; /* of the template's init: the first worker is there already */
    struct worker *worker = new_worker(template, ready);
    int own = template->what->settings.init_timeout_ms;
    struct err err = {0};

    if (!ready) {
        worker->process = process_start(template, worker, own > 0 ? own : template->pool->options.init_timeout_ms);
        return;
    }
    template->process = NULL;
    ready->solo = worker;
    if (!worker_become(worker, &err))
        process_kill(ready);
}

void worker_on_forked(struct worker *worker, int error)
{
    if (error == 0)
        worker->is_born = true;
    else if (!worker->process) /* no process came of it: the call goes on waiting for another */
        worker_gone(worker, 0);
}

/* The keeper */

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
    if (worker->keeps_tmp && !worker->process && end->was_admitted)
        worker->template->tmp_of = worker->number;
    settle(worker);
}

static uint32_t cell_of(const struct worker *worker)
{
    const struct process *process = worker->process ? worker->process : worker->template->process;

    return process ? process->cell : 0;
}

static void ask_keeper(struct worker *worker)
{
    if (worker->farewell || worker->is_told)
        return;
    if (cell_of(worker) == 0) {
        worker->is_told = true;
        return;
    }
    worker->farewell = calloc(1, sizeof *worker->farewell);
    if (!worker->farewell)
        abort();
    worker->farewell->worker = worker;
    keeper_end_worker(worker->template->pool->keeper, cell_of(worker), worker->number, worker->keeps_tmp, on_told,
                      worker->farewell);
}

static void end_slowly(struct worker *worker)
{
    enter(worker, WORKER_ENDING);
    if (worker->work_fd >= 0)
        (void)uv_poll_stop(&worker->work);
    (void)uv_timer_start(&worker->timer, on_timer, GRACE_MS, 0);
}

static void kill_worker(struct worker *worker)
{
    worker->is_killed = true;
    ask_keeper(worker);
    if (worker->process)
        process_kill(worker->process);
}

/* A call */

static str invoke_head(struct run *run)
{
    const str parts[] = {run->request_id, run->invoked_arn, run->trace_id, run->client_context};
    size_t len = 0;
    char *head, *at;

    for (int i = 0; i < 4; i++)
        len += parts[i].len + 1;
    at = head = arena_new(run->arena, char, len);
    for (int i = 0; i < 4; i++) {
        if (parts[i].len > 0)
            memcpy(at, parts[i].at, parts[i].len);
        at += parts[i].len + 1;
    }
    return (str){head, len};
}

static void prepare_event(struct worker *worker, int left)
{
    struct place *place = worker->sending;
    struct run *run = place->run;

    worker->out = (struct frame){.head = invoke_head(run), .body = run->event.len ? run->event : STR("{}")};
    worker->out.header = (struct frame_header){.type = FRAME_INVOKE,
                                               .worker = worker->number,
                                               .head_bytes = (uint32_t)worker->out.head.len,
                                               .body_bytes = worker->out.body.len,
                                               .time_us = clock_wall_us() + worker->template->what->timeout_ms * 1000LL,
                                               .pid = place->call,
                                               .status = left};
    worker->out_sent = 0;
}

static void write_events(struct worker *worker)
{
    while (worker->sending) {
        int left = worker->out.header.status;
        if (!frame_write(worker->work_fd, &worker->out, &worker->out_sent)) {
            end_slowly(worker); /* it is gone or going; its status tells the rest */
            return;
        }
        if (worker->out_sent < frame_bytes(&worker->out))
            break;
        worker->sending = TAILQ_NEXT(worker->sending, next);
        if (worker->sending)
            prepare_event(worker, left - 1);
    }
    bool more = worker->sending != NULL;
    if (more != worker->waits_to_write) /* mostly neither: uv_poll_start costs two system calls */
        (void)uv_poll_start(&worker->work, more ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_work);
    worker->waits_to_write = more;
}

void worker_run(struct worker *worker, struct place_list *batch)
{
    struct template *template = worker->template;
    int64_t now_us = clock_steady_us();
    struct place *place;
    int count = 0;

    assert(worker->state == WORKER_IDLE && TAILQ_EMPTY(&worker->running));
    TAILQ_FOREACH (place, batch, next) {
        struct run *run = place->run;
        place->call = ++template->pool->last_call;
        run->worker = worker->number;
        run->cold = run->cold || !worker->was_used;
        run->started_us = now_us;
        count++;
    }
    enter(worker, WORKER_BUSY);
    worker->was_used = true;
    worker->idle_output = 0;
    TAILQ_CONCAT(&worker->running, batch, next);
    worker->sending = TAILQ_FIRST(&worker->running);
    pool_give_init_log(template, worker->sending->run);
    prepare_event(worker, count - 1);
    (void)uv_timer_start(&worker->timer, on_timer, (uint64_t) template->what->timeout_ms, 0);
    write_events(worker);
}

/* What a batch prints belongs to all its calls: nobody can tell whose it is. */
static void read_log(struct worker *worker, bool to_end)
{
    struct place *first = TAILQ_FIRST(&worker->running), *place;
    size_t before;

    if (worker->log_fd < 0 || !first)
        return;
    before = first->run->log.len;
    if (!log_pipe_read(worker->log_fd, to_end, &first->run->log, &first->run->log_bytes_dropped))
        (void)uv_poll_stop(&worker->log);
    for (place = TAILQ_NEXT(first, next); place; place = TAILQ_NEXT(place, next))
        buf_add(&place->run->log, str_from(buf_str(&first->run->log), before));
}

static struct run *take_run(struct worker *worker)
{
    struct place *place = TAILQ_FIRST(&worker->running);

    TAILQ_REMOVE(&worker->running, place, next);
    if (worker->sending == place)
        worker->sending = NULL;
    return place->run;
}

static void tell_all(struct worker *worker,
                     struct run_result (*result_of)(struct run *run, const struct worker *worker))
{
    read_log(worker, true);
    while (!TAILQ_EMPTY(&worker->running)) {
        struct run *run = take_run(worker);
        struct run_result result = result_of(run, worker);
        if (worker->is_told && worker->figures.memory_peak_kb > run->memory_peak_kb)
            run->memory_peak_kb = worker->figures.memory_peak_kb;
        pool_finish(worker->template, run, &result);
    }
}

static struct run_result result_of_frame(const struct frame *frame)
{
    if (frame->header.type == FRAME_OVERSIZE)
        return payload_too_large();
    return (struct run_result){.outcome = frame->header.type == FRAME_RESPONSE ? RUN_RESPONSE : RUN_FUNCTION_ERROR,
                               .payload = frame->body};
}

/* The answer is there: the worker takes the next call before this one is told, so it need not wait for us. */
static void on_answer(struct worker *worker, const struct frame *frame)
{
    struct template *template = worker->template;
    struct run_result result = result_of_frame(frame);
    struct run *run;

    read_log(worker, true);
    run = take_run(worker);
    run->memory_peak_kb = frame->header.memory_kb;
    run->ended_us = clock_steady_us();
    keepalive_on_call(template, run->ended_us - run->started_us);
    if (worker->state == WORKER_BUSY && TAILQ_EMPTY(&worker->running)) {
        (void)uv_timer_stop(&worker->timer);
        worker->idle_since_us = run->ended_us;
        enter(worker, WORKER_IDLE);
        pool_on_worker_free(template);
    }
    pool_finish(template, run, &result);
}

static bool is_answer(const struct worker *worker, const struct frame *frame)
{
    const struct place *first = TAILQ_FIRST(&worker->running);

    return frame->header.type != FRAME_READY && first && !worker->sending && frame->header.pid == first->call;
}

static void on_frame(struct worker *worker, const struct frame *frame)
{
    if (frame->header.type == FRAME_READY && worker->state == WORKER_FORKING) {
        worker->was_ready = worker->is_born = true;
        worker->template->fork_hangs = 0;
        (void)uv_timer_stop(&worker->timer);
        worker->idle_since_us = clock_steady_us();
        enter(worker, WORKER_IDLE);
        pool_on_worker_free(worker->template);
    } else if (is_answer(worker, frame)) {
        on_answer(worker, frame);
    } else { /* it speaks out of turn */
        end_slowly(worker);
        kill_worker(worker);
    }
}

static struct run_result too_large(struct run *run, const struct worker *worker)
{
    (void)run, (void)worker;
    return payload_too_large();
}

static void on_broken_line(struct worker *worker, enum frame_status got)
{
    end_slowly(worker);
    if (got == FRAME_CLOSED)
        return;
    kill_worker(worker);
    if (got == FRAME_TOO_LARGE)
        tell_all(worker, too_large);
}

/* Mostly one frame, and nothing behind it: no second recv is spent on finding that out. */
static void read_work(struct worker *worker)
{
    enum frame_status got;
    struct frame frame;

    do {
        got = frame_receive(worker->work_fd, &worker->in, accepted, ACCEPTED, &frame);
        if (got == FRAME_PARTIAL)
            return;
        if (got != FRAME_COMPLETE) {
            on_broken_line(worker, got);
            return;
        }
        on_frame(worker, &frame);
        if (worker->work_fd < 0)
            return;
        frame_drop(&worker->in, &frame);
    } while (worker->state != WORKER_ENDING && worker->in.len > 0);
}

static void on_work(uv_poll_t *poll, int status, int events)
{
    struct worker *worker = poll->data;

    if (status == 0 && (events & UV_WRITABLE) && worker->state == WORKER_BUSY)
        write_events(worker);
    if (worker->state != WORKER_ENDING && (status < 0 || (events & (UV_READABLE | UV_DISCONNECT))))
        read_work(worker);
}

/* Between two calls, only what a worker left behind prints: thrown away, and not for ever. */
static bool read_idle_output(struct worker *worker)
{
    struct template *template = worker->template;
    struct buf nowhere = {0};
    uint64_t dropped = 0;
    bool open;

    if (worker->state == WORKER_FORKING) /* its last words, perhaps */
        return log_pipe_read(worker->log_fd, false, &template->init_log, &template->init_log_dropped);
    open = log_pipe_read(worker->log_fd, false, &nowhere, &dropped);
    worker->idle_output += dropped;
    if (worker->state == WORKER_IDLE && worker->idle_output > IDLE_OUTPUT_BYTES_MAX)
        worker_end(worker);
    return open;
}

static void on_log(uv_poll_t *poll, int status, int events)
{
    struct worker *worker = poll->data;

    (void)events;
    if (!TAILQ_EMPTY(&worker->running))
        read_log(worker, false);
    else if (!read_idle_output(worker))
        status = -1;
    if (status < 0)
        (void)uv_poll_stop(poll);
}

/* Death */

static struct run_result timed_out(struct run *run, const struct worker *worker)
{
    return payload_timeout(run, worker->template->what->timeout_ms);
}

static void on_timer(uv_timer_t *timer)
{
    struct worker *worker = timer->data;

    if (worker->state == WORKER_BUSY) {
        end_slowly(worker);
        worker->keeps_tmp = true;
        kill_worker(worker);
        tell_all(worker, timed_out);
    } else if (worker->state == WORKER_FORKING) { /* it, or its template before the fork, hangs in a hook */
        template_on_fork_hang(worker->template);
        end_slowly(worker);
        kill_worker(worker);
    } else if (worker->is_gone) { /* the keeper does not tell */
        worker->is_told = true;
        settle(worker);
    } else if (!worker->is_killed) { /* it closed its socket and lives on */
        (void)uv_timer_start(&worker->timer, on_timer, GRACE_MS, 0);
        kill_worker(worker);
    } else {
        template_kill(worker->template);
    }
}

void worker_end(struct worker *worker)
{
    end_slowly(worker);
    if (worker->work_fd >= 0)
        (void)shutdown(worker->work_fd, SHUT_RDWR); /* it sees the end of its work */
}

/* It may have answered and then ended: the answers count. */
static void read_last_words(struct worker *worker)
{
    struct frame frame;

    while (worker->work_fd >= 0 && !worker->is_killed && !TAILQ_EMPTY(&worker->running) &&
           frame_receive(worker->work_fd, &worker->in, accepted, ACCEPTED, &frame) == FRAME_COMPLETE &&
           is_answer(worker, &frame)) {
        on_answer(worker, &frame);
        frame_drop(&worker->in, &frame);
    }
}

static struct run_result how_it_ended(struct run *run, const struct worker *worker)
{
    return worker->is_told && worker->figures.out_of_memory ? payload_out_of_memory(run)
                                                            : payload_exit(run, worker->status);
}

static void close_worker(struct worker *worker)
{
    struct template *template = worker->template;

    TAILQ_REMOVE(&template->workers[WORKER_ENDING], worker, next);
    template->workers_count[WORKER_ENDING]--;
    template->pool->workers--;
    if (worker->farewell)
        worker->farewell->worker = NULL;
    if (worker->process)
        worker->process->solo = NULL;
    if (worker->handles == 3) {
        uv_close((uv_handle_t *)&worker->work, on_closed);
        uv_close((uv_handle_t *)&worker->log, on_closed);
    }
    uv_close((uv_handle_t *)&worker->timer, on_closed);
    fd_close(&worker->work_fd);
    fd_close(&worker->log_fd);
}

/* Gone and told about: it is no more. */
static void settle(struct worker *worker)
{
    struct template *template = worker->template;
    bool stillborn = !worker->was_ready && (worker->is_born || worker->is_killed);
    struct init_failure failure = {.kind = INIT_EXITED, .status = worker->status};

    if (!worker->is_gone || !worker->is_told)
        return;
    tell_all(worker, how_it_ended);
    if (stillborn && worker->log_fd >= 0)
        (void)log_pipe_read(worker->log_fd, true, &template->init_log, &template->init_log_dropped);
    close_worker(worker);
    if (stillborn)
        pool_on_worker_stillborn(template, &failure);
    pool_on_worker_free(template);
}

static void note_end(struct worker *worker, int status)
{
    bool crashed = !TAILQ_EMPTY(&worker->running);

    worker->is_gone = true;
    worker->status = status;
    if (worker->state != WORKER_ENDING)
        end_slowly(worker);
    read_last_words(worker);
    if (!worker->is_killed)
        template_on_crash(worker->template, status);
    worker->keeps_tmp = worker->keeps_tmp || crashed;
}

void worker_gone(struct worker *worker, int status)
{
    bool asks_why;

    if (worker->is_gone)
        return;
    note_end(worker, status);
    ask_keeper(worker);
    asks_why = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !worker->is_killed && !worker->is_told;
    if (!asks_why)
        tell_all(worker, how_it_ended);
    (void)uv_timer_start(&worker->timer, on_timer, GRACE_MS, 0);
    settle(worker);
}

void worker_lost(struct worker *worker, int status)
{
    struct template *template = worker->template;

    if (!worker->is_gone)
        note_end(worker, status);
    tell_all(worker, how_it_ended);
    if (!worker->was_ready && (worker->is_born || worker->is_killed) && !worker->process) {
        struct init_failure failure = {.kind = INIT_EXITED, .status = worker->status};
        close_worker(worker);
        pool_on_worker_stillborn(template, &failure);
        return;
    }
    close_worker(worker);
}

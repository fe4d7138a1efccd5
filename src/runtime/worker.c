/*
 * worker: one forked process that serves one call at a time, as the server sees it.
 *
 *            worker_fork
 *                 v        READY              worker_run
 *            [FORKING] ------------> [IDLE] -------------> [BUSY]
 *                 |                    |  <--------------    |
 *                 | worker_end, too    |   an answer         | deadline (killed, call answered)
 *                 v slow (killed)      v                     v its socket closed (call waits for the status)
 *               +------------------ [ENDING] ------------------+
 *                                      |
 *               FRAME_EXITED, or the template is gone: worker_gone, which frees it from any state
 *
 * Invariants: a run is attached in BUSY, and in ENDING only until the exit status is known; a killed worker has
 * none.  Nothing is read from a worker that is ENDING, its last words excepted.  If it is still there a grace
 * after it should have gone, it is killed; a grace later its template's cell is.
 */
#include "runtime/runtime_private.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

static void enter(struct worker *worker, enum worker_state state)
{
    struct template *template = worker->template;

    TAILQ_REMOVE(&template->workers[worker->state], worker, next);
    template->workers_count[worker->state]--;
    worker->state = state;
    TAILQ_INSERT_HEAD(&template->workers[state], worker, next); /* the warmest idle worker first */
    template->workers_count[state]++;
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

static struct worker *new_worker(struct template *template, int work_fd, int log_fd)
{
    struct worker *worker = calloc(1, sizeof *worker);
    uv_loop_t *loop = template->pool->loop;

    if (!worker)
        abort();
    worker->template = template;
    worker->state = WORKER_FORKING;
    worker->number = ++template->pool->last_worker;
    worker->work_fd = work_fd;
    worker->log_fd = log_fd;
    worker->handles = 3;
    worker->work.data = worker->log.data = worker->timer.data = worker;
    buf_init(&worker->in, sizeof(struct frame_header) + 2 * (size_t)INVOKE_RESPONSE_BYTES_MAX);
    (void)uv_poll_init(loop, &worker->work, work_fd);
    (void)uv_poll_init(loop, &worker->log, log_fd);
    (void)uv_timer_init(loop, &worker->timer);
    (void)uv_poll_start(&worker->work, UV_READABLE, on_work);
    (void)uv_poll_start(&worker->log, UV_READABLE, on_log);
    (void)uv_timer_start(&worker->timer, on_timer, FORK_MS, 0);
    TAILQ_INSERT_HEAD(&template->workers[WORKER_FORKING], worker, next);
    template->workers_count[WORKER_FORKING]++;
    template->pool->workers++;
    return worker;
}

struct worker *worker_fork(struct template *template, struct err *err)
{
    int work[2], log[2];
    struct worker *worker;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, work) < 0) {
        (void)err_sys(err, "a socket for a worker");
        return NULL;
    }
    if (pipe2(log, O_CLOEXEC) < 0) {
        (void)err_sys(err, "a pipe for a worker");
        close(work[0]), close(work[1]);
        return NULL;
    }
    (void)fcntl(log[0], F_SETFL, O_NONBLOCK); /* our end only: the function's print() waits */
    worker = new_worker(template, work[0], log[0]);
    if (!template_send(template, FRAME_FORK, worker->number, (int[]){work[1], log[1]}, 2)) {
        (void)err_set(err, ERR_SYSTEM, "the template does not listen");
        worker_gone(worker, 0);
        worker = NULL;
    }
    close(work[1]), close(log[1]);
    return worker;
}

void worker_on_forked(struct worker *worker, int error)
{
    if (error != 0) /* no process came of it: the call goes on waiting for another */
        worker_gone(worker, 0);
    else
        worker->is_born = true;
}

/* A call */

static void end_slowly(struct worker *worker)
{
    enter(worker, WORKER_ENDING);
    (void)uv_poll_stop(&worker->work);
    (void)uv_timer_start(&worker->timer, on_timer, GRACE_MS, 0);
}

static void kill_worker(struct worker *worker)
{
    worker->is_killed = true;
    if (!template_send(worker->template, FRAME_KILL, worker->number, NULL, 0))
        template_kill(worker->template);
}

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

static void write_event(struct worker *worker)
{
    if (!frame_write(worker->work_fd, &worker->out, &worker->out_sent)) {
        end_slowly(worker); /* it is gone or going; its status tells the rest */
        return;
    }
    bool more = worker->out_sent < frame_bytes(&worker->out);
    if (more != worker->waits_to_write) /* mostly neither: uv_poll_start costs two system calls */
        (void)uv_poll_start(&worker->work, more ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_work);
    worker->waits_to_write = more;
}

void worker_run(struct worker *worker, struct run *run)
{
    int timeout_ms = worker->template->what->timeout_ms;

    assert(worker->state == WORKER_IDLE && !worker->run);
    worker->run = run;
    run->worker = worker->number;
    run->cold = run->cold || !worker->was_used;
    run->started_us = clock_steady_us();
    worker->was_used = true;
    enter(worker, WORKER_BUSY);
    worker->out = (struct frame){.head = invoke_head(run), .body = run->event.len ? run->event : STR("{}")};
    worker->out.header = (struct frame_header){.type = FRAME_INVOKE,
                                               .worker = worker->number,
                                               .head_bytes = (uint32_t)worker->out.head.len,
                                               .body_bytes = worker->out.body.len,
                                               .time_us = clock_wall_us() + timeout_ms * 1000LL};
    worker->out_sent = 0;
    (void)uv_timer_start(&worker->timer, on_timer, (uint64_t)timeout_ms, 0);
    write_event(worker);
}

static struct run *detach_run(struct worker *worker)
{
    struct run *run = worker->run;

    if (worker->log_fd >= 0)
        (void)log_pipe_read(worker->log_fd, true, &run->log, &run->log_bytes_dropped);
    worker->run = NULL;
    return run;
}

static struct run_result result_of(const struct frame *frame)
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
    struct run *run = detach_run(worker);
    struct run_result result = result_of(frame);

    run->memory_peak_kb = frame->header.memory_kb;
    run->ended_us = clock_steady_us();
    if (worker->state == WORKER_BUSY) {
        (void)uv_timer_stop(&worker->timer);
        worker->idle_since_us = run->ended_us;
        enter(worker, WORKER_IDLE);
        pool_on_worker_free(template);
    }
    pool_finish(template, run, &result);
}

static void on_frame(struct worker *worker, const struct frame *frame)
{
    bool ready = frame->header.type == FRAME_READY;

    if (ready && worker->state == WORKER_FORKING) {
        worker->was_ready = true;
        (void)uv_timer_stop(&worker->timer);
        worker->idle_since_us = clock_steady_us();
        enter(worker, WORKER_IDLE);
        frame_drop(&worker->in, frame);
        pool_on_worker_free(worker->template);
        return;
    }
    if (!ready && worker->run && worker->out_sent == frame_bytes(&worker->out)) {
        on_answer(worker, frame);
        frame_drop(&worker->in, frame);
        return;
    }
    end_slowly(worker); /* it speaks out of turn */
    kill_worker(worker);
}

static void on_too_large(struct worker *worker)
{
    struct template *template = worker->template;
    struct run *run = worker->run ? detach_run(worker) : NULL;
    struct run_result result = payload_too_large();

    end_slowly(worker);
    kill_worker(worker);
    if (run)
        pool_finish(template, run, &result);
}

static void on_work(uv_poll_t *poll, int status, int events)
{
    struct worker *worker = poll->data;
    struct frame frame;

    if (status == 0 && (events & UV_WRITABLE) && worker->state == WORKER_BUSY &&
        worker->out_sent < frame_bytes(&worker->out))
        write_event(worker);
    if (worker->state == WORKER_ENDING || !(status < 0 || (events & (UV_READABLE | UV_DISCONNECT))))
        return;
    switch (frame_receive(worker->work_fd, &worker->in, accepted, ACCEPTED, &frame)) {
    case FRAME_PARTIAL:
        return;
    case FRAME_COMPLETE:
        on_frame(worker, &frame);
        return;
    case FRAME_TOO_LARGE:
        on_too_large(worker);
        return;
    case FRAME_REFUSED:
        end_slowly(worker);
        kill_worker(worker);
        return;
    case FRAME_CLOSED:
        end_slowly(worker);
        return;
    }
}

static void on_log(uv_poll_t *poll, int status, int events)
{
    struct worker *worker = poll->data;
    struct buf nowhere = {0}; /* printed between two calls */
    uint64_t dropped = 0;
    bool open;

    (void)events;
    if (worker->run)
        open = log_pipe_read(worker->log_fd, false, &worker->run->log, &worker->run->log_bytes_dropped);
    else
        open = log_pipe_read(worker->log_fd, false, &nowhere, &dropped);
    if (!open || status < 0)
        (void)uv_poll_stop(poll);
}

/* Death */

static void on_deadline(struct worker *worker)
{
    struct template *template = worker->template;
    struct run *run = detach_run(worker);
    struct run_result result = payload_timeout(run, template->what->timeout_ms);

    end_slowly(worker);
    kill_worker(worker);
    pool_finish(template, run, &result);
}

static void on_timer(uv_timer_t *timer)
{
    struct worker *worker = timer->data;

    if (worker->state == WORKER_BUSY) {
        on_deadline(worker);
    } else if (worker->state == WORKER_FORKING) { /* it, or its template before the fork, hangs in a hook */
        end_slowly(worker);
        kill_worker(worker);
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
    (void)shutdown(worker->work_fd, SHUT_RDWR); /* it sees the end of its work */
}

/* It may have answered and then ended: the answer counts. */
static void read_last_words(struct worker *worker)
{
    struct frame frame;

    if (worker->run && !worker->is_killed &&
        frame_receive(worker->work_fd, &worker->in, accepted, ACCEPTED, &frame) == FRAME_COMPLETE &&
        frame.header.type != FRAME_READY)
        on_answer(worker, &frame);
}

void worker_gone(struct worker *worker, int status)
{
    struct template *template = worker->template;
    bool stillborn = !worker->was_ready && (worker->is_born || worker->is_killed);
    struct run *run;

    if (worker->state != WORKER_ENDING)
        end_slowly(worker);
    read_last_words(worker);
    run = worker->run ? detach_run(worker) : NULL;
    TAILQ_REMOVE(&template->workers[WORKER_ENDING], worker, next);
    template->workers_count[WORKER_ENDING]--;
    template->pool->workers--;
    uv_close((uv_handle_t *)&worker->work, on_closed);
    uv_close((uv_handle_t *)&worker->log, on_closed);
    uv_close((uv_handle_t *)&worker->timer, on_closed);
    fd_close(&worker->work_fd);
    fd_close(&worker->log_fd);
    if (run) {
        struct run_result result = payload_exit(run, status);
        pool_finish(template, run, &result);
    } else if (stillborn) {
        pool_on_worker_stillborn(template, status);
    }
}

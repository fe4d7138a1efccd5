/*
 * serve: what a worker does for its callers: events out, answers in, what is printed meanwhile.  How it comes and goes
 * is worker.c's.
 *
 * The calls that a worker has are worker->running, in the order of their events, which is the order of their answers.
 * An answer is the first one's, and must say its number: one too many is never taken for the next call's.
 */
#include "runtime/runtime_private.h"

#include "base/clock.h"
#include "base/limits.h"

#include <assert.h>
#include <string.h>

static const struct frame_rule accepted[] = {
    {FRAME_READY, 0},
    {FRAME_RESPONSE, INVOKE_RESPONSE_BYTES_MAX},
    {FRAME_ERROR, INVOKE_RESPONSE_BYTES_MAX},
    {FRAME_OVERSIZE, 0},
};

enum { ACCEPTED = sizeof accepted / sizeof *accepted };

/* Events */

static str invoke_head(struct run *run)
{
    const str parts[] = {run->request_id, run->invoked_arn, run->trace_id, run->client_context, run->threshold};
    const size_t count = sizeof parts / sizeof *parts;
    size_t len = 0;
    char *head, *at;

    for (size_t i = 0; i < count; i++)
        len += parts[i].len + 1;
    at = head = arena_new(run->arena, char, len);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(at, parts[i].at, parts[i].len);
        at += parts[i].len + 1;
    }
    return (str){head, len};
}

/* How much of its time is left: an init that ran again inside the call has used some. */
static int64_t left_us(const struct worker *worker, const struct run *run, int64_t now_us)
{
    int64_t left = run->started_us + worker->template->what->timeout_ms * 1000LL - now_us;

    return left > 1000 ? left : 1000;
}

static void prepare_event(struct worker *worker, int more)
{
    struct place *place = worker->sending;
    struct run *run = place->run;

    worker->out = (struct frame){.head = invoke_head(run), .body = run->event.len ? run->event : STR("{}")};
    worker->out.header = (struct frame_header){.type = FRAME_INVOKE,
                                               .worker = worker->number,
                                               .head_bytes = (uint32_t)worker->out.head.len,
                                               .body_bytes = worker->out.body.len,
                                               .time_us = clock_wall_us() + left_us(worker, run, clock_steady_us()),
                                               .pid = place->call,
                                               .status = more};
    worker->out_sent = 0;
}

/* It is gone, and had not read all that it was sent, so nothing of it has run: it is for another worker.  Once: what
 * ends a worker while it reads would end the next one, too. */
static void give_back(struct worker *worker)
{
    struct place_list unserved = TAILQ_HEAD_INITIALIZER(unserved);
    struct place *place;

    if (worker->batch_answers > 0)
        return;
    TAILQ_FOREACH (place, &worker->running, next) {
        if (place->was_returned)
            return;
    }
    TAILQ_FOREACH (place, &worker->running, next)
        place->was_returned = true;
    TAILQ_CONCAT(&unserved, &worker->running, next);
    worker->sending = NULL;
    pool_take_back(worker->template, &unserved);
}

static void write_events(struct worker *worker)
{
    while (worker->sending) {
        int more = worker->out.header.status;
        if (!frame_write(worker->work_fd, &worker->out, &worker->out_sent)) {
            give_back(worker); /* what is left to send was not read */
            worker_cut(worker, ITS_DOING);
            return;
        }
        if (worker->out_sent < frame_bytes(&worker->out))
            break;
        worker->sending = TAILQ_NEXT(worker->sending, next);
        if (worker->sending)
            prepare_event(worker, more - 1);
    }
    bool more = worker->sending != NULL;
    if (more != worker->waits_to_write) /* mostly neither: uv_poll_start costs two system calls */
        (void)uv_poll_start(&worker->work, more ? UV_READABLE | UV_WRITABLE : UV_READABLE, serve_on_work);
    worker->waits_to_write = more;
}

void serve_batch(struct worker *worker, struct place_list *batch)
{
    struct template *template = worker->template;
    int64_t now_us = clock_steady_us(), time_us = INT64_MAX;
    struct place *place;
    int count = 0;

    assert(worker->state == WORKER_IDLE && TAILQ_EMPTY(&worker->running));
    TAILQ_FOREACH (place, batch, next) {
        struct run *run = place->run;
        place->call = ++template->pool->last_call;
        run->worker = worker->number;
        run->cold = run->cold || !worker->was_used;
        run->memory_peak_kb = worker->memory_kb;
        run->started_us = run->started_us > 0 ? run->started_us : now_us;
        if (left_us(worker, run, now_us) < time_us)
            time_us = left_us(worker, run, now_us);
        count++;
    }
    worker_enter(worker, WORKER_BUSY);
    worker->was_used = true;
    worker->idle_output = 0;
    worker->batch_calls = count;
    worker->batch_answers = 0;
    TAILQ_CONCAT(&worker->running, batch, next);
    worker->sending = TAILQ_FIRST(&worker->running);
    pool_give_init_log(template, worker->sending->run);
    prepare_event(worker, count - 1);
    worker_set_deadline(worker, time_us);
    write_events(worker);
}

/* Output */

/* What a batch prints belongs to all its calls, since nobody can tell whose it is; each keeps its share of a record's
 * bound, so that a batch costs what one call may. */
static void keep_for_all(void *ctx, str bytes)
{
    struct worker *worker = ctx;
    struct place *place;

    TAILQ_FOREACH (place, &worker->running, next)
        log_keep(place->run, worker->batch_calls, bytes);
}

static void read_log(struct worker *worker, bool to_end)
{
    if (worker->log_fd >= 0 && !TAILQ_EMPTY(&worker->running) &&
        !log_pipe_read(worker->log_fd, to_end, keep_for_all, worker))
        (void)uv_poll_stop(&worker->log);
}

static void count_idle_output(void *ctx, str bytes)
{
    struct worker *worker = ctx;

    worker->idle_output += bytes.len;
}

/* Between two calls, only what a worker left behind prints: thrown away, and not for ever. */
static bool read_idle_output(struct worker *worker)
{
    bool open;

    if (!worker->was_ready) /* its last words, perhaps */
        return log_pipe_read(worker->log_fd, false, log_keep_init, worker->template);
    open = log_pipe_read(worker->log_fd, false, count_idle_output, worker);
    if (worker->state == WORKER_IDLE && worker->idle_output > IDLE_OUTPUT_BYTES_MAX)
        worker_end(worker);
    return open && worker->idle_output <= IDLE_OUTPUT_BYTES_MAX;
}

void serve_on_log(uv_poll_t *poll, int status, int events)
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

/* Answers */

static struct run *take_run(struct worker *worker)
{
    struct place *place = TAILQ_FIRST(&worker->running);

    TAILQ_REMOVE(&worker->running, place, next);
    if (worker->sending == place)
        worker->sending = NULL;
    return place->run;
}

void serve_tell_all(struct worker *worker, struct run_result (*result_of)(struct run *, const struct worker *))
{
    read_log(worker, true);
    while (!TAILQ_EMPTY(&worker->running)) {
        struct run *run = take_run(worker);
        if (worker->figures.memory_peak_kb > run->memory_peak_kb)
            run->memory_peak_kb = worker->figures.memory_peak_kb;
        struct run_result result = result_of(run, worker);
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
    run->memory_peak_kb = worker->memory_kb = frame->header.memory_kb;
    run->ended_us = clock_steady_us();
    worker->answers++;
    worker->batch_answers++;
    template->forks_work = template->forks_work || !worker->is_solo;
    template->fork_hangs = worker->is_solo ? template->fork_hangs : 0;
    keepalive_on_call(template, run->ended_us - run->started_us);
    if (worker->state == WORKER_BUSY && TAILQ_EMPTY(&worker->running))
        worker_on_free(worker);
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
        worker->was_ready = worker->is_born = worker->home->had_worker = true;
        worker->template->barren = 0;
        worker->memory_kb = frame->header.memory_kb;
        worker_on_free(worker);
    } else if (is_answer(worker, frame)) {
        on_answer(worker, frame);
    } else { /* it speaks out of turn */
        worker_cut(worker, OUR_DOING);
    }
}

static struct run_result too_large(struct run *run, const struct worker *worker)
{
    (void)run, (void)worker;
    return payload_too_large();
}

static void on_broken_line(struct worker *worker, enum frame_status got)
{
    if (got == FRAME_RESET)
        give_back(worker);
    worker_cut(worker, got == FRAME_CLOSED || got == FRAME_RESET ? ITS_DOING : OUR_DOING);
    if (got == FRAME_TOO_LARGE)
        serve_tell_all(worker, too_large);
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

void serve_on_work(uv_poll_t *poll, int status, int events)
{
    struct worker *worker = poll->data;

    if (status == 0 && (events & UV_WRITABLE) && worker->state == WORKER_BUSY)
        write_events(worker);
    if (worker->state != WORKER_ENDING && (status < 0 || (events & (UV_READABLE | UV_DISCONNECT))))
        read_work(worker);
}

/* It may have answered and then ended: the answers count. */
void serve_read_last_words(struct worker *worker)
{
    enum frame_status got;
    struct frame frame;

    while (worker->work_fd >= 0 && !worker->is_killed && !TAILQ_EMPTY(&worker->running)) {
        got = frame_receive(worker->work_fd, &worker->in, accepted, ACCEPTED, &frame);
        if (got == FRAME_RESET)
            give_back(worker);
        if (got != FRAME_COMPLETE || !is_answer(worker, &frame))
            return;
        on_answer(worker, &frame);
        frame_drop(&worker->in, &frame);
    }
}

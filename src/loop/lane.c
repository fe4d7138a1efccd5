/*
 * Two queues under one mutex: what is to be run, and what has been run and waits for its `done`.  The thread tells
 * the loop with one uv_async, which libuv may merge: the callback empties the whole queue, so nothing is lost.
 *
 * The async handle keeps the loop alive only while a job is under way (uv_ref/uv_unref), so that a program with an idle
 * lane still ends.  lane_free() joins the thread first; the handle's memory goes when uv_close calls back, hence
 * the second struct: a lane that was freed may still be closing.
 */
#include "loop/lane.h"

#include "loop/back_seat.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

struct job {
    STAILQ_ENTRY(job) link;
    void (*run)(void *ctx);
    void (*done)(void *ctx);
    void *ctx;
};

STAILQ_HEAD(jobs, job);

struct lane {
    uv_thread_t thread;
    uv_mutex_t mutex; /* guards the three below */
    uv_cond_t wake;
    struct jobs waiting, finished;
    bool ending;

    uv_async_t async; /* the rest belongs to the loop's thread */
    size_t under_way; /* submitted, and `done` not yet called */
    char name[16];    /* the kernel's limit for a thread's name */
};

static void lane_main(void *arg);
static void on_finished(uv_async_t *async);

static void *must(void *memory)
{
    if (!memory) {
        fprintf(stderr, "out of memory in a lane\n");
        abort();
    }
    return memory;
}

static void must_be_zero(int rc, const char *what)
{
    if (rc != 0) {
        fprintf(stderr, "cannot start a lane: %s: %s\n", what, uv_strerror(rc));
        abort();
    }
}

struct lane *lane_new(uv_loop_t *loop, const char *name)
{
    struct lane *lane = must(calloc(1, sizeof *lane));

    snprintf(lane->name, sizeof lane->name, "%s", name);
    STAILQ_INIT(&lane->waiting);
    STAILQ_INIT(&lane->finished);
    must_be_zero(uv_mutex_init(&lane->mutex), "mutex");
    must_be_zero(uv_cond_init(&lane->wake), "condition");
    must_be_zero(uv_async_init(loop, &lane->async, on_finished), "async");
    lane->async.data = lane;
    uv_unref((uv_handle_t *)&lane->async);
    must_be_zero(uv_thread_create(&lane->thread, lane_main, lane), "thread");
    return lane;
}

void lane_submit(struct lane *lane, void (*run)(void *ctx), void (*done)(void *ctx), void *ctx)
{
    struct job *job = must(malloc(sizeof *job));

    *job = (struct job){.run = run, .done = done, .ctx = ctx};
    if (lane->under_way++ == 0)
        uv_ref((uv_handle_t *)&lane->async);
    uv_mutex_lock(&lane->mutex);
    assert(!lane->ending);
    STAILQ_INSERT_TAIL(&lane->waiting, job, link);
    uv_cond_signal(&lane->wake);
    uv_mutex_unlock(&lane->mutex);
}

static void take_a_back_seat(void *ctx)
{
    (void)ctx;
    back_seat_take();
}

static void do_nothing(void *ctx)
{
    (void)ctx;
}

void lane_be_nice(struct lane *lane)
{
    lane_submit(lane, take_a_back_seat, do_nothing, NULL);
}

size_t lane_waiting(const struct lane *lane)
{
    return lane->under_way;
}

/* The oldest waiting job; NULL when the lane ends, which is only after all have run. */
static struct job *wait_for_job(struct lane *lane)
{
    struct job *job;

    uv_mutex_lock(&lane->mutex);
    while (STAILQ_EMPTY(&lane->waiting) && !lane->ending)
        uv_cond_wait(&lane->wake, &lane->mutex);
    job = STAILQ_FIRST(&lane->waiting);
    if (job)
        STAILQ_REMOVE_HEAD(&lane->waiting, link);
    uv_mutex_unlock(&lane->mutex);
    return job;
}

static void lane_main(void *arg)
{
    struct lane *lane = arg;
    struct job *job;

    pthread_setname_np(pthread_self(), lane->name);
    while ((job = wait_for_job(lane))) {
        job->run(job->ctx);
        uv_mutex_lock(&lane->mutex);
        STAILQ_INSERT_TAIL(&lane->finished, job, link);
        uv_mutex_unlock(&lane->mutex);
        uv_async_send(&lane->async);
    }
}

/* `done` may submit to this lane, but must not free it. */
static void call_dones(struct lane *lane)
{
    struct jobs finished = STAILQ_HEAD_INITIALIZER(finished);
    struct job *job;

    uv_mutex_lock(&lane->mutex);
    STAILQ_CONCAT(&finished, &lane->finished);
    uv_mutex_unlock(&lane->mutex);
    while ((job = STAILQ_FIRST(&finished))) {
        STAILQ_REMOVE_HEAD(&finished, link);
        if (--lane->under_way == 0)
            uv_unref((uv_handle_t *)&lane->async);
        if (job->done)
            job->done(job->ctx);
        free(job);
    }
}

static void on_finished(uv_async_t *async)
{
    call_dones(async->data);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* A `done` called here may still submit: its job runs on this thread, in its turn, since no other is left. */
static void run_rest(struct lane *lane)
{
    struct job *job;

    while ((job = STAILQ_FIRST(&lane->waiting))) {
        STAILQ_REMOVE_HEAD(&lane->waiting, link);
        job->run(job->ctx);
        STAILQ_INSERT_TAIL(&lane->finished, job, link);
        call_dones(lane);
    }
}

void lane_free(struct lane *lane)
{
    if (!lane)
        return;
    uv_mutex_lock(&lane->mutex);
    lane->ending = true;
    uv_cond_signal(&lane->wake);
    uv_mutex_unlock(&lane->mutex);
    uv_thread_join(&lane->thread);
    lane->ending = false;
    call_dones(lane);
    run_rest(lane);
    uv_cond_destroy(&lane->wake);
    uv_mutex_destroy(&lane->mutex);
    uv_close((uv_handle_t *)&lane->async, on_closed);
}

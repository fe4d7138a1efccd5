#include "loop/lane.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/test.h"

enum { JOBS = 1000 };

static pthread_t loop_thread;
static int ran_count, done_count;
static bool in_order = true, on_right_threads = true;
static struct lane *current;

struct ticket {
    int number;
    int again; /* how often `done` submits it again */
};

static void run(void *ctx)
{
    struct ticket *ticket = ctx;

    ran_count++;
    if (pthread_equal(pthread_self(), loop_thread))
        on_right_threads = false;
    if (ticket->number >= 0 && ticket->number != ran_count - 1)
        in_order = false;
}

static void done(void *ctx)
{
    struct ticket *ticket = ctx;

    if (!pthread_equal(pthread_self(), loop_thread))
        on_right_threads = false;
    if (ticket->number >= 0 && ticket->number != done_count)
        in_order = false;
    done_count++;
    if (ticket->again-- > 0)
        lane_submit(current, run, done, ticket);
}

static void run_starts(void)
{
    loop_thread = pthread_self();
    ran_count = done_count = 0;
    in_order = on_right_threads = true;
}

static void runs_jobs_in_order_and_ends_when_idle(void)
{
    static struct ticket tickets[JOBS];
    uv_loop_t loop;

    run_starts();
    uv_loop_init(&loop);
    current = lane_new(&loop, "state");
    for (int i = 0; i < JOBS; i++) {
        tickets[i].number = i;
        lane_submit(current, run, done, &tickets[i]);
    }
    ok(lane_waiting(current) == JOBS);
    uv_run(&loop, UV_RUN_DEFAULT); /* returns: an idle lane does not hold the loop */
    ok(ran_count == JOBS && done_count == JOBS);
    ok(in_order);
    ok(on_right_threads);
    ok(lane_waiting(current) == 0);
    lane_free(current);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&loop) == 0);
}

static void runs_what_is_queued_before_it_ends(void)
{
    static struct ticket tickets[JOBS];
    uv_loop_t loop;

    run_starts();
    uv_loop_init(&loop);
    current = lane_new(&loop, "a name longer than the kernel takes");
    for (int i = 0; i < JOBS; i++) {
        tickets[i].number = i;
        lane_submit(current, run, done, &tickets[i]);
    }
    lane_free(current);
    ok(done_count == JOBS);
    ok(in_order && on_right_threads);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&loop) == 0);
}

static void takes_jobs_from_a_done(void)
{
    struct ticket ticket = {.number = -1, .again = 3};
    uv_loop_t loop;

    run_starts();
    uv_loop_init(&loop);
    current = lane_new(&loop, "state");
    lane_submit(current, run, done, &ticket);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(done_count == 4);

    ticket.again = 3;
    lane_submit(current, run, done, &ticket);
    lane_free(current); /* and while it ends */
    ok(done_count == 8);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&loop) == 0);
    lane_free(NULL);
}

TEST_MAIN(runs_jobs_in_order_and_ends_when_idle, runs_what_is_queued_before_it_ends, takes_jobs_from_a_done)

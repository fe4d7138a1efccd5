/*
 * pool_hostile_test: what code of a function does to the server and to its neighbours, if it means to.  An import may
 * leave processes behind that hold the template's descriptors: the control line among them.
 */
#include "runtime/pool_testing.h"
#include "runtime/runtime_private.h"

#include <sys/resource.h>

enum { WATCHED_MS = 1500 };

static const char neighbour[] = "def handler(event, context): return 'fine'\n";

static int64_t cpu_us(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

/* A child of the import writes frames of a kind, in small writes that never stop. */
static struct runnable *make_liar(const char *name, enum frame_type type, double after_s)
{
    char source[1024];

    (void)snprintf(source, sizeof source,
                   "import os, struct, time\n"
                   "frame = struct.pack('<IIQIiqII', %d, 0, 0, 1, 3, 0, 0, 0)\n"
                   "if os.fork() == 0:\n"
                   "    time.sleep(%g)\n"
                   "    try:\n"
                   "        while True: os.write(3, frame * 60)\n"
                   "    finally: os._exit(0)\n"
                   "def handler(event, context): return 'mine'\n",
                   (int)type, after_s);
    return make_function(name, "1", source);
}

static void ends_an_import_that_speaks_for_the_runtime(void)
{
    static const struct {
        const char *name;
        enum frame_type type;
        double after_s;
    } liars[] = {
        {"exits-in-init", FRAME_EXITED, 0},      {"exits-later", FRAME_EXITED, 0.3},
        {"forks-later", FRAME_FORKED, 0.3},      {"is-done-at-once", FRAME_INIT_DONE, 0},
        {"is-done-again", FRAME_INIT_DONE, 0.3},
    };
    struct runnable *beside = make_function("beside", "1", neighbour);
    struct bench bench;
    struct call call;

    bench_open(&bench, &usual);
    for (size_t i = 0; i < sizeof liars / sizeof *liars; i++) {
        struct runnable *liar = make_liar(liars[i].name, liars[i].type, liars[i].after_s);

        do_call(&bench, &call, liar, "{}");
        ok(call.is_done);
        end_call(&call);
        for (int64_t end_us = clock_steady_us() + 500 * 1000; clock_steady_us() < end_us;) {
            do_call(&bench, &call, beside, "{}");
            ok(holds(&call, "fine"));
            end_call(&call);
            turn_for(&bench, 50);
        }
        runnable_release(liar);
    }
    bench_close(&bench);
    runnable_release(beside);
}

static void starts_no_worker_over_and_over_that_cannot_live(void)
{
    struct runnable *what = make_function("stillborn", "1",
                                          "import os\n"
                                          "os.register_at_fork(after_in_child=lambda: os._exit(3))\n"
                                          "def handler(event, context): return 1\n");
    struct bench bench;
    struct call call;
    uint32_t begun;

    what->settings.parked = 1;
    bench_open(&bench, &usual);
    do_call(&bench, &call, what, "{}");
    ok(call.outcome != RUN_RESPONSE);
    end_call(&call);
    begun = bench.pool->last_worker;
    turn_for(&bench, WATCHED_MS); /* 100 + 200 + 400 + 800 ms */
    ok(bench.pool->last_worker - begun <= 5);
    printf("# %u workers begun in %d ms without a call\n", bench.pool->last_worker - begun, WATCHED_MS);
    do_call(&bench, &call, what, "{}"); /* who calls does not wait for that */
    ok(call.outcome != RUN_RESPONSE && call.run.ended_us - call.run.queued_us < STILLBORN_MS_MAX * 100LL);
    end_call(&call);
    bench_close(&bench);
    runnable_release(what);
}

/* An import may put its own in the place of what speaks for the template; a cell that is full answers the same. */
static void asks_no_more_than_a_few_times_for_a_fork_that_fails(void)
{
    struct runnable *what =
        make_function("sterile", "1",
                      "import _sculler_guest, os, socket, struct\n"
                      "def serve(control, init_us, abilities, words):\n"
                      "    header = struct.Struct('<IIQIiqII')\n"
                      "    os.write(control, header.pack(3, 0, 0, 0, 1, 1, 0, 0))\n"
                      "    line = socket.socket(fileno=control)\n"
                      "    while True:\n"
                      "        asked = line.recv(header.size)\n"
                      "        if not asked: os._exit(0)\n"
                      "        line.send(header.pack(5, 0, 0, header.unpack(asked)[3], 11, 0, 0, 0))\n"
                      "_sculler_guest.serve_template = serve\n"
                      "def handler(event, context): return 1\n");
    struct bench bench;
    struct call call;
    int most = 1 + WATCHED_MS / FORK_RETRY_MS;

    bench_open(&bench, &usual);
    start_call(&bench, &call, what, "{}");
    turn_for(&bench, WATCHED_MS);
    printf("# %u forks asked for in %d ms\n", bench.pool->last_worker, WATCHED_MS);
    ok(!call.is_done && bench.pool->last_worker >= FORK_TRIES_MAX);
    ok(bench.pool->last_worker <= (uint32_t)(FORK_TRIES_MAX + most * bench.pool->forks_at_once));
    bench_close(&bench);
    end_call(&call);
    runnable_release(what);
}

static void tells_who_waits_for_a_template_that_ends_at_each_fork(void)
{
    struct runnable *what = make_function("barren", "1",
                                          "import os\n"
                                          "os.register_at_fork(before=lambda: os._exit(7))\n"
                                          "def handler(event, context): return 1\n");
    struct bench bench;
    struct call call;

    bench_open(&bench, &usual);
    do_call(&bench, &call, what, "{}");
    ok(call.outcome != RUN_RESPONSE && holds(&call, "exit status 7"));
    ok(bench.pool->last_worker == BARREN_MAX);
    end_call(&call);
    bench_close(&bench);
    runnable_release(what);
}

static void lets_a_flood_wait_in_its_pipe(void)
{
    struct runnable *what = make_function("flood", "1",
                                          "import os, time\n"
                                          "if os.fork() == 0:\n"
                                          "    time.sleep(0.2)\n"
                                          "    while True: os.write(1, b'x' * 65536)\n"
                                          "def handler(event, context): return 'mine'\n");
    struct bench bench;
    struct call call;
    int64_t used_us;

    bench_open(&bench, &usual);
    do_call(&bench, &call, what, "{}");
    ok(call.is_done);
    end_call(&call);
    turn_for(&bench, 500);
    used_us = cpu_us();
    turn_for(&bench, WATCHED_MS);
    used_us = cpu_us() - used_us;
    printf("# %lld ms of CPU in %d ms\n", (long long)used_us / 1000, WATCHED_MS);
    ok(used_us < WATCHED_MS * 1000 / 4);
    bench_close(&bench);
    runnable_release(what);
}

static void (*const tests[])(void) = {
    ends_an_import_that_speaks_for_the_runtime,
    starts_no_worker_over_and_over_that_cannot_live,
    asks_no_more_than_a_few_times_for_a_fork_that_fails,
    tells_who_waits_for_a_template_that_ends_at_each_fork,
    lets_a_flood_wait_in_its_pipe,
};

int main(int argc, char **argv)
{
    return pool_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

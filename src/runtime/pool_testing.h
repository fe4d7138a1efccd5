/*
 * pool_testing: what tests of the pool share: a pool with a real keeper, real cells and a real interpreter.  A function
 * is one main.py in a temporary package; the test's executable is its own keeper.
 *
 * Included by one test each.
 */
#pragma once

#include "base/clock.h"
#include "base/limits.h"
#include "base/test.h"
#include "cell/keeper.h"
#include "runtime/pool.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PYTHON "/usr/bin/python3"

int test_count, test_failures;
static char state[64];

struct bench {
    uv_loop_t loop;
    struct keeper *keeper;
    struct pool *pool;
};

struct call {
    struct arena arena;
    struct run run;
    bool is_done;
    enum run_outcome outcome;
    char payload[1024];
    size_t payload_len;
    const char *reason, *error_type;
};

static inline void on_done(void *ctx, struct run *run, const struct run_result *result)
{
    struct call *call = ctx;
    size_t len = result->payload.len < sizeof call->payload ? result->payload.len : sizeof call->payload - 1;

    (void)run;
    if (len > 0)
        memcpy(call->payload, result->payload.at, len);
    call->payload[len] = '\0';
    call->payload_len = result->payload.len;
    call->outcome = result->outcome;
    call->reason = result->reason;
    call->error_type = result->error_type;
    call->is_done = true;
}

static const struct pool_options usual = {
    .allow_host_network = true,
    .workers_per_version_max = 4,
    .workers_total_max = 6,
    .queue_per_function_max = 20,
    .queue_wait_ms_max = 5000,
    .worker_idle_ms = 5000,
    .template_idle_ms = 5000,
    .init_timeout_ms = 5000,
};

static inline void bench_open(struct bench *bench, const struct pool_options *options)
{
    struct err err;

    (void)uv_loop_init(&bench->loop);
    if (!keeper_start(&bench->loop, state, &bench->keeper, &err))
        abort();
    bench->pool = pool_new(&bench->loop, bench->keeper, options);
}

static inline void bench_close(struct bench *bench)
{
    pool_free(bench->pool);
    keeper_stop(bench->keeper);
    (void)uv_run(&bench->loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&bench->loop) == 0);
}

/* A package of one main.py, named after the test. */
static int without_forks; /* functions made now do without */

static inline struct runnable *make_function(const char *name, const char *revision, const char *source)
{
    struct arena arena = {0};
    struct runnable *what = arena_new(&arena, struct runnable, 1);
    char path[256];
    FILE *file;

    what->arena = arena; /* it lives in its own, as the catalog's do */
    (void)snprintf(path, sizeof path, "%s/packages/%s", state, name);
    (void)mkdir(path, 0755);
    (void)snprintf(path, sizeof path, "%s/packages/%s/tree", state, name);
    (void)mkdir(path, 0755);
    (void)snprintf(path, sizeof path, "%s/packages/%s/tree/main.py", state, name);
    file = fopen(path, "we");
    if (!file || fputs(source, file) < 0 || fclose(file) != 0)
        abort();
    what->references = 1;
    what->function = arena_copy(&what->arena, str_of(name));
    what->package = what->function;
    what->version = STR("$LATEST");
    what->arn = STR("arn:aws:lambda:us-east-1:000000000000:function:f");
    what->key = arena_printf(&what->arena, "%s:$LATEST:%s", name, revision);
    what->handler = STR("main.handler");
    what->runtime = STR("python3.11");
    what->interpreter = STR(PYTHON);
    what->log_group = STR("/aws/lambda/f");
    what->memory_mb = 128;
    what->settings = (struct function_settings){
        .network = CELL_NETWORK_HOST, .batch_max = 64, .reseed = true, .fork = without_forks == 0};
    what->timeout_ms = 3000;
    what->tmp_mb = 16;
    return what;
}

static inline void make_call(struct call *call, struct runnable *what, const char *event)
{
    *call = (struct call){.run = {.what = what,
                                  .request_id = STR("id-1"),
                                  .event = str_of(event),
                                  .invoked_arn = what->arn,
                                  .reserved_concurrency = -1}};
    call->run.arena = &call->arena;
    call->run.on_done = on_done;
    call->run.ctx = call;
}

static inline void start_call(struct bench *bench, struct call *call, struct runnable *what, const char *event)
{
    make_call(call, what, event);
    pool_submit(bench->pool, &call->run);
}

static inline void start_import(struct bench *bench, struct call *call, struct runnable *what)
{
    make_call(call, what, "{}");
    call->run.import_only = true;
    pool_submit(bench->pool, &call->run);
}

static inline void wait_call(struct bench *bench, struct call *call)
{
    while (!call->is_done)
        (void)uv_run(&bench->loop, UV_RUN_ONCE);
}

static inline void turn_for(struct bench *bench, int ms)
{
    for (int64_t end_us = clock_steady_us() + ms * 1000LL; clock_steady_us() < end_us;) {
        (void)uv_run(&bench->loop, UV_RUN_NOWAIT);
        (void)usleep(500);
    }
}

static inline void end_call(struct call *call)
{
    buf_free(&call->run.log);
    buf_free(&call->run.log_tail);
    arena_free(&call->arena);
}

static inline void do_call(struct bench *bench, struct call *call, struct runnable *what, const char *event)
{
    start_call(bench, call, what, event);
    wait_call(bench, call);
}

static inline bool holds(const struct call *call, const char *text)
{
    bool there = strstr(call->payload, text) != NULL;

    if (!there)
        printf("# payload: %s\n# wanted: %s\n", call->payload, text);
    return there;
}

static inline bool logged(const struct call *call, const char *text)
{
    bool there = call->run.log.len > 0 && memmem(call->run.log.at, call->run.log.len, text, strlen(text));

    if (!there)
        printf("# log: " STR_FMT "\n# wanted: %s\n", STR_ARG(buf_str(&call->run.log)), text);
    return there;
}

static inline struct function_entry *entry_of(struct runnable *what)
{
    struct arena arena = {0};
    struct function_entry *entry = arena_new(&arena, struct function_entry, 1);

    runnable_retain(what);
    entry->name = what->function;
    entry->versions = arena_new(&arena, struct runnable *, 1);
    entry->versions[entry->versions_count++] = what;
    entry->arena = arena;
    return entry;
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static inline int pool_test_main(int argc, char **argv, void (*const tests[])(void), size_t count)
{
    char packages[128];

    if (argc > 1 && strcmp(argv[1], "keeper") == 0)
        return keeper_main(argc - 1, argv + 1);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)snprintf(state, sizeof state, "/tmp/pool_test.XXXXXX");
    if (!mkdtemp(state))
        return 1;
    (void)snprintf(packages, sizeof packages, "%s/packages", state);
    if (mkdir(packages, 0755) < 0)
        return 1;
    for (size_t i = 0; i < count; i++)
        tests[i]();
    (void)nftw(state, remove_entry, 32, FTW_DEPTH | FTW_PHYS);
    printf("1..%d\n", test_count);
    return test_failures != 0;
}

/*
 * pool_test: the pool end to end.  Each test is a handler and what its calls must answer; how the pool shares, renews
 * and refuses is pool_care_test.c's.
 */
#include "runtime/pool_testing.h"

enum { CALLS_MAX = 64, BENCH_CALLS = 20000 };

/* One source, many behaviours: the event says which. */
static const char many[] =
    "import os, sys, json, time, random, logging, decimal\n"
    "print('imported')\n"
    "rng = random.Random()\n"
    "fixed = random.Random(7)\n"
    "def handler(event, context):\n"
    "    what = event.get('do')\n"
    "    if what == 'echo': return event\n"
    "    if what == 'context':\n"
    "        return [context.aws_request_id, context.function_name, context.function_version,\n"
    "                context.memory_limit_in_mb, context.invoked_function_arn, context.log_group_name,\n"
    "                context.get_remaining_time_in_millis() > 2000, context.identity.cognito_identity_id,\n"
    "                context.client_context, os.getcwd(), os.environ['AWS_REGION'], os.environ['OMP_NUM_THREADS']]\n"
    "    if what == 'raise': raise ValueError('no good')\n"
    "    if what == 'exit': sys.exit(event.get('code'))\n"
    "    if what == '_exit': print('before'); os._exit(3)\n"
    "    if what == 'kill': os.kill(os.getpid(), event['signal'])\n"
    "    if what == 'sleep': time.sleep(event['s']); return os.getpid()\n"
    "    if what == 'nan': return float('nan')\n"
    "    if what == 'object': return object()\n"
    "    if what == 'decimal': return decimal.Decimal('1.5')\n"
    "    if what == 'large': return 'x' * event['n']\n"
    "    if what == 'flood':\n"
    "        for _ in range(100): sys.stdout.write('y' * 1023 * 1024 + '\\n')\n"
    "        return 'done'\n"
    "    if what == 'log': logging.warning('careful'); print('plain'); return None\n"
    "    if what == 'random': return [rng.random(), fixed.random()]\n"
    "    if what == 'hang_up': os.closerange(3, 100); time.sleep(60)\n";

static const char context_words[] =
    "[\"id-1\", \"many\", \"$LATEST\", \"128\", \"arn:aws:lambda:us-east-1:000000000000:function:f\", "
    "\"/aws/lambda/f\", true, null, null, \"/var/task\", \"us-east-1\", \"1\"]";

#define EXIT_ERROR(why) \
    "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: id-1 Error: Runtime exited" why "\"}"

static void answers_in_lambdas_words(void)
{
    static const struct {
        const char *event;
        enum run_outcome outcome;
        const char *payload;
    } rows[] = {
        {"{\"do\": \"echo\", \"u\": \"\\u00e9\"}", RUN_RESPONSE, "{\"do\": \"echo\", \"u\": \"\\u00e9\"}"},
        {" {\"do\": \"echo\"} ", RUN_RESPONSE, "{\"do\": \"echo\"}"},
        {"", RUN_RESPONSE, "null"},
        {"{\"do\": \"context\"}", RUN_RESPONSE, context_words},
        {"{\"do\": \"decimal\"}", RUN_RESPONSE, "1.5"},
        {"{\"do\": \"raise\"}", RUN_FUNCTION_ERROR,
         "{\"errorMessage\": \"no good\", \"errorType\": \"ValueError\", \"requestId\": \"id-1\", \"stackTrace\": "
         "[\"  File \\\"/var/task/main.py\\\", line 13, in handler\\n    if what == 'raise': raise"},
        {"{\"do\": \"nan\"}", RUN_FUNCTION_ERROR, "\"errorType\": \"Runtime.MarshalError\""},
        {"{\"do\": \"object\"}", RUN_FUNCTION_ERROR,
         "{\"errorMessage\": \"Unable to marshal response: Object of type object is not JSON serializable\", "
         "\"errorType\": \"Runtime.MarshalError\", \"requestId\": \"id-1\", \"stackTrace\": []}"},
        {"{\"do\": \"exit\"}", RUN_FUNCTION_ERROR, EXIT_ERROR(" without providing a reason")},
        {"{\"do\": \"exit\", \"code\": 4}", RUN_FUNCTION_ERROR, EXIT_ERROR(" with error: exit status 4")},
        {"{\"do\": \"_exit\"}", RUN_FUNCTION_ERROR, EXIT_ERROR(" with error: exit status 3")},
        {"{\"do\": \"kill\", \"signal\": 9}", RUN_FUNCTION_ERROR, EXIT_ERROR(" with error: signal: killed")},
        {"{\"do\": \"kill\", \"signal\": 11}", RUN_FUNCTION_ERROR,
         EXIT_ERROR(" with error: signal: segmentation fault")},
        {"{\"do\": \"hang_up\"}", RUN_FUNCTION_ERROR, EXIT_ERROR(" with error: signal: killed")},
        {"{\"do\": \"large\", \"n\": 7000000}", RUN_FUNCTION_ERROR,
         "{\"errorMessage\":\"Response payload size exceeded maximum allowed payload size (6291556 bytes).\","
         "\"errorType\":\"Function.ResponseSizeTooLarge\"}"},
        {"{\"do\": \"echo\", \"still\": \"there\"}", RUN_RESPONSE, "{\"do\": \"echo\", \"still\": \"there\"}"},
    };
    struct runnable *what = make_function("many", "1", many);
    struct bench bench;

    bench_open(&bench, &usual);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct call call;
        printf("# %s\n", rows[i].event);
        do_call(&bench, &call, what, rows[i].event);
        ok(call.outcome == rows[i].outcome && holds(&call, rows[i].payload));
        ok(call.run.cold || i > 0);
        ok(i > 0 || (logged(&call, "imported\n") && call.run.init_us > 0));
        end_call(&call);
    }
    bench_close(&bench);
    runnable_release(what);
}

static void keeps_what_is_printed_and_counts_the_rest(void)
{
    struct runnable *what = make_function("many", "1", many);
    struct bench bench;
    struct call call;

    bench_open(&bench, &usual);
    do_call(&bench, &call, what, "{\"do\": \"log\"}");
    ok(logged(&call, "[WARNING]\t") && logged(&call, "Z\tid-1\tcareful\nplain\n"));
    end_call(&call);
    do_call(&bench, &call, what, "{\"do\": \"raise\"}");
    ok(logged(&call, "[ERROR] ValueError: no good\rTraceback (most recent call last):\r\u00a0\u00a0File \"/var/task"));
    end_call(&call);
    do_call(&bench, &call, what, "{\"do\": \"_exit\"}");
    ok(logged(&call, "before\n"));
    end_call(&call);
    do_call(&bench, &call, what, "{\"do\": \"flood\"}");
    ok(holds(&call, "done") && call.run.log.len == RECORD_LOG_BYTES_MAX);
    ok(call.run.log_bytes_dropped + call.run.log.len + call.run.log_tail.len == 100LL * (1023 * 1024 + 1));
    ok(call.run.log_tail.len >= RECORD_LOG_TAIL_BYTES && str_ends(buf_str(&call.run.log_tail), STR("y\n")));
    end_call(&call);
    bench_close(&bench);
    runnable_release(what);
}

static void kills_a_call_at_its_deadline_and_only_it(void)
{
    struct runnable *what = make_function("many", "1", many);
    struct bench bench;
    struct call slow, fast;

    what->timeout_ms = 1000;
    bench_open(&bench, &usual);
    start_call(&bench, &slow, what, "{\"do\": \"sleep\", \"s\": 60}");
    start_call(&bench, &fast, what, "{\"do\": \"sleep\", \"s\": 0.8}");
    wait_call(&bench, &slow);
    ok(holds(&slow, "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: id-1 Error: Task timed out "
                    "after 1.00 seconds\"}"));
    ok(slow.run.ended_us - slow.run.started_us < 1200000);
    wait_call(&bench, &fast);
    ok(fast.outcome == RUN_RESPONSE);
    end_call(&slow);
    end_call(&fast);
    while (pool_counts(bench.pool).workers > 1)
        (void)uv_run(&bench.loop, UV_RUN_ONCE);
    ok(pool_counts(bench.pool).templates == 1);
    bench_close(&bench);
    runnable_release(what);
}

static void renews_seeds_that_nobody_chose(void)
{
    struct runnable *what = make_function("many", "1", many);
    struct bench bench;
    struct call calls[2];
    double drawn[2][2];

    bench_open(&bench, &usual);
    start_call(&bench, &calls[0], what, "{\"do\": \"sleep\", \"s\": 0.2}");
    start_call(&bench, &calls[1], what, "{\"do\": \"random\"}");
    wait_call(&bench, &calls[1]);
    ok(sscanf(calls[1].payload, "[%lf, %lf]", &drawn[0][0], &drawn[0][1]) == 2);
    end_call(&calls[1]);
    do_call(&bench, &calls[1], what, "{\"do\": \"exit\"}"); /* the next comes from another fork */
    end_call(&calls[1]);
    do_call(&bench, &calls[1], what, "{\"do\": \"random\"}");
    ok(sscanf(calls[1].payload, "[%lf, %lf]", &drawn[1][0], &drawn[1][1]) == 2);
    end_call(&calls[1]);
    wait_call(&bench, &calls[0]);
    end_call(&calls[0]);
    printf("# %f %f, %f %f\n", drawn[0][0], drawn[0][1], drawn[1][0], drawn[1][1]);
    ok(drawn[0][0] < drawn[1][0] || drawn[0][0] > drawn[1][0]);
    ok(!(drawn[0][1] < drawn[1][1] || drawn[0][1] > drawn[1][1]));
    bench_close(&bench);
    runnable_release(what);
}

static void tells_every_waiting_call_why_init_failed(void)
{
    static const struct {
        const char *source, *payload;
    } rows[] = {
        {"import nothing_like_it\n",
         "{\"errorMessage\": \"Unable to import module 'main': No module named 'nothing_like_it'\", \"errorType\": "
         "\"Runtime.ImportModuleError\", \"requestId\": \"\", \"stackTrace\": []}"},
        {"def handler(:\n", "\"errorType\": \"Runtime.UserCodeSyntaxError\""},
        {"def other(e, c): pass\n", "\"Handler 'handler' missing on module 'main'\""},
        {"raise RuntimeError('at import')\n",
         "{\"errorMessage\": \"at import\", \"errorType\": \"RuntimeError\", \"requestId\": \"\", \"stackTrace\": [\""},
        {"import os\nos._exit(5)\n", EXIT_ERROR(" with error: exit status 5")},
        {"import time\ntime.sleep(60)\n",
         "Task timed out after 3.00 seconds"}, /* run again, in the first call's time */
    };
    struct pool_options options = usual;

    options.init_timeout_ms = 500;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct runnable *what = make_function("broken", "1", rows[i].source);
        struct bench bench;
        struct call calls[3];
        bench_open(&bench, &options);
        for (int c = 0; c < 3; c++)
            start_call(&bench, &calls[c], what, "{}");
        for (int c = 0; c < 3; c++) {
            wait_call(&bench, &calls[c]);
            ok(calls[c].outcome == RUN_FUNCTION_ERROR && holds(&calls[c], rows[i].payload));
            end_call(&calls[c]);
        }
        do_call(&bench, &calls[0], what, "{}"); /* and it is tried anew */
        ok(calls[0].outcome == RUN_FUNCTION_ERROR);
        end_call(&calls[0]);
        bench_close(&bench);
        runnable_release(what);
    }
}

static void refuses_what_has_no_interpreter(void)
{
    struct runnable *what = make_function("many", "1", many);
    struct bench bench;
    struct call call;

    what->interpreter = STR("/usr/bin/python9");
    bench_open(&bench, &usual);
    do_call(&bench, &call, what, "{}");
    ok(call.outcome == RUN_REFUSED && holds(&call, "python9"));
    end_call(&call);
    bench_close(&bench);
    runnable_release(what);
}

static void throttles_past_its_limits(void)
{
    struct runnable *what = make_function("many", "1", many);
    struct pool_options options = usual;
    struct bench bench;
    struct call calls[8], reserved;

    options.queue_per_function_max = 4;
    options.workers_per_version_max = 1;
    options.queue_wait_ms_max = 300;
    bench_open(&bench, &options);
    do_call(&bench, &calls[0], what, "{\"do\": \"echo\"}");
    end_call(&calls[0]);
    for (int i = 0; i < 6; i++) /* one runs, four wait, one is refused */
        start_call(&bench, &calls[i], what, "{\"do\": \"sleep\", \"s\": 0.7}");
    ok(calls[5].is_done && calls[5].outcome == RUN_THROTTLED);
    ok(strcmp(calls[5].reason, "ConcurrentInvocationLimitExceeded") == 0);
    reserved = (struct call){.run = {.what = what, .reserved_concurrency = 0, .on_done = on_done}};
    reserved.run.arena = &reserved.arena;
    reserved.run.ctx = &reserved;
    pool_submit(bench.pool, &reserved.run);
    ok(reserved.is_done && strcmp(reserved.reason, "ReservedFunctionConcurrentInvocationLimitExceeded") == 0);
    for (int i = 0; i < 5; i++)
        wait_call(&bench, &calls[i]);
    ok(calls[0].outcome == RUN_RESPONSE && calls[4].outcome == RUN_THROTTLED);
    for (int i = 0; i < 6; i++)
        end_call(&calls[i]);
    end_call(&reserved);
    bench_close(&bench);
    runnable_release(what);
}

static void background_calls_stand_behind_and_count_for_nothing(void)
{
    struct runnable *what = make_function("behind", "1", many);
    struct pool_options options = usual;
    struct bench bench;
    struct call running, behind[2], live, reserved;

    options.workers_per_version_max = 1;
    options.account_concurrency = 2;
    bench_open(&bench, &options);
    do_call(&bench, &running, what, "{\"do\": \"echo\"}");
    end_call(&running);
    ok(pool_room(bench.pool) == POOL_ROOM_FREE);
    start_call(&bench, &running, what, "{\"do\": \"sleep\", \"s\": 0.2}");
    for (int i = 0; i < 2; i++) {
        make_call(&behind[i], what, "{\"do\": \"sleep\", \"s\": 0.2}");
        behind[i].run.background = true;
        pool_submit(bench.pool, &behind[i].run);
    }
    ok(pool_room(bench.pool) != POOL_ROOM_NONE); /* only they wait */
    make_call(&live, what, "{\"do\": \"echo\"}");
    live.run.reserved_concurrency = 2; /* and one runs */
    pool_submit(bench.pool, &live.run);
    ok(!live.is_done && pool_room(bench.pool) == POOL_ROOM_NONE);
    make_call(&reserved, what, "{\"do\": \"echo\"}");
    pool_submit(bench.pool, &reserved.run); /* the third of the account's two */
    ok(reserved.is_done && reserved.outcome == RUN_THROTTLED);
    wait_call(&bench, &live);
    ok(live.outcome == RUN_RESPONSE && running.is_done && !behind[0].is_done && !behind[1].is_done);
    wait_call(&bench, &behind[1]);
    ok(behind[0].is_done && behind[0].outcome == RUN_RESPONSE && behind[1].outcome == RUN_RESPONSE);
    end_call(&running), end_call(&behind[0]), end_call(&behind[1]), end_call(&live), end_call(&reserved);
    bench_close(&bench);
    runnable_release(what);
}

static void runs_what_is_new_and_lets_the_old_finish(void)
{
    struct runnable *old =
        make_function("changing", "1", "import time\ndef handler(e, c): time.sleep(0.3); return 1\n");
    struct runnable *new;
    struct bench bench;
    struct call first, second;

    bench_open(&bench, &usual);
    do_call(&bench, &first, old, "{}");
    end_call(&first);
    start_call(&bench, &first, old, "{}");
    new = make_function("changed", "2", "def handler(e, c): return 2\n");
    new->function = old->function;
    do_call(&bench, &second, new, "{}");
    ok(holds(&second, "2"));
    wait_call(&bench, &first);
    ok(first.outcome == RUN_RESPONSE && holds(&first, "1"));
    while (pool_counts(bench.pool).templates > 1)
        (void)uv_run(&bench.loop, UV_RUN_ONCE);
    ok(pool_counts(bench.pool).workers == 1);
    end_call(&first);
    end_call(&second);
    bench_close(&bench);
    runnable_release(old);
    runnable_release(new);
}

static void lets_go_of_what_is_idle(void)
{
    struct runnable *what = make_function("many", "1", many);
    struct pool_options options = usual;
    struct bench bench;
    struct call call;

    options.worker_idle_ms = 50;
    options.template_idle_ms = 100;
    bench_open(&bench, &options);
    do_call(&bench, &call, what, "{\"do\": \"echo\"}");
    end_call(&call);
    while (pool_counts(bench.pool).workers > 0)
        (void)uv_run(&bench.loop, UV_RUN_ONCE);
    while (pool_counts(bench.pool).templates > 0)
        (void)uv_run(&bench.loop, UV_RUN_ONCE);
    do_call(&bench, &call, what, "{\"do\": \"echo\"}");
    ok(call.outcome == RUN_RESPONSE && call.run.cold);
    end_call(&call);
    bench_close(&bench);
    runnable_release(what);
}

static void lets_go_of_what_is_deleted(void)
{
    struct bench bench;
    struct call call;
    struct catalog *catalog = catalog_new();
    struct pool_options options = usual;
    struct runnable *what = make_function("deleted", "1", "def handler(event, context): return 1\n");

    options.catalog = catalog;
    options.queue_wait_ms_max = 100; /* so that it sweeps often */
    bench_open(&bench, &options);
    catalog_put(catalog, entry_of(what));
    do_call(&bench, &call, what, "{}");
    ok(call.outcome == RUN_RESPONSE && pool_counts(bench.pool).templates == 1);
    catalog_remove(catalog, what->function);
    while (pool_counts(bench.pool).templates > 0)
        (void)uv_run(&bench.loop, UV_RUN_ONCE);
    ok(pool_counts(bench.pool).workers == 0);
    end_call(&call);
    runnable_release(what);
    bench_close(&bench);
    catalog_free(catalog);
}

static void carries_the_largest_event_and_answer(void)
{
    struct runnable *what = make_function("many", "1", many);
    struct bench bench;
    struct call call;
    char *event = malloc(INVOKE_EVENT_BYTES_MAX + 1);

    if (!event)
        abort();
    memset(event, 'z', INVOKE_EVENT_BYTES_MAX);
    memcpy(event, "{\"do\": \"echo\", \"x\": \"", 21);
    memcpy(event + INVOKE_EVENT_BYTES_MAX - 2, "\"}", 3);
    bench_open(&bench, &usual);
    do_call(&bench, &call, what, event);
    ok(call.outcome == RUN_RESPONSE && call.payload_len == INVOKE_EVENT_BYTES_MAX);
    end_call(&call);
    bench_close(&bench);
    free(event);
    runnable_release(what);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void tells_what_a_call_costs(void)
{
    struct runnable *what = make_function("noop", "1", "def handler(event, context): return event\n");
    int64_t *us = calloc(BENCH_CALLS, sizeof *us), cold[CALLS_MAX], began;
    struct call *calls = calloc(CALLS_MAX, sizeof *calls);
    struct pool_options options = usual;
    struct bench bench;

    if (!us || !calls)
        abort();
    options.workers_per_version_max = options.workers_total_max = CALLS_MAX;
    options.queue_per_function_max = CALLS_MAX;
    bench_open(&bench, &options);
    began = clock_steady_us();
    do_call(&bench, &calls[0], what, "{}");
    printf("# first call %lld us, init %lld us\n", (long long)(clock_steady_us() - began),
           (long long)calls[0].run.init_us);
    end_call(&calls[0]);
    for (int i = 0; i < BENCH_CALLS; i++) {
        began = clock_steady_us();
        do_call(&bench, &calls[0], what, "{\"a\": [1, 2.5, \"three\"]}");
        us[i] = clock_steady_us() - began;
        end_call(&calls[0]);
    }
    qsort(us, BENCH_CALLS, sizeof *us, compare);
    printf("# warm call p50 %lld us, p99 %lld us\n", (long long)us[BENCH_CALLS / 2],
           (long long)us[BENCH_CALLS * 99 / 100]);
    began = clock_steady_us();
    for (int i = 0; i < CALLS_MAX; i++)
        start_call(&bench, &calls[i], what, "{}");
    for (int i = 0; i < CALLS_MAX; i++) {
        wait_call(&bench, &calls[i]);
        cold[i] = calls[i].run.ended_us - calls[i].run.queued_us;
        end_call(&calls[i]);
    }
    qsort(cold, CALLS_MAX, sizeof *cold, compare);
    printf("# %d calls at once: %lld us, %d workers, p50 %lld us\n", CALLS_MAX, (long long)(clock_steady_us() - began),
           pool_counts(bench.pool).workers, (long long)cold[CALLS_MAX / 2]);
    ok(us[BENCH_CALLS / 2] < 5000);
    bench_close(&bench);
    free(us);
    free(calls);
    runnable_release(what);
}

/* What waits when a worker frees goes to it as one batch; each has its own answer and its own error. */
static void serves_what_waits_as_one_batch(void)
{
    static const char source[] =
        "import time\n"
        "def handler(event, context): return 'never'\n"
        "def batch_handler(events, context):\n"
        "    time.sleep(0.1)\n"
        "    print('together', len(events), len(context.aws_request_ids))\n"
        "    return [KeyError('three') if e['x'] == 3 else [e['x'] * 2, len(events)] for e in events]\n";
    struct runnable *what = make_function("batch", "1", source);
    struct call calls[9];
    char events[9][16], wanted[16];
    bool together = false;
    struct bench bench;

    bench_open(&bench, &usual);
    do_call(&bench, &calls[0], what, "{\"x\": 21}");
    ok(holds(&calls[0], "[42, 1]"));
    end_call(&calls[0]);
    for (int i = 0; i < 9; i++) {
        (void)snprintf(events[i], sizeof events[i], i == 5 ? "{]" : "{\"x\": %d}", i);
        start_call(&bench, &calls[i], what, events[i]);
    }
    for (int i = 0; i < 9; i++) {
        wait_call(&bench, &calls[i]);
        (void)snprintf(wanted, sizeof wanted, "[%d, ", 2 * i);
        if (i == 3)
            ok(calls[i].outcome == RUN_FUNCTION_ERROR && holds(&calls[i], "\"errorType\": \"KeyError\""));
        else if (i == 5)
            ok(calls[i].outcome == RUN_FUNCTION_ERROR && holds(&calls[i], "Runtime.UnmarshalError"));
        else
            ok(calls[i].outcome == RUN_RESPONSE && holds(&calls[i], wanted));
        ok(logged(&calls[i], "together "));
        together = together || strstr(calls[i].payload, ", 1]") == NULL;
        end_call(&calls[i]);
    }
    ok(together);
    bench_close(&bench);
    runnable_release(what);
}

/* Each call keeps its share of what one alone may: of a flood the first and the last. */
static void keeps_of_a_loud_batch_what_one_call_may(void)
{
    static const char source[] = "import time\n"
                                 "def handler(event, context): return 'never'\n"
                                 "def batch_handler(events, context):\n"
                                 "    time.sleep(0.2)\n"
                                 "    print('together', len(events))\n"
                                 "    print('x' * 1000000)\n"
                                 "    print('the last')\n"
                                 "    return [len(events) for e in events]\n";
    enum { CALLS = 20 };
    struct pool_options options = usual;
    struct runnable *what = make_function("loud_batch", "1", source);
    static struct call calls[CALLS];
    struct bench bench;
    char words[32];

    options.workers_per_version_max = 1;
    bench_open(&bench, &options);
    for (int i = 0; i < CALLS; i++)
        start_call(&bench, &calls[i], what, "{}");
    for (int i = 0; i < CALLS; i++) {
        struct run *run = &calls[i].run;
        size_t kept, sharers;
        wait_call(&bench, &calls[i]);
        sharers = strtoul(calls[i].payload, NULL, 10);
        (void)snprintf(words, sizeof words, "together %zu\n", sharers);
        kept = run->log.len + run->log_tail.len;
        ok(sharers >= 1 && sharers <= CALLS && logged(&calls[i], words));
        ok(str_ends(buf_str(&run->log_tail), STR("x\nthe last\n")));
        ok(kept + run->log_bytes_dropped == 1000001 + strlen(words) + strlen("the last\n"));
        ok(kept <= RECORD_LOG_BYTES_MAX / sharers + 2 * RECORD_LOG_TAIL_BYTES);
        ok(sharers < 15 || kept <= RECORD_LOG_BYTES_MAX / 15 + 2 * (size_t)RECORD_LOG_SHARE_BYTES_MIN);
        ok(run->log_tail.len >= RECORD_LOG_SHARE_BYTES_MIN);
        end_call(&calls[i]);
    }
    bench_close(&bench);
    runnable_release(what);
}

static void does_without_forks_where_threads_are_alive(void)
{
    static const char source[] = "import os, threading, time\n"
                                 "threading.Thread(target=time.sleep, args=(60,), daemon=True, name='pusher').start()\n"
                                 "def handler(event, context): time.sleep(0.2); return [threading.active_count()]\n";
    struct runnable *what = make_function("threads", "1", source);
    struct call calls[2];
    struct bench bench;

    bench_open(&bench, &usual);
    for (int i = 0; i < 2; i++)
        start_call(&bench, &calls[i], what, "{}");
    for (int i = 0; i < 2; i++) {
        wait_call(&bench, &calls[i]);
        ok(calls[i].outcome == RUN_RESPONSE && holds(&calls[i], "[2]"));
    }
    ok(logged(&calls[0], "served without forks") && logged(&calls[0], "pusher"));
    ok(!strstr(buf_str(&calls[1].run.log).len > 0 ? buf_str(&calls[1].run.log).at : "", "served without forks"));
    for (int i = 0; i < 2; i++)
        end_call(&calls[i]);
    bench_close(&bench);
    runnable_release(what);
}

/* As Lambda resets an environment: the processes go, /tmp stays. */
static void keeps_tmp_after_a_timeout(void)
{
    static const char source[] = "import os, time\n"
                                 "def handler(event, context):\n"
                                 "    there = os.path.exists('/tmp/kept')\n"
                                 "    open('/tmp/kept', 'w').close()\n"
                                 "    time.sleep(event['s'])\n"
                                 "    return there\n";
    struct runnable *what = make_function("tmp", "1", source);
    struct bench bench;
    struct call call;

    what->timeout_ms = 300;
    bench_open(&bench, &usual);
    do_call(&bench, &call, what, "{\"s\": 60}");
    ok(call.outcome == RUN_FUNCTION_ERROR && holds(&call, "timed out"));
    end_call(&call);
    for (int64_t end_us = clock_steady_us() + 200000; clock_steady_us() < end_us;) /* the old one is taken away */
        (void)uv_run(&bench.loop, UV_RUN_NOWAIT);
    do_call(&bench, &call, what, "{\"s\": 0}");
    ok(holds(&call, "true"));
    end_call(&call);
    bench_close(&bench);
    runnable_release(what);
}

static void keeps_a_worker_parked(void)
{
    struct runnable *what = make_function("parked", "1", many);
    struct bench bench;
    struct call call;

    what->settings.parked = 2;
    bench_open(&bench, &usual);
    do_call(&bench, &call, what, "{\"do\": \"echo\"}");
    end_call(&call);
    for (int64_t end_us = clock_steady_us() + 5000000;
         pool_counts(bench.pool).workers < 3 && clock_steady_us() < end_us;)
        (void)uv_run(&bench.loop, UV_RUN_NOWAIT);
    ok(pool_counts(bench.pool).workers == 3 && pool_ready_workers(bench.pool, what) >= 1);
    bench_close(&bench);
    runnable_release(what);
}

static void runs_hooks_of_snapshots(void)
{
    static const char source[] = "import os\n"
                                 "from snapshot_restore_py import register_before_snapshot, register_after_restore\n"
                                 "order = []\n"
                                 "@register_before_snapshot\n"
                                 "def first(): order.append('b1')\n"
                                 "register_before_snapshot(order.append, 'b2')\n"
                                 "register_after_restore(lambda: order.append('a1'))\n"
                                 "register_after_restore(order.append, 'a2')\n"
                                 "def handler(event, context): return order\n";
    struct runnable *what = make_function("hooks", "1", source);
    struct bench bench;
    struct call call;

    bench_open(&bench, &usual);
    do_call(&bench, &call, what, "{}");
    ok(holds(&call, "[\"b2\", \"b1\", \"a1\", \"a2\"]"));
    end_call(&call);
    bench_close(&bench);
    runnable_release(what);
}

static void answers_without_forks_in_the_same_words(void)
{
    without_forks = 1;
    answers_in_lambdas_words();
    kills_a_call_at_its_deadline_and_only_it();
    lets_go_of_what_is_idle();
    without_forks = 0;
}

/* It waits among calls, in whatever order, for the import and for nothing else. */
static void answers_an_import_without_a_worker(void)
{
    static const char source[] = "print('imported')\n"
                                 "def handler(event, context): return event\n";
    struct runnable *what = make_function("imports", "1", source);
    struct runnable *broken = make_function("broken_import", "1", "raise ValueError('no good')\n");
    struct call first, called, second, left, again, failed;
    struct bench bench;

    bench_open(&bench, &usual);
    start_import(&bench, &first, what);
    start_call(&bench, &called, what, "7");
    start_import(&bench, &second, what);
    start_import(&bench, &left, what);
    pool_cancel(bench.pool, &left.run);
    wait_call(&bench, &second);
    ok(first.is_done && !called.is_done && first.outcome == RUN_RESPONSE && second.outcome == RUN_RESPONSE);
    ok(!strcmp(first.payload, "null") && first.run.cold && first.run.init_us > 0 && logged(&first, "imported\n"));
    wait_call(&bench, &called);
    ok(called.outcome == RUN_RESPONSE && !strcmp(called.payload, "7"));
    wait_call(&bench, &left);
    ok(left.outcome == RUN_REFUSED);
    start_import(&bench, &again, what);
    ok(again.is_done && again.outcome == RUN_RESPONSE && again.run.init_us == 0);
    start_import(&bench, &failed, broken);
    wait_call(&bench, &failed);
    ok(failed.outcome == RUN_FUNCTION_ERROR && holds(&failed, "\"errorMessage\": \"no good\""));
    ok(pool_counts(bench.pool).waiting == 0 && pool_counts(bench.pool).workers_busy == 0);
    for (int i = 0; i < 6; i++)
        end_call((struct call *[]){&first, &called, &second, &left, &again, &failed}[i]);
    bench_close(&bench);
    runnable_release(what);
    runnable_release(broken);
}

static void (*const tests[])(void) = {
    answers_an_import_without_a_worker,
    answers_in_lambdas_words,
    keeps_what_is_printed_and_counts_the_rest,
    kills_a_call_at_its_deadline_and_only_it,
    renews_seeds_that_nobody_chose,
    tells_every_waiting_call_why_init_failed,
    refuses_what_has_no_interpreter,
    throttles_past_its_limits,
    background_calls_stand_behind_and_count_for_nothing,
    runs_what_is_new_and_lets_the_old_finish,
    lets_go_of_what_is_idle,
    lets_go_of_what_is_deleted,
    carries_the_largest_event_and_answer,
    tells_what_a_call_costs,
    serves_what_waits_as_one_batch,
    keeps_of_a_loud_batch_what_one_call_may,
    does_without_forks_where_threads_are_alive,
    keeps_tmp_after_a_timeout,
    keeps_a_worker_parked,
    runs_hooks_of_snapshots,
    answers_without_forks_in_the_same_words,
};

int main(int argc, char **argv)
{
    return pool_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

#include "invoke/invoke.h"

#include "invoke/report.h"

#include "functions/entry.h"

#include "loop/lane.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The pool of this test: what it is told to answer, at once. */
static struct run_result next_result;
static const char *next_print;
static int64_t next_duration_us, next_init_us;
static char seen_event[64], seen_arn[128];
static int seen_reserved;

void pool_cancel(struct pool *pool, struct run *run)
{
    (void)pool, (void)run;
}

void pool_submit(struct pool *pool, struct run *run)
{
    (void)pool;
    snprintf(seen_event, sizeof seen_event, STR_FMT, STR_ARG(run->event));
    snprintf(seen_arn, sizeof seen_arn, STR_FMT, STR_ARG(run->invoked_arn));
    seen_reserved = run->reserved_concurrency;
    if (next_result.outcome == RUN_RESPONSE || next_result.outcome == RUN_FUNCTION_ERROR) {
        buf_add(&run->log, str_of(next_print));
        run->queued_us = run->started_us = clock_steady_us();
        run->ended_us = run->started_us + next_duration_us;
        run->init_us = next_init_us;
        run->cold = next_init_us > 0;
        run->memory_peak_kb = 35 * 1024 + 1;
    }
    run->on_done(run->ctx, run, &next_result);
}

static char state[64];
static uv_loop_t loop;
static struct invoker invoker;
static struct err err;

static struct runnable *runnable_of(const char *version, enum version_state version_state)
{
    struct arena arena = {0};
    struct runnable *runnable = arena_new(&arena, struct runnable, 1);

    runnable->arena = arena;
    runnable->references = 1;
    runnable->function = STR("f");
    runnable->version = str_of(version);
    runnable->arn = STR("arn:aws:lambda:us-east-1:000000000000:function:f");
    runnable->state = version_state;
    runnable->state_reason = version_state == VERSION_FAILED ? STR("No zip.") : STR("");
    runnable->memory_mb = 128;
    runnable->timeout_ms = 3000;
    return runnable;
}

static void put_function(const char *name, enum version_state version_state)
{
    struct arena arena = {0};
    struct function_entry *entry = arena_new(&arena, struct function_entry, 1);

    entry->name = str_of(name);
    entry->versions = arena_new(&arena, struct runnable *, 2);
    entry->versions[entry->versions_count++] = runnable_of("$LATEST", version_state);
    entry->versions[entry->versions_count++] = runnable_of("7", version_state);
    entry->aliases = arena_new(&arena, struct alias_target, 1);
    entry->aliases[entry->aliases_count++] = (struct alias_target){STR("prod"), STR("7"), STR(""), 0};
    entry->reserved_concurrency = 3;
    entry->arena = arena;
    catalog_put(invoker.catalog, entry);
}

/* What the door and the record saw. */
static struct invocation answered;
static int answers, records;
static char record_log[2048], record_cause[256], record_type[64], record_alias[16], message[256];
static struct record recorded;

static void on_record(void *ctx, const struct record *record)
{
    (void)ctx;
    ok(records == answers); /* recorded before it is answered */
    records++;
    recorded = *record;
    snprintf(record_log, sizeof record_log, STR_FMT, STR_ARG(record->log));
    snprintf(record_cause, sizeof record_cause, STR_FMT, STR_ARG(record->cause));
    snprintf(record_type, sizeof record_type, STR_FMT, STR_ARG(record->error_type));
    snprintf(record_alias, sizeof record_alias, STR_FMT, STR_ARG(record->alias));
}

static void on_answer(void *ctx, struct invocation *invocation)
{
    answers++;
    answered = *invocation;
    snprintf(message, sizeof message, STR_FMT, STR_ARG(invocation->message));
    arena_free(invocation->arena); /* as an exchange does when it has answered */
    free(ctx);
}

static int status_of(struct invocation *invocation)
{
    return invocation->outcome == INVOKE_ANSWERED || invocation->outcome == INVOKE_FUNCTION_ERROR ? 200 : 400;
}

static void invoke(const char *function, const char *qualifier, str event, bool dry_run)
{
    struct arena *arena = calloc(1, sizeof *arena);
    struct invocation *invocation = arena_new(arena, struct invocation, 1);

    invocation->arena = arena;
    invocation->function = str_of(function);
    invocation->qualifier = str_of(qualifier);
    invocation->event = event;
    invocation->source = STR("lambda");
    invocation->dry_run = dry_run;
    invocation->received_us = clock_steady_us() - 500;
    invocation->on_answer = on_answer;
    invocation->status_of = status_of;
    invocation->ctx = arena;
    answers = records = 0;
    invoke_start(&invoker, invocation);
    ok(answers == 1 && records == 1);
}

static void begin(void)
{
    snprintf(state, sizeof state, "/tmp/sculler-invoke-XXXXXX");
    if (!mkdtemp(state))
        abort();
    uv_loop_init(&loop);
    ok(records_open(&loop, state, INT64_MAX, &invoker.records, &err));
    ok(records_watch(invoker.records, on_record, NULL));
    invoker.catalog = catalog_new();
    put_function("f", VERSION_ACTIVE);
    next_result = (struct run_result){.outcome = RUN_RESPONSE, .payload = STR("{\"ok\":true}")};
    next_print = "hello\n";
    next_duration_us = 3010;
    next_init_us = 0;
}

static void end(void)
{
    static const char *const names[] = {"records.db",         "records.db-wal", "records.db-shm",
                                        "journal/000001.log", "journal",        ""};
    char path[128];

    catalog_free(invoker.catalog);
    records_close(invoker.records);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", state, names[i]);
        (void)remove(path);
    }
}

static void a_call_is_answered_and_recorded(void)
{
    char log[1024];

    begin();
    next_init_us = 110100;
    invoke("f", "prod", STR(""), false);
    ok(answered.outcome == INVOKE_ANSWERED && answered.http_status == 200 && answered.cold);
    ok(strcmp(seen_event, "{}") == 0 && seen_reserved == 3);
    ok(strcmp(seen_arn, "arn:aws:lambda:us-east-1:000000000000:function:f:prod") == 0);
    snprintf(log, sizeof log,
             "START RequestId: %s Version: 7\nhello\nEND RequestId: %s\nREPORT RequestId: %s\tDuration: 3.01 ms\t"
             "Billed Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 110.10 ms\t\n",
             answered.request_id, answered.request_id, answered.request_id);
    ok(strcmp(record_log, log) == 0);
    ok(record_cause[0] == '\0' && record_type[0] == '\0' && strcmp(record_alias, "prod") == 0);
    ok(recorded.status == 200 && recorded.resolved_us >= 500 && recorded.started_us >= recorded.resolved_us);
    ok(recorded.input_bytes == 2 && recorded.output_bytes == 11 && recorded.init_us == 110100);
    next_init_us = 0;
    next_print = "no newline";
    invoke("f", "", STR("1"), false);
    ok(strstr(record_log, "no newline\nEND") && !strstr(record_log, "Init"));
    ok(strstr(record_log, " MB\t\n") && strcmp(seen_arn, "arn:aws:lambda:us-east-1:000000000000:function:f") == 0);
    end();
}

static int observed;

static void on_recorded(void *ctx, const struct invocation *invocation, const struct record *record)
{
    (void)ctx;
    ok(records == 1 && answers == 0);
    ok(invocation->outcome == INVOKE_ANSWERED && str_eq(record->output, STR("{\"ok\":true}")));
    observed++;
}

static void observers_are_told_between_record_and_answer(void)
{
    begin();
    invoker.observers_count = 0;
    invoke_observe(&invoker, (struct invoke_observer){on_recorded, NULL});
    invoke_observe(&invoker, (struct invoke_observer){on_recorded, NULL});
    invoke("f", "", STR("{}"), false);
    ok(observed == 2);
    invoker.observers_count = 0;
    end();
}

static void failures_are_told_apart(void)
{
    begin();
    next_result = (struct run_result){.outcome = RUN_FUNCTION_ERROR,
                                      .payload = STR("{\"errorMessage\":\"no\",\"errorType\":\"ValueError\"}")};
    invoke("f", "", STR("{}"), false);
    ok(answered.outcome == INVOKE_FUNCTION_ERROR && answered.http_status == 200);
    ok(strcmp(record_cause, "ValueError: no") == 0 && strcmp(record_type, "Unhandled") == 0);
    next_result.error_type = "Sandbox.Timedout";
    invoke("f", "", STR("{}"), false);
    ok(strstr(record_log, " Task timed out after 3.00 seconds\n\nEND ") && !strcmp(record_type, "Sandbox.Timedout"));
    next_result = (struct run_result){.outcome = RUN_THROTTLED, .reason = "ConcurrentInvocationLimitExceeded"};
    invoke("f", "", STR("{}"), false);
    ok(answered.outcome == INVOKE_THROTTLED && !strcmp(answered.reason, "ConcurrentInvocationLimitExceeded"));
    ok(!strcmp(record_cause, "throttled: ConcurrentInvocationLimitExceeded") && record_log[0] == '\0');
    ok(recorded.started_us == -1 && recorded.ended_us == -1 && recorded.status == 400);
    next_result =
        (struct run_result){.outcome = RUN_FUNCTION_ERROR, .payload = STR("{}"), .error_type = "Runtime.OutOfMemory"};
    invoke("f", "", STR("{}"), false);
    ok(strstr(record_log,
              "Runtime.ExitError\n[sculler] out of memory: the function used more than its MemorySize of "));
    next_result = (struct run_result){.outcome = RUN_REFUSED,
                                      .payload = STR("{\"errorType\":\"T\",\"errorMessage\":\"no cell\"}")};
    invoke("f", "", STR("{}"), false);
    ok(answered.outcome == INVOKE_NOT_READY && !strcmp(message, "T: no cell") && !strcmp(record_cause, "T: no cell"));
    end();
}

static void refusals_come_before_the_pool(void)
{
    char *large = calloc(1, INVOKE_EVENT_BYTES_MAX + 1);

    begin();
    put_function("pending", VERSION_PENDING);
    put_function("failed", VERSION_FAILED);
    seen_event[0] = '\0';
    memset(large, '1', INVOKE_EVENT_BYTES_MAX + 1);
    invoke("g", "", STR("{}"), false);
    ok(answered.outcome == INVOKE_NO_FUNCTION && recorded.resolved_us >= 0);
    invoke("f", "none", STR("{}"), false);
    ok(answered.outcome == INVOKE_NO_FUNCTION && strcmp(record_type, "NoFunction") == 0);
    invoke("f", "", STR("{"), false);
    ok(answered.outcome == INVOKE_BAD_JSON && recorded.resolved_us == -1);
    ok(strncmp(message, "Could not parse request body into json: Could not parse payload into json: ", 75) == 0);
    invoke("f", "", (str){large, INVOKE_EVENT_BYTES_MAX + 1}, false);
    ok(answered.outcome == INVOKE_TOO_LARGE && recorded.input_bytes == INVOKE_EVENT_BYTES_MAX + 1);
    ok(!strcmp(message, "Request must be smaller than 6291456 bytes for the InvokeFunction operation"));
    invoke("pending", "", STR("{}"), false);
    ok(answered.outcome == INVOKE_NOT_READY && strstr(message, "in the following state: Pending"));
    invoke("failed", "", STR("{}"), false);
    ok(answered.outcome == INVOKE_NOT_READY && strstr(message, "state: Failed. No zip."));
    invoke("f", "", STR("{}"), true);
    ok(answered.outcome == INVOKE_ANSWERED && !strcmp(record_cause, "dry run") && recorded.started_us == -1);
    ok(seen_event[0] == '\0');
    free(large);
    end();
}

/* The time of this test, which a slow journal takes. */
static int64_t now_us = 1000000000;

static int64_t read_now(void)
{
    return now_us;
}

static void take_seven_seconds(void *ctx, const struct record *record)
{
    (void)ctx, (void)record;
    now_us += 7000000;
}

/* What one call says on standard error. */
static void invoke_and_read_log(char *ret, size_t bytes_max)
{
    FILE *file = tmpfile();
    int kept = dup(STDERR_FILENO);

    if (!file || kept < 0 || dup2(fileno(file), STDERR_FILENO) < 0)
        abort();
    invoke("f", "", STR("{}"), false);
    (void)dup2(kept, STDERR_FILENO);
    (void)close(kept);
    rewind(file);
    ret[fread(ret, 1, bytes_max - 1, file)] = '\0';
    (void)fclose(file);
}

static void a_slow_call_is_told_with_what_its_record_took(void)
{
    char said[512];

    begin();
    clock_replace(read_now);
    next_duration_us = 0;
    invoker.slow_us = 5000000;
    invoke_and_read_log(said, sizeof said);
    ok(said[0] == '\0');
    ok(records_watch(invoker.records, take_seven_seconds, NULL));
    invoke_and_read_log(said, sizeof said);
    ok(strstr(said, "event=\"slow call\" function=f version=$LATEST request=") &&
       strstr(said, " total_ms=7000 waited_ms=0 init_ms=0 ran_ms=0 record_ms=7000\n"));
    invoker.slow_us = 0;
    invoke_and_read_log(said, sizeof said);
    ok(said[0] == '\0');
    clock_replace(NULL);
    end();
}

static void a_full_log_keeps_room_for_its_end(void)
{
    struct arena arena = {0};
    struct run run = {.request_id = STR("id"), .what = runnable_of("7", VERSION_ACTIVE), .log_bytes_dropped = 5};
    struct run_result result = {.outcome = RUN_RESPONSE};

    report_start(&run.log, run.request_id, run.what->version);
    while (run.log.len < run.log.max)
        buf_add_char(&run.log, 'x');
    buf_add_char(&run.log, 'x');
    buf_init(&run.log_tail, 2 * (size_t)RECORD_LOG_TAIL_BYTES);
    while (run.log_tail.len < run.log_tail.max)
        buf_add_char(&run.log_tail, 'y');
    report_end(&run, &result);
    ok(buf_ok(&run.log) && run.log.len <= RECORD_LOG_BYTES_MAX && str_ends(buf_str(&run.log), STR(" MB\t\n")));
    ok(memmem(run.log.at, run.log.len, "xx\n(5 more bytes were printed here)\nyy", 38));
    buf_free(&run.log);
    buf_free(&run.log_tail);
    runnable_release(run.what);
    arena_free(&arena);
}

TEST_MAIN(a_call_is_answered_and_recorded, observers_are_told_between_record_and_answer, failures_are_told_apart,
          refusals_come_before_the_pool, a_slow_call_is_told_with_what_its_record_took,
          a_full_log_keeps_room_for_its_end)

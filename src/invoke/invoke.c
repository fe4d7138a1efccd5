/*
 * One invocation, step by step:
 *
 *   1 RECEIVED   a door filled it                                  invoke_start
 *   2            its event fits and is JSON ({} when empty)        check_event
 *   3 RESOLVED   name and qualifier are a runnable                 resolve
 *   4            it is Active                                      check_state
 *   5            a dry run ends here                               invoke_start
 *   6 ADMITTED   the pool has it                                   submit
 *   7 RUNNING    a worker has it (or nobody: throttled)            runtime/
 *   8            what happened, in the words of a door             on_run_done
 *   9            the log is closed: END, REPORT                    report.c
 *  10 RECORDED   the journal has it, observers are told            record
 *  11 ANSWERED   the door answers; after this the invocation and
 *                its arena are gone                                finish
 *
 * Every way out goes through finish(), so each call leaves one record and gets one answer, in this order.
 */
#include "invoke/invoke.h"

#include "invoke/report.h"

#include "codec/json_read.h"
#include "codec/uuid.h"
#include "monitor/monitor.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

#include <assert.h>

enum { CAUSE_BYTES_MAX = 1024, PAYLOAD_PARSED_MAX = 256 * 1024, MESSAGE_BYTES_MAX = 4096 };

static void on_run_done(void *ctx, struct run *run, const struct run_result *result);

/* Microseconds since it was received, as a record keeps them; -1 when it did not come to that. */
static int32_t since(const struct invocation *invocation, int64_t at_us)
{
    int64_t us = at_us - invocation->received_us;

    if (at_us == 0)
        return -1;
    return us < 0 ? 0 : us > INT32_MAX ? INT32_MAX : (int32_t)us;
}

/* Recording and answering */

/* "ValueError: cannot divide": of the error object that a failure is. */
static str error_words(struct invocation *invocation, str payload)
{
    json_auto_t *root = NULL;
    struct err ignored;
    str type, message;

    if (payload.len > PAYLOAD_PARSED_MAX || !json_parse(payload, &root, &ignored))
        return STR("the function failed");
    type = json_text(json_object_get(root, "errorType"));
    message = json_text(json_object_get(root, "errorMessage"));
    if (message.len > CAUSE_BYTES_MAX)
        message.len = CAUSE_BYTES_MAX;
    return arena_printf(invocation->arena, STR_FMT "%s" STR_FMT, STR_ARG(type), type.len > 0 ? ": " : "",
                        STR_ARG(message));
}

str invoke_cause(struct invocation *invocation)
{
    if (invocation->cause.len > 0)
        return invocation->cause;
    switch (invocation->outcome) {
    case INVOKE_ANSWERED:
        return invocation->dry_run ? STR("dry run") : invocation->import_only ? STR("import only") : STR("");
    case INVOKE_FUNCTION_ERROR:
        if (str_eq(str_of(invocation->error_type), STR("Runtime.OutOfMemory")))
            return report_out_of_memory(&invocation->run);
        return error_words(invocation, invocation->payload);
    case INVOKE_NO_FUNCTION:
        return STR("there is no such function or qualifier");
    case INVOKE_BAD_JSON:
        return STR("the event is not JSON");
    case INVOKE_TOO_LARGE:
        return STR("the event is too large");
    case INVOKE_NOT_READY:
        return invocation->message;
    case INVOKE_THROTTLED:
        return arena_printf(invocation->arena, "throttled: %s", invocation->reason ? invocation->reason : "no worker");
    }
    return STR("");
}

static str cause_of(struct invocation *invocation)
{
    str own = invoke_cause(invocation);

    if (!invocation->client_gone)
        return own;
    return arena_printf(invocation->arena, "the client went away before the answer%s" STR_FMT, own.len > 0 ? "; " : "",
                        STR_ARG(own));
}

/* Its word in the record: the function's own when that says one, else why it was not run. */
static str error_type_of(const struct invocation *invocation)
{
    static const char *const refusals[] = {
        [INVOKE_FUNCTION_ERROR] = "Unhandled", [INVOKE_NO_FUNCTION] = "NoFunction", [INVOKE_BAD_JSON] = "BadJson",
        [INVOKE_TOO_LARGE] = "TooLarge",       [INVOKE_NOT_READY] = "NotReady",     [INVOKE_THROTTLED] = "Throttled",
    };

    if (invocation->outcome == INVOKE_ANSWERED)
        return STR("");
    return str_of(invocation->error_type ? invocation->error_type : refusals[invocation->outcome]);
}

static str cut(str text, size_t max)
{
    return (str){text.at, text.len < max ? text.len : max};
}

static void record(struct invocation *invocation)
{
    const struct invoker *invoker = invocation->invoker;
    const struct run *run = &invocation->run;
    const struct record record = {
        .request_id = str_of(invocation->request_id),
        .function = run->what ? run->what->function : invocation->function,
        .version = invocation->executed_version.len > 0 ? invocation->executed_version : invocation->qualifier,
        .alias = invocation->alias,
        .source = invocation->source,
        .detail = invocation->detail,
        .received_wall_us = invocation->received_wall_us,
        .resolved_us = since(invocation, invocation->resolved_us),
        .admitted_us = since(invocation, run->queued_us),
        .started_us = since(invocation, run->started_us),
        .ended_us = since(invocation, run->ended_us),
        .answered_us = since(invocation, clock_steady_us()),
        .init_us = (int32_t)run->init_us,
        .status = invocation->http_status,
        .error_type = error_type_of(invocation),
        .cause = cause_of(invocation),
        .cold = run->cold,
        .worker = run->worker,
        .memory_mb = run->what ? (uint32_t)run->what->memory_mb : 0,
        .memory_peak_kb = run->memory_peak_kb,
        .input = invocation->event_on_record ? STR("") : cut(invocation->event, RECORD_INPUT_BYTES_MAX),
        .input_bytes = (int64_t)invocation->event.len,
        .output = cut(invocation->payload, invocation->event_on_record ? (size_t)RECORD_REPLAY_OUTPUT_BYTES_MAX
                                                                       : (size_t)RECORD_OUTPUT_BYTES_MAX),
        .output_bytes = (int64_t)invocation->payload.len,
        .threshold_number = invocation->threshold_number,
        .log = invocation->log,
    };

    records_append(invoker->records, &record);
    for (int i = 0; i < invoker->observers_count; i++)
        invoker->observers[i].on_recorded(invoker->observers[i].ctx, invocation, &record);
}

/* Its wait and its record included: a disk that stalls the journal is seen here, and by nobody else. */
static void tell_if_slow(const struct invocation *invocation)
{
    const struct run *run = &invocation->run;
    int64_t limit_us = invocation->invoker->slow_us, now_us, began_us;

    if (limit_us <= 0 || run->queued_us == 0)
        return;
    now_us = clock_steady_us();
    if (now_us - run->queued_us <= limit_us)
        return;
    began_us = run->started_us > 0 ? run->started_us : run->ended_us;
    log_warn("slow call", F_STR("function", run->what->function), F_STR("version", run->what->version),
             F_STR("request", run->request_id), F_INT("total_ms", (now_us - run->queued_us) / 1000),
             F_INT("waited_ms", (began_us - run->queued_us) / 1000), F_INT("init_ms", run->init_us / 1000),
             F_INT("ran_ms", (run->ended_us - began_us) / 1000), F_INT("record_ms", (now_us - run->ended_us) / 1000));
}

/* The door's answer may end the exchange, and with it `invocation`: what is ours is taken out before. */
static void finish(struct invocation *invocation, enum invoke_outcome outcome)
{
    struct buf log = invocation->run.log, log_tail = invocation->run.log_tail;
    struct runnable *what = invocation->run.what;

    invocation->outcome = outcome;
    if (invocation->status_of)
        invocation->http_status = invocation->status_of(invocation);
    record(invocation);
    tell_if_slow(invocation);
    invocation->on_answer(invocation->ctx, invocation);
    buf_free(&log);
    buf_free(&log_tail);
    runnable_release(what);
}

static void refuse(struct invocation *invocation, enum invoke_outcome outcome, str message)
{
    invocation->message = message;
    finish(invocation, outcome);
}

/* Checking */

static bool check_event(struct invocation *invocation)
{
    BUF_AUTO words = {0};

    buf_init(&words, MESSAGE_BYTES_MAX);
    if (invocation->event.len == 0)
        invocation->event = STR("{}");
    if (invocation->event.len > INVOKE_EVENT_BYTES_MAX) {
        refuse(invocation, INVOKE_TOO_LARGE,
               arena_printf(invocation->arena, "Request must be smaller than %d bytes for the InvokeFunction operation",
                            INVOKE_EVENT_BYTES_MAX));
        return false;
    }
    if (json_valid(invocation->event, NULL))
        return true;
    json_fault_text(invocation->event, &words);
    refuse(invocation, INVOKE_BAD_JSON, arena_copy(invocation->arena, buf_str(&words)));
    return false;
}

static bool resolve(struct invocation *invocation)
{
    struct runnable *what =
        catalog_resolve(invocation->invoker->catalog, invocation->function, invocation->qualifier, &invocation->alias);

    invocation->resolved_us = clock_steady_us();
    if (!what) {
        refuse(invocation, INVOKE_NO_FUNCTION, STR("Function not found"));
        return false;
    }
    invocation->run.what = what;
    invocation->executed_version = what->version;
    return true;
}

static bool check_state(struct invocation *invocation)
{
    const struct runnable *what = invocation->run.what;
    bool failed = what->state == VERSION_FAILED;
    str reason = failed ? what->state_reason : STR("");

    if (what->state == VERSION_ACTIVE)
        return true;
    refuse(invocation, INVOKE_NOT_READY,
           arena_printf(invocation->arena,
                        "The operation cannot be performed at this time. The function is currently in the following "
                        "state: %s%s" STR_FMT,
                        failed ? "Failed" : "Pending", reason.len > 0 ? ". " : "", STR_ARG(reason)));
    return false;
}

/* Running */

/* Copied, since another may be set while the call waits: it and its record say the same. */
static str tell_threshold(struct invocation *invocation)
{
    const struct monitor *monitor = invocation->invoker->monitor;
    const struct threshold_in_force *in_force =
        monitor ? monitor_threshold(monitor, invocation->run.what->function, invocation->alias) : NULL;

    if (!in_force)
        return STR("");
    invocation->threshold_number = in_force->number;
    return arena_copy(invocation->arena, str_of(in_force->text));
}

static void submit(struct invocation *invocation)
{
    struct run *run = &invocation->run;
    const struct function_entry *entry = catalog_function(invocation->invoker->catalog, invocation->function);
    str qualifier = invocation->qualifier, arn = run->what->arn;

    run->arena = invocation->arena;
    run->request_id = str_of(invocation->request_id);
    run->invoked_arn = qualifier.len == 0 ? arn : arena_concat(invocation->arena, arn, STR(":"), qualifier);
    run->trace_id = invocation->trace_id;
    run->client_context = invocation->client_context;
    run->threshold = tell_threshold(invocation);
    run->event = invocation->event;
    run->import_only = invocation->import_only;
    run->background = invocation->background;
    /* What a function has reserved, maybe nothing, is for its calls. */
    run->reserved_concurrency = entry && !run->import_only ? entry->reserved_concurrency : -1;
    run->on_done = on_run_done;
    run->ctx = invocation;
    report_start(&run->log, run->request_id, run->what->version);
    pool_submit(invocation->invoker->pool, run);
}

static void on_run_done(void *ctx, struct run *run, const struct run_result *result)
{
    struct invocation *invocation = ctx;

    invocation->payload = result->payload;
    invocation->error_type = result->error_type;
    invocation->reason = result->reason;
    invocation->cold = run->cold;
    if (result->outcome == RUN_THROTTLED || result->outcome == RUN_REFUSED) {
        invocation->message =
            result->outcome == RUN_REFUSED ? error_words(invocation, result->payload) : STR("Rate Exceeded.");
        invocation->payload = STR("");
        finish(invocation, result->outcome == RUN_THROTTLED ? INVOKE_THROTTLED : INVOKE_NOT_READY);
        return;
    }
    report_end(run, result);
    invocation->log = buf_str(&run->log);
    finish(invocation, result->outcome == RUN_RESPONSE ? INVOKE_ANSWERED : INVOKE_FUNCTION_ERROR);
}

void invoke_observe(struct invoker *invoker, struct invoke_observer observer)
{
    assert(invoker->observers_count < INVOKE_OBSERVERS_MAX);
    invoker->observers[invoker->observers_count++] = observer;
}

void invoke_start(struct invoker *invoker, struct invocation *invocation)
{
    invocation->invoker = invoker;
    invocation->run = (struct run){0};
    invocation->client_gone = false;
    invocation->resolved_us = 0;
    invocation->threshold_number = 0;
    invocation->executed_version = invocation->alias = invocation->payload = invocation->log = STR("");
    invocation->received_wall_us = clock_wall_us() - (clock_steady_us() - invocation->received_us);
    if (invocation->request_id[0] == '\0')
        uuid_v7(invocation->received_wall_us / 1000, invocation->request_id);
    if (!check_event(invocation) || !resolve(invocation) || !check_state(invocation))
        return;
    if (invocation->dry_run)
        finish(invocation, INVOKE_ANSWERED);
    else
        submit(invocation);
}

void invoke_cancel(struct invocation *invocation)
{
    invocation->client_gone = true;
    pool_cancel(invocation->invoker->pool, &invocation->run);
}

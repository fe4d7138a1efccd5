/*
 * invoke: AWS Lambda API reference, Invoke.  The payload is bytes on the way in and on the way out: nothing here looks
 * into it.  invoke/ runs it and tells what came of it; this says it in AWS's words.
 */
#include "aws/lambda/invoke.h"

#include "aws/lambda/lambda_private.h"
#include "aws/lambda/patterns.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "codec/base64.h"
#include "codec/json_read.h"
#include "codec/trace.h"
#include "functions/catalog.h"
#include "invoke/invoke.h"

enum { CLIENT_CONTEXT_BYTES_MAX = 3583, TAIL_BASE64_MAX = LOG_TAIL_BYTES / 3 * 4 + 8 };

struct invoke_input {
    str function, qualifier, type, log_type, client_context, sample;
};

static const struct shape_field invoke_fields[] = {
    FIELD_QUALIFIER(struct invoke_input),
    FIELD_FUNCTION_GET(struct invoke_input),
    {"X-Amz-Invocation-Type", SHAPE_IN_HEADER, SHAPE_STR, offsetof(struct invoke_input, type), .path = "invocationType",
     .check = {.values = (const char *const[]){"Event", "RequestResponse", "DryRun", NULL}}},
    {"X-Amz-Log-Type", SHAPE_IN_HEADER, SHAPE_STR, offsetof(struct invoke_input, log_type), .path = "logType",
     .check = {.values = (const char *const[]){"None", "Tail", NULL}}},
    {"X-Amz-Client-Context", SHAPE_IN_HEADER, SHAPE_STR, offsetof(struct invoke_input, client_context)},
    /* Ours: who only tries a version (a deploy's sample events) says so, and its decisions are nobody's. */
    {"X-Sculler-Sample", SHAPE_IN_HEADER, SHAPE_STR, offsetof(struct invoke_input, sample)},
};
const struct shape invoke_shape = SHAPE_OF(struct invoke_input, invoke_fields);

/* What a call needs until its answer: the invocation, and what was asked. */
struct invoking {
    struct invocation invocation;
    struct aws_call *call;
    struct lambda_ref ref;
    bool dry_run, tail;
};

/* -- what came of it ------------------------------------------------------------------------------------------------
 */

/* The HTTP status by outcome: asked for by invoke/ before on_answer, for the record. */
static int status_of(struct invocation *invocation)
{
    switch (invocation->outcome) {
    case INVOKE_ANSWERED:
    case INVOKE_FUNCTION_ERROR:
        return invocation->dry_run ? 204 : 200;
    case INVOKE_NO_FUNCTION:
        return 404;
    case INVOKE_BAD_JSON:
        return 400;
    case INVOKE_TOO_LARGE:
        return 413;
    case INVOKE_NOT_READY:
        return 409;
    case INVOKE_THROTTLED:
        return 429;
    }
    return 500;
}

static bool refuse(struct invoking *invoking)
{
    struct aws_call *call = invoking->call;
    const struct invocation *invocation = &invoking->invocation;
    const struct lambda_ref *ref = &invoking->ref;
    str arn;

    switch (invocation->outcome) {
    case INVOKE_ANSWERED:
    case INVOKE_FUNCTION_ERROR:
        return false;
    case INVOKE_NO_FUNCTION:
        arn = lambda_arn(call, ref->name, ref->qualifier.len ? ref->qualifier : STR("$LATEST"));
        aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND, "Function not found: " STR_FMT, STR_ARG(arn));
        break;
    case INVOKE_BAD_JSON:
        aws_fail_text(call, AWS_ERROR_REQUEST_CONTENT, invocation->message);
        break;
    case INVOKE_TOO_LARGE:
        aws_fail(call, AWS_ERROR_ENTITY_TOO_LARGE,
                 "Request must be smaller than %d bytes for the InvokeFunction operation", INVOKE_EVENT_BYTES_MAX);
        break;
    case INVOKE_NOT_READY:
        aws_fail_text(call, AWS_ERROR_RESOURCE_CONFLICT, invocation->message);
        break;
    case INVOKE_THROTTLED:
        call->error_reason = invocation->reason;
        aws_fail(call, AWS_ERROR_TOO_MANY_REQUESTS, "Rate Exceeded.");
        break;
    }
    return true;
}

/* The last 4 KB of the log, in base64. */
static str log_tail(struct aws_call *call, str log)
{
    str tail = log.len > LOG_TAIL_BYTES ? str_from(log, log.len - LOG_TAIL_BYTES) : log, text;
    struct buf buf;

    buf_init(&buf, TAIL_BASE64_MAX);
    base64_encode(&buf, tail);
    text = arena_copy(call->arena, buf_str(&buf));
    buf_free(&buf);
    return text;
}

static void on_answer(void *ctx, struct invocation *invocation)
{
    struct invoking *invoking = ctx;
    struct aws_call *call = invoking->call;

    if (invocation->request_id[0])
        memcpy(call->request_id, invocation->request_id, sizeof call->request_id);
    if (!refuse(invoking)) {
        call->status = status_of(invocation);
        if (!invoking->dry_run) {
            call->raw_answer = invocation->payload.at ? invocation->payload : STR("");
            aws_header(call, "X-Amz-Executed-Version", invocation->executed_version);
        }
        if (invocation->outcome == INVOKE_FUNCTION_ERROR)
            aws_header(call, "X-Amz-Function-Error", STR("Unhandled"));
        if (invoking->tail)
            aws_header(call, "X-Amz-Log-Result", log_tail(call, invocation->log));
        if (invocation->trace_id.len)
            aws_header(call, "X-Amzn-Trace-Id", invocation->trace_id);
    }
    aws_call_finish(call);
}

/* -- what is asked ----------------------------------------------------------------------------------------------------
 */

/* Of what is known to be JSON. */
static bool is_object(str json)
{
    size_t blanks = 0;

    while (blanks < json.len && strchr(" \t\r\n", json.at[blanks]))
        blanks++;
    return blanks < json.len && json.at[blanks] == '{';
}

/* Base64 of a JSON object, in a header. */
static bool read_client_context(struct aws_call *call, str header, str *ret)
{
    struct buf buf;
    size_t offset;
    bool good;

    if (header.len == 0)
        return true;
    if (header.len > (CLIENT_CONTEXT_BYTES_MAX + 2) / 3 * 4)
        return aws_fail(call, AWS_ERROR_REQUEST_CONTENT, "Client context must be no more than %d bytes.",
                        CLIENT_CONTEXT_BYTES_MAX);
    buf_init(&buf, CLIENT_CONTEXT_BYTES_MAX + 3);
    good = base64_decode(header, &buf) && json_valid(buf_str(&buf), &offset) && is_object(buf_str(&buf));
    *ret = arena_copy(call->arena, buf_str(&buf));
    buf_free(&buf);
    return good ||
           aws_fail(call, AWS_ERROR_REQUEST_CONTENT, "Client context must be a valid Base64-encoded JSON object.");
}

/* The thread of the call, one round longer.  Only what comes by this API is counted, as on AWS; a function whose
 * RecursiveLoop is Allow is not.  Who leaves the header out is not counted, there as here ("Lambda recursive loop
 * detection": by the header, from the SDKs): the stop is for mistakes.  Its keys would not tell which of a function's
 * calls it is that calls, since all forks of a template have the same; its concurrency and the pool's limits end it. */
static bool follow_trace(struct aws_call *call, struct invoking *invoking)
{
    const struct function_entry *entry = catalog_function(call->door->catalog, invoking->ref.name);
    str trace = trace_continue(http_header(&call->exchange->request, STR("X-Amzn-Trace-Id")), clock_wall_ms() / 1000,
                               call->arena);

    invoking->invocation.trace_id = trace;
    if (!entry || entry->may_recurse || invoking->dry_run ||
        trace_visit(trace, lambda_arn(call, invoking->ref.name, STR("")), RECURSION_ROUNDS_MAX, call->arena,
                    &invoking->invocation.trace_id))
        return true;
    log_warn("a function that calls itself, maybe by way of others, was stopped", F_STR("function", invoking->ref.name),
             F_STR("trace", trace));
    return aws_fail(call, AWS_ERROR_RECURSIVE_INVOCATION,
                    "Lambda has detected your function being invoked in a recursive loop with other AWS resources and "
                    "stopped your function's invocation.");
}

static bool check(struct aws_call *call, const struct invoke_input *input, struct invoking *ret)
{
    if (!lambda_ref_of(call, input->function, input->qualifier, &ret->ref) ||
        !read_client_context(call, input->client_context, &ret->invocation.client_context))
        return false;
    if (str_eq(input->type, STR("Event")))
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "Asynchronous invocation (InvocationType Event) is not supported by this server yet: an event "
                        "that was accepted must not be lost, and the queue that keeps it comes later. Use "
                        "RequestResponse.");
    ret->dry_run = str_eq(input->type, STR("DryRun"));
    ret->tail = str_eq(input->log_type, STR("Tail")) && !ret->dry_run;
    return true;
}

static void on_client_gone(struct http_exchange *exchange)
{
    struct aws_call *call = exchange->user;
    struct invoking *invoking = call ? call->user : NULL;

    if (invoking)
        invoke_cancel(&invoking->invocation);
}

void invoke_operation(struct aws_call *call)
{
    struct invoking *invoking = arena_new(call->arena, struct invoking, 1);
    struct http_exchange *exchange = call->exchange;

    invoking->call = call;
    if (!check(call, call->input, invoking) || !follow_trace(call, invoking)) {
        aws_call_finish(call);
        return;
    }
    invoking->invocation.arena = call->arena;
    invoking->invocation.function = invoking->ref.name;
    invoking->invocation.qualifier = invoking->ref.qualifier;
    invoking->invocation.event = exchange->request.body;
    invoking->invocation.source =
        ((const struct invoke_input *)call->input)->sample.len ? STR("sample") : STR("lambda");
    invoking->invocation.dry_run = invoking->dry_run;
    invoking->invocation.received_us = exchange->received_us;
    invoking->invocation.status_of = status_of;
    invoking->invocation.on_answer = on_answer;
    invoking->invocation.ctx = invoking;
    call->user = invoking;
    exchange->on_client_gone = on_client_gone;
    invoke_start(call->door->invoker, &invoking->invocation);
}

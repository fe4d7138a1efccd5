/*
 * import: what Lambda has no operation for (a dry run imports nothing): a version is started, as for a call, and the
 * answer says what came of its import.  It is on record as a call is.  For `sculler deploy`, so that what cannot be
 * imported does not go live; and the first call finds it imported.
 *
 *     {"imported": true, "init_ms": 412, "error": "", "cause": "", "log": "START ...", "request_id": "..."}
 *
 * error: Lambda's error object, as text; cause: why, in words; init_ms 0: it had been imported already.
 */
#include "aws/sculler/import.h"

#include "aws/lambda/lambda_private.h"
#include "base/clock.h"
#include "invoke/invoke.h"

struct importing {
    struct invocation invocation;
    struct aws_call *call;
    struct lambda_ref ref;
};

static int status_of(struct invocation *invocation)
{
    return invocation->outcome == INVOKE_NO_FUNCTION ? 404 : invocation->outcome == INVOKE_THROTTLED ? 429 : 200;
}

static void write_answer(struct aws_call *call, struct invocation *invocation)
{
    struct jw *jw = &call->jw;
    bool imported = invocation->outcome == INVOKE_ANSWERED;

    jw_object(jw);
    jw_bool(jw, "imported", imported);
    jw_int(jw, "init_ms", invocation->run.init_us / 1000);
    jw_str(jw, "error", imported ? STR("") : invocation->payload);
    jw_str(jw, "cause", imported ? STR("") : invoke_cause(invocation));
    jw_str(jw, "log", invocation->log);
    jw_str(jw, "request_id", str_of(invocation->request_id));
    jw_object_end(jw);
}

static void on_answer(void *ctx, struct invocation *invocation)
{
    struct importing *importing = ctx;
    struct aws_call *call = importing->call;
    const struct lambda_ref *ref = &importing->ref;

    memcpy(call->request_id, invocation->request_id, sizeof call->request_id);
    if (invocation->outcome == INVOKE_NO_FUNCTION) {
        str arn = lambda_arn(call, ref->name, ref->qualifier.len ? ref->qualifier : STR("$LATEST"));
        aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND, "Function not found: " STR_FMT, STR_ARG(arn));
    } else if (invocation->outcome == INVOKE_THROTTLED) {
        aws_fail(call, AWS_ERROR_TOO_MANY_REQUESTS, "Rate Exceeded.");
    } else {
        write_answer(call, invocation);
    }
    aws_call_finish(call);
}

static void on_client_gone(struct http_exchange *exchange)
{
    struct aws_call *call = exchange->user;
    struct importing *importing = call ? call->user : NULL;

    if (importing)
        invoke_cancel(&importing->invocation);
}

void import_operation(struct aws_call *call)
{
    const struct function_input *input = call->input;
    struct importing *importing = arena_new(call->arena, struct importing, 1);
    struct invocation *invocation = &importing->invocation;

    importing->call = call;
    if (!lambda_ref_of(call, input->function, input->qualifier, &importing->ref)) {
        aws_call_finish(call);
        return;
    }
    invocation->arena = call->arena;
    invocation->function = importing->ref.name;
    invocation->qualifier = importing->ref.qualifier;
    invocation->source = STR("import");
    invocation->import_only = true;
    invocation->received_us = call->exchange->received_us;
    invocation->status_of = status_of;
    invocation->on_answer = on_answer;
    invocation->ctx = importing;
    call->user = importing;
    call->exchange->on_client_gone = on_client_gone;
    invoke_start(call->door->invoker, invocation);
}

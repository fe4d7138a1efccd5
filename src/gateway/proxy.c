/* The Lambda proxy integration: the whole request is the event, the result is the whole answer. */
#include "codec/base64.h"
#include "gateway/gateway_private.h"
#include "gateway/media.h"
#include "gateway/proxy_event.h"
#include "gateway/proxy_result.h"

bool proxy_prepare(struct gateway_call *call)
{
    proxy_event_write(call, &call->event);
    if (!buf_ok(&call->event) || call->event.len > INVOKE_EVENT_BYTES_MAX)
        return gateway_fail(call, GATEWAY_ERROR_TOO_LARGE, "the event for the function is larger than %d bytes",
                            INVOKE_EVENT_BYTES_MAX);
    return true;
}

/* The request's Accept decides whether base64 becomes bytes; the response's Content-Type plays no part. */
static bool take_body(struct gateway_call *call, const struct proxy_result *result)
{
    BUF_AUTO bytes = {0};

    call->reply.body = result->body;
    if (!result->base64 || !media_is_binary(call->stage, http_header(&call->exchange->request, STR("Accept"))))
        return true;
    buf_init(&bytes, base64_bytes_max(result->body.len));
    if (!base64_decode(result->body, &bytes))
        return gateway_fail(call, GATEWAY_ERROR_INTERNAL, "isBase64Encoded is true, but the body is not base64");
    call->reply.body = arena_copy(&call->arena, buf_str(&bytes));
    return true;
}

bool proxy_decide(struct gateway_call *call)
{
    struct invocation *invocation = &call->invocation;
    struct proxy_result result;
    struct err err = {0};

    if (outcome_failed(call))
        return false;
    if (invocation->outcome == INVOKE_FUNCTION_ERROR) {
        str cause = function_error_cause(call);

        return gateway_fail(call, GATEWAY_ERROR_PROXY, STR_FMT, STR_ARG(cause));
    }
    if (!proxy_result_parse(invocation->payload, &call->arena, &result, &err))
        return gateway_fail(call, GATEWAY_ERROR_PROXY, "%s", err.text);
    call->reply = (struct gateway_reply){.status = result.status, .content_type = STR("application/json")};
    for (int i = 0; i < result.headers_count; i++)
        if (!gateway_add_header(call, result.headers[i].name, result.headers[i].value))
            return gateway_fail(call, GATEWAY_ERROR_PROXY,
                                "malformed Lambda proxy response: header '%.*s' has a name or value that HTTP does not "
                                "allow",
                                (int)(result.headers[i].name.len < 60 ? result.headers[i].name.len : 60),
                                result.headers[i].name.at);
    return take_body(call, &result);
}

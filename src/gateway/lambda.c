/*
 * The Lambda integration that is not proxy: the body (through a template) is the event; the result, by what its
 * errorMessage says, picks the response.  The outcomes that are not a function's own are here for both integrations.
 */
#include "codec/base64.h"
#include "codec/json_read.h"
#include "gateway/gateway_private.h"
#include "gateway/jsonpath.h"
#include "gateway/media.h"
#include "gateway/template.h"

/* -- the event
 * -------------------------------------------------------------------------------------------------------------- */

/* The table "request Content-Type matches" of API Gateway developer guide, integrations. */
static bool pass_body(struct gateway_call *call)
{
    const struct http_request *request = &call->exchange->request;
    bool binary = media_is_binary(call->stage, http_header(request, STR("Content-Type")));
    str handling = call->method->content_handling;

    if (binary && str_eq(handling, STR("CONVERT_TO_TEXT"))) {
        base64_encode(&call->event, request->body);
    } else if (!binary && str_eq(handling, STR("CONVERT_TO_BINARY"))) {
        if (!base64_decode(request->body, &call->event))
            return gateway_fail(call, GATEWAY_ERROR_INTERNAL,
                                "the request is to be converted to binary, but it is not base64");
    } else {
        buf_add(&call->event, request->body); /* byte for byte */
    }
    return true;
}

static bool pass_unmatched(struct gateway_call *call, str media_type)
{
    const struct api_method *method = call->method;

    if (str_eq(method->passthrough, STR("NEVER")))
        return gateway_fail(call, GATEWAY_ERROR_MEDIA_TYPE,
                            "passthroughBehavior is NEVER and no request template is for '" STR_FMT "'",
                            STR_ARG(media_type));
    if (str_eq(method->passthrough, STR("WHEN_NO_TEMPLATES")) && method->request_templates_count > 0)
        return gateway_fail(call, GATEWAY_ERROR_MEDIA_TYPE,
                            "passthroughBehavior is WHEN_NO_TEMPLATES, and none of the request templates is for "
                            "'" STR_FMT "'",
                            STR_ARG(media_type));
    return pass_body(call);
}

bool lambda_prepare(struct gateway_call *call)
{
    const struct api_method *method = call->method;
    str type = media_type_of(http_header(&call->exchange->request, STR("Content-Type")));
    const struct api_pair *template;

    if (!type.len)
        type = STR("application/json");
    template = template_for(method->request_templates, method->request_templates_count, type);
    if (!template)
        return pass_unmatched(call, type);
    switch (template_kind(template->value)) {
    case TEMPLATE_PASSES:
        return pass_body(call);
    case TEMPLATE_CONSTANT:
        buf_add(&call->event, template->value);
        return true;
    case TEMPLATE_NEEDS_VTL:
        break;
    }
    return gateway_fail(call, GATEWAY_ERROR_INTERNAL,
                        "the request template for '" STR_FMT "' needs the mapping template language (VTL), which this "
                        "server does not have yet",
                        STR_ARG(template->name));
}

/* -- outcomes
 * --------------------------------------------------------------------------------------------------------------- */

bool outcome_failed(struct gateway_call *call)
{
    const struct invocation *invocation = &call->invocation;
    str function = call->method->function;

    switch (invocation->outcome) {
    case INVOKE_ANSWERED:
    case INVOKE_FUNCTION_ERROR:
        return false;
    case INVOKE_NO_FUNCTION:
        gateway_fail(call, GATEWAY_ERROR_INTERNAL, "there is no function " STR_FMT "%s" STR_FMT, STR_ARG(function),
                     call->method->qualifier.len ? ":" : "", STR_ARG(call->method->qualifier));
        return true;
    case INVOKE_BAD_JSON:
        gateway_fail_saying(call, GATEWAY_ERROR_BAD_JSON, invocation->message, invocation->message);
        return true;
    case INVOKE_TOO_LARGE:
        gateway_fail(call, GATEWAY_ERROR_TOO_LARGE, "the event for " STR_FMT " is larger than %d bytes",
                     STR_ARG(function), INVOKE_EVENT_BYTES_MAX);
        return true;
    case INVOKE_NOT_READY:
        gateway_fail(call, GATEWAY_ERROR_INTERNAL, STR_FMT " is not ready: " STR_FMT, STR_ARG(function),
                     STR_ARG(invocation->message));
        return true;
    case INVOKE_THROTTLED: /* AWS: a throttled function is a 500 behind API Gateway, not a 429 */
        gateway_fail(call, GATEWAY_ERROR_INTERNAL, STR_FMT " was throttled: %s", STR_ARG(function),
                     invocation->reason ? invocation->reason : "no worker was free in time");
        return true;
    }
    return false;
}

str function_error_cause(struct gateway_call *call)
{
    struct arena *arena = &call->arena;
    str payload = call->invocation.payload;
    str type = jsonpath_text(payload, STR("errorType"), arena);
    str message = jsonpath_text(payload, STR("errorMessage"), arena);

    return arena_printf(arena, "function " STR_FMT " failed: " STR_FMT "%s" STR_FMT, STR_ARG(call->method->function),
                        STR_ARG(type), type.len && message.len ? ": " : "", STR_ARG(message));
}

/* -- the answer
 * -------------------------------------------------------------------------------------------------------------- */

/* at NULL: the result is no object with errorMessage, so there is nothing that a pattern could match. */
static str error_message(struct gateway_call *call)
{
    static const char name[] = "\"errorMessage\"";
    str payload = call->invocation.payload;

    if (payload.len == 0 || !memmem(payload.at, payload.len, name, sizeof name - 1))
        return (str){0}; /* the usual case, without a tree */

    json_error_t ignored;
    json_auto_t *root = json_loadb(payload.at, payload.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &ignored);
    json_t *message = json_object_get(root, "errorMessage");

    return json_is_string(message) ? arena_copy(&call->arena, json_text(message)) : (str){0};
}

bool lambda_decide(struct gateway_call *call)
{
    const struct invocation *invocation = &call->invocation;
    const struct integration_response *response;
    str payload = call->method->async ? STR("") : invocation->payload;
    str message = error_message(call);

    if (outcome_failed(call))
        return false;
    if (!respond_select(call, message, &response) || !respond_apply(call, response, payload))
        return false;
    if (invocation->outcome == INVOKE_FUNCTION_ERROR)
        gateway_set_cause(call, function_error_cause(call));
    else if (call->reply.status >= 400 && message.at)
        gateway_set_cause(call,
                          arena_printf(&call->arena, "the function's errorMessage selected this response: " STR_FMT,
                                       STR_ARG(message)));
    return true;
}

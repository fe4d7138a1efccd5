/*
 * Integration responses: which one answers, and what it makes of the payload (API Gateway developer guide,
 * integrations, Lambda not proxy 2 and 3).
 */
#include "codec/base64.h"
#include "codec/time_format.h"
#include "gateway/gateway_private.h"
#include "gateway/jsonpath.h"
#include "gateway/media.h"
#include "gateway/select.h"
#include "gateway/template.h"

/* -- which
 * ------------------------------------------------------------------------------------------------------------- */

static bool fail_pattern(struct gateway_call *call, const struct integration_response *response, const char *what)
{
    return gateway_fail(call, GATEWAY_ERROR_CONFIGURATION, "selectionPattern of the response " STR_FMT " %s: %.200s",
                        STR_ARG(response->status), what, arena_cstr(&call->arena, response->selection_pattern));
}

bool respond_select(struct gateway_call *call, str text, const struct integration_response **ret)
{
    const struct api_method *method = call->method;
    const struct integration_response *fallback = NULL;

    for (int i = 0; i < method->responses_count; i++) {
        const struct integration_response *response = &method->responses[i];

        if (!response->has_pattern) {
            fallback = fallback ? fallback : response;
            continue;
        }
        if (!text.at)
            continue;
        switch (select_matches(response->selection_pattern, text)) {
        case SELECT_YES:
            *ret = response;
            return true;
        case SELECT_NO:
            break;
        case SELECT_BAD_PATTERN:
            return fail_pattern(call, response, "is not a regular expression");
        case SELECT_TOO_HARD:
            return fail_pattern(call, response, "takes too long to match");
        }
    }
    if (!fallback)
        return gateway_fail(call, GATEWAY_ERROR_CONFIGURATION,
                            "no integration response matches, and none is the default (one without selectionPattern)");
    *ret = fallback;
    return true;
}

/* -- headers
 * ------------------------------------------------------------------------------------------------------------- */

static str context_value(const struct gateway_call *call, str name)
{
    const struct http_request *request = &call->exchange->request;
    const struct {
        const char *name;
        str value;
    } values[] = {
        {"requestId", str_of(call->request_id)},
        {"extendedRequestId", call->extended_id},
        {"accountId", call->gateway->account},
        {"apiId", call->address.api},
        {"stage", call->address.stage},
        {"path", call->address.full},
        {"httpMethod", request->method},
        {"resourceId", call->resource->id},
        {"resourcePath", call->resource->path},
        {"deploymentId", call->stage->deployment_id},
        {"domainName", request->host},
        {"identity.sourceIp", request->remote_address},
        {"identity.userAgent", http_header(request, STR("User-Agent"))},
        {"protocol", STR("HTTP/1.1")},
    };

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (str_eq(name, str_of(values[i].name)))
            return values[i].value;
    return STR("");
}

static str variable_value(const struct gateway_call *call, str name)
{
    for (int i = 0; i < call->stage->variables_count; i++)
        if (str_eq(call->stage->variables[i].name, name))
            return call->stage->variables[i].value;
    return STR("");
}

static bool behind(str text, str head, str *ret_rest)
{
    if (!str_starts(text, head))
        return false;
    *ret_rest = str_from(text, head.len);
    return true;
}

/* Empty: the mapping maps nothing.  A function's answer has no headers, so integration.response.header.X is empty. */
static str source_value(struct gateway_call *call, str source, str payload)
{
    str rest;

    if (source.len >= 2 && source.at[0] == '\'' && source.at[source.len - 1] == '\'')
        return (str){source.at + 1, source.len - 2};
    if (str_eq(source, STR("integration.response.body")))
        return jsonpath_text(payload, STR(""), &call->arena);
    if (behind(source, STR("integration.response.body."), &rest))
        return jsonpath_text(payload, rest, &call->arena);
    if (behind(source, STR("context."), &rest))
        return context_value(call, rest);
    if (behind(source, STR("stageVariables."), &rest))
        return variable_value(call, rest);
    return STR("");
}

static bool map_headers(struct gateway_call *call, const struct integration_response *response, str payload)
{
    for (int i = 0; i < response->headers_count; i++) {
        str value = source_value(call, response->headers[i].value, payload);
        str name;

        if (value.len == 0 || !behind(response->headers[i].name, STR("method.response.header."), &name))
            continue;
        if (!gateway_add_header(call, name, value))
            return gateway_fail(call, GATEWAY_ERROR_INTERNAL,
                                "the mapped header '%.100s' has a name or value that HTTP "
                                "does not allow",
                                arena_cstr(&call->arena, name));
    }
    return true;
}

/* -- body
 * ------------------------------------------------------------------------------------------------------------------ */

/* By the last type that the client accepts, else application/json, else the first there is. */
static const struct api_pair *choose_template(const struct gateway_call *call,
                                              const struct integration_response *response)
{
    str rest = http_header(&call->exchange->request, STR("Accept")), last = STR("");
    const struct api_pair *found;

    while (rest.len)
        str_cut(rest, ',', &last, &rest);
    last = media_type_of(last);
    for (int i = 0; i < response->templates_count && last.len; i++)
        if (str_eq_nocase(response->templates[i].name, last))
            return &response->templates[i];
    found = template_for(response->templates, response->templates_count, STR("application/json"));
    return found || response->templates_count == 0 ? found : &response->templates[0];
}

/* The table "response payload is binary" of API Gateway developer guide, integrations; a function's payload is
 * application/json. */
static bool convert_body(struct gateway_call *call, const struct integration_response *response)
{
    str accept = http_header(&call->exchange->request, STR("Accept"));
    bool payload_binary = media_is_binary(call->stage, STR("application/json"));
    bool accept_binary = media_is_binary(call->stage, accept);
    bool to_text = str_eq(response->content_handling, STR("CONVERT_TO_TEXT"));
    bool to_binary = str_eq(response->content_handling, STR("CONVERT_TO_BINARY"));
    str body = call->reply.body;
    BUF_AUTO out = {0};

    buf_init(&out, 2 * INVOKE_RESPONSE_BYTES_MAX);
    if (payload_binary && (to_text || (!to_binary && !accept_binary))) {
        base64_encode(&out, body);
    } else if (!payload_binary && (to_binary || (!to_text && accept_binary))) {
        if (!base64_decode(body.len && body.at[0] == '"' ? jsonpath_text(body, STR(""), &call->arena) : body, &out))
            return gateway_fail(call, GATEWAY_ERROR_INTERNAL,
                                "the response is to be converted to binary, but it is not base64");
    } else {
        return true;
    }
    call->reply.body = arena_copy(&call->arena, buf_str(&out));
    return true;
}

bool respond_apply(struct gateway_call *call, const struct integration_response *response, str payload)
{
    const struct api_pair *template = choose_template(call, response);
    bool mock = call->method->kind == INTEGRATION_MOCK;
    long long status;

    call->reply = (struct gateway_reply){.content_type = STR("application/json"), .body = payload};
    if (!str_to_int(response->status, 100, 599, &status))
        return gateway_fail(call, GATEWAY_ERROR_CONFIGURATION, "the response's status is no number");
    call->reply.status = (int)status;
    if (template) {
        call->reply.content_type = str_eq(template->name, STR("$default")) ? call->reply.content_type : template->name;
        switch (template_kind(template->value)) {
        case TEMPLATE_PASSES:
            break;
        case TEMPLATE_CONSTANT:
            call->reply.body = template->value;
            break;
        case TEMPLATE_NEEDS_VTL:
            return gateway_fail(call, GATEWAY_ERROR_INTERNAL,
                                "the response template of status " STR_FMT
                                " needs the mapping template language (VTL), "
                                "which this server does not have yet",
                                STR_ARG(response->status));
        }
    }
    return (mock || convert_body(call, response)) && map_headers(call, response, payload);
}

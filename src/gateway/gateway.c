/*
 * gateway: the way of one request.
 *
 *   gateway_route    body_max; a body that is announced too large is answered here
 *   gateway_handle   call_new → locate (address, stage) → api_match → authorize → prepare (integration) → invoke
 *   on_status        decide: outcome → reply (before the record, which keeps status and cause)
 *   on_answer        the reply goes out
 *   on_timeout       504 now; the invocation runs on, is recorded as a 504, and what it answers is dropped
 *
 * A step that fails has made the reply (gateway_fail); the call then goes straight to its answer.
 */
#include "gateway/gateway_private.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/rand.h"
#include "codec/base64.h"
#include "codec/trace.h"

enum { EXTENDED_ID_BYTES = 11 /* 16 characters of base64, the last one '=' */, EVENT_BYTES_MAX = 64 * 1024 * 1024 };

/* -- begin and end ------------------------------------------------------------------------------------------------- */

static str new_extended_id(struct arena *arena)
{
    unsigned char random[EXTENDED_ID_BYTES];
    BUF_AUTO text = {0};

    rand_bytes(random, sizeof random);
    buf_init(&text, 64);
    base64_encode(&text, (str){(const char *)random, sizeof random});
    return arena_copy(arena, buf_str(&text));
}

static struct gateway_call *call_new(struct gateway *gateway, struct http_exchange *exchange)
{
    struct gateway_call *call = malloc(sizeof *call);

    if (!call)
        abort();
    memset(call, 0, offsetof(struct gateway_call, headers));
    call->gateway = gateway;
    call->exchange = exchange;
    call->now_ms = clock_wall_ms();
    uuid_v7(call->now_ms, call->request_id);
    call->extended_id = new_extended_id(&call->arena);
    call->trace_id =
        trace_continue(http_header(&exchange->request, STR("X-Amzn-Trace-Id")), call->now_ms / 1000, &call->arena);
    buf_init(&call->event, EVENT_BYTES_MAX);
    return call;
}

static void call_free(struct gateway_call *call)
{
    api_stage_release(call->stage);
    buf_free(&call->event);
    arena_free(&call->arena);
    free(call);
}

static void on_timer_closed(uv_handle_t *handle)
{
    call_free(handle->data);
}

static void call_end(struct gateway_call *call)
{
    if (call->exchange)
        gateway_answer(call);
    if (call->has_timer)
        uv_close((uv_handle_t *)&call->timer, on_timer_closed);
    else
        call_free(call);
}

/* -- address, stage, method, who asks
 * ---------------------------------------------------------------------------------- */

static bool locate(struct gateway_call *call)
{
    const struct http_request *request = &call->exchange->request;
    struct gateway_address *address = &call->address;
    struct apis *apis = call->gateway->apis;

    *address = gateway_address_of(request->host, request->path, &call->arena);
    /* A call may outlive the request (504), so what is kept of it is copied. */
    address->stage = arena_copy(&call->arena, address->stage);
    address->api = arena_copy(&call->arena, address->named ? address->api : apis_default(apis));
    address->full = arena_copy(&call->arena, address->full);
    address->path = arena_copy(&call->arena, address->path);
    call->stage = apis_stage(apis, address->api, address->stage);
    if (call->stage && !(call->stage->endpoint_disabled && address->named))
        return true;
    if (call->stage)
        return gateway_fail(call, GATEWAY_ERROR_FORBIDDEN, "disableExecuteApiEndpoint is set on this API");
    if (address->api.len == 0)
        return gateway_fail(call, GATEWAY_ERROR_FORBIDDEN,
                            "no API is named here and there is no default one: deploy, or use "
                            "/_aws/execute-api/API/STAGE/PATH");
    if (!apis_known(apis, address->api))
        return gateway_fail(call, GATEWAY_ERROR_FORBIDDEN, "API '" STR_FMT "' is unknown or has no stage",
                            STR_ARG(address->api));
    return gateway_fail(call, GATEWAY_ERROR_FORBIDDEN, "API '" STR_FMT "' has no stage '" STR_FMT "'",
                        STR_ARG(address->api), STR_ARG(address->stage));
}

static bool find_method(struct gateway_call *call)
{
    str verb = call->exchange->request.method;

    call->method = api_match(call->stage, verb, call->address.path, &call->arena, &call->resource, &call->params,
                             &call->params_count);
    return call->method || gateway_fail(call, GATEWAY_ERROR_MISSING_TOKEN,
                                        "no resource of stage '" STR_FMT "' serves " STR_FMT " " STR_FMT,
                                        STR_ARG(call->address.stage), STR_ARG(verb), STR_ARG(call->address.path));
}

/* A query that AWS's front door does not let through. */
static bool check_query(struct gateway_call *call)
{
    str query = call->exchange->request.query;

    for (size_t i = 0; i < query.len; i++)
        if (query.at[i] == '|' || query.at[i] == '{' || query.at[i] == '}')
            return gateway_fail(call, GATEWAY_ERROR_BAD_REQUEST, "'%c' in a query must be percent-encoded",
                                query.at[i]);
    return true;
}

static bool authorize(struct gateway_call *call)
{
    const struct gateway *gateway = call->gateway;
    struct err err = {0};

    if (call->method->api_key)
        return gateway_fail(call, GATEWAY_ERROR_FORBIDDEN,
                            "the method requires an API key, and keys are not served yet");
    if (!call->method->iam)
        return true;
    if (!gateway->authorize)
        return gateway_fail(call, GATEWAY_ERROR_MISSING_TOKEN, "AWS_IAM is not set up on this server");
    switch (gateway->authorize(gateway->authorize_ctx, call->exchange, &err)) {
    case GATEWAY_AUTH_OK:
        return true;
    case GATEWAY_AUTH_ABSENT:
        return gateway_fail(call, GATEWAY_ERROR_MISSING_TOKEN, "the method wants AWS_IAM, the request is not signed");
    case GATEWAY_AUTH_UNKNOWN_KEY:
        return gateway_fail(call, GATEWAY_ERROR_UNKNOWN_KEY, "the access key is not one of this server's");
    case GATEWAY_AUTH_BAD_SIGNATURE:
        return gateway_fail_saying(call, GATEWAY_ERROR_BAD_SIGNATURE, str_of(err.text), str_of(err.text));
    }
    abort();
}

/* -- integrations
 * ------------------------------------------------------------------------------------------------------------ */

static const struct {
    bool (*prepare)(struct gateway_call *call);
    bool (*decide)(struct gateway_call *call);
} integrations[] = {
    [INTEGRATION_LAMBDA] = {lambda_prepare, lambda_decide},
    [INTEGRATION_LAMBDA_PROXY] = {proxy_prepare, proxy_decide},
    [INTEGRATION_MOCK] = {NULL, mock_decide},
};

static int on_status(struct invocation *invocation)
{
    struct gateway_call *call = invocation->ctx;

    if (!call->decided && !call->timed_out)
        (void)integrations[call->method->kind].decide(call);
    call->decided = true;
    invocation->cause = call->reply.cause;
    return call->reply.status;
}

static void on_answer(void *ctx, struct invocation *invocation)
{
    (void)on_status(invocation); /* it was asked already, unless there was nothing to record */
    call_end(ctx);
}

static void on_timeout(uv_timer_t *timer)
{
    struct gateway_call *call = timer->data;

    if (!call->exchange)
        return;
    call->timed_out = true;
    gateway_fail(call, GATEWAY_ERROR_TIMEOUT,
                 "the integration's timeoutInMillis, %d ms, was over before " STR_FMT " had answered; it runs on",
                 call->method->timeout_ms, STR_ARG(call->method->function));
    gateway_answer(call);
}

static void start_timer(struct gateway_call *call)
{
    uv_timer_init(call->gateway->loop, &call->timer);
    call->timer.data = call;
    call->has_timer = true;
    uv_timer_start(&call->timer, on_timeout, (uint64_t)call->method->timeout_ms, 0);
}

static bool check_function(struct gateway_call *call)
{
    const struct api_method *method = call->method;

    if (!str_eq(method->integration_verb, STR("POST")))
        return gateway_fail(call, GATEWAY_ERROR_INTERNAL,
                            "a Lambda integration's HTTP method must be POST, this one's is " STR_FMT,
                            STR_ARG(method->integration_verb));
    if (method->function.len == 0)
        return gateway_fail(call, GATEWAY_ERROR_INTERNAL,
                            "the integration's URI names no function (a stage variable that is not set?)");
    return true;
}

static void on_client_gone(struct http_exchange *exchange)
{
    struct gateway_call *call = exchange->user;

    invoke_cancel(&call->invocation);
}

/* The event is the call's; the exchange may be gone before the function is done. */
static void start_invocation(struct gateway_call *call)
{
    struct http_exchange *exchange = call->exchange;

    call->invocation = (struct invocation){
        .arena = &call->arena,
        .function = call->method->function,
        .qualifier = call->method->qualifier,
        .event = buf_str(&call->event),
        .source = STR("gateway"),
        .detail = arena_concat(&call->arena, exchange->request.method, STR(" "), call->address.full),
        .trace_id = call->trace_id,
        .received_us = exchange->received_us,
        .status_of = on_status,
        .on_answer = on_answer,
        .ctx = call,
    };
    memcpy(call->invocation.request_id, call->request_id, sizeof call->invocation.request_id);
    if (call->method->async) { /* the client waits for nothing: the default response, with an empty body */
        (void)integrations[call->method->kind].decide(call);
        call->decided = true;
        gateway_answer(call);
    } else {
        exchange->user = call;
        exchange->on_client_gone = on_client_gone;
        start_timer(call);
    }
    invoke_start(call->gateway->invoker, &call->invocation);
}

/* -- the door
 * -------------------------------------------------------------------------------------------------------------------
 */

bool gateway_wants_address(const struct gateway *gateway, const struct http_request *request)
{
    ARENA_AUTO arena = {0};

    (void)gateway;
    return gateway_address_of(request->host, request->path, &arena).named;
}

/* The hash of the body is made while it arrives, so it is wanted before the method is known. */
static bool is_signed(const struct http_request *request)
{
    static const char name[] = "X-Amz-Signature";

    return http_header(request, STR("Authorization")).len > 0 ||
           (request->query.len && memmem(request->query.at, request->query.len, name, sizeof name - 1));
}

void gateway_route(struct gateway *gateway, struct http_exchange *exchange)
{
    str length_text = http_header(&exchange->request, STR("Content-Length"));
    long long length;

    exchange->body_max = GATEWAY_BODY_BYTES_MAX;
    exchange->want_sha256 = is_signed(&exchange->request);
    if (!str_to_int(length_text, 0, INT64_MAX, &length) || length <= GATEWAY_BODY_BYTES_MAX)
        return;
    struct gateway_call *call = call_new(gateway, exchange);
    gateway_fail(call, GATEWAY_ERROR_TOO_LARGE, "the body is %lld bytes, the limit is %d", length,
                 GATEWAY_BODY_BYTES_MAX);
    call_end(call);
}

void gateway_handle(struct gateway *gateway, struct http_exchange *exchange)
{
    struct gateway_call *call = call_new(gateway, exchange);
    bool ready = locate(call) && find_method(call) && check_query(call) && authorize(call);

    if (ready && call->method->kind == INTEGRATION_MOCK) {
        (void)mock_decide(call);
        ready = false;
    }
    if (ready && check_function(call) && integrations[call->method->kind].prepare(call))
        start_invocation(call);
    else
        call_end(call);
}

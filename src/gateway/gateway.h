/*
 * gateway: the data plane of an API: an HTTP request becomes an invocation, its outcome an HTTP answer, as API Gateway
 * would have it (API Gateway developer guide, integrations and gateway responses).
 *
 * Addresses, all of them `{stage}/{path}` of an API:
 *     {api}.execute-api.…          by Host, AWS's own
 *     /restapis/{api}/{stage}/_user_request_/…   and   /_aws/execute-api/{api}/{stage}/…
 *     /{stage}/…                   of the default API
 *
 * Whatever goes wrong is said in words in the header x-sculler-cause and in the call's record; the body stays AWS's.
 */
#pragma once

#include <uv.h>

#include "base/err.h"
#include "http/server.h"

struct apis;
struct invoker;

enum gateway_auth {
    GATEWAY_AUTH_OK,
    GATEWAY_AUTH_ABSENT, /* no signature */
    GATEWAY_AUTH_UNKNOWN_KEY,
    GATEWAY_AUTH_BAD_SIGNATURE, /* err.text is AWS's */
};

struct gateway {
    uv_loop_t *loop; /* for timeouts */
    struct apis *apis;
    struct invoker *invoker;
    str region, account;
    /* For methods with AWS_IAM: is the request signed by one of our keys?  NULL: such methods are refused. */
    enum gateway_auth (*authorize)(void *ctx, const struct http_exchange *exchange, struct err *err);
    void *authorize_ctx;
};

/* Is this an address that only the data plane has?  (The short one is what nobody else wants.) */
bool gateway_wants_address(const struct gateway *gateway, const struct http_request *request);
void gateway_route(struct gateway *gateway, struct http_exchange *exchange);
void gateway_handle(struct gateway *gateway, struct http_exchange *exchange);

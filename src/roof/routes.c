#include "roof/routes.h"

#include "aws/door.h"
#include "console/console.h"
#include "gateway/gateway.h"

/* A door: how a request reaches the room behind it. */
struct door {
    const char *name;
    void (*route)(struct routes *routes, struct http_exchange *exchange);
    void (*handle)(struct routes *routes, struct http_exchange *exchange);
};

static void answer_json(struct http_exchange *exchange, int status, str body)
{
    struct http_answer answer = {.status = status, .content_type = STR("application/json"), .body = body};

    http_answer(exchange, &answer);
}

static void health_route(struct routes *routes, struct http_exchange *exchange)
{
    (void)routes;
    exchange->body_max = 0;
}

static void health_handle(struct routes *routes, struct http_exchange *exchange)
{
    (void)routes;
    answer_json(exchange, 200, STR("{\"status\":\"ok\"}\n"));
}

static void aws_route(struct routes *routes, struct http_exchange *exchange)
{
    aws_door_route(routes->aws, exchange);
}

static void aws_handle(struct routes *routes, struct http_exchange *exchange)
{
    aws_door_handle(routes->aws, exchange);
}

static void gateway_door_route(struct routes *routes, struct http_exchange *exchange)
{
    gateway_route(routes->gateway, exchange);
}

static void gateway_door_handle(struct routes *routes, struct http_exchange *exchange)
{
    gateway_handle(routes->gateway, exchange);
}

static void console_door_route(struct routes *routes, struct http_exchange *exchange)
{
    console_route(routes->console, exchange);
}

static void console_door_handle(struct routes *routes, struct http_exchange *exchange)
{
    console_handle(routes->console, exchange);
}

static const struct door health_door = {"health", health_route, health_handle};
static const struct door console_door = {"console", console_door_route, console_door_handle};
static const struct door control_door = {"aws", aws_route, aws_handle};
static const struct door data_door = {"gateway", gateway_door_route, gateway_door_handle};

static const struct door *door_for(struct routes *routes, const struct http_request *request)
{
    if (str_eq(request->path, STR("/health")))
        return &health_door;
    if (gateway_wants_address(routes->gateway, request))
        return &data_door;
    if (console_claims(routes->console, request))
        return &console_door;
    return aws_door_claims(request) ? &control_door : &data_door;
}

/* "host:port" without its port; brackets of an IPv6 address stay. */
static str without_port(str host)
{
    for (size_t i = host.len; i > 0; i--) {
        char c = host.at[i - 1];

        if (c == ':')
            return (str){host.at, i - 1};
        if (c < '0' || c > '9')
            break;
    }
    return host;
}

static bool in_list(const char *list, str name)
{
    str rest = str_of(list), item;

    while (rest.len) {
        str_cut(rest, ',', &item, &rest);
        if (str_eq_nocase(item, name))
            return true;
    }
    return false;
}

/* "abc123.execute-api[.region].HOST" and "stream-HOST" are ours when HOST is. */
static str without_prefix(str name)
{
    str label, rest, second, behind;

    if (str_starts(name, STR("stream-")))
        return str_from(name, strlen("stream-"));
    if (!str_cut(name, '.', &label, &rest) || !str_cut(rest, '.', &second, &behind) ||
        !str_eq(second, STR("execute-api")))
        return name;
    /* A region has the form xx-word-1: one label that ends in a digit behind a dash. */
    if (str_cut(behind, '.', &label, &rest) && label.len > 2 && label.at[label.len - 2] == '-' &&
        label.at[label.len - 1] >= '0' && label.at[label.len - 1] <= '9')
        return rest;
    return behind;
}

bool routes_knows_host(const struct routes *routes, str host)
{
    static const char *const loopback[] = {"localhost", "127.0.0.1", "[::1]", "localhost.localdomain"};
    str name = without_prefix(without_port(host));

    if (routes->listens_on_unix)
        return true;
    for (size_t i = 0; i < sizeof loopback / sizeof *loopback; i++)
        if (str_eq_nocase(name, str_of(loopback[i])))
            return true;
    return str_ends(name, STR(".localhost")) || str_eq_nocase(name, without_port(routes->own_address)) ||
           in_list(routes->allowed_hosts, name);
}

/* "http://localhost:3000" → is it a page of ours?  The address that it calls is (we answer to no Host but our own);
 * "null" and anything odd are foreign. */
static bool knows_origin(const struct routes *routes, const struct http_request *request, str origin)
{
    str rest;

    if (str_starts(origin, STR("http://")))
        rest = str_from(origin, strlen("http://"));
    else if (str_starts(origin, STR("https://")))
        rest = str_from(origin, strlen("https://"));
    else
        return false;
    return str_eq_nocase(rest, request->host) || str_eq_nocase(rest, routes->own_address) ||
           in_list(routes->allowed_hosts, without_port(rest));
}

static void on_route(void *ctx, struct http_exchange *exchange)
{
    struct routes *routes = ctx;
    const struct http_request *request = &exchange->request;
    str origin = http_header(request, STR("Origin"));

    if (request->host.len && !routes_knows_host(routes, request->host)) {
        answer_json(exchange, 403,
                    STR("{\"message\":\"This server is not known by the name in the Host header. If it should be, "
                        "start it with --allowed-hosts NAME.\"}\n"));
        return;
    }
    const struct door *door = door_for(routes, request);
    if (door == &control_door && origin.len && !knows_origin(routes, request, origin)) {
        answer_json(exchange, 403,
                    STR("{\"message\":\"A page of another origin may not call the control APIs. If it should, start "
                        "the server with --allowed-hosts NAME.\"}\n"));
        return;
    }
    exchange->door = door;
    door->route(routes, exchange);
}

static void on_handle(void *ctx, struct http_exchange *exchange)
{
    const struct door *door = exchange->door;

    door->handle(ctx, exchange);
}

/* Control operations and the question whether we live are answered when the data plane has all connections. */
static bool is_vital(void *ctx, const struct http_request *request)
{
    return door_for(ctx, request) != &data_door && !str_ends(request->path, STR("/invocations"));
}

struct http_handlers routes_handlers(struct routes *routes)
{
    return (struct http_handlers){.route = on_route, .handle = on_handle, .is_vital = is_vital, .ctx = routes};
}

/*
 * Absent things are null, never {} and never left out.  Header names keep the client's case, but for two.  A header or
 * query name that is there more than once: the last value in the single map, all of them in the multi map.
 */
#include "gateway/proxy_event.h"

#include "codec/base64.h"
#include "codec/json_write.h"
#include "codec/time_format.h"
#include "codec/url.h"
#include "gateway/media.h"

enum { PAIRS_MAX = 1000, ADDED_HEADERS = 4, QUERY_VALUE_BYTES_MAX = 64 * 1024 };

/* -- name, value; in order
 * ---------------------------------------------------------------------------------------------- */

struct pairs {
    struct api_pair *at;
    int count, max;
    bool nocase; /* names are the same whatever their case */
};

static struct pairs pairs_new(int max, struct arena *arena)
{
    max = max < PAIRS_MAX ? max : PAIRS_MAX;
    return (struct pairs){.at = arena_new(arena, struct api_pair, (size_t)max), .max = max};
}

static bool same_name(const struct pairs *pairs, str a, str b)
{
    return pairs->nocase ? str_eq_nocase(a, b) : str_eq(a, b);
}

static void add_pair(struct pairs *pairs, str name, str value)
{
    if (pairs->count < pairs->max)
        pairs->at[pairs->count++] = (struct api_pair){name, value};
}

static bool is_first_of_name(const struct pairs *pairs, int index)
{
    for (int i = 0; i < index; i++)
        if (same_name(pairs, pairs->at[i].name, pairs->at[index].name))
            return false;
    return true;
}

static void write_single(struct jw *jw, const char *key, const struct pairs *pairs)
{
    if (pairs->count == 0) {
        jw_null(jw, key);
        return;
    }
    jw_object_key(jw, key);
    for (int i = 0; i < pairs->count; i++) {
        str last = pairs->at[i].value;

        if (!is_first_of_name(pairs, i))
            continue;
        for (int k = i + 1; k < pairs->count; k++)
            if (same_name(pairs, pairs->at[k].name, pairs->at[i].name))
                last = pairs->at[k].value;
        jw_key(jw, pairs->at[i].name);
        jw_str_value(jw, last);
    }
    jw_object_end(jw);
}

static void write_multi(struct jw *jw, const char *key, const struct pairs *pairs)
{
    if (pairs->count == 0) {
        jw_null(jw, key);
        return;
    }
    jw_object_key(jw, key);
    for (int i = 0; i < pairs->count; i++) {
        if (!is_first_of_name(pairs, i))
            continue;
        jw_key(jw, pairs->at[i].name);
        jw_array(jw);
        for (int k = i; k < pairs->count; k++)
            if (same_name(pairs, pairs->at[k].name, pairs->at[i].name))
                jw_str_value(jw, pairs->at[k].value);
        jw_array_end(jw);
    }
    jw_object_end(jw);
}

static void write_pairs(struct jw *jw, const char *key, const struct api_pair *pairs, int count)
{
    struct pairs view = {.at = (struct api_pair *)pairs, .count = count};

    write_single(jw, key, &view);
}

/* -- headers
 * --------------------------------------------------------------------------------------------------------------- */

static const char *const dropped[] = {
    "Connection",
    "Content-Length",
    "Content-MD5",
    "Expect",
    "Max-Forwards",
    "Proxy-Authenticate",
    "Server",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "WWW-Authenticate",
    /* written anew below */
    "X-Forwarded-For",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Amzn-Trace-Id",
};

static bool is_dropped(str name)
{
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        if (str_eq_nocase(name, str_of(dropped[i])))
            return true;
    return false;
}

static str event_name(str name)
{
    if (str_eq_nocase(name, STR("Authorization")))
        return STR("Authorization");
    if (str_eq_nocase(name, STR("User-Agent")))
        return STR("User-Agent");
    return name;
}

/* "host:port"; an IPv6 address is in brackets. */
static void split_host(str host, str *ret_name, str *ret_port)
{
    size_t colon = host.len;

    *ret_name = host;
    *ret_port = STR("80");
    while (colon > 0 && host.at[colon - 1] >= '0' && host.at[colon - 1] <= '9')
        colon--;
    if (colon > 0 && colon < host.len && host.at[colon - 1] == ':') {
        *ret_name = (str){host.at, colon - 1};
        *ret_port = str_from(host, colon);
    }
}

static str or_else(str value, str otherwise)
{
    return value.len ? value : otherwise;
}

/* A proxy before us that ends TLS says so in X-Forwarded-Proto and -Port; without one they are ours. */
static struct pairs collect_headers(const struct gateway_call *call, struct arena *arena)
{
    const struct http_request *request = &call->exchange->request;
    struct pairs pairs = pairs_new(request->headers_count + ADDED_HEADERS, arena);
    str before = http_header(request, STR("X-Forwarded-For"));
    str ignored, port;

    pairs.nocase = true;
    for (int i = 0; i < request->headers_count; i++)
        if (!is_dropped(request->headers[i].name))
            add_pair(&pairs, event_name(request->headers[i].name), request->headers[i].value);
    split_host(request->host, &ignored, &port);
    add_pair(&pairs, STR("X-Forwarded-For"),
             before.len ? arena_printf(arena, STR_FMT ", " STR_FMT, STR_ARG(before), STR_ARG(request->remote_address))
                        : request->remote_address);
    add_pair(&pairs, STR("X-Forwarded-Port"), or_else(http_header(request, STR("X-Forwarded-Port")), port));
    add_pair(&pairs, STR("X-Forwarded-Proto"), or_else(http_header(request, STR("X-Forwarded-Proto")), STR("http")));
    add_pair(&pairs, STR("X-Amzn-Trace-Id"), call->trace_id);
    return pairs;
}

/* -- query
 * -------------------------------------------------------------------------------------------------------------------
 */

/* What is badly encoded stays as it was sent. */
static str decoded(str text, struct arena *arena)
{
    str result = text;
    BUF_AUTO out = {0};

    buf_init(&out, QUERY_VALUE_BYTES_MAX);
    if (url_decode(&out, text, URL_PLUS_IS_SPACE) && buf_ok(&out))
        result = arena_copy(arena, buf_str(&out));
    return result;
}

/* Both '&' and ';' split. */
static str next_pair(str *rest)
{
    size_t end = 0;
    str pair;

    while (end < rest->len && rest->at[end] != '&' && rest->at[end] != ';')
        end++;
    pair = (str){rest->at, end};
    *rest = str_from(*rest, end + 1);
    return pair;
}

static int count_pairs(str query)
{
    int count = query.len > 0;

    for (size_t i = 0; i < query.len && count < PAIRS_MAX; i++)
        count += query.at[i] == '&' || query.at[i] == ';';
    return count;
}

static struct pairs collect_query(str query, struct arena *arena)
{
    struct pairs pairs = pairs_new(count_pairs(query), arena);
    str name, value;

    while (query.len) {
        str pair = next_pair(&query);

        str_cut(pair, '=', &name, &value);
        if (pair.len)
            add_pair(&pairs, decoded(name, arena), decoded(value, arena));
    }
    return pairs;
}

/* -- requestContext
 * ------------------------------------------------------------------------------------------------------------ */

static void write_identity(struct jw *jw, const struct http_request *request)
{
    static const char *const absent_before[] = {"accessKey",
                                                "accountId",
                                                "caller",
                                                "cognitoAuthenticationProvider",
                                                "cognitoAuthenticationType",
                                                "cognitoIdentityId",
                                                "cognitoIdentityPoolId",
                                                "principalOrgId"};
    str agent = http_header(request, STR("User-Agent"));

    jw_object_key(jw, "identity");
    for (size_t i = 0; i < sizeof absent_before / sizeof *absent_before; i++)
        jw_null(jw, absent_before[i]);
    jw_str(jw, "sourceIp", request->remote_address);
    jw_null(jw, "user");
    if (agent.len)
        jw_str(jw, "userAgent", agent);
    else
        jw_null(jw, "userAgent");
    jw_null(jw, "userArn");
    jw_object_end(jw);
}

static void write_context(struct jw *jw, const struct gateway_call *call)
{
    const struct http_request *request = &call->exchange->request;
    char time[TIME_TEXT_MAX];
    str domain, prefix, ignored;

    split_host(request->host, &domain, &ignored);
    str_cut(domain, '.', &prefix, &ignored);
    time_format_clf(call->now_ms / 1000, time);
    jw_object_key(jw, "requestContext");
    jw_str(jw, "accountId", call->gateway->account);
    jw_str(jw, "apiId", call->address.api);
    jw_str(jw, "deploymentId", call->stage->deployment_id);
    jw_str(jw, "domainName", domain);
    jw_str(jw, "domainPrefix", prefix);
    jw_str(jw, "extendedRequestId", call->extended_id);
    jw_str(jw, "httpMethod", request->method);
    write_identity(jw, request);
    jw_str(jw, "path", call->address.full);
    jw_str(jw, "protocol", request->http_1_0 ? STR("HTTP/1.0") : STR("HTTP/1.1"));
    jw_str(jw, "requestId", str_of(call->request_id));
    jw_str(jw, "requestTime", str_of(time));
    jw_int(jw, "requestTimeEpoch", call->now_ms);
    jw_str(jw, "resourceId", call->resource->id);
    jw_str(jw, "resourcePath", call->resource->path);
    jw_str(jw, "stage", call->address.stage);
    jw_object_end(jw);
}

/* -- the event
 * ----------------------------------------------------------------------------------------------------------------- */

static void write_body(struct jw *jw, const struct gateway_call *call, struct buf *out)
{
    const struct http_request *request = &call->exchange->request;
    bool binary = media_is_binary(call->stage, http_header(request, STR("Content-Type")));

    if (request->body.len == 0) {
        jw_null(jw, "body");
    } else if (binary) {
        BUF_AUTO text = {0};

        buf_init(&text, out->max);
        base64_encode(&text, request->body);
        jw_str(jw, "body", buf_str(&text));
    } else {
        jw_str(jw, "body", request->body);
    }
    jw_bool(jw, "isBase64Encoded", binary && request->body.len > 0);
}

void proxy_event_write(const struct gateway_call *call, struct buf *out)
{
    const struct http_request *request = &call->exchange->request;
    ARENA_AUTO arena = {0};
    struct pairs headers = collect_headers(call, &arena);
    struct pairs query = collect_query(request->query, &arena);
    struct jw jw;

    jw_init(&jw, out);
    jw_object(&jw);
    jw_str(&jw, "resource", call->resource->path);
    jw_str(&jw, "path", call->address.path);
    jw_str(&jw, "httpMethod", request->method);
    write_single(&jw, "headers", &headers);
    write_multi(&jw, "multiValueHeaders", &headers);
    write_single(&jw, "queryStringParameters", &query);
    write_multi(&jw, "multiValueQueryStringParameters", &query);
    write_pairs(&jw, "pathParameters", call->params, call->params_count);
    write_pairs(&jw, "stageVariables", call->stage->variables, call->stage->variables_count);
    write_context(&jw, call);
    write_body(&jw, call, out);
    jw_object_end(&jw);
}

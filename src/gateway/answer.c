/* What goes back: the errors of errors.def, the headers that every answer has, and those an integration may not set. */
#include "gateway/gateway_private.h"

#include <stdarg.h>
#include <stdio.h>

#include "codec/json_write.h"

enum { ERROR_BODY_BYTES_MAX = 64 * 1024 };

static const struct {
    int status;
    const char *type, *message;
} errors[] = {
#define GATEWAY_ERROR(symbol, status, type, message) {status, type, message},
#include "gateway/errors.def"
#undef GATEWAY_ERROR
};

/* -- failing --------------------------------------------------------------------------------------------------------
 */

void gateway_set_cause(struct gateway_call *call, str text)
{
    size_t len = text.len < GATEWAY_CAUSE_BYTES_MAX ? text.len : GATEWAY_CAUSE_BYTES_MAX;
    char *line = arena_new(&call->arena, char, len + 1);

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text.at[i];

        line[i] = (char)(c < 0x20 ? ' ' : c < 0x7f ? c : '?'); /* a header: ASCII only, no line ends */
    }
    call->reply.cause = (str){line, len};
}

static str error_body(struct gateway_call *call, str message)
{
    BUF_AUTO out = {0};
    struct jw jw;

    buf_init(&out, ERROR_BODY_BYTES_MAX);
    jw_init(&jw, &out);
    jw_object(&jw);
    jw_str(&jw, "message", message);
    jw_object_end(&jw);
    return arena_copy(&call->arena, buf_str(&out));
}

static void put_header(struct gateway_call *call, str name, str value)
{
    call->headers[GATEWAY_OWN_HEADERS_MAX + call->reply.headers_count++] = (struct http_header){name, value};
}

bool gateway_fail_saying(struct gateway_call *call, enum gateway_error error, str message, str cause)
{
    call->reply = (struct gateway_reply){
        .status = errors[error].status,
        .content_type = STR("application/json"),
        .body = error_body(call, message),
        .own_error = true,
    };
    put_header(call, STR("x-amzn-ErrorType"), str_of(errors[error].type));
    gateway_set_cause(call, cause);
    return false;
}

bool gateway_fail(struct gateway_call *call, enum gateway_error error, const char *fmt, ...)
{
    char cause[GATEWAY_CAUSE_BYTES_MAX + 1];
    va_list args;

    va_start(args, fmt);
    vsnprintf(cause, sizeof cause, fmt, args);
    va_end(args);
    return gateway_fail_saying(call, error, str_of(errors[error].message), str_of(cause));
}

/* -- headers of an integration ---------------------------------------------------------------------------------------
 */

enum header_fate { HEADER_KEPT, HEADER_DROPPED, HEADER_REMAPPED };

static const struct {
    const char *name;
    enum header_fate all, aws; /* of every type; of AWS, where more is remapped */
} header_fates[] = {
    {"Connection", HEADER_REMAPPED, HEADER_REMAPPED},
    {"Content-Length", HEADER_REMAPPED, HEADER_REMAPPED},
    {"Date", HEADER_REMAPPED, HEADER_REMAPPED},
    {"Server", HEADER_REMAPPED, HEADER_REMAPPED},
    {"Transfer-Encoding", HEADER_DROPPED, HEADER_DROPPED},
    {"Authorization", HEADER_KEPT, HEADER_REMAPPED},
    {"Content-MD5", HEADER_KEPT, HEADER_REMAPPED},
    {"Expect", HEADER_KEPT, HEADER_REMAPPED},
    {"Host", HEADER_KEPT, HEADER_REMAPPED},
    {"Max-Forwards", HEADER_KEPT, HEADER_REMAPPED},
    {"Proxy-Authenticate", HEADER_KEPT, HEADER_REMAPPED},
    {"Trailer", HEADER_KEPT, HEADER_REMAPPED},
    {"Upgrade", HEADER_KEPT, HEADER_REMAPPED},
    {"User-Agent", HEADER_KEPT, HEADER_REMAPPED},
    {"WWW-Authenticate", HEADER_KEPT, HEADER_REMAPPED},
};

static enum header_fate fate_of(const struct gateway_call *call, str name)
{
    bool aws = call->method->kind == INTEGRATION_LAMBDA;

    for (size_t i = 0; i < sizeof header_fates / sizeof *header_fates; i++)
        if (str_eq_nocase(name, str_of(header_fates[i].name)))
            return aws ? header_fates[i].aws : header_fates[i].all;
    return HEADER_KEPT;
}

static bool is_header_name(str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];

        if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return name.len > 0;
}

static bool is_header_value(str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

bool gateway_add_header(struct gateway_call *call, str name, str value)
{
    struct gateway_reply *reply = &call->reply;
    enum header_fate fate = fate_of(call, name);

    if (!is_header_name(name) || !is_header_value(value) || reply->headers_count >= GATEWAY_HEADERS_MAX)
        return false;
    if (fate == HEADER_DROPPED)
        return true;
    if (fate == HEADER_REMAPPED)
        name = arena_printf(&call->arena, "x-amzn-Remapped-" STR_FMT, STR_ARG(name));
    if (str_eq_nocase(name, STR("Content-Type")))
        reply->content_type = STR("");
    put_header(call, name, value);
    return true;
}

/* -- the answer
 * ----------------------------------------------------------------------------------------------------------- */

void gateway_answer(struct gateway_call *call)
{
    const struct gateway_reply *reply = &call->reply;
    struct http_header own[GATEWAY_OWN_HEADERS_MAX], *headers;
    struct http_exchange *exchange = call->exchange;
    int count = 0;

    own[count++] = (struct http_header){STR("x-amzn-RequestId"), str_of(call->request_id)};
    own[count++] = (struct http_header){STR("x-amz-apigw-id"), call->extended_id};
    if (!reply->own_error && call->method->kind != INTEGRATION_MOCK)
        own[count++] = (struct http_header){STR("X-Amzn-Trace-Id"), call->trace_id};
    if (reply->cause.len)
        own[count++] = (struct http_header){STR("x-sculler-cause"), reply->cause};
    headers = call->headers + GATEWAY_OWN_HEADERS_MAX - count;
    memcpy(headers, own, (size_t)count * sizeof *own);
    call->exchange = NULL;
    http_answer(exchange, &(struct http_answer){
                              .status = reply->status,
                              .content_type = reply->content_type,
                              .headers = headers,
                              .headers_count = count + reply->headers_count,
                              .body = reply->body,
                          });
}

/*
 * answer: what a call came to, as bytes: AWS's headers, and the body in the protocol and form of the service.
 */
#include "aws/aws_private.h"
#include "base/log.h"

#include <stdarg.h>

enum { ERROR_BODY_BYTES_MAX = 1024 * 1024 };

enum form { TYPED, TYPED_CAPITAL, PLAIN, PLAIN_CAPITAL };

static const struct {
    const char *code;
    int status;
    enum form form;
} errors[] = {
#define AWS_ERROR(symbol, code, status, form) {code, status, form},
#include "aws/errors.def"
#undef AWS_ERROR
};

/* -- failing ------------------------------------------------------------------------------------------------ */

bool aws_fail_text(struct aws_call *call, enum aws_error error, str text)
{
    if (call->failed)
        return false;
    call->failed = true;
    call->error = error;
    call->error_text = text;
    return false;
}

bool aws_fail(struct aws_call *call, enum aws_error error, const char *fmt, ...)
{
    struct buf text;
    char *at;
    va_list args, again;
    int len;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    buf_init(&text, ERROR_BODY_BYTES_MAX);
    at = len < 0 ? NULL : buf_reserve(&text, (size_t)len + 1);
    if (at) {
        vsnprintf(at, (size_t)len + 1, fmt, again);
        buf_commit(&text, (size_t)len);
    }
    va_end(again);
    aws_fail_text(call, error, arena_copy(call->arena, buf_str(&text)));
    buf_free(&text);
    return false;
}

bool aws_fail_err(struct aws_call *call, const struct err *err)
{
    log_error("an operation failed", F_CSTR("operation", call->operation ? call->operation->name : ""),
              F_CSTR("reason", err->text), F_CSTR("request_id", call->request_id));
    return aws_fail(call, err->code == ERR_FULL ? AWS_ERROR_STORAGE_FULL : AWS_ERROR_SERVICE, "%s", err->text);
}

void aws_header(struct aws_call *call, const char *name, str value)
{
    if (call->headers_count < AWS_HEADERS_MAX)
        call->headers[call->headers_count++] = (struct http_header){str_of(name), value};
}

/* -- bodies --------------------------------------------------------------------------------------------------- */

static void write_json_error(struct aws_call *call)
{
    enum form form = errors[call->error].form;
    const char *key = form == TYPED_CAPITAL || form == PLAIN_CAPITAL ? "Message" : "message";
    struct jw jw;

    jw_init(&jw, &call->buf);
    jw_object(&jw);
    if (call->error == AWS_ERROR_UNKNOWN_SERVICE) /* clients of AWS's older JSON read it here, not in the header */
        jw_str(&jw, "__type", str_of(errors[call->error].code));
    if (call->error_reason)
        jw_str(&jw, "Reason", str_of(call->error_reason));
    if (form == TYPED || form == TYPED_CAPITAL)
        jw_str(&jw, "Type", errors[call->error].status < 500 ? STR("User") : STR("Service"));
    if (call->message_null)
        jw_null(&jw, key);
    else
        jw_str(&jw, key, call->error_text);
    jw_object_end(&jw);
}

static void add_xml(struct buf *buf, str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.at[i]) {
        case '<':
            buf_add(buf, STR("&lt;"));
            break;
        case '>':
            buf_add(buf, STR("&gt;"));
            break;
        case '&':
            buf_add(buf, STR("&amp;"));
            break;
        default:
            buf_add_char(buf, (unsigned char)text.at[i] < ' ' ? ' ' : text.at[i]);
        }
    }
}

/* Services of the query protocol have older names for these. */
static const char *query_code(enum aws_error error)
{
    static const struct {
        enum aws_error error;
        const char *code;
    } names[] = {
        {AWS_ERROR_MISSING_TOKEN, "MissingAuthenticationToken"},
        {AWS_ERROR_INCOMPLETE_SIGNATURE, "IncompleteSignature"},
        {AWS_ERROR_UNRECOGNIZED_CLIENT, "InvalidClientTokenId"},
        {AWS_ERROR_EXPIRED_TOKEN, "ExpiredToken"},
        {AWS_ERROR_ACCESS_DENIED, "AccessDenied"},
        {AWS_ERROR_INVALID_SIGNATURE, "SignatureDoesNotMatch"},
        {AWS_ERROR_UNKNOWN_OPERATION, "InvalidAction"},
        {AWS_ERROR_VALIDATION, "ValidationError"},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].error == error)
            return names[i].code;
    return errors[error].code;
}

static void write_xml_error(struct aws_call *call)
{
    buf_printf(&call->buf, "<ErrorResponse xmlns=\"%s\"><Error><Type>%s</Type><Code>%s</Code><Message>",
               call->service ? call->service->xml_namespace : "",
               errors[call->error].status < 500 ? "Sender" : "Receiver", query_code(call->error));
    add_xml(&call->buf, call->error_text);
    buf_printf(&call->buf, "</Message></Error><RequestId>%s</RequestId></ErrorResponse>\n", call->request_id);
}

/* A handler of a query service writes what is inside of <OperationResult>. */
static str wrap_xml(struct aws_call *call)
{
    const char *name = call->operation->name;

    return arena_printf(call->arena,
                        "<%sResponse xmlns=\"%s\"><%sResult>" STR_FMT "</%sResult><ResponseMetadata><RequestId>%s"
                        "</RequestId></ResponseMetadata></%sResponse>\n",
                        name, call->service->xml_namespace, name, STR_ARG(buf_str(&call->buf)), name, call->request_id,
                        name);
}

/* -- the answer ----------------------------------------------------------------------------------------------- */

/* Of a service that is not here: a client that wants XML shows nothing of an answer in JSON.  Query services send
 * forms, and these have XML both ways (AWS's service models, "protocol": "rest-xml"). */
static bool wants_xml(const struct aws_call *call)
{
    static const str in_xml[] = {STR("s3"), STR("route53"), STR("cloudfront")};

    for (size_t i = 0; i < sizeof in_xml / sizeof *in_xml; i++)
        if (str_eq(call->signature.service, in_xml[i]))
            return true;
    return str_starts(http_header(&call->exchange->request, STR("Content-Type")),
                      STR("application/x-www-form-urlencoded"));
}

static bool speaks_xml(const struct aws_call *call)
{
    if (call->service)
        return call->service->protocol == AWS_QUERY;
    return call->failed && call->error == AWS_ERROR_UNKNOWN_SERVICE && wants_xml(call);
}

static void fill_error(struct aws_call *call, struct http_answer *answer)
{
    buf_clear(&call->buf);
    aws_header(call, "x-amzn-ErrorType", str_of(errors[call->error].code));
    if (call->error == AWS_ERROR_TOO_MANY_REQUESTS || call->error == AWS_ERROR_TOO_MANY)
        aws_header(call, "Retry-After", STR("1"));
    if (speaks_xml(call))
        write_xml_error(call);
    else
        write_json_error(call);
    answer->status = errors[call->error].status;
    answer->body = buf_str(&call->buf);
}

void aws_answer(struct aws_call *call)
{
    struct http_answer answer = {
        .status = call->status,
        .content_type = speaks_xml(call) ? STR("text/xml") : STR("application/json"),
        .headers = call->headers,
    };
    struct buf buf;

    if (!call->failed && !buf_ok(&call->buf))
        aws_fail(call, AWS_ERROR_SERVICE, "The answer is too large");
    aws_header(call, "x-amzn-RequestId", str_of(call->request_id));
    if (call->failed) {
        fill_error(call, &answer);
    } else {
        answer.body = call->raw_answer.at ? call->raw_answer : buf_str(&call->buf);
        if (speaks_xml(call))
            answer.body = wrap_xml(call);
        if (call->content_type)
            answer.content_type = str_of(call->content_type);
        if (answer.status == 204)
            answer.content_type = STR("");
    }
    answer.headers_count = call->headers_count;
    buf = call->buf;
    http_answer(call->exchange, &answer); /* the call may be gone with its exchange behind this */
    buf_free(&buf);
}

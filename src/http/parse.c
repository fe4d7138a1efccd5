/*
 * llhttp without its lenient flags reads heads and chunks; this file refuses what llhttp still lets through
 * (RFC 9112 section 11.2 and the smuggling CVEs of its peers are the list) and sets the limits it does not have.
 *
 * Three decisions keep it small.  llhttp is made new for each message, so nothing leaks from one into the next.
 * It pauses at the end of the head, where the checks stand in one table and see all of it.  And a body with a
 * Content-Length is not parsed at all: it is counted.
 *
 * Limits must not depend on how the bytes were cut, so llhttp is never shown a byte past the nearest limit: a head
 * that is not complete by then is too long, wherever the reads ended.
 */
#include "http/parse.h"

#include <ctype.h>

enum {
    BLANK_LINES_MAX = 2,   /* RFC 9112 2.2: at least one should be forgiven */
    CHUNK_DIGITS_MAX = 15, /* below 2^60 */
    CHUNK_LINE_MAX = CHUNK_DIGITS_MAX + HTTP_CHUNK_EXTENSION_MAX + 2,
    CONTENT_LENGTH_DIGITS_MAX = 18, /* stays below 2^63 */
};

enum phase { BLANK, HEAD, COUNTED, CHUNK_LINE, CHUNK_DATA, TRAILERS, COMPLETE, BROKEN };

static enum http_parsed broken(struct http_parser *parser, int status, const char *text)
{
    parser->phase = BROKEN;
    parser->fault_status = status;
    parser->fault_text = text;
    return HTTP_PARSED_FAULT;
}

static bool fails(struct http_parser *parser, int status, const char *text)
{
    broken(parser, status, text);
    return false;
}

static str span_str(const char *head, struct http_span span)
{
    return (str){head + span.at, span.len};
}

/* A span may come in pieces; they are neighbours, since llhttp sees the head as one text. */
static int extend(struct http_parser *parser, struct http_span *span, const char *at, size_t len)
{
    if (parser->phase != HEAD)
        return 0; /* trailers are counted and dropped */
    if (span->len == 0)
        span->at = (uint32_t)(at - parser->base);
    span->len += (uint32_t)len;
    return 0;
}

static int on_method(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;

    return extend(parser, &parser->method, at, len);
}

static int on_url(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;

    return extend(parser, &parser->target, at, len);
}

static int on_protocol(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;

    return extend(parser, &parser->protocol, at, len);
}

static int on_version(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;

    return extend(parser, &parser->version, at, len);
}

static int on_version_complete(llhttp_t *llhttp)
{
    struct http_parser *parser = llhttp->data;

    parser->line_end = parser->version.at + parser->version.len + 2;
    return 0;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;

    if (parser->phase == HEAD && parser->headers_count == HTTP_HEADERS_COUNT_MAX) {
        broken(parser, 431, "The request has too many headers.");
        return HPE_USER;
    }
    return extend(parser, &parser->headers[parser->headers_count].name, at, len);
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;

    return extend(parser, &parser->headers[parser->headers_count].value, at, len);
}

static int on_header_value_complete(llhttp_t *llhttp)
{
    struct http_parser *parser = llhttp->data;

    if (parser->phase == HEAD && ++parser->headers_count < HTTP_HEADERS_COUNT_MAX)
        memset(&parser->headers[parser->headers_count], 0, sizeof *parser->headers);
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    llhttp->upgrade = 0; /* `Upgrade: h2c` and its like are an offer; we go on as HTTP/1.1 */
    return HPE_PAUSED;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;

    return parser->on_piece(parser->ctx, (str){at, len}) ? 0 : HPE_USER;
}

static int pause_parser(llhttp_t *llhttp)
{
    (void)llhttp;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_method = on_method,
    .on_url = on_url,
    .on_protocol = on_protocol,
    .on_version = on_version,
    .on_version_complete = on_version_complete,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_chunk_header = pause_parser,
    .on_message_complete = pause_parser,
};

void http_parser_init(struct http_parser *parser)
{
    memset(parser, 0, offsetof(struct http_parser, headers) + sizeof *parser->headers);
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &settings);
    parser->llhttp.data = parser;
}

/* ---- The checks: what llhttp lets through and we do not ---- */

struct head {
    str method, target, protocol, version;
    str host, content_length, transfer_encoding, expect;
    int host_count, content_length_count, transfer_encoding_count, expect_count;
};

static bool check_version(struct http_parser *parser, const struct head *head)
{
    if (!str_eq(head->protocol, STR("HTTP")))
        return fails(parser, 400, "The request is not HTTP.");
    if (!str_eq(head->version, STR("1.1")) && !str_eq(head->version, STR("1.0")))
        return fails(parser, 505, "This server speaks HTTP/1.1 and HTTP/1.0 only.");
    parser->http_1_0 = head->version.at[2] == '0';
    return true;
}

static bool check_method(struct http_parser *parser, const struct head *head)
{
    static const str methods[] = {STR("GET"),  STR("POST"),  STR("PUT"),    STR("DELETE"),
                                  STR("HEAD"), STR("PATCH"), STR("OPTIONS")};

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (str_eq(head->method, methods[i]))
            return true;
    return fails(parser, 501, "This server does not know the method of the request.");
}

static bool check_line(struct http_parser *parser, const struct head *head)
{
    (void)head;
    if (parser->target.at != parser->method.at + parser->method.len + 1 ||
        parser->protocol.at != parser->target.at + parser->target.len + 1)
        return fails(parser, 400, "The request line has more than one space between its parts.");
    return true;
}

static bool is_absolute(str target)
{
    return target.len > 0 && target.at[0] != '/' && target.at[0] != '*';
}

/* %00, %0D and %0A end a text or a line wherever they are decoded carelessly. */
static bool triplet_is_good(const char *at, const char *end)
{
    if (end - at < 3 || !isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2]))
        return false;
    return at[1] != '0' || !strchr("0AaDd", at[2]);
}

static bool check_target(struct http_parser *parser, const struct head *head)
{
    str target = head->target;
    const char *end = target.at + target.len;

    if (target.len == 0)
        return fails(parser, 400, "The request has no target.");
    if (target.at[0] == '*' && !(target.len == 1 && str_eq(head->method, STR("OPTIONS"))))
        return fails(parser, 400, "The target * is for OPTIONS only.");
    for (const char *at = target.at; at < end; at++) {
        if (*at <= ' ' || *at >= 0x7f || *at == '#' || *at == '\\')
            return fails(parser, 400, "The target holds a byte that must be percent-encoded.");
        if (*at == '%' && !triplet_is_good(at, end))
            return fails(parser, 400, "The target holds a bad percent-encoding.");
    }
    return true;
}

/* The authority of an absolute-form target, and its path and query; false: neither http nor https. */
static bool split_absolute(str target, str *ret_authority, str *ret_rest)
{
    static const str schemes[] = {STR("http://"), STR("https://")};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        str rest = str_from(target, schemes[i].len);
        size_t len = 0;

        if (!str_eq_nocase((str){target.at, target.len - rest.len}, schemes[i]))
            continue;
        while (len < rest.len && rest.at[len] != '/' && rest.at[len] != '?')
            len++;
        *ret_authority = (str){rest.at, len};
        *ret_rest = str_from(rest, len);
        return true;
    }
    return false;
}

static bool is_host(str host)
{
    for (size_t i = 0; i < host.len; i++)
        if (!isalnum((unsigned char)host.at[i]) && (!host.at[i] || !strchr("-._~!$&'()*+;=%:[]", host.at[i])))
            return false;
    return host.len > 0;
}

static bool check_host(struct http_parser *parser, const struct head *head)
{
    str authority, rest;

    if (head->host_count == 0 && parser->http_1_0 && !is_absolute(head->target))
        return true;
    if (head->host_count != 1)
        return fails(parser, 400,
                     head->host_count ? "The request has more than one Host header."
                                      : "The request has no Host header.");
    if (!is_host(head->host))
        return fails(parser, 400, "The Host header is not a host.");
    if (!is_absolute(head->target))
        return true;
    if (!split_absolute(head->target, &authority, &rest))
        return fails(parser, 400, "The target is neither a path nor an http URL.");
    if (!str_eq_nocase(authority, head->host))
        return fails(parser, 400, "The target names another host than the Host header.");
    return true;
}

static bool check_framing(struct http_parser *parser, const struct head *head)
{
    str length = head->content_length;

    if (head->transfer_encoding_count > 0) {
        if (parser->http_1_0)
            return fails(parser, 400, "HTTP/1.0 has no Transfer-Encoding.");
        if (head->transfer_encoding_count > 1 || head->content_length_count > 0 ||
            !str_eq_nocase(head->transfer_encoding, STR("chunked")))
            return fails(parser, 400, "The only Transfer-Encoding is chunked, once, without Content-Length.");
        parser->chunked = true;
        return true;
    }
    if (head->content_length_count == 0)
        return true;
    if (head->content_length_count > 1 || length.len == 0 || (length.len > 1 && length.at[0] == '0'))
        return fails(parser, 400, "The Content-Length is not one plain number.");
    for (size_t i = 0; i < length.len; i++) {
        if (length.at[i] < '0' || length.at[i] > '9')
            return fails(parser, 400, "The Content-Length is not one plain number.");
        if (i == CONTENT_LENGTH_DIGITS_MAX)
            return fails(parser, 413, "The body is too large.");
        parser->content_length = parser->content_length * 10 + (uint64_t)(length.at[i] - '0');
    }
    return true;
}

static bool check_expect(struct http_parser *parser, const struct head *head)
{
    if (head->expect_count == 0 || parser->http_1_0)
        return true;
    if (head->expect_count > 1 || !str_eq_nocase(head->expect, STR("100-continue")))
        return fails(parser, 417, "The only expectation this server can meet is 100-continue.");
    parser->expects_continue = http_parse_has_body(parser);
    return true;
}

static bool (*const checks[])(struct http_parser *, const struct head *) = {
    check_version, check_method, check_line, check_target, check_host, check_framing, check_expect,
};

static str trim(str value)
{
    while (value.len > 0 && (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
        value.len--;
    return value;
}

static void note_header(struct head *head, str name, str value)
{
    const struct {
        str name;
        str *value;
        int *count;
    } known[] = {
        {STR("Host"), &head->host, &head->host_count},
        {STR("Content-Length"), &head->content_length, &head->content_length_count},
        {STR("Transfer-Encoding"), &head->transfer_encoding, &head->transfer_encoding_count},
        {STR("Expect"), &head->expect, &head->expect_count},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (name.len == known[i].name.len && str_eq_nocase(name, known[i].name)) {
            *known[i].value = value;
            ++*known[i].count;
        }
    }
}

static enum http_parsed check_head(struct http_parser *parser)
{
    const char *base = parser->base;
    struct head head = {
        .method = span_str(base, parser->method),
        .target = span_str(base, parser->target),
        .protocol = span_str(base, parser->protocol),
        .version = span_str(base, parser->version),
    };

    for (int i = 0; i < parser->headers_count; i++)
        note_header(&head, span_str(base, parser->headers[i].name), trim(span_str(base, parser->headers[i].value)));
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (!checks[i](parser, &head))
            return HTTP_PARSED_FAULT;

    parser->keep_alive = llhttp_should_keep_alive(&parser->llhttp);
    parser->head_len = parser->seen;
    parser->body_left = parser->content_length;
    parser->phase = parser->chunked ? CHUNK_LINE : parser->content_length ? COUNTED : COMPLETE;
    return HTTP_PARSED_WHOLE;
}

/* ---- The head ---- */

/* llhttp would take any number of empty lines, with or without CR. */
static bool skip_blank_lines(struct http_parser *parser, str bytes)
{
    for (; parser->seen < bytes.len; parser->seen++) {
        char c = bytes.at[parser->seen];
        bool expects_lf = parser->seen % 2 == 1;

        if (!expects_lf && c != '\r' && c != '\n') {
            parser->phase = HEAD;
            parser->start = parser->seen;
            return true;
        }
        if (c != (expects_lf ? '\n' : '\r') || parser->seen >= 2 * BLANK_LINES_MAX)
            return fails(parser, 400, "The request does not begin with a request line.");
    }
    return true;
}

static enum http_parsed explain(struct http_parser *parser, llhttp_errno_t code)
{
    if (parser->phase == BROKEN)
        return HTTP_PARSED_FAULT;
    if ((code == HPE_INVALID_VERSION && !parser->line_end) || code == HPE_PAUSED_H2_UPGRADE)
        return broken(parser, 505, "This server speaks HTTP/1.1 and HTTP/1.0 only.");
    return broken(parser, 400, llhttp_get_error_reason(&parser->llhttp));
}

enum http_parsed http_parse_head(struct http_parser *parser, str bytes)
{
    if (parser->phase == BLANK && !skip_blank_lines(parser, bytes))
        return HTTP_PARSED_FAULT;
    parser->base = bytes.at;
    while (parser->phase == HEAD && parser->seen < bytes.len) {
        size_t limit =
            parser->line_end ? parser->line_end + HTTP_HEADERS_BYTES_MAX : parser->start + HTTP_REQUEST_LINE_MAX;
        size_t end = bytes.len < limit ? bytes.len : limit;
        llhttp_errno_t code;

        if (parser->seen >= limit)
            return parser->line_end ? broken(parser, 431, "The headers are too long.")
                                    : broken(parser, 414, "The request line is too long.");
        code = llhttp_execute(&parser->llhttp, bytes.at + parser->seen, end - parser->seen);
        if (code == HPE_PAUSED) {
            parser->seen = (size_t)(llhttp_get_error_pos(&parser->llhttp) - bytes.at);
            llhttp_resume(&parser->llhttp);
            return check_head(parser);
        }
        if (code != HPE_OK)
            return explain(parser, code);
        parser->seen = end;
    }
    return parser->phase == BROKEN ? HTTP_PARSED_FAULT : HTTP_PARSED_PART;
}

void http_parse_request(const struct http_parser *parser, const char *head, struct arena *arena,
                        struct http_request *ret)
{
    str target = span_str(head, parser->target), rest = target, authority;
    struct http_header *headers = NULL;

    if (parser->headers_count)
        headers = arena_new(arena, struct http_header, (size_t)parser->headers_count);
    *ret = (struct http_request){
        .method = span_str(head, parser->method),
        .target = target,
        .headers = headers,
        .headers_count = parser->headers_count,
        .http_1_0 = parser->http_1_0,
    };
    for (int i = 0; i < parser->headers_count; i++)
        headers[i] = (struct http_header){span_str(head, parser->headers[i].name),
                                          trim(span_str(head, parser->headers[i].value))};
    if (is_absolute(target))
        (void)split_absolute(target, &authority, &rest);
    (void)str_cut(rest, '?', &ret->path, &ret->query);
    if (ret->path.len == 0)
        ret->path = STR("/");
    ret->host = http_header(ret, STR("Host"));
}

/* ---- The body ---- */

static void take(str *input, size_t len)
{
    input->at += len;
    input->len -= len;
}

static enum http_parsed parse_counted(struct http_parser *parser, str *input)
{
    str piece = {input->at, input->len < parser->body_left ? input->len : (size_t)parser->body_left};

    if (piece.len == 0)
        return HTTP_PARSED_PART;
    take(input, piece.len);
    parser->body_left -= piece.len;
    if (!parser->on_piece(parser->ctx, piece)) {
        parser->phase = BROKEN;
        return HTTP_PARSED_STOPPED;
    }
    if (parser->body_left > 0)
        return HTTP_PARSED_PART;
    parser->phase = COMPLETE;
    return HTTP_PARSED_WHOLE;
}

/* Hexadecimal digits at the start of a size line: llhttp would take zeros without end. */
static bool count_digits(struct http_parser *parser, str line)
{
    for (size_t i = 0; i < line.len && parser->digits_count == parser->line_len + i; i++)
        parser->digits_count += isxdigit((unsigned char)line.at[i]) != 0;
    return parser->digits_count <= CHUNK_DIGITS_MAX;
}

/* The next stretch of a chunked body: a size line, a chunk with its CRLF, or the trailers; never past its limit. */
static str next_stretch(struct http_parser *parser, str input)
{
    uint64_t left = parser->phase == CHUNK_LINE   ? CHUNK_LINE_MAX - parser->line_len
                    : parser->phase == CHUNK_DATA ? parser->body_left
                                                  : HTTP_TRAILERS_BYTES_MAX - parser->line_len;

    return (str){input.at, input.len < left ? input.len : (size_t)left};
}

/* llhttp paused: a size line is complete, or the message is. */
static void enter_next_phase(struct http_parser *parser)
{
    if (parser->phase == TRAILERS) {
        parser->phase = COMPLETE;
        return;
    }
    parser->phase = parser->llhttp.content_length ? CHUNK_DATA : TRAILERS;
    parser->body_left = parser->llhttp.content_length + 2;
    parser->line_len = parser->digits_count = 0;
}

static void count_stretch(struct http_parser *parser, size_t len)
{
    if (parser->phase != CHUNK_DATA) {
        parser->line_len += (uint32_t)len;
        return;
    }
    parser->body_left -= len;
    if (parser->body_left == 0)
        parser->phase = CHUNK_LINE;
}

static enum http_parsed parse_chunked(struct http_parser *parser, str *input)
{
    while (input->len > 0 && parser->phase != COMPLETE) {
        str stretch = next_stretch(parser, *input);
        llhttp_errno_t code;

        if (stretch.len == 0)
            return parser->phase == TRAILERS ? broken(parser, 431, "The trailers are too long.")
                                             : broken(parser, 400, "A chunk extension is too long.");
        if (parser->phase == CHUNK_LINE && !count_digits(parser, stretch))
            return broken(parser, 400, "A chunk size is too long.");
        code = llhttp_execute(&parser->llhttp, stretch.at, stretch.len);
        if (code == HPE_USER) {
            parser->phase = BROKEN;
            return HTTP_PARSED_STOPPED;
        }
        if (code == HPE_PAUSED) {
            take(input, (size_t)(llhttp_get_error_pos(&parser->llhttp) - stretch.at));
            llhttp_resume(&parser->llhttp);
            enter_next_phase(parser);
        } else if (code == HPE_OK) {
            take(input, stretch.len);
            count_stretch(parser, stretch.len);
        } else {
            return explain(parser, code);
        }
    }
    return parser->phase == COMPLETE ? HTTP_PARSED_WHOLE : HTTP_PARSED_PART;
}

enum http_parsed http_parse_body(struct http_parser *parser, str *input)
{
    if (parser->phase == COMPLETE)
        return HTTP_PARSED_WHOLE;
    if (parser->phase == BROKEN)
        return parser->fault_text ? HTTP_PARSED_FAULT : HTTP_PARSED_STOPPED;
    return parser->phase == COUNTED ? parse_counted(parser, input) : parse_chunked(parser, input);
}

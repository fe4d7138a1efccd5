/*
 * Answers: the head is put together in the server's one scratch buffer, a small body right behind it, and both leave
 * in one write.  Only what the socket does not take at once is copied and queued.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "http/server_private.h"

enum {
    BODY_WITH_HEAD_MAX = 16 * 1024, /* copying this much is cheaper than a second vector */
    SEAL_BYTES = 64 * 1024,         /* of TLS, in one go: a few records; what is sealed is a second copy */
};

static const struct {
    int status;
    str line;
} status_lines[] = {
#define ROW(status, reason)                         \
    {                                               \
        status, STR("HTTP/1.1 " #status " " reason) \
    }
    ROW(200, "OK"),
    ROW(201, "Created"),
    ROW(202, "Accepted"),
    ROW(204, "No Content"),
    ROW(206, "Partial Content"),
    ROW(301, "Moved Permanently"),
    ROW(302, "Found"),
    ROW(303, "See Other"),
    ROW(304, "Not Modified"),
    ROW(307, "Temporary Redirect"),
    ROW(308, "Permanent Redirect"),
    ROW(400, "Bad Request"),
    ROW(401, "Unauthorized"),
    ROW(402, "Payment Required"),
    ROW(403, "Forbidden"),
    ROW(404, "Not Found"),
    ROW(405, "Method Not Allowed"),
    ROW(406, "Not Acceptable"),
    ROW(408, "Request Timeout"),
    ROW(409, "Conflict"),
    ROW(410, "Gone"),
    ROW(411, "Length Required"),
    ROW(412, "Precondition Failed"),
    ROW(413, "Content Too Large"),
    ROW(414, "URI Too Long"),
    ROW(415, "Unsupported Media Type"),
    ROW(417, "Expectation Failed"),
    ROW(422, "Unprocessable Content"),
    ROW(429, "Too Many Requests"),
    ROW(431, "Request Header Fields Too Large"),
    ROW(500, "Internal Server Error"),
    ROW(501, "Not Implemented"),
    ROW(502, "Bad Gateway"),
    ROW(503, "Service Unavailable"),
    ROW(504, "Gateway Timeout"),
    ROW(505, "HTTP Version Not Supported"),
    ROW(507, "Insufficient Storage"),
#undef ROW
};

/* ---- Writing ---- */

struct queued_write {
    uv_write_t request;
    struct conn *conn;
    char bytes[];
};

static void on_written(uv_write_t *request, int status)
{
    struct queued_write *queued = request->data;
    struct conn *conn = queued->conn;

    free(queued);
    conn->writes--;
    if (status < 0)
        conn_lose(conn);
    else
        conn_run(conn);
}

static void write_later(struct conn *conn, const uv_buf_t pieces[], int count, size_t skip, size_t len)
{
    struct queued_write *queued = malloc(sizeof *queued + len);
    uv_buf_t buf;
    char *end;

    if (!queued)
        abort();
    end = queued->bytes;
    for (int i = 0; i < count; i++) {
        size_t skipped = skip < pieces[i].len ? skip : pieces[i].len;

        end = mempcpy(end, pieces[i].base + skipped, pieces[i].len - skipped);
        skip -= skipped;
    }
    queued->conn = conn;
    queued->request.data = queued;
    buf = (uv_buf_t){.base = queued->bytes, .len = len};
    if (uv_write(&queued->request, &conn->uv.stream, &buf, 1, on_written) != 0) {
        free(queued);
        conn->broken = true;
        return;
    }
    conn->writes++;
}

/* A failure is noted in `broken`: the caller's exchange must not vanish under it. */
static void write_plain(struct conn *conn, str first, str second)
{
    uv_buf_t pieces[] = {{.base = (char *)first.at, .len = first.len}, {.base = (char *)second.at, .len = second.len}};
    int count = second.len > 0 ? 2 : 1;
    size_t len = first.len + second.len;
    int written = 0;

    if (conn->writes == 0) {
        written = uv_try_write(&conn->uv.stream, pieces, (unsigned)count);
        if (written == UV_EAGAIN)
            written = 0;
    }
    if (written < 0)
        conn->broken = true;
    else if ((size_t)written < len)
        write_later(conn, pieces, count, (size_t)written, len - (size_t)written);
}

void answer_flush_tls(struct conn *conn)
{
    str sealed = tls_outgoing(conn->tls);

    if (sealed.len > 0)
        write_plain(conn, sealed, STR(""));
    tls_sent(conn->tls); /* what the socket did not take was copied */
}

/* In pieces, since TLS's memory grows to the largest and stays so for as long as the connection is kept. */
static void write_sealed(struct conn *conn, str plain)
{
    while (plain.len > 0 && !conn->broken) {
        str piece = {plain.at, plain.len < SEAL_BYTES ? plain.len : SEAL_BYTES};

        if (!tls_write(conn->tls, piece))
            conn->broken = true;
        answer_flush_tls(conn);
        plain = str_from(plain, piece.len);
    }
}

static void write_now(struct conn *conn, str first, str second)
{
    if (!conn->tls) {
        write_plain(conn, first, second);
        return;
    }
    write_sealed(conn, first);
    write_sealed(conn, second);
}

void answer_continue(struct conn *conn)
{
    write_now(conn, STR("HTTP/1.1 100 Continue\r\n\r\n"), STR(""));
    if (conn->broken)
        conn_lose(conn);
}

/* ---- Heads ---- */

enum body_kind { BODY_COUNTED, BODY_CHUNKED, BODY_TO_THE_END };

static bool is_text(str value)
{
    return !memchr(value.at ? value.at : "", '\0', value.len) && !memchr(value.at ? value.at : "", '\r', value.len) &&
           !memchr(value.at ? value.at : "", '\n', value.len);
}

static bool is_token(str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            !(c && strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return name.len > 0;
}

static bool is_ours(str name)
{
    static const str ours[] = {STR("Date"), STR("Connection"), STR("Content-Length"), STR("Transfer-Encoding"),
                               STR("Keep-Alive")};

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (name.len == ours[i].len && str_eq_nocase(name, ours[i]))
            return true;
    return false;
}

static bool is_good(const struct http_answer *answer)
{
    if (answer->status < 200 || answer->status > 599 || !is_text(answer->content_type))
        return false;
    for (int i = 0; i < answer->headers_count; i++)
        if (!is_token(answer->headers[i].name) || !is_text(answer->headers[i].value))
            return false;
    return true;
}

static void add_status_line(struct buf *out, int status)
{
    for (size_t i = 0; i < sizeof status_lines / sizeof *status_lines; i++) {
        if (status_lines[i].status == status) {
            buf_add(out, status_lines[i].line);
            return;
        }
    }
    buf_printf(out, "HTTP/1.1 %d Status", status);
}

static void add_date(struct http_server *server)
{
    int64_t now_s = clock_wall_us() / 1000000;

    if (now_s != server->date_s) {
        time_format_http(now_s, server->date);
        server->date_s = now_s;
    }
    buf_add(&server->out, STR("\r\nDate: "));
    buf_add(&server->out, str_of(server->date));
}

static void add_number(struct buf *out, size_t number)
{
    char text[24];
    size_t at = sizeof text;

    do
        text[--at] = (char)('0' + number % 10);
    while (number /= 10);
    buf_add(out, (str){text + at, sizeof text - at});
}

/* RFC 9110: 204 and 304 have no body and here no length either. */
static bool has_body(const struct http_answer *answer)
{
    return answer->status != 204 && answer->status != 304;
}

static void build_head(struct conn *conn, const struct http_answer *answer, enum body_kind kind)
{
    struct buf *out = &conn->server->out;

    buf_clear(out);
    add_status_line(out, answer->status);
    add_date(conn->server);
    if (answer->content_type.len > 0) {
        buf_add(out, STR("\r\nContent-Type: "));
        buf_add(out, answer->content_type);
    }
    if (kind == BODY_COUNTED && has_body(answer)) {
        buf_add(out, STR("\r\nContent-Length: "));
        add_number(out, answer->body.len);
    } else if (kind == BODY_CHUNKED) {
        buf_add(out, STR("\r\nTransfer-Encoding: chunked"));
    }
    if (!conn->keep_alive)
        buf_add(out, STR("\r\nConnection: close"));
    else if (conn->parser.http_1_0)
        buf_add(out, STR("\r\nConnection: keep-alive"));
    for (int i = 0; i < answer->headers_count; i++) {
        if (is_ours(answer->headers[i].name))
            continue;
        buf_add(out, STR("\r\n"));
        buf_add(out, answer->headers[i].name);
        buf_add(out, STR(": "));
        buf_add(out, answer->headers[i].value);
    }
    buf_add(out, STR("\r\n\r\n"));
}

static const struct http_answer bad_answer = {
    .status = 500,
    .content_type = STR("application/json"),
    .body = STR("{\"message\": \"The answer holds a status or header that HTTP cannot carry.\"}"),
};

/* ---- Whole answers ---- */

static void send_answer(struct conn *conn, const struct http_answer *answer, bool is_head)
{
    struct buf *out = &conn->server->out;
    str body;

    build_head(conn, answer, BODY_COUNTED);
    if (!buf_ok(out)) { /* more headers than any client takes */
        answer = &bad_answer;
        build_head(conn, answer, BODY_COUNTED);
    }
    body = !is_head && has_body(answer) ? answer->body : STR("");
    if (body.len <= BODY_WITH_HEAD_MAX) {
        buf_add(out, body);
        body = STR("");
    }
    write_now(conn, buf_str(out), body);
}

/* The rest of a request that is answered before its body is there will not be read, so the connection ends. */
static void settle_keep_alive(struct conn *conn)
{
    if (conn->state == CONN_READ_BODY || (conn->state == CONN_READ_HEAD && http_parse_has_body(&conn->parser)) ||
        conn->server->closing || (conn->server->frozen && conn->tls)) /* it cannot be handed on */
        conn->keep_alive = false;
}

void http_answer(struct http_exchange *exchange, const struct http_answer *answer)
{
    struct conn *conn = conn_of(exchange);

    if (!conn->exchange_open)
        return;
    if (conn->state == CONN_CLOSED) {
        conn_release(conn);
        return;
    }
    assert(conn->state < CONN_STREAMED && "one answer an exchange");
    settle_keep_alive(conn);
    conn_enter(conn, CONN_ANSWERED);
    send_answer(conn, is_good(answer) ? answer : &bad_answer, str_eq(exchange->request.method, STR("HEAD")));
    conn_run(conn);
}

static const struct http_header retry_after = {STR("Retry-After"), STR("1")};

void answer_refusal(struct conn *conn, int status, const char *text)
{
    char body[512];
    int len = snprintf(body, sizeof body, "{\"message\": \"%s\"}", text); /* our words and llhttp's: no quotes */
    struct http_answer answer = {
        .status = status,
        .content_type = STR("application/json"),
        .headers = &retry_after,
        .headers_count = status == 503,
        .body = {body, (size_t)len < sizeof body ? (size_t)len : sizeof body - 1},
    };

    send_answer(conn, &answer, false);
}

/* ---- Answers in pieces ---- */

void http_stream_begin(struct http_exchange *exchange, const struct http_answer *head)
{
    struct conn *conn = conn_of(exchange);

    if (!conn->exchange_open || conn->state == CONN_CLOSED)
        return;
    assert(conn->state < CONN_STREAMED && "one answer an exchange");
    settle_keep_alive(conn);
    conn->chunked = !conn->parser.http_1_0;
    conn->keep_alive = conn->keep_alive && conn->chunked;
    build_head(conn, is_good(head) ? head : &bad_answer, conn->chunked ? BODY_CHUNKED : BODY_TO_THE_END);
    conn_enter(conn, CONN_STREAMED);
    write_now(conn, buf_str(&conn->server->out), STR(""));
}

bool http_stream_piece(struct http_exchange *exchange, str piece)
{
    struct conn *conn = conn_of(exchange);
    struct buf *out = &conn->server->out;

    if (!conn->exchange_open || conn->state != CONN_STREAMED || exchange->client_gone)
        return false;
    if (piece.len == 0 || str_eq(exchange->request.method, STR("HEAD")))
        return true;
    buf_clear(out);
    if (conn->chunked) {
        buf_printf(out, "%zx\r\n", piece.len);
        buf_add(out, piece);
        buf_add(out, STR("\r\n"));
        piece = buf_str(out);
    }
    if (!conn->broken)
        write_now(conn, piece, STR(""));
    if (!conn->broken && uv_stream_get_write_queue_size(&conn->uv.stream) <= HTTP_STREAM_PENDING_MAX)
        return true;
    exchange->client_gone = true; /* the caller learns it here, not by on_client_gone */
    conn_lose(conn);
    return false;
}

void http_stream_end(struct http_exchange *exchange)
{
    struct conn *conn = conn_of(exchange);

    if (!conn->exchange_open)
        return;
    if (conn->state == CONN_CLOSED) {
        conn_release(conn);
        return;
    }
    assert(conn->state == CONN_STREAMED);
    conn_enter(conn, CONN_ANSWERED);
    if (conn->chunked && !str_eq(exchange->request.method, STR("HEAD")) && !conn->broken)
        write_now(conn, STR("0\r\n\r\n"), STR(""));
    conn_run(conn);
}

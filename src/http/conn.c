/*
 * One connection: bytes come in, requests go to the handlers one after the other, answers go out.
 *
 * All progress is made in conn_run(), a loop over step(), so a handler that answers at once does not nest into the
 * next request, however many are waiting behind it.  Whatever happens (bytes, an answer, a write that ended) changes
 * the connection and then calls conn_run().
 *
 * What must always hold:
 *   1. While exchange_open, `in` is neither moved nor shortened: the request's views point into it.
 *   2. A struct conn is freed when its socket is closed and its exchange is over, whichever comes last.
 *   3. After a fault nothing more is parsed: the state is ANSWERED, LINGER or CLOSED.
 */
#include "http/server_private.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"

enum {
    READ_BYTES = 8 * 1024,     /* most requests are one read */
    READ_BYTES_MIN = 2 * 1024, /* with less room than this, make more */
    READ_BODY_BYTES = 64 * 1024,
    IN_BYTES_MAX = HTTP_REQUEST_LINE_MAX + HTTP_HEADERS_BYTES_MAX + HTTP_READ_AHEAD_MAX + 3 * READ_BODY_BYTES,
    AHEAD_BYTES_MAX = HTTP_READ_AHEAD_MAX + 3 * READ_BODY_BYTES, /* by TLS one read may complete a record before it */
    KEPT_BYTES_MAX = 64 * 1024,                                  /* memory that an idle connection keeps */
};

static const char no_room[] = "The server has no room for another connection.";

struct conn *conn_new(struct http_server *server)
{
    struct conn *conn = calloc(1, sizeof *conn);

    if (!conn)
        abort();
    conn->server = server;
    http_body_init(&conn->body);
    buf_init(&conn->in, IN_BYTES_MAX);
    buf_init(&conn->ahead, AHEAD_BYTES_MAX);
    if (server->options.tls)
        conn->tls = tls_new(server->options.tls);
    return conn;
}

static void conn_free(struct conn *conn)
{
    server_forget(conn->server, conn);
    http_body_done(&conn->body);
    buf_free(&conn->body.memory);
    buf_free(&conn->in);
    buf_free(&conn->ahead);
    arena_free(&conn->exchange.arena);
    tls_free(conn->tls);
    free(conn);
}

/* ---- States ---- */

void conn_enter(struct conn *conn, enum conn_state state)
{
    const struct http_server_options *options = &conn->server->options;
    int timeout_ms = 0;

    switch (state) {
    case CONN_IDLE:
        timeout_ms = options->keepalive_timeout_ms;
        break;
    case CONN_HANDSHAKE:
    case CONN_READ_HEAD:
        timeout_ms = options->headers_timeout_ms;
        break;
    case CONN_READ_BODY:
    case CONN_STREAMED:
    case CONN_ANSWERED:
        timeout_ms = options->body_idle_timeout_ms;
        break;
    case CONN_LINGER:
        timeout_ms = HTTP_LINGER_MS;
        break;
    case CONN_HANDLED:
    case CONN_CLOSED:
        break;
    }
    conn->state = state;
    conn->deadline_mark = 0;
    conn->deadline_ms = timeout_ms ? (int64_t)uv_now(conn->server->loop) + timeout_ms : 0;
}

/* What came in ahead joins `in`, which nobody points into now. */
static void exchange_end(struct conn *conn)
{
    struct arena arena = conn->exchange.arena;

    http_body_done(&conn->body);
    arena_reset(&arena);
    conn->exchange = (struct http_exchange){.arena = arena};
    conn->exchange_open = false;

    if (conn->ahead.len > 0 || conn->in_used == conn->in.len) {
        buf_consume(&conn->in, conn->in_used);
        conn->in_used = conn->head_at = 0;
        buf_add(&conn->in, buf_str(&conn->ahead));
        buf_clear(&conn->ahead);
    }
    if (conn->in.len == 0 && conn->in.capacity > KEPT_BYTES_MAX)
        buf_free(&conn->in);
    if (conn->ahead.capacity > KEPT_BYTES_MAX)
        buf_free(&conn->ahead);
}

static void tell_gone(struct conn *conn)
{
    struct http_exchange *exchange = &conn->exchange;

    if (exchange->client_gone)
        return;
    exchange->client_gone = true;
    if (exchange->on_client_gone)
        exchange->on_client_gone(exchange);
}

/* A request that was routed and will not be handled. */
static void drop_exchange(struct conn *conn)
{
    if (!conn->exchange_open)
        return;
    conn->exchange_open = false; /* http_answer() does nothing from here on */
    tell_gone(conn);
    exchange_end(conn);
}

void conn_release(struct conn *conn)
{
    if (conn->exchange_open)
        exchange_end(conn);
    if (!conn->socket_open)
        conn_free(conn);
}

static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;

    conn->socket_open = false;
    server_socket_closed(conn->server);
    if (!conn->exchange_open)
        conn_free(conn);
}

/* Of TLS, so that a client can tell an end from a cut (RFC 8446 6.1).  Again it says nothing. */
static void say_goodbye(struct conn *conn)
{
    if (!conn->tls)
        return;
    tls_close(conn->tls);
    answer_flush_tls(conn);
}

void conn_lose(struct conn *conn)
{
    enum conn_state was = conn->state;

    if (was == CONN_CLOSED)
        return;
    if (was == CONN_IDLE)
        say_goodbye(conn);
    conn_enter(conn, CONN_CLOSED);
    uv_close(&conn->uv.handle, on_closed);
    conn->reading = false;
    if (was == CONN_HANDLED || was == CONN_STREAMED)
        tell_gone(conn); /* and wait for the handler */
    else if (was == CONN_ANSWERED && conn->exchange_open)
        exchange_end(conn);
    else
        drop_exchange(conn);
}

/* Answer with a fault and close.  A refusal costs a client its connection, never its neighbours'. */
void conn_refuse(struct conn *conn, int status, const char *text)
{
    drop_exchange(conn);
    conn->keep_alive = false;
    conn_enter(conn, CONN_ANSWERED);
    answer_refusal(conn, status, text);
    conn_run(conn);
}

/* ---- Steps ---- */

static bool has_unread(const struct conn *conn)
{
    return conn->in_used < conn->in.len;
}

static bool on_piece(void *ctx, str piece)
{
    struct conn *conn = ctx;
    struct http_exchange *exchange = &conn->exchange;
    bool sunk = exchange->sink.on_piece != NULL;
    struct err err;

    if ((exchange->body_max > 0 || !sunk) && conn->body.len + piece.len > exchange->body_max) {
        conn_refuse(conn, 413, "The body is too large.");
        return false;
    }
    if (sunk) {
        http_body_pass(&conn->body, piece);
        if (!exchange->sink.on_piece(exchange->sink.ctx, exchange, piece) && conn->state == CONN_READ_BODY)
            conn_refuse(conn, 500, "The body could not be taken.");
        return conn->state == CONN_READ_BODY;
    }
    if (piece.len == conn->parser.content_length && piece.at >= conn->in.at &&
        piece.at < conn->in.at + conn->in.len) { /* all of it, in a place that stays: no copy */
        exchange->request.body = piece;
        return true;
    }
    if (!http_body_add(&conn->body, piece, conn->parser.content_length, conn->server->spool_dir, &err)) {
        conn_refuse(conn, 500, "There is no room to keep the body.");
        return false;
    }
    return true;
}

static bool handle(struct conn *conn)
{
    struct http_exchange *exchange = &conn->exchange;
    struct err err;

    if (exchange->request.body.len > 0) { /* taken where it lay */
        if (exchange->want_sha256)
            sha256(exchange->request.body, exchange->body_sha256);
    } else {
        if (exchange->want_sha256)
            http_body_hash(&conn->body, exchange->body_sha256);
        if (!exchange->sink.on_piece && !http_body_end(&conn->body, &exchange->request.body, &err)) {
            conn_refuse(conn, 500, "The body could not be read back.");
            return true;
        }
    }
    conn_enter(conn, CONN_HANDLED);
    conn->server->handlers.handle(conn->server->handlers.ctx, exchange);
    return true;
}

static bool route(struct conn *conn)
{
    struct http_exchange *exchange = &conn->exchange;
    const struct http_handlers *handlers = &conn->server->handlers;
    bool bounded;

    http_parse_request(&conn->parser, conn->in.at + conn->head_at, &exchange->arena, &exchange->request);
    exchange->request.remote_address = str_of(conn->remote_address);
    conn->keep_alive = conn->parser.keep_alive;
    conn->exchange_open = true;
    if (conn->is_extra) {
        conn->keep_alive = false;
        if (!handlers->is_vital(handlers->ctx, &exchange->request)) {
            conn_refuse(conn, 503, no_room);
            return true;
        }
    }
    handlers->route(handlers->ctx, exchange);
    if (conn->state != CONN_READ_HEAD) /* answered */
        return true;
    if (!http_parse_has_body(&conn->parser))
        return handle(conn);

    bounded = exchange->body_max > 0 || !exchange->sink.on_piece;
    if (bounded && (conn->parser.content_length > exchange->body_max || exchange->body_max == 0)) {
        conn_refuse(conn, 413, "The body is too large.");
        return true;
    }
    conn_enter(conn, CONN_READ_BODY);
    conn->body.hashed = exchange->want_sha256;
    if (conn->parser.expects_continue && !has_unread(conn))
        answer_continue(conn);
    return true;
}

static bool read_head(struct conn *conn)
{
    str bytes = {conn->in.at + conn->head_at, conn->in.len - conn->head_at};

    switch (http_parse_head(&conn->parser, bytes)) {
    case HTTP_PARSED_WHOLE:
        conn->in_used = conn->head_at + conn->parser.head_len;
        return route(conn);
    case HTTP_PARSED_PART:
        conn->in_used = conn->in.len;
        if (conn->eof)
            conn_lose(conn);
        return false;
    case HTTP_PARSED_STOPPED:
    case HTTP_PARSED_FAULT:
        break;
    }
    conn_refuse(conn, conn->parser.fault_status, conn->parser.fault_text);
    return true;
}

/* First what came with the head, then what came after it.  on_piece may refuse, answer or lose the connection. */
static enum http_parsed parse_unread(struct conn *conn)
{
    str input = has_unread(conn) ? str_from(buf_str(&conn->in), conn->in_used) : buf_str(&conn->ahead);
    size_t len = input.len, used;
    bool from_in = has_unread(conn);
    enum http_parsed parsed = http_parse_body(&conn->parser, &input);

    used = len - input.len;
    if (parsed == HTTP_PARSED_STOPPED)
        return parsed; /* nothing behind it will be read, and the buffers may be new */
    if (from_in)
        conn->in_used += used;
    else
        buf_consume(&conn->ahead, used);
    return parsed;
}

static bool read_body(struct conn *conn)
{
    if (!has_unread(conn) && conn->ahead.len == 0) {
        if (conn->eof)
            conn_lose(conn);
        return false;
    }
    switch (parse_unread(conn)) {
    case HTTP_PARSED_WHOLE:
        return handle(conn);
    case HTTP_PARSED_FAULT:
        conn_refuse(conn, conn->parser.fault_status, conn->parser.fault_text);
        return true;
    case HTTP_PARSED_PART:
    case HTTP_PARSED_STOPPED:
        break;
    }
    return true;
}

static bool begin_message(struct conn *conn)
{
    if (!has_unread(conn)) {
        if (conn->eof)
            conn_lose(conn);
        return false;
    }
    conn->head_at = conn->in_used;
    http_parser_init(&conn->parser);
    conn->parser.on_piece = on_piece;
    conn->parser.ctx = conn;
    conn->exchange.received_us = clock_steady_us();
    conn_enter(conn, CONN_READ_HEAD);
    return true;
}

/* Closing with unread bytes in the socket makes the kernel send a reset, which can overtake the answer: shut our side
 * and listen until the client has closed its own. */
static bool finish(struct conn *conn)
{
    uv_os_fd_t fd;

    if (conn->broken) {
        conn_lose(conn);
        return false;
    }
    if (conn->writes > 0)
        return false;
    if (conn->exchange_open)
        exchange_end(conn);
    if (conn->keep_alive && !conn->server->closing) {
        conn_enter(conn, CONN_IDLE);
        return true;
    }
    say_goodbye(conn);
    if (conn->writes > 0) /* the socket is full: the goodbye leaves first */
        return false;
    if (uv_fileno(&conn->uv.handle, &fd) == 0)
        shutdown(fd, SHUT_WR);
    conn_enter(conn, CONN_LINGER);
    return true;
}

static bool step(struct conn *conn)
{
    switch (conn->state) {
    case CONN_IDLE:
        return begin_message(conn);
    case CONN_READ_HEAD:
        return read_head(conn);
    case CONN_READ_BODY:
        return read_body(conn);
    case CONN_ANSWERED:
        return finish(conn);
    case CONN_LINGER:
        if (conn->eof)
            conn_lose(conn);
        return false;
    case CONN_HANDSHAKE:
        if (conn->eof)
            conn_lose(conn);
        return false;
    case CONN_HANDLED:
    case CONN_STREAMED:
    case CONN_CLOSED:
        break;
    }
    return false;
}

/* ---- Reading ---- */

/* Where the next bytes go; NULL: there may be no more. */
static char *make_room(struct conn *conn, size_t *ret_size)
{
    struct buf *buf = conn->state <= CONN_READ_HEAD ? &conn->in : &conn->ahead;
    size_t wanted = conn->state == CONN_READ_BODY ? READ_BODY_BYTES : READ_BYTES;
    size_t room = buf->capacity - buf->len;

    if (buf == &conn->in && room < READ_BYTES_MIN && conn->head_at > 0) {
        buf_consume(buf, conn->head_at);
        conn->in_used -= conn->head_at;
        conn->head_at = 0;
        room = buf->capacity - buf->len;
    }
    if (room < READ_BYTES_MIN || room < wanted / 2)
        room = wanted;
    conn->into_ahead = buf == &conn->ahead;
    *ret_size = room;
    return buf_reserve(buf, room);
}

static void took(struct conn *conn, size_t len)
{
    buf_commit(conn->into_ahead ? &conn->ahead : &conn->in, len);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    static char passing[READ_BODY_BYTES]; /* for what is dropped, and what is still sealed */
    struct conn *conn = handle->data;
    size_t room = sizeof passing;
    char *at = conn->state == CONN_LINGER || conn->tls ? passing : make_room(conn, &room);

    (void)suggested;
    *ret = uv_buf_init(at, (unsigned)room); /* NULL: uv reports ENOBUFS */
}

/* False: the connection is lost, or refused. */
static bool shake_hands(struct conn *conn, str sealed)
{
    enum tls_result result;

    if (!conn->tls_begun && !tls_looks_like_one(sealed)) {
        tls_free(conn->tls);
        conn->tls = NULL;
        conn_refuse(conn, 400, "This port speaks TLS. Use https:// in the address.");
        return false;
    }
    conn->tls_begun = true;
    tls_feed(conn->tls, sealed);
    result = tls_handshake(conn->tls);
    answer_flush_tls(conn); /* its part, or the alert that says what is wrong */
    if (result == TLS_DONE)
        conn_enter(conn, CONN_IDLE);
    else if (result != TLS_MORE || conn->broken)
        conn_lose(conn);
    return result == TLS_DONE;
}

static void open_sealed(struct conn *conn, str sealed)
{
    enum tls_result result = TLS_DONE;
    size_t room, len;
    char *at;

    if (conn->state != CONN_HANDSHAKE)
        tls_feed(conn->tls, sealed);
    else if (!shake_hands(conn, sealed))
        return;
    while (result == TLS_DONE) {
        at = make_room(conn, &room);
        result = at ? tls_read(conn->tls, at, room, &len) : TLS_FAILED;
        if (result == TLS_DONE)
            took(conn, len);
    }
    if (result == TLS_CLOSED)
        conn->eof = true;
    answer_flush_tls(conn); /* an alert, a key update */
    if (result == TLS_FAILED)
        conn_lose(conn);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *read)
{
    struct conn *conn = stream->data;

    if (len == 0 || (len > 0 && conn->state == CONN_LINGER))
        return;
    if (len > 0 && conn->tls) {
        open_sealed(conn, (str){read->base, (size_t)len});
        if (conn->state == CONN_CLOSED)
            return;
        if (conn->eof && (conn->state == CONN_HANDLED || conn->state == CONN_STREAMED))
            tell_gone(conn);
    } else if (len > 0) {
        took(conn, (size_t)len);
    } else if (len == UV_EOF) { /* perhaps only its sending side: what it asked for is answered still */
        conn->eof = true;
        if (conn->state == CONN_HANDLED || conn->state == CONN_STREAMED)
            tell_gone(conn);
    } else {
        conn_lose(conn);
        return;
    }
    conn_run(conn);
}

/* While a handler works we read on, to see the client leave, but only so far. */
static void update_reading(struct conn *conn)
{
    bool busy = conn->state >= CONN_HANDLED && conn->state <= CONN_ANSWERED;
    size_t unread = conn->in.len - conn->in_used + conn->ahead.len;
    bool begins = conn->state == CONN_IDLE || (conn->state == CONN_HANDSHAKE && !conn->tls_begun);
    bool frozen = conn->server->frozen && (busy || begins);
    bool wanted = !conn->eof && !frozen && !(busy && unread >= HTTP_READ_AHEAD_MAX);

    if (conn->state == CONN_CLOSED || wanted == conn->reading)
        return;
    if (!wanted)
        uv_read_stop(&conn->uv.stream);
    else if (uv_read_start(&conn->uv.stream, on_alloc, on_read) != 0)
        conn_lose(conn);
    conn->reading = wanted;
}

void conn_run(struct conn *conn)
{
    if (conn->running)
        return;
    conn->running = true;
    while (step(conn))
        ;
    conn->running = false;
    update_reading(conn);
}

/* A stream is not waited for: it may never end. */
bool conn_is_underway(const struct conn *conn)
{
    switch (conn->state) {
    case CONN_IDLE:
    case CONN_STREAMED:
    case CONN_LINGER:
        return false;
    case CONN_HANDSHAKE:
        return conn->tls_begun;
    case CONN_READ_HEAD:
    case CONN_READ_BODY:
    case CONN_HANDLED:
    case CONN_ANSWERED:
        return true;
    case CONN_CLOSED:
        return conn->exchange_open;
    }
    return false;
}

void conn_start(struct conn *conn)
{
    conn_enter(conn, conn->tls ? CONN_HANDSHAKE : CONN_IDLE);
    conn_run(conn);
}

/* To shake hands first would be work for who is to be sent away cheaply. */
void conn_turn_away(struct conn *conn)
{
    if (conn->tls) {
        conn_lose(conn);
        return;
    }
    conn_refuse(conn, 503, no_room);
}

/* ---- Deadlines ---- */

/* True when something moved since the deadline was set; then there is a new one. */
static bool has_moved(struct conn *conn, size_t mark, bool enough)
{
    if (!enough)
        return false;
    conn_enter(conn, conn->state);
    conn->deadline_mark = mark;
    return true;
}

void conn_sweep(struct conn *conn, int64_t now_ms)
{
    size_t queued;

    if (conn->deadline_ms == 0 || now_ms < conn->deadline_ms)
        return;
    switch (conn->state) {
    case CONN_READ_HEAD:
        conn_refuse(conn, 408, "The headers took too long.");
        break;
    case CONN_READ_BODY:
        if (!has_moved(conn, conn->body.len, conn->body.len >= conn->deadline_mark + HTTP_BODY_PROGRESS_BYTES))
            conn_refuse(conn, 408, "The body took too long.");
        break;
    case CONN_STREAMED:
    case CONN_ANSWERED: /* the mark is what was left to send: it must have become another, or nothing */
        queued = uv_stream_get_write_queue_size(&conn->uv.stream);
        if (!has_moved(conn, queued, queued == 0 || queued != conn->deadline_mark))
            conn_lose(conn);
        break;
    case CONN_HANDSHAKE:
    case CONN_IDLE:
    case CONN_LINGER:
        conn_lose(conn);
        break;
    case CONN_HANDLED:
    case CONN_CLOSED:
        break;
    }
}

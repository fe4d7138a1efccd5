/*
 * server: HTTP/1.1 in, answers out.  Strict: what could be read in two ways is refused (RFC 9112, and what is known of
 * request smuggling).
 *
 * For each request the connection asks `route` once, when the headers are complete: it says how the body is
 * taken (`body_max`, or a `sink` that receives the pieces), or answers right away.  When the body is there,
 * `handle` is called; the handler answers then or any time later with http_answer(), exactly once.  A
 * connection has one exchange at a time: what the client pipelines behind it waits, unparsed and bounded, so
 * answers are in order by construction.
 *
 * An exchange and all that hangs on it (arena, headers, body) lives until its answer is written; a client that
 * leaves early does not end it: the answer is dropped then (`client_gone` tells, on_client_gone is called).
 * A request whose body does not arrive (client left, too slow, too long, malformed) is never handled: `route` was
 * called, then on_client_gone, and when that returns the exchange is over without an answer of the handler's.
 */
#pragma once

#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct http_server;
struct http_exchange;
struct tls_context;

struct http_header {
    str name, value; /* as sent: names keep their case, values are trimmed */
};

struct http_request {
    str method;      /* "GET" */
    str target;      /* as sent, undecoded */
    str path, query; /* target cut at '?', undecoded; an absolute-form target is reduced to its path */
    str host;        /* the Host header as sent, with its port */
    struct http_header *headers;
    int headers_count;
    str body;           /* in memory, or a mapping of the temporary file that took it past HTTP_BODY_MEMORY_MAX */
    str remote_address; /* "127.0.0.1" */
    bool http_1_0;
};

struct http_answer {
    int status;
    str content_type;                  /* empty: no Content-Type header */
    const struct http_header *headers; /* CR, LF or NUL in a value: the answer becomes a 500.  Date, Connection,
                                        * Content-Length and Transfer-Encoding are ours: such rows are left out */
    int headers_count;
    str body; /* copied, or kept by the exchange's arena: it must stay until http_answer returns */
};

/* Receives a body in pieces as it arrives, instead of `request.body`.  Returning false ends the exchange:
 * the sink has already answered (http_answer), and the connection is closed after it. */
struct http_body_sink {
    bool (*on_piece)(void *ctx, struct http_exchange *exchange, str piece);
    void *ctx;
};

struct http_exchange {
    struct http_request request;
    struct arena arena;
    void *user;       /* the handler's own */
    const void *door; /* the roof's: who was picked in route, so that handle goes there too */
    size_t body_max;  /* set by route; default 0: any body is refused with 413 (with a sink: no limit) */
    struct http_body_sink sink;
    unsigned char body_sha256[32]; /* of the raw body; made while it arrives, when route asked (want_sha256) */
    bool want_sha256;
    bool client_gone;
    void (*on_client_gone)(struct http_exchange *exchange); /* optional */
    int64_t received_us; /* clock_steady_us() when the first byte of the request was there */
};

struct http_handlers {
    /* Headers are complete.  Set body_max / sink / want_sha256, or answer now.  */
    void (*route)(void *ctx, struct http_exchange *exchange);
    void (*handle)(void *ctx, struct http_exchange *exchange);
    /* Past connections_max some more are let in for what must be served even then: the head is read, what is not vital
     * gets 503, and what is is answered on a connection that closes.  NULL: nothing is. */
    bool (*is_vital)(void *ctx, const struct http_request *request);
    /* Faults (of the parser, of time, a body past body_max) are answered here, as {"message": "..."}. */
    void *ctx;
};

struct http_server_options {
    const char *listen;    /* "127.0.0.1:4566", "[::1]:4566", or "unix:/path" */
    const char *spool_dir; /* where bodies past HTTP_BODY_MEMORY_MAX go (unlinked at once) */
    struct http_handlers handlers;
    struct tls_context *tls; /* what is spoken, from the first byte; NULL: plain HTTP.  It must stay */
    int listener_fd; /* a listening socket that was handed on, taken over instead of opening `listen`; 0: none */
    /* 0: the limit of that name in base/limits.h.  Tests make them small. */
    int headers_timeout_ms, body_idle_timeout_ms, keepalive_timeout_ms, connections_max;
};

/* A port that is taken: ERR_CONFLICT, with the words for it and, where /proc tells, the process that has it. */
MUST_USE bool http_server_open(uv_loop_t *loop, const struct http_server_options *options, struct http_server **ret,
                               struct err *err);
str http_server_address(const struct http_server *server); /* with the real port when 0 was asked */
/* Stop accepting, let running exchanges finish (at most `grace_ms`), then call on_closed.  Exchanges that are not
 * answered by then lose their client; their memory stays until they are. */
void http_server_close(struct http_server *server, int grace_ms, void (*on_closed)(void *ctx), void *ctx);

/*
 * Handing the sockets on to a program that takes this process's place.  Frozen, no request begins: connections are
 * still taken, and what they say waits in their sockets; what has begun goes on.  When nothing is under way any more,
 * hand_on() gives what is to be inherited (the descriptors stay open over an exec), and the program that comes next
 * opens its server with listener_fd and adopts the connections.  Nobody is refused, and nothing is lost.
 */
void http_server_freeze(struct http_server *server, bool frozen);
int http_server_underway(const struct http_server *server); /* requests begun and not over; streams do not count */
struct http_handed {
    int listener;
    int *conns; /* idle ones, for free(); not those of TLS, whose keys live in memory: they are closed */
    int conns_count;
};
void http_server_hand_on(struct http_server *server, struct http_handed *ret);
void http_server_adopt(struct http_server *server, int conn_fd); /* what is no socket is closed */

void http_answer(struct http_exchange *exchange, const struct http_answer *answer);
/* An exchange that is answered later must say so in `handle` by doing nothing: there is no call for it.
 * A streamed answer (server-sent events, log following): begin, then pieces, then end.  False: client gone. */
void http_stream_begin(struct http_exchange *exchange, const struct http_answer *head);
bool http_stream_piece(struct http_exchange *exchange, str piece);
void http_stream_end(struct http_exchange *exchange);

str http_header(const struct http_request *request, str name); /* the first of that name, any case; or empty */

/* server_private: what server.c, conn.c and answer.c share: the server and its connections. */
#pragma once

#include <sys/queue.h>

#include <netinet/in.h>
#include <uv.h>

#include "base/limits.h"
#include "codec/time_format.h"
#include "http/body.h"
#include "http/parse.h"
#include "http/server.h"
#include "http/tls.h"

/*
 * A connection that is to speak TLS begins as HANDSHAKE and is IDLE when that is done.
 *
 *                        first byte            head is good           body is there
 *      ┌──────▶ IDLE ─────────────▶ READ_HEAD ────────────▶ READ_BODY ─────────────▶ HANDLED
 *      │  finish │ timeout, EOF          │ fault, timeout        │                      │ http_answer, or
 *      │         │                       └──────────┬────────────┘                      │ STREAMED until its end
 *      │         ▼                                  ▼                                   │
 *      │      CLOSED ◀──────── LINGER ◀───────── ANSWERED ◀──────────────────────────────┘
 *      │                finish: closes              │ finish: keeps alive
 *      └────────────────────────────────────────────┘
 *
 * Every state but CLOSED goes to CLOSED by conn_lose() when the socket fails.  conn_enter() makes each transition.
 */
enum conn_state {
    CONN_HANDSHAKE, /* of TLS */
    CONN_IDLE,      /* between requests */
    CONN_READ_HEAD, /* some of the head is there */
    CONN_READ_BODY, /* route said how it is taken */
    CONN_HANDLED,   /* the handler's turn; it must answer */
    CONN_STREAMED,  /* the handler is answering in pieces */
    CONN_ANSWERED,  /* the answer waits for the socket */
    CONN_LINGER,    /* all is said and our side shut; what still comes is dropped, so that no reset eats the answer */
    CONN_CLOSED,    /* the socket is going; memory stays until the handler has answered */
};

struct conn {
    struct http_exchange exchange;
    struct http_server *server;
    LIST_ENTRY(conn) link;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;

    enum conn_state state;
    struct tls *tls; /* NULL: plain */
    bool tls_begun;  /* it has sent something */
    bool is_extra;   /* past connections_max: only what is vital is served */
    bool running;    /* conn_run() is on the stack */
    bool reading, eof;
    bool socket_open;     /* uv's close callback has not come yet */
    bool exchange_open;   /* route was called; the handler, or the socket, is not done with the exchange */
    bool broken;          /* a write failed; noticed when the handler has left */
    bool keep_alive;      /* after this answer */
    bool chunked;         /* a streamed answer, to a client that knows chunks */
    int writes;           /* queued in uv */
    int64_t deadline_ms;  /* of uv_now(); 0: none */
    size_t deadline_mark; /* progress seen when the deadline was set */

    struct http_parser parser;
    struct http_body body;
    /* Bytes come in to `in` while no head is complete.  The head's views point there, so it stays put while its
     * exchange lives, and what comes in meanwhile goes to `ahead`. */
    struct buf in, ahead;
    size_t head_at, in_used; /* in `in`: where the current message begins; what has been taken */
    bool into_ahead;         /* where the read under way goes */
    char remote_address[INET6_ADDRSTRLEN];
};

struct http_server {
    uv_loop_t *loop;
    struct http_handlers handlers;
    struct http_server_options options;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    uv_timer_t sweep; /* one timer for the deadlines of all */
    char *spool_dir;
    char address[160];
    bool is_unix, closing, frozen;
    LIST_HEAD(, conn) conns;
    int sockets_count; /* a connection without a socket waits for its handler and does not count */
    int handles_count; /* of the server's own, in uv */
    int64_t close_deadline_ms;
    void (*on_closed)(void *ctx);
    void *on_closed_ctx;

    struct buf out; /* heads, and small bodies behind them: written or copied before anyone else needs it */
    int64_t date_s;
    char date[TIME_TEXT_MAX];
};

/* server.c */
void server_socket_closed(struct http_server *server); /* one connection's */
void server_forget(struct http_server *server, struct conn *conn);

/* conn.c */
struct conn *conn_new(struct http_server *server);
void conn_start(struct conn *conn);     /* the socket is accepted */
void conn_turn_away(struct conn *conn); /* the same, but there is no room: say so */
void conn_run(struct conn *conn);
void conn_enter(struct conn *conn, enum conn_state state);
void conn_lose(struct conn *conn);    /* the socket is of no use any more */
void conn_release(struct conn *conn); /* the handler has answered a connection that is gone */
void conn_sweep(struct conn *conn, int64_t now_ms);
bool conn_is_underway(const struct conn *conn);
void conn_refuse(struct conn *conn, int status, const char *text);

/* answer.c */
void answer_refusal(struct conn *conn, int status, const char *text);
void answer_continue(struct conn *conn);
void answer_flush_tls(struct conn *conn); /* what TLS itself has to say */

static inline struct conn *conn_of(struct http_exchange *exchange)
{
    _Static_assert(offsetof(struct conn, exchange) == 0, "a connection begins with its exchange");
    return (struct conn *)exchange;
}

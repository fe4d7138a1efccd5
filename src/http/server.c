/*
 * The listener, the list of connections, and the one timer that looks at their deadlines.
 *
 * A timer for each connection would be moved several times a request; a deadline in each connection and a look at all
 * of them a few times in the shortest timeout costs nothing that can be measured, and its rounding harms nobody.
 */
#include "http/server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "http/port_owner.h"
#include "http/server_private.h"

enum {
    BACKLOG = 1024,
    OUT_BYTES_MAX = 1024 * 1024,
    SWEEP_MS_MIN = 10,
    SWEEP_MS_MAX = 1000,
    SWEEPS_PER_TIMEOUT = 4,
};

/* ---- Connections ---- */

static int sweep_ms(const struct http_server_options *options)
{
    int shortest = options->headers_timeout_ms;

    if (options->body_idle_timeout_ms < shortest)
        shortest = options->body_idle_timeout_ms;
    if (options->keepalive_timeout_ms < shortest)
        shortest = options->keepalive_timeout_ms;
    shortest /= SWEEPS_PER_TIMEOUT;
    return shortest < SWEEP_MS_MIN ? SWEEP_MS_MIN : shortest > SWEEP_MS_MAX ? SWEEP_MS_MAX : shortest;
}

static void lose_all(struct http_server *server)
{
    struct conn *conn;

    LIST_FOREACH (conn, &server->conns, link)
        conn_lose(conn);
}

static void on_sweep(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    int64_t now_ms = (int64_t)uv_now(server->loop);
    struct conn *conn;

    if (server->closing && now_ms >= server->close_deadline_ms)
        lose_all(server);
    else
        LIST_FOREACH (conn, &server->conns, link)
            conn_sweep(conn, now_ms);
}

/* In the list, with a handle that has no socket yet. */
static struct conn *add_conn(struct http_server *server)
{
    struct conn *conn = conn_new(server);

    if (server->is_unix)
        uv_pipe_init(server->loop, &conn->uv.pipe, 0);
    else
        uv_tcp_init(server->loop, &conn->uv.tcp);
    conn->uv.handle.data = conn;
    conn->socket_open = true;
    LIST_INSERT_HEAD(&server->conns, conn, link);
    server->sockets_count++;
    if (!uv_is_active((uv_handle_t *)&server->sweep))
        uv_timer_start(&server->sweep, on_sweep, (uint64_t)sweep_ms(&server->options),
                       (uint64_t)sweep_ms(&server->options));
    return conn;
}

static void know_peer(struct conn *conn)
{
    struct sockaddr_storage peer;
    int peer_len = sizeof peer;

    if (conn->server->is_unix)
        return;
    uv_tcp_nodelay(&conn->uv.tcp, 1); /* a streamed answer must not wait for an acknowledgement */
    if (uv_tcp_getpeername(&conn->uv.tcp, (struct sockaddr *)&peer, &peer_len) == 0)
        uv_ip_name((struct sockaddr *)&peer, conn->remote_address, sizeof conn->remote_address);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct http_server *server = listener->data;
    struct conn *conn;

    if (status < 0 || server->closing)
        return;
    conn = add_conn(server);
    if (uv_accept(listener, &conn->uv.stream) != 0) {
        conn_lose(conn);
        return;
    }
    know_peer(conn);
    conn->is_extra = server->sockets_count > server->options.connections_max;
    if (server->sockets_count > server->options.connections_max + HTTP_REFUSED_MAX)
        conn_lose(conn);
    else if (conn->is_extra && !server->handlers.is_vital)
        conn_turn_away(conn);
    else
        conn_start(conn);
}

/* ---- Handing on ---- */

void http_server_freeze(struct http_server *server, bool frozen)
{
    struct conn *conn, *next;

    server->frozen = frozen;
    for (conn = LIST_FIRST(&server->conns); conn; conn = next) {
        next = LIST_NEXT(conn, link);
        conn_run(conn);
    }
}

int http_server_underway(const struct http_server *server)
{
    const struct conn *conn;
    int count = 0;

    LIST_FOREACH (conn, &server->conns, link)
        count += conn_is_underway(conn);
    return count;
}

static int inheritable(const uv_handle_t *handle)
{
    uv_os_fd_t fd;

    return uv_fileno(handle, &fd) == 0 && fcntl(fd, F_SETFD, 0) == 0 ? fd : -1;
}

/* Nothing of it is in our memory. */
static bool can_be_handed_on(const struct conn *conn)
{
    return conn->tls ? conn->state == CONN_HANDSHAKE && !conn->tls_begun
                     : conn->state == CONN_IDLE && conn->in_used == conn->in.len;
}

void http_server_hand_on(struct http_server *server, struct http_handed *ret)
{
    struct conn *conn;
    int fd;

    *ret = (struct http_handed){.listener = inheritable(&server->uv.handle),
                                .conns = calloc((size_t)server->sockets_count + 1, sizeof(int))};
    if (!ret->conns)
        abort();
    LIST_FOREACH (conn, &server->conns, link)
        if (can_be_handed_on(conn) && ret->conns_count < server->sockets_count &&
            (fd = inheritable(&conn->uv.handle)) >= 0)
            ret->conns[ret->conns_count++] = fd;
        else if (conn->tls && conn->state == CONN_IDLE)
            conn_lose(conn); /* not cut, but with a goodbye */
}

void http_server_adopt(struct http_server *server, int fd)
{
    struct conn *conn = add_conn(server);
    int code = server->is_unix ? uv_pipe_open(&conn->uv.pipe, fd) : uv_tcp_open(&conn->uv.tcp, fd);

    if (code != 0) {
        close(fd);
        conn_lose(conn);
        return;
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    know_peer(conn);
    conn_start(conn);
}

/* ---- The end ---- */

/* Sockets first, then the words; the memory goes when the last handler has answered. */
static void end_if_done(struct http_server *server)
{
    void (*on_closed)(void *) = server->on_closed;

    if (server->handles_count > 0 || server->sockets_count > 0)
        return;
    server->on_closed = NULL;
    if (on_closed)
        on_closed(server->on_closed_ctx);
    if (!LIST_EMPTY(&server->conns))
        return;
    buf_free(&server->out);
    free(server->spool_dir);
    free(server);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http_server *server = handle->data;

    server->handles_count--;
    end_if_done(server);
}

static void close_sweep_if_done(struct http_server *server)
{
    if (server->sockets_count > 0)
        return;
    if (!server->closing)
        uv_timer_stop(&server->sweep);
    else if (!uv_is_closing((uv_handle_t *)&server->sweep))
        uv_close((uv_handle_t *)&server->sweep, on_handle_closed);
}

void server_socket_closed(struct http_server *server)
{
    server->sockets_count--;
    close_sweep_if_done(server);
}

void server_forget(struct http_server *server, struct conn *conn)
{
    LIST_REMOVE(conn, link);
    if (server->closing)
        end_if_done(server);
}

void http_server_close(struct http_server *server, int grace_ms, void (*on_closed)(void *ctx), void *ctx)
{
    struct conn *conn;

    assert(!server->closing);
    server->closing = true;
    server->on_closed = on_closed;
    server->on_closed_ctx = ctx;
    server->close_deadline_ms = (int64_t)uv_now(server->loop) + grace_ms;
    uv_close(&server->uv.handle, on_handle_closed);
    LIST_FOREACH (conn, &server->conns, link)
        if (conn->state <= CONN_IDLE || grace_ms <= 0)
            conn_lose(conn);
    if (server->sockets_count > 0)
        uv_timer_start(&server->sweep, on_sweep, SWEEP_MS_MIN, SWEEP_MS_MIN);
    close_sweep_if_done(server);
}

/* ---- The beginning ---- */

static bool fail_uv(struct err *err, int code, const char *what, const char *where)
{
    err_set(err, ERR_SYSTEM, "%s %s: %s", what, where, uv_strerror(code));
    err->os_errno = -code;
    return false;
}

static bool fail_taken(struct err *err, const char *where, int port)
{
    char owner[128];

    if (port_owner_find(port, owner, sizeof owner))
        return err_set(err, ERR_CONFLICT, "%s is taken by %s", where, owner);
    return err_set(err, ERR_CONFLICT, "%s is taken by a process that this user cannot see", where);
}

/* "host:port" or "[v6]:port".  Blocks for a name that needs DNS: this is the start. */
static bool resolve(const char *listen, struct sockaddr_storage *ret, int *ret_port, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found;
    const char *colon = strrchr(listen, ':');
    char host[256];
    size_t host_len = colon ? (size_t)(colon - listen) : 0;
    long long port;
    int code;

    if (host_len == 0 || host_len >= sizeof host || !str_to_int(str_of(colon + 1), 0, 65535, &port))
        return err_set(err, ERR_INVALID, "%s is not an address: use host:port, [v6]:port or unix:/path", listen);
    if (listen[0] == '[' && listen[host_len - 1] == ']')
        snprintf(host, sizeof host, "%.*s", (int)host_len - 2, listen + 1);
    else
        snprintf(host, sizeof host, "%.*s", (int)host_len, listen);
    code = getaddrinfo(host, colon + 1, &hints, &found);
    if (code != 0)
        return err_set(err, ERR_INVALID, "%s: %s", listen, gai_strerror(code));
    memcpy(ret, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    *ret_port = (int)port;
    return true;
}

static void name_address(struct http_server *server)
{
    struct sockaddr_storage bound;
    char ip[INET6_ADDRSTRLEN] = "";
    int len = sizeof bound;
    bool is_v6;

    if (uv_tcp_getsockname(&server->uv.tcp, (struct sockaddr *)&bound, &len) != 0)
        return;
    is_v6 = bound.ss_family == AF_INET6;
    uv_ip_name((struct sockaddr *)&bound, ip, sizeof ip);
    snprintf(server->address, sizeof server->address, is_v6 ? "[%s]:%d" : "%s:%d", ip,
             ntohs(is_v6 ? ((struct sockaddr_in6 *)&bound)->sin6_port : ((struct sockaddr_in *)&bound)->sin_port));
}

static bool open_tcp(struct http_server *server, const char *listen, struct err *err)
{
    struct sockaddr_storage address = {0};
    int port = 0, code;

    if (!resolve(listen, &address, &port, err))
        return false;
    code = uv_tcp_bind(&server->uv.tcp, (struct sockaddr *)&address, 0);
    if (code == 0)
        code = uv_listen(&server->uv.stream, BACKLOG, on_connection);
    if (code == UV_EADDRINUSE)
        return fail_taken(err, listen, port);
    if (code != 0)
        return fail_uv(err, code, "listen at", listen);
    name_address(server);
    return true;
}

/* A socket file outlives its server.  It is removed only when nobody answers there. */
static bool clear_stale_socket(const char *path, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    FD_AUTO fd = -1;

    if (strlen(path) >= sizeof address.sun_path)
        return err_set(err, ERR_INVALID, "%s is too long for a socket's path", path);
    if (lstat(path, &status) != 0)
        return errno == ENOENT || err_sys(err, "look at %s", path);
    if (!S_ISSOCK(status.st_mode))
        return err_set(err, ERR_CONFLICT, "%s is there already and is not a socket", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(err, "make a socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno != ECONNREFUSED)
        return err_set(err, ERR_CONFLICT, "%s is taken by another server", path);
    if (unlink(path) != 0)
        return err_sys(err, "remove the stale socket %s", path);
    return true;
}

static bool open_unix(struct http_server *server, const char *path, struct err *err)
{
    int code;

    if (!clear_stale_socket(path, err))
        return false;
    code = uv_pipe_bind(&server->uv.pipe, path);
    if (code == 0)
        code = uv_listen(&server->uv.stream, BACKLOG, on_connection);
    if (code != 0)
        return fail_uv(err, code, "listen at", path);
    snprintf(server->address, sizeof server->address, "unix:%s", path);
    return true;
}

static bool open_handed(struct http_server *server, const struct http_server_options *options, struct err *err)
{
    int fd = options->listener_fd;
    int code = server->is_unix ? uv_pipe_open(&server->uv.pipe, fd) : uv_tcp_open(&server->uv.tcp, fd);

    if (code == 0)
        code = uv_listen(&server->uv.stream, BACKLOG, on_connection);
    if (code != 0)
        return fail_uv(err, code, "take over the listening socket of", options->listen);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (server->is_unix)
        snprintf(server->address, sizeof server->address, "%s", options->listen);
    else
        name_address(server);
    return true;
}

static int or_limit(int option, int limit)
{
    return option > 0 ? option : limit;
}

static struct http_server *server_new(uv_loop_t *loop, const struct http_server_options *options)
{
    struct http_server *server = calloc(1, sizeof *server);

    if (!server || !(server->spool_dir = strdup(options->spool_dir ? options->spool_dir : "/tmp")))
        abort();
    server->loop = loop;
    server->options = *options;
    server->handlers = options->handlers;
    server->options.headers_timeout_ms = or_limit(options->headers_timeout_ms, HTTP_HEADERS_TIMEOUT_MS);
    server->options.body_idle_timeout_ms = or_limit(options->body_idle_timeout_ms, HTTP_BODY_IDLE_TIMEOUT_MS);
    server->options.keepalive_timeout_ms = or_limit(options->keepalive_timeout_ms, HTTP_KEEPALIVE_TIMEOUT_MS);
    server->options.connections_max = or_limit(options->connections_max, HTTP_CONNECTIONS_MAX);
    server->is_unix = strncmp(options->listen, "unix:", 5) == 0;
    buf_init(&server->out, OUT_BYTES_MAX);
    server->date_s = -1;
    LIST_INIT(&server->conns);
    return server;
}

/* Writing to a client that has left must be an error, not a signal; uv writes without MSG_NOSIGNAL. */
bool http_server_open(uv_loop_t *loop, const struct http_server_options *options, struct http_server **ret,
                      struct err *err)
{
    struct http_server *server = server_new(loop, options);
    bool opened;

    signal(SIGPIPE, SIG_IGN);
    uv_timer_init(loop, &server->sweep);
    server->sweep.data = server;
    if (server->is_unix)
        uv_pipe_init(loop, &server->uv.pipe, 0);
    else
        uv_tcp_init(loop, &server->uv.tcp);
    server->uv.handle.data = server;
    server->handles_count = 2;
    opened = options->listener_fd > 0 ? open_handed(server, options, err)
             : server->is_unix        ? open_unix(server, options->listen + 5, err)
                                      : open_tcp(server, options->listen, err);
    if (!opened) {
        http_server_close(server, 0, NULL, NULL); /* the loop takes it away */
        return false;
    }
    *ret = server;
    return true;
}

str http_server_address(const struct http_server *server)
{
    return str_of(server->address);
}

str http_header(const struct http_request *request, str name)
{
    for (int i = 0; i < request->headers_count; i++)
        if (request->headers[i].name.len == name.len && str_eq_nocase(request->headers[i].name, name))
            return request->headers[i].value;
    return STR("");
}

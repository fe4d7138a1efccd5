/*
 * A real server on a real loop, at a port of its own; the client is a thread with a plain socket, so that it can send
 * what no HTTP library would.
 */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/test.h"
#include "codec/hash.h"
#include "codec/hex.h"
#include "http/client.h"

enum { READ_MAX = 16 * 1024 * 1024, SHORT_MS = 120, RECEIVE_TIMEOUT_S = 10 };

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- The server under test ---- */

static struct {
    uv_loop_t loop;
    uv_async_t stop, answer_now;
    struct http_server *server;
    struct http_exchange *waiting; /* of /later */
    int routed, handled, gone, pieces;
    size_t sunk;
    char address[200];
} t;

static void reply(struct http_exchange *exchange, int status, str body)
{
    struct http_answer answer = {.status = status, .content_type = STR("text/plain"), .body = body};

    http_answer(exchange, &answer);
}

static bool on_sink_piece(void *ctx, struct http_exchange *exchange, str piece)
{
    (void)ctx;
    t.sunk += piece.len;
    if (piece.at[0] != '!')
        return true;
    reply(exchange, 409, STR("refused by the sink"));
    return false;
}

static void on_gone(struct http_exchange *exchange)
{
    (void)exchange;
    t.gone++;
}

static void route(void *ctx, struct http_exchange *exchange)
{
    str path = exchange->request.path;

    (void)ctx;
    t.routed++;
    exchange->on_client_gone = on_gone;
    exchange->body_max = 4 * 1024 * 1024;
    exchange->want_sha256 = str_eq(path, STR("/sha256"));
    if (str_eq(path, STR("/small")))
        exchange->body_max = 10;
    if (str_eq(path, STR("/none")))
        exchange->body_max = 0;
    if (str_eq(path, STR("/sink"))) {
        exchange->body_max = 0;
        exchange->sink.on_piece = on_sink_piece;
    }
    if (str_eq(path, STR("/early")))
        reply(exchange, 403, STR("early"));
}

static void handle_bad(struct http_exchange *exchange)
{
    struct http_header header = {STR("X"), STR("a\r\nSet-Cookie: b")};
    struct http_answer answer = {.status = 200, .headers = &header, .headers_count = 1};

    http_answer(exchange, &answer);
}

static void handle_stream(struct http_exchange *exchange)
{
    struct http_answer head = {.status = 200, .content_type = STR("text/plain")};

    http_stream_begin(exchange, &head);
    ok(http_stream_piece(exchange, STR("one,")));
    ok(http_stream_piece(exchange, STR("two")));
    http_stream_end(exchange);
}

static void handle(void *ctx, struct http_exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    char hex[SHA256_HEX_CHARS];

    (void)ctx;
    t.handled++;
    if (str_eq(request->path, STR("/later"))) {
        t.waiting = exchange;
    } else if (str_eq(request->path, STR("/sha256"))) {
        hex_encode(exchange->body_sha256, SHA256_BYTES, hex);
        reply(exchange, 200, str_of(hex));
    } else if (str_eq(request->path, STR("/nothing"))) {
        reply(exchange, 204, STR("not sent"));
    } else if (str_eq(request->path, STR("/bad"))) {
        handle_bad(exchange);
    } else if (str_eq(request->path, STR("/stream"))) {
        handle_stream(exchange);
    } else if (request->body.len > 0) {
        reply(exchange, 200, request->body);
    } else {
        reply(exchange, 200, request->target);
    }
}

static void on_stop(uv_async_t *async)
{
    (void)async;
    uv_close((uv_handle_t *)&t.stop, NULL);
    uv_close((uv_handle_t *)&t.answer_now, NULL);
    http_server_close(t.server, 0, NULL, NULL);
}

static void on_answer_now(uv_async_t *async)
{
    struct http_exchange *exchange = t.waiting;

    (void)async;
    t.waiting = NULL;
    if (exchange)
        reply(exchange, 200, STR("at last"));
}

static void *run_client(void *ctx)
{
    void (*client)(void) = (void (*)(void))ctx;

    client();
    uv_async_send(&t.stop);
    return NULL;
}

/* The server's own thread is the test's; what the client's thread checks, it checks alone. */
static void serve(const char *listen, int timeout_ms, int connections_max, void (*client)(void))
{
    struct http_server_options options = {
        .listen = listen,
        .spool_dir = "/tmp",
        .handlers = {.route = route, .handle = handle},
        .headers_timeout_ms = timeout_ms,
        .body_idle_timeout_ms = timeout_ms,
        .keepalive_timeout_ms = timeout_ms,
        .connections_max = connections_max,
    };
    struct err err = {0};
    pthread_t thread;

    memset(&t, 0, sizeof t);
    uv_loop_init(&t.loop);
    uv_async_init(&t.loop, &t.stop, on_stop);
    uv_async_init(&t.loop, &t.answer_now, on_answer_now);
    if (!http_server_open(&t.loop, &options, &t.server, &err)) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    snprintf(t.address, sizeof t.address, STR_FMT, STR_ARG(http_server_address(t.server)));
    pthread_create(&thread, NULL, run_client, (void *)client);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    pthread_join(thread, NULL);
    ok(uv_loop_close(&t.loop) == 0); /* nothing is left behind */
}

/* ---- The client's side ---- */

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval timeout = {.tv_sec = RECEIVE_TIMEOUT_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_port = htons((uint16_t)strtol(strrchr(t.address, ':') + 1, NULL, 10));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        perror("connect");
    return fd;
}

static void say(int fd, str text)
{
    while (text.len > 0) {
        ssize_t sent = send(fd, text.at, text.len, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        text = str_from(text, (size_t)sent);
    }
}

/* All that comes until the server closes, or `enough` is in it. */
static char heard[READ_MAX];
static size_t heard_len;

static bool hears(int fd, const char *enough)
{
    heard_len = 0;
    heard[0] = '\0';
    while (heard_len < sizeof heard - 1 && (!enough || !strstr(heard, enough))) {
        ssize_t len = recv(fd, heard + heard_len, sizeof heard - 1 - heard_len, 0);

        if (len <= 0)
            return !enough && len == 0;
        heard_len += (size_t)len;
        heard[heard_len] = '\0';
    }
    return true;
}

static bool has(const char *text)
{
    if (!strstr(heard, text))
        printf("# heard: %.300s\n", heard);
    return strstr(heard, text) != NULL;
}

/* One connection, one text; true when the server closed after its answer. */
static bool tell(str text)
{
    FD_AUTO fd = dial();

    say(fd, text);
    return hears(fd, NULL);
}

static int count_of(const char *text)
{
    int count = 0;

    for (const char *at = heard; (at = strstr(at, text)); at += strlen(text))
        count++;
    return count;
}

/* ---- Tests ---- */

static void client_keeps_alive(void)
{
    FD_AUTO fd = dial();

    for (int i = 0; i < 3; i++) {
        say(fd, STR(GET("/x?y=%20")));
        ok(hears(fd, "/x?y=%20") && has("HTTP/1.1 200 OK\r\nDate: ") && has("\r\nContent-Length: 8\r\n"));
        ok(!strstr(heard, "Connection:"));
    }
    say(fd, STR("GET /z HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    ok(hears(fd, NULL) && has("\r\nConnection: close\r\n"));
    ok(tell(STR("GET /old HTTP/1.0\r\n\r\n")) && has("\r\nConnection: close\r\n"));
}

static void keeps_a_connection_alive(void)
{
    serve("127.0.0.1:0", 0, 0, client_keeps_alive);
    ok(t.handled == 5 && t.gone == 0);
}

struct sender {
    int fd;
    str text;
};

static void *send_all(void *ctx)
{
    struct sender *sender = ctx;

    say(sender->fd, sender->text);
    return NULL;
}

/* More than the read-ahead, cut anywhere, with a close at the end. */
static void client_pipelines(void)
{
    enum { COUNT = 10000 };
    FD_AUTO fd = dial();
    pthread_t thread;
    char *text = malloc(COUNT * 64), *end = text;
    const char *at = heard;
    int good = 0;

    for (int i = 0; i < COUNT; i++)
        end += snprintf(end, 64, "GET /%d HTTP/1.1\r\nHost: a\r\n%s\r\n", i,
                        i == COUNT - 1 ? "Connection: close\r\n" : "");
    pthread_create(&thread, NULL, send_all, &(struct sender){fd, {text, (size_t)(end - text)}});
    ok(hears(fd, NULL));
    pthread_join(thread, NULL);
    for (int i = 0; i < COUNT; i++) {
        char wanted[32];

        snprintf(wanted, sizeof wanted, "\r\n\r\n/%d", i);
        at = memmem(at, heard_len - (size_t)(at - heard), wanted, strlen(wanted)); /* strstr measures first */
        if (!at)
            break;
        good++;
    }
    ok(good == COUNT);
    free(text);
}

static void answers_pipelined_requests_in_order(void)
{
    serve("127.0.0.1:0", 0, 0, client_pipelines);
}

static void wait_for(const int *number, int wanted)
{
    for (int i = 0; i < 500 && *(const volatile int *)number != wanted; i++)
        usleep(10 * 1000);
}

static void client_waits(void)
{
    FD_AUTO fd = dial();
    static char garbage[2 * HTTP_READ_AHEAD_MAX];

    say(fd, STR(GET("/later") GET("/second")));
    wait_for(&t.handled, 1);
    usleep(20 * 1000);
    ok(t.handled == 1); /* the second waits for the first */
    uv_async_send(&t.answer_now);
    ok(hears(fd, "/second") && has("at last"));

    say(fd, STR(GET("/later")));
    wait_for(&t.handled, 3);
    memset(garbage, 'x', sizeof garbage);
    say(fd, (str){garbage, sizeof garbage}); /* is not parsed yet, and not all of it is read */
    uv_async_send(&t.answer_now);
    ok(hears(fd, NULL) || errno == ECONNRESET);
    ok(has("at last") && has("HTTP/1.1 400 Bad Request"));
}

static void answers_later(void)
{
    serve("127.0.0.1:0", 0, 0, client_waits);
}

static void client_leaves(void)
{
    int fd = dial();
    struct linger reset = {1, 0};

    say(fd, STR(GET("/later")));
    wait_for(&t.handled, 1);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    wait_for(&t.gone, 1);
    ok(t.gone == 1 && t.waiting && t.waiting->client_gone);
    ok(t.waiting && str_eq(t.waiting->request.path, STR("/later"))); /* all of it still there */
    uv_async_send(&t.answer_now);

    fd = dial(); /* only half of it leaves: an answer is still due */
    say(fd, STR(GET("/later")));
    shutdown(fd, SHUT_WR);
    wait_for(&t.gone, 2);
    uv_async_send(&t.answer_now);
    ok(hears(fd, NULL) && has("at last"));
    close(fd);

    fd = dial(); /* the body does not arrive: no call of the handler */
    say(fd, STR("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"));
    wait_for(&t.routed, 3);
    close(fd);
    wait_for(&t.gone, 3);
    ok(t.handled == 2);
}

static void survives_clients_that_leave(void)
{
    serve("127.0.0.1:0", 0, 0, client_leaves);
    ok(t.gone == 3);
}

static void send_body(const char *path, size_t len, bool chunked, const char *extra)
{
    FD_AUTO fd = dial();
    char head[256], *body = malloc(len + 1);

    for (size_t i = 0; i < len; i++)
        body[i] = (char)('a' + i % 23);
    body[len] = '\0';
    if (chunked)
        snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n%s\r\n%zx\r\n", path,
                 extra, len);
    else
        snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n%s\r\n", path, len, extra);
    say(fd, str_of(head));
    say(fd, (str){body, len});
    if (chunked)
        say(fd, STR("\r\n0\r\n\r\n"));
    shutdown(fd, SHUT_WR);
    ok(hears(fd, NULL));
    if (strcmp(path, "/echo") == 0)
        ok(heard_len > len && memcmp(heard + heard_len - len, body, len) == 0);
    free(body);
}

static void client_sends_bodies(void)
{
    static const size_t lens[] = {
        1, 5000, 8192, 100000, HTTP_BODY_MEMORY_MAX, HTTP_BODY_MEMORY_MAX + 1, 4 * 1024 * 1024};

    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        send_body("/echo", lens[i], false, "");
        send_body("/echo", lens[i], true, "");
    }
    send_body("/too-much", 4 * 1024 * 1024 + 1, false, "");
    ok(has("413"));
}

static void client_sends_hashed_bodies(void)
{
    char hex[SHA256_HEX_CHARS];

    sha256_hex(STR("a"), hex);
    send_body("/sha256", 1, false, "");
    ok(has(hex));
    send_body("/sha256", 1, true, "");
    ok(has(hex));
    sha256_hex(STR(""), hex);
    ok(tell(STR("POST /sha256 HTTP/1.0\r\n\r\n")) && has(hex));
}

static void client_sends_too_much(void)
{
    send_body("/small", 10, false, "");
    ok(has("200 OK"));
    send_body("/small", 11, false, "");
    ok(has("HTTP/1.1 413 Content Too Large") && has("{\"message\": \"The body is too large.\"}"));
    send_body("/small", 11, true, "");
    ok(has("413"));
    send_body("/none", 1, false, "");
    ok(has("413"));
    send_body("/none", 1, true, "");
    ok(has("413"));
    send_body("/small", 3000000, false, ""); /* sent all the same: the answer must not be lost to a reset */
    ok(has("413"));
    ok(t.handled == 1);
    send_body("/early", 3000000, false, "");
    ok(has("403") && has("early") && has("Connection: close"));
    ok(t.handled == 1);
}

static void client_feeds_a_sink(void)
{
    send_body("/sink", 3000000, false, "");
    ok(has("200 OK") && t.sunk == 3000000);
    ok(tell(STR("POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n!x")));
    ok(has("409") && has("refused by the sink") && has("Connection: close"));
    ok(t.handled == 1);
}

static void client_expects(void)
{
    FD_AUTO fd = dial();

    say(fd, STR("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
    ok(hears(fd, "100 Continue\r\n\r\n"));
    say(fd, STR("hello"));
    ok(hears(fd, "hello"));
    say(fd, STR("POST /small HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 50\r\n\r\n"));
    ok(hears(fd, NULL) && has("413") && !strstr(heard, "100 Continue"));
}

static void takes_bodies(void)
{
    serve("127.0.0.1:0", 0, 0, client_sends_hashed_bodies);
    serve("127.0.0.1:0", 0, 0, client_sends_too_much);
    serve("127.0.0.1:0", 0, 0, client_feeds_a_sink);
    serve("127.0.0.1:0", 0, 0, client_expects);
}

static void spools_large_bodies(void)
{
    serve("127.0.0.1:0", 0, 0, client_sends_bodies);
    ok(t.routed == 15 && t.handled == 14);
}

static void client_asks_for_odd_answers(void)
{
    ok(tell(STR("HEAD /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")));
    ok(has("Content-Length: 2\r\n") && strcmp(heard + heard_len - 4, "\r\n\r\n") == 0);
    ok(tell(STR("GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")));
    ok(has("204 No Content") && !strstr(heard, "Content-Length") && !strstr(heard, "not sent"));
    ok(tell(STR("GET /bad HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")));
    ok(has("500 Internal") && !strstr(heard, "Set-Cookie"));
    ok(tell(STR("GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")));
    ok(has("chunked\r\n") && has("\r\n\r\n4\r\none,\r\n3\r\ntwo\r\n0\r\n\r\n"));
    ok(tell(STR("GET /stream HTTP/1.0\r\n\r\n")));
    ok(has("\r\n\r\none,two") && !strstr(heard, "chunked"));
    ok(tell(STR(GET("/a") "GET /b HTTP/1.1\r\n\r\n" GET("/c"))));
    ok(has("/a") && has("400 Bad Request") && count_of("HTTP/1.1 ") == 2); /* /c is not looked for */
    ok(tell(STR("PURGE / HTTP/1.1\r\nHost: a\r\n\r\n")) && has("501 Not Implemented"));
    ok(tell(STR("GET / HTTP/2.0\r\nHost: a\r\n\r\n")) && has("505 HTTP Version"));
}

static void answers_as_http_wants(void)
{
    serve("127.0.0.1:0", 0, 0, client_asks_for_odd_answers);
}

static void client_is_slow(void)
{
    FD_AUTO idle = dial();

    ok(tell(STR("GET / HTTP/1.1\r\nHo")) && has("408 Request Timeout"));
    ok(tell(STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe")) && has("408 Request Timeout"));
    ok(hears(idle, NULL) && heard_len == 0); /* nothing asked, nothing said */
    ok(t.handled == 0 && t.gone == 1);
}

static void gives_up_on_the_slow(void)
{
    serve("127.0.0.1:0", SHORT_MS, 0, client_is_slow);
}

static void client_comes_in_numbers(void)
{
    FD_AUTO first = dial(), second = dial(), third = -1;

    say(first, STR(GET("/1")));
    ok(hears(first, "/1"));
    say(second, STR(GET("/2")));
    ok(hears(second, "/2"));
    third = dial();
    ok(hears(third, NULL) && has("503 Service Unavailable"));
    say(first, STR(GET("/still")));
    ok(hears(first, "/still"));
}

static void turns_away_past_its_maximum(void)
{
    serve("127.0.0.1:0", 0, 2, client_comes_in_numbers);
}

static void client_opens_again(void)
{
    uv_loop_t loop;
    struct http_server *server;
    struct http_server_options options = {.listen = t.address, .handlers = {.route = route, .handle = handle}};
    struct err err = {0};
    char mine[64];

    uv_loop_init(&loop);
    snprintf(mine, sizeof mine, "(pid %d)", (int)getpid());
    ok(!http_server_open(&loop, &options, &server, &err));
    ok(err.code == ERR_CONFLICT && strstr(err.text, " is taken by ") &&
       (strstr(err.text, mine) || strncmp(t.address, "unix:", 5) == 0));
    printf("# %s\n", err.text);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&loop) == 0);
}

static void says_who_has_the_port(void)
{
    serve("127.0.0.1:0", 0, 0, client_opens_again);
}

static void client_calls(void)
{
    ARENA_AUTO arena = {0};
    char endpoint[256];
    struct http_header header = {STR("X-Amz-Thing"), STR("1")};
    struct sigv4_credentials credentials = {STR("AKID"), STR("secret"), STR(""), STR("eu-west-1"), STR("lambda")};
    struct http_call call = {.endpoint = endpoint,
                             .method = "POST",
                             .path = STR("/echo"),
                             .query = STR("a=b"),
                             .headers = &header,
                             .headers_count = 1,
                             .body = STR("hello"),
                             .credentials = &credentials,
                             .timeout_ms = 5000};
    struct http_result result;
    struct err err = {0};
    bool local = strncmp(t.address, "unix:", 5) == 0;

    snprintf(endpoint, sizeof endpoint, "%s%s", local ? "" : "http://", t.address);
    ok(http_call(&call, &arena, &result, &err));
    ok(result.status == 200 && str_eq(result.body, STR("hello")));
    ok(str_eq(http_result_header(&result, STR("content-type")), STR("text/plain")));
    call.method = "DELETE";
    call.body = STR("");
    ok(http_call(&call, &arena, &result, &err) && str_eq(result.body, STR("/echo?a=b")));
    call.endpoint = local ? "unix:/nowhere/at-all" : "http://127.0.0.1:1";
    ok(!http_call(&call, &arena, &result, &err) && err.code == ERR_SYSTEM);
    ok(strstr(err.text, "no server answers at") && strstr(err.text, "start one with `sculler server`"));
    printf("# %s\n", err.text);
}

static void client_uses_the_socket(void)
{
    client_opens_again();
    client_calls();
}

static void serves_our_own_client(void)
{
    char dir[] = "/tmp/http-test-XXXXXX", path[64], listen[80];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    FD_AUTO stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    serve("127.0.0.1:0", 0, 0, client_calls);
    ok(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/socket", dir);
    snprintf(listen, sizeof listen, "unix:%s", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    ok(bind(stale, (struct sockaddr *)&address, sizeof address) == 0); /* nobody listens: it is stale */
    fd_close(&stale);
    serve(listen, 0, 0, client_uses_the_socket);
    ok(access(path, F_OK) != 0);
    rmdir(dir);
}

TEST_MAIN(keeps_a_connection_alive, answers_pipelined_requests_in_order, answers_later, survives_clients_that_leave,
          takes_bodies, spools_large_bodies, answers_as_http_wants, gives_up_on_the_slow, turns_away_past_its_maximum,
          says_who_has_the_port, serves_our_own_client)

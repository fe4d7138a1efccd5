/* Every case is parsed whole and byte by byte, in memory that moves in between; both must say the same. */
#include "http/parse.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/test.h"

enum { BODY_MAX = 1 << 20 };

#define H "Host: a\r\n"

struct outcome {
    enum http_parsed parsed;
    int status;
    size_t used; /* of the input, when it was good */
    bool keep_alive;
    struct buf body;
    char path[256], query[256], last_value[256];
    int headers_count;
};

static bool keep_piece(void *ctx, str piece)
{
    struct buf *body = ctx;

    buf_add(body, piece);
    return true;
}

static void copy_text(char *ret, str text)
{
    snprintf(ret, 256, STR_FMT, STR_ARG(text));
}

static void note_request(const struct http_parser *parser, const char *head, struct outcome *ret)
{
    ARENA_AUTO arena = {0};
    struct http_request request;

    http_parse_request(parser, head, &arena, &request);
    copy_text(ret->path, request.path);
    copy_text(ret->query, request.query);
    ret->headers_count = request.headers_count;
    if (request.headers_count > 0)
        copy_text(ret->last_value, request.headers[request.headers_count - 1].value);
}

/* `step` bytes at a time; each time the head is somewhere else. */
static void parse(str text, size_t step, struct outcome *ret)
{
    struct http_parser parser;
    size_t shown = 0;

    *ret = (struct outcome){0};
    buf_init(&ret->body, BODY_MAX);
    http_parser_init(&parser);
    parser.on_piece = keep_piece;
    parser.ctx = &ret->body;
    while (ret->parsed == HTTP_PARSED_PART && shown < text.len) {
        char *moved;

        shown = shown + step < text.len ? shown + step : text.len;
        moved = malloc(shown);
        memcpy(moved, text.at, shown);
        ret->parsed = http_parse_head(&parser, (str){moved, shown});
        if (ret->parsed == HTTP_PARSED_WHOLE)
            note_request(&parser, moved, ret);
        free(moved);
    }
    if (ret->parsed == HTTP_PARSED_WHOLE) {
        ret->used = parser.head_len;
        ret->keep_alive = parser.keep_alive;
        if (http_parse_has_body(&parser))
            ret->parsed = HTTP_PARSED_PART;
    }
    while (ret->parsed == HTTP_PARSED_PART && ret->used < text.len) {
        size_t len = text.len - ret->used < step ? text.len - ret->used : step;
        str input = {text.at + ret->used, len};

        ret->parsed = http_parse_body(&parser, &input);
        ret->used += len - input.len;
    }
    ret->status = parser.fault_status;
}

static bool same(const struct outcome *a, const struct outcome *b)
{
    return a->parsed == b->parsed && a->status == b->status && (a->used == b->used || a->parsed == HTTP_PARSED_FAULT) &&
           a->keep_alive == b->keep_alive && str_eq(buf_str(&a->body), buf_str(&b->body)) &&
           strcmp(a->path, b->path) == 0 && strcmp(a->query, b->query) == 0 &&
           strcmp(a->last_value, b->last_value) == 0 && a->headers_count == b->headers_count;
}

/* The outcome of the whole, when all ways of cutting agree. */
static struct outcome outcome_of(str text)
{
    static const size_t steps[] = {1, 2, 3, 7};
    struct outcome whole, cut;

    parse(text, text.len, &whole);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        parse(text, steps[i], &cut);
        if (!same(&whole, &cut)) {
            printf("# cut to %zu: %d/%d instead of %d/%d\n", steps[i], cut.parsed, cut.status, whole.parsed,
                   whole.status);
            whole.parsed = -1;
        }
        buf_free(&cut.body);
    }
    return whole;
}

static const struct {
    int status;
    const char *text;
} refused[] = {
    /* Host */
    {400, "GET / HTTP/1.1\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H H "\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "Host: b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {400, "GET http://b/ HTTP/1.1\r\n" H "\r\n"},
    {400, "GET http://u@a/ HTTP/1.1\r\n" H "\r\n"},
    {400, "GET http:/// HTTP/1.1\r\n" H "\r\n"},
    {400, "GET ftp://a/ HTTP/1.1\r\n" H "\r\n"},
    {400, "GET http://a/ HTTP/1.0\r\n\r\n"},
    /* framing */
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\nContent-Length: 1\r\n\r\nx"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "X:\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 05\r\n\r\nhello"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\nhello"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: -5\r\n\r\nhello"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\nhello"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 1 0\r\n\r\nhello"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\nhello"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n"},
    {413, "POST / HTTP/1.1\r\n" H "Content-Length: 9999999999999999999\r\n\r\nhello"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999\r\n\r\nhello"},
    /* version and method */
    {505, "GET / HTTP/2.0\r\n" H "\r\n"},
    {505, "GET / HTTP/3.0\r\n" H "\r\n"},
    {505, "GET / HTTP/1.2\r\n" H "\r\n"},
    {505, "GET / HTTP/0.9\r\n" H "\r\n"},
    {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    {400, "OPTIONS / RTSP/1.0\r\n" H "\r\n"},
    {400, "SOURCE / ICE/1.0\r\n" H "\r\n"},
    {400, "get / HTTP/1.1\r\n" H "\r\n"},
    {501, "PURGE / HTTP/1.1\r\n" H "\r\n"},
    {501, "QUERY / HTTP/1.1\r\n" H "\r\n"},
    {501, "TRACE / HTTP/1.1\r\n" H "\r\n"},
    {501, "CONNECT a:1 HTTP/1.1\r\n" H "\r\n"},
    {400, "\x16\x03\x01\x02"},
    /* target */
    {400, "GET * HTTP/1.1\r\n" H "\r\n"},
    {400, "OPTIONS *a HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /a#b HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /a\\b HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /%00 HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /%0d HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /?%0A HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /%4 HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /%zz HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /% HTTP/1.1\r\n" H "\r\n"},
    {400, "GET  / HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /  HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /\x80 HTTP/1.1\r\n" H "\r\n"},
    /* lines */
    {400, "\r\n\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"},
    {400, "\nGET / HTTP/1.1\r\n" H "\r\n"},
    {400, "\rGET / HTTP/1.1\r\n" H "\r\n"},
    {400, "GET / HTTP/1.1\n" H "\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "A: b\x01\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H ": b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "A b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "\r\rX"},
    {417, "POST / HTTP/1.1\r\n" H "Expect: magic\r\nContent-Length: 1\r\n\r\n"},
    /* chunks */
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5;\r\nhello\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhel\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0000000000000005\r\nhello\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n"},
};

static void refuses_what_can_be_read_in_two_ways(void)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct outcome outcome = outcome_of(str_of(refused[i].text));
        bool good = outcome.parsed == HTTP_PARSED_FAULT && outcome.status == refused[i].status;

        if (!good)
            printf("# case %zu: %d, status %d\n%s\n", i, outcome.parsed, outcome.status, refused[i].text);
        ok(good);
        buf_free(&outcome.body);
    }
}

static void takes_what_is_plain(void)
{
    static const struct {
        const char *text, *path, *query, *body;
        int headers_count;
        bool keep_alive;
    } cases[] = {
        {"GET / HTTP/1.1\r\n" H "\r\n", "/", "", "", 1, true},
        {"\r\n\r\nGET /a?b=c?d HTTP/1.1\r\n" H "\r\n", "/a", "b=c?d", "", 1, true},
        {"GET /a? HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "/a", "", "", 2, false},
        {"GET / HTTP/1.0\r\n\r\n", "/", "", "", 0, false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "/", "", "", 1, true},
        {"OPTIONS * HTTP/1.1\r\n" H "\r\n", "*", "", "", 1, true},
        {"GET http://A:80/x?y HTTP/1.1\r\nHost: a:80\r\n\r\n", "/x", "y", "", 1, true},
        {"GET http://a?y HTTP/1.1\r\n" H "\r\n", "/", "y", "", 1, true},
        {"GET http://a HTTP/1.1\r\n" H "\r\n", "/", "", "", 1, true},
        {"GET /%3A%25 HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "/%3A%25", "", "", 1, true},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", "/", "", "hello", 2, true},
        {"PATCH / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "/", "", "", 2, true},
        {"POST / HTTP/1.1\r\n" H "transfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n", "/",
         "", "hello world", 2, true},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n", "/", "",
         "hello", 2, true},
        {"GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nhi", "/", "", "hi", 4,
         true},
        {"DELETE / HTTP/1.1\r\n" H "A:\r\nB: \t \r\n\r\n", "/", "", "", 3, true},
        {"PUT / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx", "/", "", "x", 3, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        str text = str_of(cases[i].text);
        struct outcome outcome = outcome_of(text);

        printf("# case %zu: %d, status %d\n", i, outcome.parsed, outcome.status);
        ok(outcome.parsed == HTTP_PARSED_WHOLE && outcome.used == text.len);
        ok(strcmp(outcome.path, cases[i].path) == 0 && strcmp(outcome.query, cases[i].query) == 0);
        ok(str_eq(buf_str(&outcome.body), str_of(cases[i].body)));
        ok(outcome.headers_count == cases[i].headers_count && outcome.keep_alive == cases[i].keep_alive);
        buf_free(&outcome.body);
    }
}

static void leaves_what_follows(void)
{
    struct outcome outcome =
        outcome_of(STR("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /next"));

    ok(outcome.parsed == HTTP_PARSED_WHOLE);
    ok(outcome.used == strlen("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"));
    buf_free(&outcome.body);
}

static void trims_values(void)
{
    struct outcome outcome = outcome_of(STR("GET / HTTP/1.1\r\n" H "A:  \t b  c \t\r\n\r\n"));

    ok(strcmp(outcome.last_value, "b  c") == 0);
    buf_free(&outcome.body);
}

/* `before`, `count` times `unit`, `after`: a status, or 0 when it is taken. */
static int status_of(const char *before, const char *unit, size_t count, const char *after)
{
    struct buf text;
    struct outcome outcome;
    int status;

    buf_init(&text, BODY_MAX);
    buf_add(&text, str_of(before));
    for (size_t i = 0; i < count; i++)
        buf_add(&text, str_of(unit));
    buf_add(&text, str_of(after));
    parse(buf_str(&text), text.len, &outcome);
    status = outcome.parsed == HTTP_PARSED_FAULT ? outcome.status : outcome.parsed == HTTP_PARSED_WHOLE ? 0 : -1;
    buf_free(&outcome.body);
    parse(buf_str(&text), 101, &outcome);
    if (status > 0 && outcome.status != status)
        status = -2;
    buf_free(&outcome.body);
    buf_free(&text);
    return status;
}

static void keeps_to_its_limits(void)
{
    const char *end = " HTTP/1.1\r\n" H "\r\n", *chunked = "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n";
    const char *line = "GET / HTTP/1.1\r\n" H;
    char ext[512];

    ok(status_of("GET /", "a", 16000, end) == 0);
    ok(status_of("GET /", "a", 17000, end) == 414);
    ok(status_of("GET /", "a", 500000, "") == 414);
    ok(status_of("GET /", "a", 500000, "\x01") == 414); /* what is past the limit is not looked at */
    ok(status_of(line, "A: b\r\n", HTTP_HEADERS_COUNT_MAX - 1, "\r\n") == 0);
    ok(status_of(line, "A: b\r\n", HTTP_HEADERS_COUNT_MAX, "\r\n") == 431);
    ok(status_of("GET / HTTP/1.1\r\n" H "A: ", "a", 60000, "\r\n\r\n") == 0);
    ok(status_of("GET / HTTP/1.1\r\n" H "A: ", "a", 66000, "\r\n\r\n") == 431);
    ok(status_of("GET / HTTP/1.1\r\n" H, "A", 66000, ": b\r\n\r\n") == 431);
    snprintf(ext, sizeof ext, "%s5;", chunked);
    ok(status_of(ext, "a", 200, "\r\nhello\r\n0\r\n\r\n") == 0);
    ok(status_of(ext, "a", 300, "\r\nhello\r\n0\r\n\r\n") == 400);
    snprintf(ext, sizeof ext, "%s0\r\n", chunked);
    ok(status_of(ext, "A: b\r\n", 1000, "\r\n") == 0);
    ok(status_of(ext, "A: b\r\n", 2000, "\r\n") == 431);
    ok(status_of(chunked, "1\r\nx\r\n", 20000, "0\r\n\r\n") == 0);
}

static bool refuse_piece(void *ctx, str piece)
{
    (void)ctx;
    (void)piece;
    return false;
}

static void stops_when_told(void)
{
    static const char *const heads[] = {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n",
                                        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"};
    static const char *const bodies[] = {"hello", "5\r\nhello\r\n0\r\n\r\n"};

    for (size_t i = 0; i < 2; i++) {
        struct http_parser parser;
        str input = str_of(bodies[i]);

        http_parser_init(&parser);
        parser.on_piece = refuse_piece;
        ok(http_parse_head(&parser, str_of(heads[i])) == HTTP_PARSED_WHOLE);
        ok(http_parse_body(&parser, &input) == HTTP_PARSED_STOPPED);
        ok(http_parse_body(&parser, &input) == HTTP_PARSED_STOPPED);
    }
}

TEST_MAIN(refuses_what_can_be_read_in_two_ways, takes_what_is_plain, leaves_what_follows, trims_values,
          keeps_to_its_limits, stops_when_told)

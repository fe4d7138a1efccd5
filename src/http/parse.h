/*
 * parse: HTTP/1.1 requests, read in one way or not at all.  Bytes in, meaning out; no I/O, no allocation.
 *
 * A message has a head and perhaps a body, and each is asked for by its own call:
 *
 *     http_parse_head()   is shown the message from its first byte, again and again as more arrives (the bytes
 *                         may have moved in between), until it says WHOLE; `head_len` bytes were the head
 *     http_parse_body()   takes from the front of what it is given; pieces of the body go to on_piece
 *
 * The verdict never depends on how the bytes were cut.  After a fault the connection must be closed: where the
 * next message begins is then anybody's guess.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <llhttp.h>

#include "base/attr.h"
#include "base/limits.h"
#include "http/server.h"

enum http_parsed {
    HTTP_PARSED_PART, /* all of it was good, more is needed */
    HTTP_PARSED_WHOLE,
    HTTP_PARSED_STOPPED, /* on_piece said false */
    HTTP_PARSED_FAULT,   /* fault_status and fault_text say what to answer */
};

struct http_span {
    uint32_t at, len; /* within the head */
};

struct http_parser {
    /* What the head said; good once it is WHOLE. */
    size_t head_len;
    bool http_1_0, keep_alive, expects_continue, chunked;
    uint64_t content_length; /* 0 when chunked */

    int fault_status;
    const char *fault_text;

    /* Body pieces; set before http_parse_body().  False stops the parser for good. */
    bool (*on_piece)(void *ctx, str piece);
    void *ctx;

    /* parse.c only */
    int phase;
    llhttp_t llhttp;
    const char *base; /* the head, during a call */
    size_t seen, start, line_end;
    uint64_t body_left;
    uint32_t line_len, digits_count; /* of a chunk's size line, or of the trailers */
    struct http_span method, target, protocol, version;
    int headers_count;
    struct {
        struct http_span name, value;
    } headers[HTTP_HEADERS_COUNT_MAX];
};

void http_parser_init(struct http_parser *parser); /* before every message */
MUST_USE enum http_parsed http_parse_head(struct http_parser *parser, str bytes);
/* Views into `head`, the same bytes that http_parse_head() last saw; the array of headers is the arena's. */
void http_parse_request(const struct http_parser *parser, const char *head, struct arena *arena,
                        struct http_request *ret);
MUST_USE enum http_parsed http_parse_body(struct http_parser *parser, str *input);

static inline bool http_parse_has_body(const struct http_parser *parser)
{
    return parser->chunked || parser->content_length > 0;
}

/* A request, whole and cut to pieces (the first byte says how long): what is understood must be the same. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "http/parse.h"

enum { BODY_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum http_parsed parsed;
    int status, headers_count;
    size_t used;
    str path;
    struct buf body;
};

static bool keep_piece(void *ctx, str piece)
{
    buf_add(ctx, piece);
    return true;
}

static void parse(str text, size_t step, struct outcome *ret)
{
    struct http_parser parser;
    ARENA_AUTO arena = {0};
    struct http_request request;
    size_t shown = 0;

    *ret = (struct outcome){0};
    buf_init(&ret->body, BODY_MAX);
    http_parser_init(&parser);
    parser.on_piece = keep_piece;
    parser.ctx = &ret->body;
    while (ret->parsed == HTTP_PARSED_PART && shown < text.len) {
        shown = text.len - shown > step ? shown + step : text.len;
        ret->parsed = http_parse_head(&parser, (str){text.at, shown});
    }
    if (ret->parsed == HTTP_PARSED_WHOLE) {
        http_parse_request(&parser, text.at, &arena, &request);
        ret->path = request.path;
        ret->headers_count = request.headers_count;
        ret->used = parser.head_len;
        if (http_parse_has_body(&parser))
            ret->parsed = HTTP_PARSED_PART;
    }
    while (ret->parsed == HTTP_PARSED_PART && ret->used > 0 && ret->used < text.len) {
        size_t len = text.len - ret->used < step ? text.len - ret->used : step;
        str input = {text.at + ret->used, len};

        ret->parsed = http_parse_body(&parser, &input);
        ret->used += len - input.len;
    }
    ret->status = parser.fault_status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, cut;
    str text;

    if (size < 2)
        return 0;
    text = (str){(const char *)data + 1, size - 1};
    parse(text, text.len, &whole);
    parse(text, (size_t)data[0] % 32 + 1, &cut);
    if (whole.parsed != cut.parsed || whole.status != cut.status)
        abort();
    if (whole.parsed != HTTP_PARSED_FAULT &&
        (whole.used != cut.used || whole.headers_count != cut.headers_count || !str_eq(whole.path, cut.path) ||
         !str_eq(buf_str(&whole.body), buf_str(&cut.body))))
        abort();
    buf_free(&whole.body);
    buf_free(&cut.body);
    return 0;
}

/*
 * zip_spool: takes the package out of a control request while the request arrives.
 *
 * CreateFunction and UpdateFunctionCode carry a zip of up to gigabytes as base64 in their JSON.  Fed with the body
 * piece by piece, this passes the JSON on, except the text of any member named "ZipFile" at depth <= 2 (an environment
 * variable, at depth 3, may bear the name): that is decoded and handed to `on_bytes`, and the copy gets "" in its
 * place.  Memory: the copy (its buf has a maximum) and 8 KB.
 *
 * It follows strings and brackets only; whether the copy is good JSON is for its parser to say.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/base64.h"

enum { ZIP_SPOOL_DEPTH_MAX = 2 };

struct zip_spool {
    struct buf *out;
    bool (*on_bytes)(void *ctx, str bytes); /* false: cannot take them; the feed fails with ERR_SYSTEM */
    void *ctx;

    uint64_t bytes_decoded;
    int zips_count;

    int state;       /* enum in zip_spool.c */
    uint64_t offset; /* bytes of the body taken: where an error is */
    int64_t depth;
    uint32_t key_len; /* how much of "ZipFile" the string under way equals; past it: something else */
    bool key_now;     /* the last string was "ZipFile" */
    uint32_t code;    /* of a \u escape under way */
    int code_digits;
    struct base64_decoder decoder;
};

void zip_spool_init(struct zip_spool *spool, struct buf *out, bool (*on_bytes)(void *ctx, str bytes), void *ctx);
MUST_USE bool zip_spool_feed(struct zip_spool *spool, str piece, struct err *err);
MUST_USE bool zip_spool_end(struct zip_spool *spool, struct err *err); /* the body is over: was it over inside a zip? */

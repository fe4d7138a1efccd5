/*
 * body: the bytes of a request's body, kept as they arrive: in memory up to HTTP_BODY_MEMORY_MAX, past that in a file
 * that has no name, which is mapped at the end.  Hashed on the way when asked.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "codec/hash.h"

struct http_body {
    size_t len;
    bool hashed; /* set before the first piece */
    /* body.c only */
    struct buf memory;
    int fd; /* the file, or -1 */
    void *map;
    struct sha256 hash;
};

void http_body_init(struct http_body *body);
/* One more piece.  With `expected_len` past the memory's maximum the file is made at once. */
MUST_USE bool http_body_add(struct http_body *body, str piece, uint64_t expected_len, const char *spool_dir,
                            struct err *err);
/* A piece that goes elsewhere (a sink): only counted and hashed. */
void http_body_pass(struct http_body *body, str piece);
MUST_USE bool http_body_end(struct http_body *body, str *ret, struct err *err);
void http_body_hash(struct http_body *body, unsigned char ret[SHA256_BYTES]); /* when hashed; once, at the end */
void http_body_done(struct http_body *body); /* memory, file and mapping; ready for the next one */

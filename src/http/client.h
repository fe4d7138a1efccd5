/*
 * client: one HTTP request, and its answer; for the CLI.  Over libcurl; blocking; TCP, TLS or a Unix socket.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "http/sigv4.h"

struct http_call {
    const char *endpoint; /* "http://127.0.0.1:4566", or "unix:/path" */
    const char *ca;       /* https: file of certificates to trust instead of the system's; NULL: those */
    const char *method;
    str path, query; /* as they go on the wire */
    const struct http_header *headers;
    int headers_count;
    str body;
    const struct sigv4_credentials *credentials; /* NULL: unsigned */
    int timeout_ms;                              /* 0: none */
    /* When set, pieces of the answer go here as they come (following a log); false stops the call. */
    bool (*on_piece)(void *ctx, str piece);
    void *ctx;
};

struct http_result {
    int status;
    struct http_header *headers;
    int headers_count;
    str body;
};

/* Everything in ret lives in the arena.  ERR_SYSTEM: no connection; the text says what to do. */
MUST_USE bool http_call(const struct http_call *call, struct arena *arena, struct http_result *ret, struct err *err);
str http_result_header(const struct http_result *result, str name);

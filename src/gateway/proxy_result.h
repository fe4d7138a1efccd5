/*
 * proxy_result: what a function behind a Lambda proxy integration returned, taken apart (API Gateway developer guide,
 * integrations).
 *
 * Only `isBase64Encoded statusCode headers multiValueHeaders body` are allowed, each of its type; anything else is a
 * malformed result, which the client sees as a 502.  Pure.  Fuzzed by test/fuzz/fuzz_gateway_result.c.
 */
#pragma once

#include "apis/apis.h"
#include "base/err.h"

struct proxy_result {
    int status;
    struct api_pair *headers; /* multiValueHeaders first, then headers; a name keeps its first spelling */
    int headers_count;
    str body;
    bool base64; /* the body is base64 of bytes */
};

/* Everything in ret is in the arena. */
MUST_USE bool proxy_result_parse(str json, struct arena *arena, struct proxy_result *ret, struct err *err);

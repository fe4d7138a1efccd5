#include "base/test.h"

#include "gateway/proxy_result.h"

static bool parses(const char *json, struct arena *arena, struct proxy_result *ret)
{
    struct err err = {0};

    return proxy_result_parse(str_of(json), arena, ret, &err);
}

static void refuses_what_is_malformed(void)
{
    static const char *const cases[] = {
        "",
        "null",
        "\"text\"",
        "[]",
        "5",
        "{",
        "{}x",
        "{\"statusCode\":200,\"extra\":1}",
        "{\"statusCode\":\"2x0\"}",
        "{\"statusCode\":200.5}",
        "{\"statusCode\":[200]}",
        "{\"statusCode\":99}",
        "{\"statusCode\":600}",
        "{\"statusCode\":true}",
        "{\"statusCode\":\"\"}",
        "{\"body\":{}}",
        "{\"body\":5}",
        "{\"body\":[]}",
        "{\"body\":true}",
        "{\"headers\":[]}",
        "{\"headers\":\"a\"}",
        "{\"headers\":{\"a\":5}}",
        "{\"headers\":{\"a\":null}}",
        "{\"headers\":{\"a\":[]}}",
        "{\"headers\":{\"a\":{}}}",
        "{\"multiValueHeaders\":{\"a\":\"b\"}}",
        "{\"multiValueHeaders\":{\"a\":[5]}}",
        "{\"multiValueHeaders\":[]}",
        "{\"isBase64Encoded\":\"true\"}",
        "{\"isBase64Encoded\":1}",
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = {0};
        struct proxy_result result;

        printf("# %s\n", cases[i]);
        ok(!parses(cases[i], &arena, &result));
    }
}

static void has_defaults(void)
{
    ARENA_AUTO arena = {0};
    struct proxy_result result;

    ok(parses("{}", &arena, &result));
    ok(result.status == 200 && result.body.len == 0 && result.headers_count == 0 && !result.base64);
    ok(parses(
        "{\"statusCode\":null,\"body\":null,\"headers\":null,\"multiValueHeaders\":null,\"isBase64Encoded\":null}",
        &arena, &result));
    ok(result.status == 200 && result.body.len == 0 && result.headers_count == 0 && !result.base64);
}

static void takes_what_is_allowed(void)
{
    ARENA_AUTO arena = {0};
    struct proxy_result result;

    ok(parses(" {\"statusCode\":\"404\",\"body\":\"a\\u0000b\",\"isBase64Encoded\":true} ", &arena, &result));
    ok(result.status == 404 && result.base64);
    ok(result.body.len == 3 && memcmp(result.body.at, "a\0b", 3) == 0);
    ok(parses("{\"statusCode\":1,\"statusCode\":201}", &arena, &result) && result.status == 201);
}

static void is_header(const struct proxy_result *result, int i, const char *name, const char *value)
{
    ok(i < result->headers_count);
    ok(str_eq(result->headers[i].name, str_of(name)));
    ok(str_eq(result->headers[i].value, str_of(value)));
}

static void merges_headers_multi_first(void)
{
    ARENA_AUTO arena = {0};
    struct proxy_result result;

    ok(parses("{\"headers\":{\"test-multi\":\"value-solo\",\"X-Yes\":true,\"x-dup\":\"1\"},"
              "\"multiValueHeaders\":{\"tesT-Multi\":[\"value-multi\",\"second\"],\"X-Dup\":[\"1\"],\"x-no\":[false]}}",
              &arena, &result));
    ok(result.headers_count == 6);
    is_header(&result, 0, "tesT-Multi", "value-multi");
    is_header(&result, 1, "tesT-Multi", "second");
    is_header(&result, 2, "X-Dup", "1");
    is_header(&result, 3, "x-no", "false");
    is_header(&result, 4, "tesT-Multi", "value-solo");
    is_header(&result, 5, "X-Yes", "true");
}

TEST_MAIN(refuses_what_is_malformed, has_defaults, takes_what_is_allowed, merges_headers_multi_first)

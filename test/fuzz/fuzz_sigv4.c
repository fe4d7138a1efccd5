/* Any request that the parser lets through is read and verified; what is signed by us must verify. */
#include <stdint.h>
#include <stdlib.h>

#include "http/parse.h"
#include "http/sigv4.h"

enum { ADDED_MAX = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char no_hash[32] = {
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55}; /* of nothing */

static void sign_and_verify(const struct http_request *request, struct arena *arena)
{
    const struct sigv4_credentials credentials = {STR("AKID"), STR("secret"), STR(""), STR("eu-west-1"), STR("lambda")};
    struct http_header all[ADDED_MAX] = {{STR("host"), request->host}};
    struct http_request again = {.method = request->method, .path = request->path, .query = request->query,
                                 .headers = all};
    struct sigv4 sig;
    struct err err;
    int added;

    if (!sigv4_sign(arena_cstr(arena, request->method), request->path, request->query, request->host, NULL, 0, STR(""),
                    &credentials, arena, all + 1, &added, &err))
        return;
    again.headers_count = 1 + added;
    if (sigv4_read(&again, &sig, &err) != SIGV4_OK ||
        sigv4_verify(&again, &sig, credentials.secret, no_hash, &err) != SIGV4_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_parser parser;
    ARENA_AUTO arena = {0};
    struct http_request request;
    struct sigv4 sig;
    struct err err;

    http_parser_init(&parser);
    if (http_parse_head(&parser, (str){(const char *)data, size}) != HTTP_PARSED_WHOLE)
        return 0;
    http_parse_request(&parser, (const char *)data, &arena, &request);
    if (sigv4_read(&request, &sig, &err) == SIGV4_OK)
        (void)sigv4_verify(&request, &sig, STR("secret"), no_hash, &err);
    sign_and_verify(&request, &arena);
    return 0;
}

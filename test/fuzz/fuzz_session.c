/* Any token is refused unless its seal is ours; any payload is parsed, or not, and what was issued for it opens. */
#include <stdint.h>
#include <stdlib.h>

#include "aws/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str input = {(const char *)data, size}, secret;
    struct session_credentials issued;
    struct session session, again;
    struct session_key key;
    ARENA_AUTO arena = {0};

    session_key_derive(STR("fuzz"), &key);
    if (session_check(&key, STR("ASIAAAAAAAAAAAAAAAAA"), input, 0, &arena, &session, &secret) != SESSION_INVALID)
        abort();
    if (size > SESSION_TOKEN_BYTES_MAX / 2 || !session_parse(input, &session))
        return 0;
    session_issue(&key, &session, &arena, &issued);
    if (session_check(&key, issued.access_key, issued.token, session.expires_s - 1, &arena, &again, &secret) !=
            SESSION_OK ||
        !str_eq(again.function, session.function) || !str_eq(secret, issued.secret))
        abort();
    return 0;
}

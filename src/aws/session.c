/* session: see session.h. */
#include "aws/session.h"

#include "base/buf.h"
#include "codec/base64.h"
#include "codec/hash.h"

#include <string.h>

enum { ACCESS_KEY_LETTERS = 16, SECRET_LETTERS = 40, LINES = 5 };

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; /* 32: a byte is one without bias */

void session_key_derive(str secret, struct session_key *ret)
{
    hmac_sha256(secret, STR("sculler: key of the sessions of functions, 1"), ret->bytes);
}

static void mac(const struct session_key *key, str purpose, str payload, unsigned char ret[SHA256_BYTES])
{
    BUF_AUTO text = {0};

    buf_init(&text, SESSION_TOKEN_BYTES_MAX);
    buf_add(&text, purpose);
    buf_add_char(&text, '\0');
    buf_add(&text, payload);
    hmac_sha256((str){(const char *)key->bytes, sizeof key->bytes}, buf_str(&text), ret);
}

static str access_key_of(const struct session_key *key, str payload, struct arena *arena)
{
    unsigned char bytes[SHA256_BYTES];
    char text[ACCESS_KEY_LETTERS];

    mac(key, STR("access key"), payload, bytes);
    for (int i = 0; i < ACCESS_KEY_LETTERS; i++)
        text[i] = letters[bytes[i] % (sizeof letters - 1)];
    return arena_printf(arena, "ASIA%.*s", ACCESS_KEY_LETTERS, text);
}

static str in_base64(str bytes, struct arena *arena)
{
    BUF_AUTO text = {0};

    buf_init(&text, SESSION_TOKEN_BYTES_MAX * 2);
    base64_encode(&text, bytes);
    return arena_copy(arena, buf_str(&text));
}

static str secret_of(const struct session_key *key, str payload, struct arena *arena)
{
    unsigned char bytes[SHA256_BYTES];
    str text;

    mac(key, STR("secret"), payload, bytes);
    text = in_base64((str){(const char *)bytes, sizeof bytes}, arena);
    text.len = text.len > SECRET_LETTERS ? SECRET_LETTERS : text.len;
    return text;
}

void session_issue(const struct session_key *key, const struct session *session, struct arena *arena,
                   struct session_credentials *ret)
{
    unsigned char seal[SHA256_BYTES];
    str payload = arena_printf(arena, STR_FMT "\n" STR_FMT "\n" STR_FMT "\n%lld\n%lld\n", STR_ARG(session->function),
                               STR_ARG(session->account), STR_ARG(session->role), (long long)session->issued_s,
                               (long long)session->expires_s);
    BUF_AUTO token = {0};

    mac(key, STR("token"), payload, seal);
    buf_init(&token, SESSION_TOKEN_BYTES_MAX);
    buf_add(&token, payload);
    buf_add(&token, (str){(const char *)seal, sizeof seal});
    *ret = (struct session_credentials){access_key_of(key, payload, arena), secret_of(key, payload, arena),
                                        in_base64(buf_str(&token), arena)};
}

bool session_parse(str payload, struct session *ret)
{
    str line[LINES];
    long long issued, expires;

    if (payload.len && memchr(payload.at, '\0', payload.len)) /* nobody's name has one, and words would end at it */
        return false;
    for (int i = 0; i < LINES; i++)
        if (!str_cut(payload, '\n', &line[i], &payload))
            return false;
    if (payload.len || !line[0].len || !line[1].len || !str_to_int(line[3], 0, INT64_MAX, &issued) ||
        !str_to_int(line[4], 0, INT64_MAX, &expires))
        return false;
    *ret = (struct session){line[0], line[1], line[2], issued, expires};
    return true;
}

/* The seal is looked at before anything of what it seals. */
enum session_fault session_check(const struct session_key *key, str access_key, str token, int64_t now_s,
                                 struct arena *arena, struct session *ret, str *ret_secret)
{
    unsigned char seal[SHA256_BYTES];
    BUF_AUTO bytes = {0};
    str payload;

    buf_init(&bytes, SESSION_TOKEN_BYTES_MAX);
    if (token.len > SESSION_TOKEN_BYTES_MAX || !base64_decode(token, &bytes) || bytes.len <= SHA256_BYTES)
        return SESSION_INVALID;
    payload = arena_copy(arena, (str){buf_str(&bytes).at, bytes.len - SHA256_BYTES});
    mac(key, STR("token"), payload, seal);
    if (!equal_in_constant_time(str_from(buf_str(&bytes), payload.len), (str){(const char *)seal, sizeof seal}) ||
        !session_parse(payload, ret) || !equal_in_constant_time(access_key, access_key_of(key, payload, arena)))
        return SESSION_INVALID;
    *ret_secret = secret_of(key, payload, arena);
    return now_s < ret->expires_s ? SESSION_OK : SESSION_EXPIRED;
}

/* The last part of its ARN: a path before the name is not told. */
static str role_name(str role)
{
    for (size_t i = role.len; i > 0; i--)
        if (role.at[i - 1] == '/' || role.at[i - 1] == ':')
            return str_from(role, i);
    return role;
}

str session_arn(const struct session *session, struct arena *arena)
{
    str role = role_name(session->role);

    return arena_printf(arena, "arn:aws:sts::" STR_FMT ":assumed-role/" STR_FMT "/" STR_FMT, STR_ARG(session->account),
                        STR_ARG(role.len ? role : STR("none")), STR_ARG(session->function));
}

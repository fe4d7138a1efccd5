/*
 * session: the short-lived keys with which a function's code calls this server, as its role does on AWS.
 *
 * Nothing of a session is stored.  All that is to be known about one stands in its token, under a MAC; its access key
 * and its secret are derived from the same bytes.  The key of all that is derived from the secret of the server's own
 * key pair: no file more to keep, sessions outlive a restart, and whoever changes the pair ends every session at once.
 *
 *     token       base64 of: payload, HMAC(key, "token" payload)
 *     payload     five lines: function, account, role (an ARN), issued, expires (seconds)
 *     access key  ASIA and 16 letters of HMAC(key, "access key" payload)
 *     secret      40 letters of HMAC(key, "secret" payload)
 *
 * Pure but for the memory.  Fuzzed by test/fuzz/fuzz_session.c.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/str.h"

enum { SESSION_TOKEN_BYTES_MAX = 2048 };

struct session_key {
    unsigned char bytes[32];
};

struct session {
    str function, account, role; /* role: an ARN, or empty */
    int64_t issued_s, expires_s;
};

struct session_credentials {
    str access_key, secret, token;
};

enum session_fault { SESSION_OK, SESSION_INVALID, SESSION_EXPIRED };

void session_key_derive(str secret, struct session_key *ret);
void session_issue(const struct session_key *key, const struct session *session, struct arena *arena,
                   struct session_credentials *ret);

/* Is this token, which came with this access key, of ours and still good?  ret_secret: what its requests are signed
 * with.  Everything is in the arena. */
enum session_fault session_check(const struct session_key *key, str access_key, str token, int64_t now_s,
                                 struct arena *arena, struct session *ret, str *ret_secret);

/* Who that is: arn:aws:sts::ACCOUNT:assumed-role/ROLE/FUNCTION, as AWS names the role of a function at work. */
str session_arn(const struct session *session, struct arena *arena);

MUST_USE bool session_parse(str payload, struct session *ret); /* of bytes whose MAC is right; for the fuzzer */

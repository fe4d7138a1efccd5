/*
 * credentials: the key pair that may call this server, the token that opens its dashboard, and the file it lives in
 * (<state>/credentials, 0600).
 *
 * Made by the first start; read by `sculler env` and by the CLI, which need no more than this file to call.
 */
#pragma once

#include "base/err.h"

struct credentials {
    char access_key[24]; /* AKIA and 16 more */
    char secret[48];     /* 40 characters */
    char token[48];      /* of the dashboard: 43 characters */
};

/* Reads the file, or makes it.  ERR_SYSTEM, ERR_INVALID (a file that was changed by hand into something else). */
MUST_USE bool credentials_load(const char *state_dir, struct credentials *ret, struct err *err);
/* ca: the certificate that clients must be told to trust, or "".
 * Writes the file anew with the address and names that clients need; at each start, since the port may differ. */
MUST_USE bool credentials_save(const char *state_dir, const struct credentials *credentials, const char *endpoint,
                               const char *region, const char *account, const char *ca, struct err *err);

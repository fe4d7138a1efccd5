/*
 * hash: SHA-256, HMAC-SHA-256 (OpenSSL) and CRC-32C; what packages, signatures and journals are checked by.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum { SHA256_BYTES = 32, SHA256_HEX_CHARS = 65 /* with NUL */ };

struct sha256 { /* an incremental hash; done() may be called instead of end(), on a zeroed one too */
    void *state;
};

void sha256(str bytes, unsigned char ret[SHA256_BYTES]);
void sha256_hex(str bytes, char ret[SHA256_HEX_CHARS]);

void sha256_start(struct sha256 *hash);
void sha256_add(struct sha256 *hash, str bytes);
void sha256_end(struct sha256 *hash, unsigned char ret[SHA256_BYTES]);
void sha256_done(struct sha256 *hash);

/* Signatures are checked on every request: two hashes on a prepared context, no provider look-ups. */
void hmac_sha256(str key, str bytes, unsigned char ret[SHA256_BYTES]);

/* Takes the same time wherever they differ (their lengths may show). */
bool equal_in_constant_time(str a, str b);

/* Castagnoli's; start with 0, go on with the last result. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

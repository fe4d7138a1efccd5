/*
 * siphash: SipHash-2-4, a keyed hash of 64 bits for short inputs (Aumasson and Bernstein, "SipHash: a fast short-input
 * PRF", 2012).  Without the key its values cannot be told from random; at 64 bits it is no signature of documents.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY_BYTES = 16 };

uint64_t siphash(const unsigned char key[SIPHASH_KEY_BYTES], const void *bytes, size_t len);

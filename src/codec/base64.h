/*
 * base64: RFC 4648 section 4, with padding; strict: no line breaks, no other alphabet, no stray bits.
 *
 * The decoder is fed in pieces, so that a package of gigabytes inside a JSON body needs no memory of its size.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

void base64_encode(struct buf *out, str bytes);
MUST_USE bool base64_decode(str text, struct buf *out); /* on failure `out` holds what came before the fault */

struct base64_decoder { /* starts zeroed */
    uint32_t bits;
    unsigned digits;  /* of the group of four that is under way */
    unsigned padding; /* '='s seen: the text must end after them */
    uint64_t offset;  /* characters taken; at a fault, where it is */
};

/* Room that base64_feed() may need for the bytes of `len` characters. */
static inline size_t base64_bytes_max(size_t len)
{
    return len / 4 * 3 + 3;
}

/* Writes the bytes that `text` completes to `ret` (base64_bytes_max(text.len)) and counts them in `ret_len`. */
MUST_USE bool base64_feed(struct base64_decoder *decoder, str text, char *ret, size_t *ret_len);
MUST_USE bool base64_end(const struct base64_decoder *decoder); /* is the text whole? */

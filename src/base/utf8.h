/* utf8: where text stops being UTF-8 (RFC 3629: no surrogates, nothing past U+10FFFF, no overlong forms). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Bytes of the well-formed character at the front of `s`, 0 when there is none. */
size_t utf8_char_len(str s);

/* Is all of it well-formed?  Plain ASCII goes eight bytes at a step. */
bool utf8_is(str s);

/* Writes 1-4 bytes; returns how many.  `code` must be a character (no surrogate, <= 0x10FFFF). */
size_t utf8_encode(uint32_t code, char ret[4]);

/* hex: bytes as lower-case hexadecimal digits, and back. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

void hex_encode(const void *bytes, size_t len, char *ret); /* 2 * len digits and a NUL */
MUST_USE bool hex_decode(str text, void *ret, size_t len); /* exactly 2 * len digits of either case */

int hex_digit(char c); /* 0-15, or -1 */

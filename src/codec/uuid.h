/*
 * uuid: identifiers as text (RFC 9562), 36 lower-case characters.
 *
 * A sealed one is a version 7 like any other, sorted by its time; but its 74 free bits say which number it stands for,
 * and that we made it: a row is found by its id without an index of ids.
 *
 *     unix_ts_ms 48 | 0111 | number's high 12 | 10 | number's low 28 | check 34
 *
 * The check is SipHash-2-4 of time and number under our key.  It keeps made-up and mistyped ids from leading anywhere
 * (one in 2^34 does); it is no permission to see the row.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "codec/siphash.h"

enum { UUID_CHARS = 37 }; /* with NUL */

#define UUID_NUMBER_MAX ((UINT64_C(1) << 40) - 1) /* of a sealed one */

void uuid_v4(char ret[UUID_CHARS]); /* random: revision ids */
void uuid_v7(int64_t now_ms,
             char ret[UUID_CHARS]); /* sorts by time: request ids, keys of rows; an index of them grows at its end */
void uuid_v7_sealed(int64_t ms, uint64_t number, const unsigned char key[SIPHASH_KEY_BYTES], char ret[UUID_CHARS]);

bool uuid_is(str text);                                /* 8-4-4-4-12 hexadecimal digits of any version */
MUST_USE bool uuid_v7_time(str text, int64_t *ret_ms); /* of any version 7, by whomever */
/* False: it is not one that was sealed with this key. */
MUST_USE bool uuid_v7_open(str text, const unsigned char key[SIPHASH_KEY_BYTES], int64_t *ret_ms, uint64_t *ret_number);

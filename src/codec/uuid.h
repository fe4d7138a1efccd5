/* uuid: fresh identifiers as text (RFC 9562), 36 lower-case characters. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { UUID_CHARS = 37 }; /* with NUL */

void uuid_v4(char ret[UUID_CHARS]); /* random: revision ids */
void uuid_v7(int64_t now_ms,
             char ret[UUID_CHARS]); /* sorts by time: request ids, keys of rows; an index of them grows at its end */
bool uuid_is(str text);             /* 8-4-4-4-12 hexadecimal digits of any version */

/*
 * difference: where an answer is not what was expected, for a reader.  Compared as values: 1 and 1.0 are one number,
 * the order of an object's members means nothing.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* False: they are equal.  Else what differs is added to `out`: "at `class`: expected 1, got 0; `proba` unexpected". */
bool difference_tell(const json_t *expected, const json_t *got, struct buf *out);

/*
 * lax_object: the integer `statusCode` of a MOCK integration's request, as AWS's forgiving parser finds it: keys with
 * double, single or no quotes, commas at the end.  Pure.
 */
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/str.h"

/* False: no object, no statusCode, or one that is no integer. */
MUST_USE bool lax_status_code(str text, int *ret);

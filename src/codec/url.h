/*
 * url: percent-encoding (RFC 3986) and the walk through a query.  What is unreserved (letters, digits, "-._~") stays,
 * all else becomes %XX in upper case, as SigV4 wants it.
 */
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

void url_encode(struct buf *out, str text);
void url_encode_path(struct buf *out, str text); /* the same, but '/' stays */

enum url_plus { URL_PLUS_IS_PLUS, URL_PLUS_IS_SPACE /* in the query of an HTML form */ };

/* False when a '%' is not followed by two hexadecimal digits; `out` then holds what came before it. */
MUST_USE bool url_decode(struct buf *out, str text, enum url_plus plus);

/* Takes the next "name=value" off `rest`, both still encoded; false at the end.  "a" has the value "", and "&&" is
 * nothing. */
bool url_next_param(str *rest, str *ret_name, str *ret_value);

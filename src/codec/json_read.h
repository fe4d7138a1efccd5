/*
 * json_read: JSON in.  A tree where shapes are checked (jansson, small documents), and json_valid() for the hot path,
 * where a payload is only checked and passed on: no tree, no allocation.
 *
 * `json_auto_t *root = NULL;` is jansson's own: it releases the tree at the end of the scope.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/json_lex.h"

/* One value of any kind, no duplicate keys, nothing behind it, depth <= 2,048 (jansson's own limit).  The error
 * says line and column. */
MUST_USE bool json_parse(str text, json_t **ret, struct err *err);

/* A borrowed view of a JSON string, empty when `value` is NULL or no string. */
str json_text(const json_t *value);

/* One line without spaces, members in their order, reals in their shortest form. */
str json_compact(const json_t *value, struct arena *arena);

/* Is it one JSON value (RFC 8259, UTF-8, depth <= JSON_DEPTH_MAX)?  If not, `ret_offset` (may be NULL) is where the
 * first fault is; text.len when the text ends too soon. */
bool json_valid(str text, size_t *ret_offset);

/* What Invoke answers to a text that json_valid() refused, in AWS's words (AWS Lambda API reference, Invoke). */
void json_fault_text(str text, struct buf *out);

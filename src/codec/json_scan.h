/*
 * json_scan: a pull reader over JSON text; no tree, no allocation.  jr is to reading what jw (json_write.h) is to
 * writing: who reads walks along the text, takes what he knows and passes over the rest.
 *
 *     struct jr r;
 *     jr_init(&r, text, &room);
 *     jr_object(&r);
 *     while (jr_member(&r, &key)) {
 *         if (str_eq(key, STR("score")))
 *             jr_double(&r, &score);
 *     }                                    // a value that nobody read is passed over
 *     if (!jr_end(&r, err))
 *         return false;
 *
 * A fault stays: from then on all calls return false, what they would have given is untouched, loops end, and jr_end()
 * says what it was and where.  What is passed over is checked as well, so a text that ends well was JSON (RFC 8259,
 * UTF-8, depth <= JSON_DEPTH_MAX).  A value of another kind than was asked for is a fault too; ask jr_kind() first
 * where several will do.  A loop that is left early is closed by jr_leave().
 *
 * Texts are views of the text where it has no escapes.  One with escapes is decoded into `room`, where it stays until
 * the caller clears that: at the first of them, room is made for all that the text could hold, so the views do not
 * move.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/json_lex.h"

enum json_kind {
    JSON_KIND_NONE, /* no value is due here, or what stands here is none */
    JSON_KIND_OBJECT,
    JSON_KIND_ARRAY,
    JSON_KIND_TEXT,
    JSON_KIND_NUMBER,
    JSON_KIND_BOOL,
    JSON_KIND_NULL,
};

struct jr {
    struct json_cursor c;
    struct buf *room;
    bool due;             /* the cursor is at a value */
    bool first;           /* a container was just entered: no comma yet */
    const char *expected; /* what a value that is JSON should have been */
    str key;              /* of the value that is due */
    int depth;
    uint64_t objects[JSON_DEPTH_MAX / 64]; /* bit d - 1: the container at depth d is an object */
};

void jr_init(struct jr *r, str text, struct buf *room);
bool jr_ok(const struct jr *r); /* no fault so far */
/* All that is left of the text is looked at, too. */
MUST_USE bool jr_end(struct jr *r, struct err *err);

enum json_kind jr_kind(const struct jr *r); /* by its first byte */
bool jr_object(struct jr *r);
bool jr_member(struct jr *r, str *ret_key); /* false: it was the last, and the object is closed; or a fault */
bool jr_array(struct jr *r);
bool jr_element(struct jr *r);
void jr_leave(struct jr *r); /* pass over the rest of this container */

bool jr_skip(struct jr *r);
bool jr_raw(struct jr *r, str *ret); /* the value as it is written */
bool jr_double(struct jr *r, double *ret);
bool jr_int(struct jr *r, int64_t *ret); /* 2.0 and 2e0 are whole, too */
bool jr_text(struct jr *r, str *ret);
bool jr_bool(struct jr *r, bool *ret);
bool jr_null(struct jr *r);

const char *json_kind_text(enum json_kind kind); /* "a number" */

/*
 * The rows of a posted body, whichever form it has: an array, lines of JSON (NDJSON, JSON Lines), or one value that
 * may stand on several lines.  A broken line does not end the others: rows of lines are given unread, and jr_end()
 * refuses one.  The rows of an array end at its first fault.
 */
struct json_rows {
    struct jr array;
    str rest;
    enum { ROWS_LINES, ROWS_ARRAY, ROWS_ONE } form;
    int64_t number; /* of the row just given, from 1; empty lines do not count */
};

void json_rows_init(struct json_rows *rows, str body);
bool json_rows_next(struct json_rows *rows, str *ret_row);
MUST_USE bool json_rows_end(struct json_rows *rows, struct err *err); /* false: an array broke, after row `number` */

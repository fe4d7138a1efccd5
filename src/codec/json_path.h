/*
 * json_path: where in a JSON text the values stand that monitoring takes, as a user writes it.
 *
 *     $   $.budgets[*]   $.rows[*].x.y   $[0]   $['odd key']     from the root
 *     score   a.b   ['odd key'].c                                the same without $, for what is taken from a row
 *
 * A part of JSONPath (RFC 9535): names, indices from 0, and * for all members or elements; no filters, slices or ...
 * A name may hold letters, digits, _, - and what is past ASCII; any other name goes in brackets and quotes.  A path is
 * made once and is plain data without pointers, so it may be copied.  Several are followed in one pass over a text.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum { JSON_PATH_STEPS_MAX = 12, JSON_PATH_BYTES_MAX = 256, JSON_PATHS_MAX = 64 };

struct json_path {
    unsigned char count;
    struct {
        unsigned char kind;
        unsigned char len;   /* of a name */
        unsigned short from; /* its place in `names` */
        int index;
    } steps[JSON_PATH_STEPS_MAX];
    char names[JSON_PATH_BYTES_MAX];
};

MUST_USE bool json_path_parse(str text, struct json_path *ret, struct err *err);
bool json_path_is_many(const struct json_path *path); /* has a *, so it may match more than once */

/* A value that a path leads to, as it is written in the text; `index` counts the matches of that path from 0.  False:
 * enough, look no further. */
typedef bool json_on_match(void *context, int path, int64_t index, str value);

/* All matches of all paths, in the order of the text.  A path that leads nowhere matches nothing, which is no error;
 * what is no JSON is one.  `room` serves names with escapes (json_scan.h). */
MUST_USE bool json_paths_each(const struct json_path *paths, int count, str text, struct buf *room,
                              json_on_match *on_match, void *context, struct err *err);

/* The first match of each path; {NULL, 0} where there is none. */
MUST_USE bool json_paths_first(const struct json_path *paths, int count, str text, struct buf *room, str *ret_values,
                               struct err *err);

/* What the client of a gateway's proxy integration gets to see: the text in `body` of {"statusCode": 200, "body": "…"},
 * decoded into `room`, also from base64; and the status.  Any other response is its own body, with status 0. */
MUST_USE bool json_proxy_body(str response, struct buf *room, str *ret_body, int *ret_status, struct err *err);

/*
 * json_write: JSON out, member by member, into a buf; no tree, no allocation.
 *
 *     struct jw w;
 *     jw_init(&w, &buf);
 *     jw_object(&w);
 *     jw_str(&w, "FunctionName", name);
 *     jw_array_key(&w, "Layers");
 *     jw_str_value(&w, layer);
 *     jw_array_end(&w);
 *     jw_object_end(&w);
 *
 * Commas come by construction; a key without a value, a value without a key or an end that fits no start is a
 * bug of ours and stops the process.  Text that is not UTF-8 becomes U+FFFD.  Whether everything fitted is asked of the
 * buf, once, at the end.  The writer owns nothing and needs no done().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum { JW_DEPTH_MAX = 63 };

struct jw {
    struct buf *out;
    int depth;
    uint64_t objects;  /* bit d: the container at depth d is an object */
    uint64_t nonempty; /* bit d: it has a member already */
    bool has_key;      /* a key was written, its value is due */
};

void jw_init(struct jw *w, struct buf *out);
bool jw_complete(const struct jw *w); /* all containers are closed, and there is a value */

void jw_object(struct jw *w);
void jw_object_end(struct jw *w);
void jw_array(struct jw *w);
void jw_array_end(struct jw *w);
void jw_key(struct jw *w, str key);

void jw_str_value(struct jw *w, str value);
void jw_int_value(struct jw *w, int64_t value);
void jw_real_value(struct jw *w, double value); /* shortest that reads back the same; 1 is `1.0`; not finite: null */
void jw_bool_value(struct jw *w, bool value);
void jw_null_value(struct jw *w);
void jw_raw_value(struct jw *w, str json); /* the caller vouches that it is one JSON value */

/* A member of an object: the key is ours, so a C string. */
void jw_object_key(struct jw *w, const char *key);
void jw_array_key(struct jw *w, const char *key);
void jw_str(struct jw *w, const char *key, str value);
void jw_int(struct jw *w, const char *key, int64_t value);
void jw_real(struct jw *w, const char *key, double value);
void jw_bool(struct jw *w, const char *key, bool value);
void jw_null(struct jw *w, const char *key);
void jw_raw(struct jw *w, const char *key, str json);

/* Only the text of a value, for who writes JSON by other means. */
void json_quote(struct buf *out, str text);
void json_add_real(struct buf *out, double value);

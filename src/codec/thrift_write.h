/*
 * thrift_write: Thrift's compact protocol, out (Apache Thrift, "Thrift Compact protocol encoding"): what the metadata
 * of a Parquet file is written in.
 *
 * Fields of a struct come by rising id.  tw_ with an id is a field, without one the element of a list.  Whether all
 * fitted is asked of the buf.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum { TW_DEPTH_MAX = 8 };

enum tw_type { TW_TRUE = 1, TW_FALSE = 2, TW_I32 = 5, TW_I64 = 6, TW_TEXT = 8, TW_LIST = 9, TW_STRUCT = 12 };

struct tw {
    struct buf *out;
    int depth;
    int last[TW_DEPTH_MAX]; /* id of the last field, by depth */
};

void tw_init(struct tw *w, struct buf *out); /* at depth 0 nothing is open: begin with tw_element() */

void tw_bool(struct tw *w, int id, bool value);
void tw_i32(struct tw *w, int id, int32_t value);
void tw_i64(struct tw *w, int id, int64_t value);
void tw_text(struct tw *w, int id, str text);
void tw_struct(struct tw *w, int id);
void tw_list(struct tw *w, int id, enum tw_type type, int count);

void tw_element(struct tw *w); /* a struct that is the element of a list, or the whole */
void tw_i32_element(struct tw *w, int32_t value);
void tw_text_element(struct tw *w, str text);
void tw_end(struct tw *w); /* of a struct */

void varint_add(struct buf *out, uint64_t value); /* unsigned LEB128 */

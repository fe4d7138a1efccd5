#include "codec/thrift_write.h"

#include <assert.h>

void varint_add(struct buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_add_char(out, (char)(value | 0x80));
    buf_add_char(out, (char)value);
}

/* Small numbers of either sign become small unsigned ones. */
static void add_zigzag(struct buf *out, int64_t value)
{
    varint_add(out, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

void tw_init(struct tw *w, struct buf *out)
{
    *w = (struct tw){.out = out};
}

static void open_struct(struct tw *w)
{
    assert(w->depth < TW_DEPTH_MAX);
    w->last[w->depth++] = 0;
}

static void begin_field(struct tw *w, int id, enum tw_type type)
{
    int *last = &w->last[w->depth - 1], step = id - *last;

    assert(w->depth > 0 && step > 0 && step <= 15);
    buf_add_char(w->out, (char)(step << 4 | (int)type));
    *last = id;
}

void tw_bool(struct tw *w, int id, bool value)
{
    begin_field(w, id, value ? TW_TRUE : TW_FALSE);
}

void tw_i32(struct tw *w, int id, int32_t value)
{
    begin_field(w, id, TW_I32);
    add_zigzag(w->out, value);
}

void tw_i64(struct tw *w, int id, int64_t value)
{
    begin_field(w, id, TW_I64);
    add_zigzag(w->out, value);
}

void tw_text(struct tw *w, int id, str text)
{
    begin_field(w, id, TW_TEXT);
    tw_text_element(w, text);
}

void tw_struct(struct tw *w, int id)
{
    begin_field(w, id, TW_STRUCT);
    open_struct(w);
}

void tw_list(struct tw *w, int id, enum tw_type type, int count)
{
    begin_field(w, id, TW_LIST);
    buf_add_char(w->out, (char)((count < 15 ? count : 15) << 4 | (int)type));
    if (count >= 15)
        varint_add(w->out, (uint64_t)count);
}

void tw_element(struct tw *w)
{
    open_struct(w);
}

void tw_i32_element(struct tw *w, int32_t value)
{
    add_zigzag(w->out, value);
}

void tw_text_element(struct tw *w, str text)
{
    varint_add(w->out, text.len);
    buf_add(w->out, text);
}

void tw_end(struct tw *w)
{
    assert(w->depth > 0);
    buf_add_char(w->out, 0);
    w->depth--;
}

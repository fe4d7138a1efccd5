#include "codec/thrift_write.h"

#include "base/test.h"

static bool wrote(struct buf *out, str bytes)
{
    bool same = str_eq(buf_str(out), bytes);

    buf_clear(out);
    return same;
}

/* From "Thrift Compact protocol encoding": zigzag, field headers by difference, the short and the long list. */
static void writes_the_compact_protocol(void)
{
    BUF_AUTO out = {0};
    struct tw w;

    buf_init(&out, 1024);
    varint_add(&out, 0);
    varint_add(&out, 127);
    varint_add(&out, 128);
    varint_add(&out, 50399);
    varint_add(&out, UINT64_MAX);
    ok(wrote(&out, STR("\x00\x7f\x80\x01\xdf\x89\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")));

    tw_init(&w, &out);
    tw_element(&w);
    tw_i32(&w, 1, -1);
    tw_i64(&w, 3, INT64_MIN);
    tw_bool(&w, 4, true);
    tw_bool(&w, 5, false);
    tw_text(&w, 9, STR("abc"));
    tw_struct(&w, 10);
    tw_i32(&w, 1, 64);
    tw_end(&w);
    tw_i32(&w, 11, 1); /* counts on from 10: the inner struct's ids are its own */
    tw_end(&w);
    ok(wrote(&out, STR("\x15\x01"
                       "\x26\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                       "\x11\x12\x48\x03"
                       "abc"
                       "\x1c\x15\x80\x01\x00"
                       "\x15\x02\x00")));
    ok(w.depth == 0);

    tw_element(&w);
    tw_list(&w, 2, TW_I32, 2);
    tw_i32_element(&w, 1);
    tw_i32_element(&w, -2);
    tw_list(&w, 3, TW_TEXT, 15);
    tw_end(&w);
    ok(wrote(&out, STR("\x29\x25\x02\x03\x19\xf8\x0f\x00")));
}

TEST_MAIN(writes_the_compact_protocol)

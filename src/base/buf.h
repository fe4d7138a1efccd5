/*
 * buf: bytes that grow up to a maximum said at the start.
 *
 * A buf owns its memory.  Appending past the maximum does not grow: it sets `full`, drops what does not
 * fit, and every later append is dropped too, so a writer checks once, at the end (buf_ok).  Out of memory
 * stops the process.  buf_str() is a view that the next append may move.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct buf {
    char *at;
    size_t len, capacity, max;
    bool full;
};

void buf_init(struct buf *buf, size_t bytes_max);
void buf_free(struct buf *buf);  /* may be called on a zeroed buf, and twice */
void buf_clear(struct buf *buf); /* keeps the memory */
void buf_add(struct buf *buf, str s);
void buf_add_list(struct buf *buf, const str *list, int count);
void buf_add_uint(struct buf *buf, unsigned long long number); /* base 10 */
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_consume(struct buf *buf, size_t len); /* drop `len` bytes from the front */
char *buf_grow(struct buf *buf, size_t len);   /* buf_reserve(), where it must look closer */
void buf_commit(struct buf *buf, size_t len);  /* count `len` of the reserved bytes in */

/* For what is written on the way of every call: a tenth of what printf takes. */
#define buf_add_all(buf, ...) buf_add_list(buf, STR_LIST(__VA_ARGS__))

/* Room for `len` bytes at the end, NULL past the maximum. */
static inline char *buf_reserve(struct buf *buf, size_t len)
{
    if (buf->at && !buf->full && len <= buf->capacity - buf->len)
        return buf->at + buf->len;
    return buf_grow(buf, len);
}

static inline void buf_add_char(struct buf *buf, char c)
{
    char *at = buf_reserve(buf, 1);

    if (at) {
        *at = c;
        buf->len++;
    }
}

static inline str buf_str(const struct buf *buf)
{
    return (str){buf->at, buf->len};
}

static inline bool buf_ok(const struct buf *buf)
{
    return !buf->full;
}

#define BUF_AUTO CLEANUP(buf_free) struct buf

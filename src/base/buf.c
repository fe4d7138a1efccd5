#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_BYTES = 256 };

void buf_init(struct buf *buf, size_t bytes_max)
{
    *buf = (struct buf){.max = bytes_max};
}

void buf_free(struct buf *buf)
{
    free(buf->at);
    *buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->full = false;
}

/* Doubling, but never past the maximum: a buf of 6 MB must not take 8. */
static void grow(struct buf *buf, size_t needed)
{
    size_t capacity = buf->capacity ? buf->capacity : FIRST_BYTES;

    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    if (capacity > buf->max)
        capacity = buf->max;
    buf->at = realloc(buf->at, capacity);
    if (!buf->at) {
        fprintf(stderr, "out of memory: %zu bytes\n", capacity);
        abort();
    }
    buf->capacity = capacity;
}

char *buf_grow(struct buf *buf, size_t len)
{
    if (buf->full || len > buf->max - buf->len) {
        buf->full = true;
        return NULL;
    }
    if (len > buf->capacity - buf->len || !buf->at)
        grow(buf, buf->len + len);
    return buf->at + buf->len;
}

void buf_commit(struct buf *buf, size_t len)
{
    buf->len += len;
}

void buf_add(struct buf *buf, str s)
{
    char *at;

    if (s.len == 0)
        return;
    at = buf_reserve(buf, s.len);
    if (!at)
        return;
    memcpy(at, s.at, s.len);
    buf->len += s.len;
}

void buf_add_list(struct buf *buf, const str *list, int count)
{
    for (int i = 0; i < count; i++)
        buf_add(buf, list[i]);
}

void buf_add_uint(struct buf *buf, unsigned long long number)
{
    char room[UINT_DIGITS_MAX];

    buf_add(buf, str_of_uint(number, room));
}

/* Straight into what room there is; the detour is for when it is too small. */
void buf_printf(struct buf *buf, const char *fmt, ...)
{
    size_t room = buf->full ? 0 : buf->capacity - buf->len;
    va_list args, again;
    char *text;
    int len;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(room > 0 ? buf->at + buf->len : NULL, room, fmt, args);
    va_end(args);
    if (len > 0 && (size_t)len < room) {
        buf->len += (size_t)len;
    } else if (len > 0 && vasprintf(&text, fmt, again) >= 0) {
        buf_add(buf, (str){text, (size_t)len});
        free(text);
    } else if (len != 0) {
        abort();
    }
    va_end(again);
}

void buf_consume(struct buf *buf, size_t len)
{
    if (len == 0)
        return;
    if (len < buf->len)
        memmove(buf->at, buf->at + len, buf->len - len);
    buf->len = len < buf->len ? buf->len - len : 0;
}

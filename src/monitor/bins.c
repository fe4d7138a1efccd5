#include "monitor/bins.h"

enum { VARINT_BITS = 7, VARINT_MORE = 0x80, VARINT_BYTES_MAX = 10 };

static void add_varint(struct buf *out, uint64_t value)
{
    while (value >= VARINT_MORE) {
        buf_add_char(out, (char)(value | VARINT_MORE));
        value >>= VARINT_BITS;
    }
    buf_add_char(out, (char)value);
}

void bins_encode(const int64_t bins[SCORE_BINS], struct buf *out)
{
    int empty = 0;

    for (int i = 0; i < SCORE_BINS; i++) {
        if (bins[i] == 0) {
            empty++;
            continue;
        }
        add_varint(out, (uint64_t)empty);
        add_varint(out, (uint64_t)bins[i]);
        empty = 0;
    }
}

static bool take_varint(str *text, uint64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < VARINT_BYTES_MAX && i < text->len; i++) {
        unsigned char byte = (unsigned char)text->at[i];

        value |= (uint64_t)(byte & (VARINT_MORE - 1)) << (VARINT_BITS * i);
        if (byte < VARINT_MORE) {
            *text = str_from(*text, i + 1);
            *ret = value;
            return true;
        }
    }
    return false;
}

bool bins_add(str text, int64_t bins[SCORE_BINS])
{
    uint64_t at = 0, empty, count;

    while (text.len > 0) {
        if (!take_varint(&text, &empty) || !take_varint(&text, &count) || empty >= SCORE_BINS - at)
            return false;
        at += empty;
        bins[at++] += (int64_t)count;
    }
    return true;
}

#include "codec/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Values of the digits plus one, so that 0 says "not a digit". */
#define V(c, v) [c] = (v) + 1
static const unsigned char values[256] = {
    V('A', 0),  V('B', 1),  V('C', 2),  V('D', 3),  V('E', 4),  V('F', 5),  V('G', 6),  V('H', 7),
    V('I', 8),  V('J', 9),  V('K', 10), V('L', 11), V('M', 12), V('N', 13), V('O', 14), V('P', 15),
    V('Q', 16), V('R', 17), V('S', 18), V('T', 19), V('U', 20), V('V', 21), V('W', 22), V('X', 23),
    V('Y', 24), V('Z', 25), V('a', 26), V('b', 27), V('c', 28), V('d', 29), V('e', 30), V('f', 31),
    V('g', 32), V('h', 33), V('i', 34), V('j', 35), V('k', 36), V('l', 37), V('m', 38), V('n', 39),
    V('o', 40), V('p', 41), V('q', 42), V('r', 43), V('s', 44), V('t', 45), V('u', 46), V('v', 47),
    V('w', 48), V('x', 49), V('y', 50), V('z', 51), V('0', 52), V('1', 53), V('2', 54), V('3', 55),
    V('4', 56), V('5', 57), V('6', 58), V('7', 59), V('8', 60), V('9', 61), V('+', 62), V('/', 63),
};

void base64_encode(struct buf *out, str bytes)
{
    const unsigned char *in = (const unsigned char *)bytes.at;
    size_t len = (bytes.len + 2) / 3 * 4;
    char *at = buf_reserve(out, len);
    size_t i = 0;

    if (!at)
        return;
    for (; i + 3 <= bytes.len; i += 3) {
        unsigned group = (unsigned)in[i] << 16 | (unsigned)in[i + 1] << 8 | in[i + 2];

        *at++ = alphabet[group >> 18];
        *at++ = alphabet[group >> 12 & 63];
        *at++ = alphabet[group >> 6 & 63];
        *at++ = alphabet[group & 63];
    }
    if (i < bytes.len) {
        bool two = i + 2 == bytes.len;
        unsigned group = (unsigned)in[i] << 16 | (two ? (unsigned)in[i + 1] << 8 : 0);

        *at++ = alphabet[group >> 18];
        *at++ = alphabet[group >> 12 & 63];
        *at++ = two ? alphabet[group >> 6 & 63] : '=';
        *at++ = '=';
    }
    buf_commit(out, len);
}

/* The fast path: whole groups of four digits. Returns how many characters it took. */
static size_t feed_groups(str text, char *ret, size_t *len)
{
    const unsigned char *in = (const unsigned char *)text.at;
    size_t i = 0;

    for (; i + 4 <= text.len; i += 4) {
        unsigned a = values[in[i]], b = values[in[i + 1]], c = values[in[i + 2]], d = values[in[i + 3]];
        unsigned group;

        if (!a || !b || !c || !d)
            break;
        group = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
        ret[(*len)++] = (char)(group >> 16);
        ret[(*len)++] = (char)(group >> 8);
        ret[(*len)++] = (char)group;
    }
    return i;
}

/* "QQ==" and "QUE=": what is left over of the bits must be zero. */
static bool feed_padding(struct base64_decoder *decoder, char *ret, size_t *len)
{
    unsigned bits_over = decoder->digits == 2 ? 4 : 2;

    if (decoder->digits < 2 || (decoder->bits & ((1U << bits_over) - 1)))
        return false;
    if (++decoder->padding + decoder->digits < 4)
        return true;
    if (decoder->padding + decoder->digits > 4)
        return false;
    decoder->bits >>= bits_over;
    if (decoder->digits == 3)
        ret[(*len)++] = (char)(decoder->bits >> 8);
    ret[(*len)++] = (char)decoder->bits;
    decoder->bits = 0;
    return true;
}

static bool feed_one(struct base64_decoder *decoder, char c, char *ret, size_t *len)
{
    unsigned value = values[(unsigned char)c];

    if (c == '=')
        return feed_padding(decoder, ret, len);
    if (value == 0 || decoder->padding)
        return false;
    decoder->bits = decoder->bits << 6 | (value - 1);
    if (++decoder->digits < 4)
        return true;
    ret[(*len)++] = (char)(decoder->bits >> 16);
    ret[(*len)++] = (char)(decoder->bits >> 8);
    ret[(*len)++] = (char)decoder->bits;
    decoder->digits = 0;
    decoder->bits = 0;
    return true;
}

bool base64_feed(struct base64_decoder *decoder, str text, char *ret, size_t *ret_len)
{
    size_t i = 0;

    *ret_len = 0;
    while (i < text.len) {
        if (decoder->digits == 0 && !decoder->padding) {
            size_t took = feed_groups(str_from(text, i), ret, ret_len);

            i += took;
            decoder->offset += took;
            if (i == text.len)
                break;
        }
        if (!feed_one(decoder, text.at[i], ret, ret_len))
            return false;
        i++;
        decoder->offset++;
    }
    return true;
}

bool base64_end(const struct base64_decoder *decoder)
{
    return decoder->padding ? decoder->padding + decoder->digits == 4 : decoder->digits == 0;
}

bool base64_decode(str text, struct buf *out)
{
    struct base64_decoder decoder = {0};
    char *at = buf_reserve(out, base64_bytes_max(text.len));
    size_t len;
    bool good;

    if (!at)
        return false;
    good = base64_feed(&decoder, text, at, &len);
    buf_commit(out, len);
    return good && base64_end(&decoder);
}

#include "base/utf8.h"

static int is_tail(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t utf8_char_len(str s)
{
    unsigned char first, second;

    if (s.len == 0)
        return 0;
    first = (unsigned char)s.at[0];
    if (first < 0x80)
        return 1;
    if (s.len < 2 || !is_tail(s.at[1]) || first < 0xc2 || first > 0xf4)
        return 0;
    second = (unsigned char)s.at[1];
    if (first < 0xe0)
        return 2;
    if (s.len < 3 || !is_tail(s.at[2]))
        return 0;
    if (first < 0xf0)
        return (first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ? 0 : 3;
    if (s.len < 4 || !is_tail(s.at[3]))
        return 0;
    return (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90) ? 0 : 4;
}

bool utf8_is(str s)
{
    uint64_t word;
    size_t len = 1;

    while (s.len > 0 && len > 0) {
        for (; s.len >= sizeof word; s = str_from(s, sizeof word)) {
            memcpy(&word, s.at, sizeof word);
            if (word & UINT64_C(0x8080808080808080))
                break;
        }
        len = utf8_char_len(s);
        s = str_from(s, len);
    }
    return s.len == 0;
}

size_t utf8_encode(uint32_t code, char ret[4])
{
    if (code < 0x80) {
        ret[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        ret[0] = (char)(0xc0 | code >> 6);
        ret[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        ret[0] = (char)(0xe0 | code >> 12);
        ret[1] = (char)(0x80 | (code >> 6 & 0x3f));
        ret[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    ret[0] = (char)(0xf0 | code >> 18);
    ret[1] = (char)(0x80 | (code >> 12 & 0x3f));
    ret[2] = (char)(0x80 | (code >> 6 & 0x3f));
    ret[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

#include "codec/hex.h"

void hex_encode(const void *bytes, size_t len, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = bytes;

    for (size_t i = 0; i < len; i++) {
        *ret++ = digits[at[i] >> 4];
        *ret++ = digits[at[i] & 15];
    }
    *ret = '\0';
}

int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_decode(str text, void *ret, size_t len)
{
    unsigned char *at = ret;

    if (text.len != 2 * len)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (hex_digit(text.at[i]) < 0)
            return false;
    for (size_t i = 0; i < len; i++)
        at[i] = (unsigned char)(hex_digit(text.at[2 * i]) << 4 | hex_digit(text.at[2 * i + 1]));
    return true;
}

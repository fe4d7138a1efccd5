#include "codec/uuid.h"

#include "base/rand.h"
#include "codec/hex.h"

static void format(unsigned char bytes[16], int version, char ret[UUID_CHARS])
{
    char digits[33];
    char *at = ret;

    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | version << 4);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    hex_encode(bytes, 16, digits);
    for (int i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *at++ = '-';
        *at++ = digits[i];
    }
    *at = '\0';
}

void uuid_v4(char ret[UUID_CHARS])
{
    unsigned char bytes[16];

    rand_bytes(bytes, sizeof bytes);
    format(bytes, 4, ret);
}

void uuid_v7(int64_t now_ms, char ret[UUID_CHARS])
{
    unsigned char bytes[16];

    rand_bytes(bytes, sizeof bytes);
    for (int i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(now_ms >> (40 - 8 * i));
    format(bytes, 7, ret);
}

bool uuid_is(str text)
{
    if (text.len != UUID_CHARS - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text.at[i] != '-' : hex_digit(text.at[i]) < 0)
            return false;
    }
    return true;
}

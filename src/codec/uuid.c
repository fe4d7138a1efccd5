#include "codec/uuid.h"

#include <assert.h>

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

static void put_time(unsigned char bytes[16], int64_t ms)
{
    for (int i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(ms >> (40 - 8 * i));
}

void uuid_v7(int64_t now_ms, char ret[UUID_CHARS])
{
    unsigned char bytes[16];

    rand_bytes(bytes, sizeof bytes);
    put_time(bytes, now_ms);
    format(bytes, 7, ret);
}

/* Sealed ones */

enum { CHECK_BITS = 34, NUMBER_LOW_BITS = 28 };

#define LOW_BITS(count) ((UINT64_C(1) << (count)) - 1)

static uint64_t check_of(int64_t ms, uint64_t number, const unsigned char key[SIPHASH_KEY_BYTES])
{
    uint64_t sealed[2] = {(uint64_t)ms, number};

    return siphash(key, sealed, sizeof sealed) & LOW_BITS(CHECK_BITS);
}

void uuid_v7_sealed(int64_t ms, uint64_t number, const unsigned char key[SIPHASH_KEY_BYTES], char ret[UUID_CHARS])
{
    unsigned char bytes[16];
    uint64_t high = number >> NUMBER_LOW_BITS;
    uint64_t low = (number & LOW_BITS(NUMBER_LOW_BITS)) << CHECK_BITS | check_of(ms, number, key);

    assert(ms >= 0 && ms <= (int64_t)LOW_BITS(48) && number <= UUID_NUMBER_MAX);
    put_time(bytes, ms);
    bytes[6] = (unsigned char)(high >> 8);
    bytes[7] = (unsigned char)high;
    for (int i = 0; i < 8; i++)
        bytes[8 + i] = (unsigned char)(low >> (56 - 8 * i));
    format(bytes, 7, ret); /* puts version and variant above both */
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

/* The two halves of a version 7, without their version and variant. */
static bool read_halves(str text, uint64_t *ret_high, uint64_t *ret_low)
{
    uint64_t halves[2] = {0};
    int digits = 0;

    if (!uuid_is(text) || text.at[14] != '7' || !strchr("89abAB", text.at[19]))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '-')
            continue;
        halves[digits / 16] = halves[digits / 16] << 4 | (uint64_t)hex_digit(text.at[i]);
        digits++;
    }
    *ret_high = halves[0];
    *ret_low = halves[1] & LOW_BITS(62);
    return true;
}

bool uuid_v7_time(str text, int64_t *ret_ms)
{
    uint64_t high, low;

    if (!read_halves(text, &high, &low))
        return false;
    *ret_ms = (int64_t)(high >> 16);
    return true;
}

bool uuid_v7_open(str text, const unsigned char key[SIPHASH_KEY_BYTES], int64_t *ret_ms, uint64_t *ret_number)
{
    uint64_t high, low, number;
    int64_t ms;

    if (!read_halves(text, &high, &low))
        return false;
    ms = (int64_t)(high >> 16);
    number = (high & LOW_BITS(12)) << NUMBER_LOW_BITS | low >> CHECK_BITS;
    if ((low & LOW_BITS(CHECK_BITS)) != check_of(ms, number, key))
        return false;
    *ret_ms = ms;
    *ret_number = number;
    return true;
}

#include "monitor/prediction_id.h"

#include <stdio.h>
#include <string.h>

#include "codec/hex.h"

enum { ROW_LOW_BITS = 28, ROW_MIDDLE_BITS = 14, VARIANT = 2 };
#define ROW_MAX ((1LL << 40) - 1)
#define TAG_MASK ((1ULL << PREDICTION_TAG_BITS) - 1)

void prediction_id_make(int64_t time_us, int64_t row, uint64_t tag, char ret[PREDICTION_ID_CHARS + 1])
{
    uint64_t ms = (uint64_t)(time_us / 1000), number = (uint64_t)row & ROW_MAX;
    uint64_t low = number & ((1U << ROW_LOW_BITS) - 1);

    snprintf(ret, PREDICTION_ID_CHARS + 1, "%08x-%04x-7%03x-%04x-%012llx", (unsigned)(ms >> 16) & 0xffffffffU,
             (unsigned)(ms & 0xffff), (unsigned)(number >> ROW_LOW_BITS) & 0xfff,
             (unsigned)(VARIANT << ROW_MIDDLE_BITS | low >> ROW_MIDDLE_BITS) & 0xffff,
             (unsigned long long)((low & ((1U << ROW_MIDDLE_BITS) - 1)) << PREDICTION_TAG_BITS | (tag & TAG_MASK)));
}

/* The 32 digits without their dashes. */
static bool digits_of(str text, unsigned char ret[16])
{
    char digits[32];
    int count = 0;

    if (text.len != PREDICTION_ID_CHARS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash != (text.at[i] == '-'))
            return false;
        if (!dash)
            digits[count++] = text.at[i];
    }
    return hex_decode((str){digits, sizeof digits}, ret, 16);
}

static uint64_t number_of(const unsigned char *bytes, int count)
{
    uint64_t number = 0;

    for (int i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

bool prediction_id_read(str text, int64_t *ret_time_us, int64_t *ret_row, uint64_t *ret_tag)
{
    unsigned char bytes[16];
    uint64_t high, middle, last;

    if (!digits_of(text, bytes))
        return false;
    high = number_of(bytes + 6, 2);
    middle = number_of(bytes + 8, 2);
    last = number_of(bytes + 10, 6);
    if (high >> 12 != 7 || middle >> ROW_MIDDLE_BITS != VARIANT)
        return false;
    *ret_time_us = (int64_t)number_of(bytes, 6) * 1000;
    *ret_row = (int64_t)((high & 0xfff) << ROW_LOW_BITS | (middle & ((1U << ROW_MIDDLE_BITS) - 1)) << ROW_MIDDLE_BITS |
                         last >> PREDICTION_TAG_BITS);
    *ret_tag = last & TAG_MASK;
    return true;
}

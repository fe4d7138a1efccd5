#include "codec/siphash.h"

#include "base/test.h"

/* From the reference vectors of SipHash-2-4: key 00 01 … 0f, inputs 00 01 02 … of each length. */
static void gives_the_values_of_the_reference(void)
{
    static const struct {
        size_t len;
        uint64_t hash;
    } rows[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31)}, {1, UINT64_C(0x74f839c593dc67fd)},  {7, UINT64_C(0xab0200f58b01d137)},
        {8, UINT64_C(0x93f5f5799a932462)}, {15, UINT64_C(0xa129ca6149be45e5)}, {63, UINT64_C(0x958a324ceb064572)},
    };
    unsigned char key[SIPHASH_KEY_BYTES], input[64];

    for (unsigned i = 0; i < sizeof input; i++)
        input[i] = (unsigned char)i;
    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (unsigned char)i;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ok(siphash(key, input, rows[i].len) == rows[i].hash);
    key[15] ^= 1;
    ok(siphash(key, input, 15) != UINT64_C(0xa129ca6149be45e5));
}

TEST_MAIN(gives_the_values_of_the_reference)

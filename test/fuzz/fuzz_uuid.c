/* What opens under a key was sealed with it: sealing what came out gives the same text. */
#include "codec/uuid.h"

#include <assert.h>
#include <stdint.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const unsigned char key[SIPHASH_KEY_BYTES] = "0123456789abcde";
    str text = {(const char *)data, len};
    char again[UUID_CHARS];
    int64_t ms = -1, time = -1;
    uint64_t number = 0;

    if (uuid_v7_time(text, &time))
        assert(uuid_is(text) && time >= 0);
    if (!uuid_v7_open(text, key, &ms, &number))
        return 0;
    uuid_v7_sealed(ms, number, key, again);
    assert(ms == time && strncasecmp(again, text.at, len) == 0);
    return 0;
}

/* What is decoded lies inside the bytes, and encodes to the same frame again. */
#include "logs/record_codec.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "codec/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(str bytes)
{
    struct record_wire wire;
    struct record record;
    size_t got = 0, at = 0;

    if (!record_decode(bytes, &record, &got))
        return;
    assert(got <= bytes.len);
    record_encode(&record, &wire);
    assert(wire.bytes == got);
    for (int i = 1; i <= RECORD_TEXTS; i++) { /* behind the head, whose unused words may differ */
        size_t piece = wire.pieces[i].iov_len;

        assert(piece == 0 || memcmp(bytes.at + sizeof wire.head + at, wire.pieces[i].iov_base, piece) == 0);
        at += piece;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static char whole[1 << 16];
    struct record_head head;

    check((str){(const char *)data, len});
    if (len < sizeof head || len > sizeof whole)
        return 0;
    memcpy(whole, data, len); /* the same with a frame that holds, so that the CRC does not hide the rest */
    memcpy(&head, whole, sizeof head);
    head.magic = 0x31524353;
    head.bytes = (uint32_t)len - 16;
    memcpy(whole, &head, sizeof head);
    head.crc = crc32c(0, whole + 16, len - 16);
    memcpy(whole, &head, sizeof head);
    check((str){whole, len});
    return 0;
}

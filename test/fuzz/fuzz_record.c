/* What is decoded lies inside the bytes, and comes back the same from a frame of our own. */
#include "logs/record_codec.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/hash.h"

enum { MAGIC = 0x32524353 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static str flatten(const struct record_wire *wire)
{
    static char bytes[RECORD_FRAME_BYTES_MAX];
    size_t len = 0;

    for (int i = 0; i <= RECORD_TEXTS; i++) {
        if (wire->pieces[i].iov_len)
            memcpy(bytes + len, wire->pieces[i].iov_base, wire->pieces[i].iov_len);
        len += wire->pieces[i].iov_len;
    }
    assert(len == wire->bytes);
    return (str){bytes, len};
}

static void check(str bytes)
{
    struct record_wire wire;
    struct record record, again;
    size_t got = 0;

    if (!record_decode(bytes, &record, &got))
        return;
    assert(got <= bytes.len);
    record_encode(&record, &wire);
    if (!record_decode(flatten(&wire), &again, &got))
        abort();
    for (int i = 0; i < RECORD_FIELDS; i++) {
        const struct record_field *field = &record_fields[i];
        str text = record_is_text(field) ? record_text(&record, field) : STR("");

        if (!record_is_text(field))
            assert(record_number(&record, field) == record_number(&again, field));
        else
            assert(str_eq(text, record_text(&again, field)));
        assert(text.len == 0 || (text.at >= bytes.at && text.at + text.len <= bytes.at + bytes.len));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static char whole[1 << 16];
    struct record_frame frame;

    check((str){(const char *)data, len});
    if (len < sizeof frame || len > sizeof whole)
        return 0;
    memcpy(whole, data, len); /* the same with a frame that holds, so that the CRC does not hide the rest */
    memcpy(&frame, whole, sizeof frame);
    frame.magic = MAGIC;
    frame.bytes = (uint32_t)len - RECORD_CRC_FROM;
    frame.crc = crc32c(0, whole + RECORD_CRC_FROM, frame.bytes);
    memcpy(whole, &frame, sizeof frame);
    check((str){whole, len});
    return 0;
}

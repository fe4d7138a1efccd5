/*
 * record_codec: one record as bytes in the journal, and back.
 *
 * A frame is {magic, bytes of what follows, CRC-32C of what follows}, a fixed head, then the texts one after the other.
 * In the byte order of this machine: a journal never travels.  Fuzzed by test/fuzz/fuzz_record.c.
 */
#pragma once

#include <sys/uio.h>

#include "base/attr.h"
#include "logs/record.h"

enum {
    RECORD_TEXTS = 11,
    RECORD_WORD_BYTES_MAX = 4096,     /* ids, names, causes: cut there */
    RECORD_FRAME_BYTES_MAX = 1 << 20, /* three long texts, eight words, a head */
};

struct record_head {
    uint32_t magic, bytes, crc, spare; /* the frame: not under the CRC */
    int64_t received_wall_us, input_bytes, output_bytes;
    int32_t resolved_us, admitted_us, started_us, ended_us, answered_us, init_us, status;
    uint32_t cold, worker, memory_mb, memory_peak_kb;
    uint32_t lengths[RECORD_TEXTS];
    uint32_t unused;
};

_Static_assert(sizeof(struct record_head) == 16 + 24 + 11 * 4 + 11 * 4 + 4 + 4, "no holes that would be written unset");

struct record_wire { /* the frame in pieces that borrow the record's texts */
    struct record_head head;
    struct iovec pieces[RECORD_TEXTS + 1];
    size_t bytes;
};

void record_encode(const struct record *record, struct record_wire *ret);
/* The frame at the front of `bytes`; ret's texts are views of it.  False: torn, or no frame. */
MUST_USE bool record_decode(str bytes, struct record *ret, size_t *ret_len);

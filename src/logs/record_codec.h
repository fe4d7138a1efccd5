/*
 * record_codec: one record as bytes in the journal, and back.
 *
 *     magic | bytes that follow the CRC | CRC-32C of these | counts | numbers, 8 bytes each | lengths, 4 each | texts
 *
 * Numbers and texts are in the order of record.def, and the frame says how many of each it has.  So a frame of an
 * older build is read, with 0 or nothing for what it does not have, and so is a newer one's, less what we do not know.
 * In the byte order of this machine: a journal never travels.  Fuzzed by test/fuzz/fuzz_record.c.
 */
#pragma once

#include <sys/uio.h>

#include "base/attr.h"
#include "logs/record.h"

#define RECORD_IS_NUMBER_WORD 0
#define RECORD_IS_NUMBER_BODY 0
#define RECORD_IS_NUMBER_INT32 1
#define RECORD_IS_NUMBER_UINT32 1
#define RECORD_IS_NUMBER_INT64 1
#define RECORD_IS_NUMBER_BOOL 1

enum {
#define FIELD(kind, name, column, meaning) +RECORD_IS_NUMBER_##kind
    RECORD_NUMBERS = 0
#include "logs/record.def"
#undef FIELD
    ,
    RECORD_TEXTS = RECORD_FIELDS - RECORD_NUMBERS,
    RECORD_WORD_BYTES_MAX = 4096,      /* ids, names, causes: cut there */
    RECORD_BODY_BYTES_MAX = 6300000,   /* what is cut shorter by RECORD_INPUT_BYTES_MAX and its like is cut before */
    RECORD_FRAME_BYTES_MAX = 19 << 20, /* three bodies, eight words, a head */
};

struct record_frame {
    uint32_t magic, bytes, crc;
    uint16_t numbers_count, texts_count;
};

struct record_head {
    struct record_frame frame;
    int64_t numbers[RECORD_NUMBERS];
    uint32_t lengths[RECORD_TEXTS];
};

enum {
    RECORD_CRC_FROM = offsetof(struct record_frame, numbers_count),
    /* less than sizeof: no hole at the end is written */
    RECORD_HEAD_BYTES = offsetof(struct record_head, lengths) + RECORD_TEXTS * sizeof(uint32_t),
};

_Static_assert(sizeof(struct record_frame) == 16 && offsetof(struct record_head, lengths) == 16 + 8 * RECORD_NUMBERS,
               "no holes that would be written unset");

struct record_wire { /* the frame in pieces that borrow the record's texts */
    struct record_head head;
    struct iovec pieces[RECORD_TEXTS + 1];
    size_t bytes;
};

void record_encode(const struct record *record, struct record_wire *ret);
/* The frame at the front of `bytes`; ret's texts are views of it.  False: torn, or no frame. */
MUST_USE bool record_decode(str bytes, struct record *ret, size_t *ret_len);

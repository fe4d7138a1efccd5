#include "logs/record_codec.h"

#include "codec/hash.h"

#include "base/limits.h"

#include <assert.h>

enum { RECORD_MAGIC = 0x31524353 /* "SCR1" */, FRAME_BYTES = 16 };

static const size_t text_offsets[RECORD_TEXTS] = {
    offsetof(struct record, request_id), offsetof(struct record, function), offsetof(struct record, version),
    offsetof(struct record, alias),      offsetof(struct record, source),   offsetof(struct record, detail),
    offsetof(struct record, error_type), offsetof(struct record, cause),    offsetof(struct record, input),
    offsetof(struct record, output),     offsetof(struct record, log),
};

static const size_t text_bytes_max[RECORD_TEXTS] = {
    RECORD_WORD_BYTES_MAX,  RECORD_WORD_BYTES_MAX,   RECORD_WORD_BYTES_MAX, RECORD_WORD_BYTES_MAX,
    RECORD_WORD_BYTES_MAX,  RECORD_WORD_BYTES_MAX,   RECORD_WORD_BYTES_MAX, RECORD_WORD_BYTES_MAX,
    RECORD_INPUT_BYTES_MAX, RECORD_OUTPUT_BYTES_MAX, RECORD_LOG_BYTES_MAX,
};

static str *text_of(const struct record *record, int i)
{
    return (str *)((uintptr_t)record + text_offsets[i]);
}

void record_encode(const struct record *record, struct record_wire *ret)
{
    *ret = (struct record_wire){.head = {
                                    .magic = RECORD_MAGIC,
                                    .received_wall_us = record->received_wall_us,
                                    .input_bytes = record->input_bytes,
                                    .output_bytes = record->output_bytes,
                                    .resolved_us = record->resolved_us,
                                    .admitted_us = record->admitted_us,
                                    .started_us = record->started_us,
                                    .ended_us = record->ended_us,
                                    .answered_us = record->answered_us,
                                    .init_us = record->init_us,
                                    .status = record->status,
                                    .cold = record->cold,
                                    .worker = record->worker,
                                    .memory_mb = record->memory_mb,
                                    .memory_peak_kb = record->memory_peak_kb,
                                }};
    ret->pieces[0] = (struct iovec){&ret->head, sizeof ret->head};
    ret->bytes = sizeof ret->head;
    for (int i = 0; i < RECORD_TEXTS; i++) {
        str text = *text_of(record, i);
        size_t len = text.len < text_bytes_max[i] ? text.len : text_bytes_max[i];

        ret->head.lengths[i] = (uint32_t)len;
        ret->pieces[i + 1] = (struct iovec){(void *)(uintptr_t)text.at, len};
        ret->bytes += len;
    }
    ret->head.bytes = (uint32_t)(ret->bytes - FRAME_BYTES);
    uint32_t crc = crc32c(0, (char *)&ret->head + FRAME_BYTES, sizeof ret->head - FRAME_BYTES);
    for (int i = 1; i <= RECORD_TEXTS; i++)
        crc = ret->pieces[i].iov_len ? crc32c(crc, ret->pieces[i].iov_base, ret->pieces[i].iov_len) : crc;
    ret->head.crc = crc;
    assert(ret->bytes <= RECORD_FRAME_BYTES_MAX);
}

static void read_head(const struct record_head *head, struct record *ret)
{
    *ret = (struct record){
        .received_wall_us = head->received_wall_us,
        .input_bytes = head->input_bytes,
        .output_bytes = head->output_bytes,
        .resolved_us = head->resolved_us,
        .admitted_us = head->admitted_us,
        .started_us = head->started_us,
        .ended_us = head->ended_us,
        .answered_us = head->answered_us,
        .init_us = head->init_us,
        .status = head->status,
        .cold = head->cold != 0,
        .worker = head->worker,
        .memory_mb = head->memory_mb,
        .memory_peak_kb = head->memory_peak_kb,
    };
}

bool record_decode(str bytes, struct record *ret, size_t *ret_len)
{
    struct record_head head;
    struct record record;
    size_t at = sizeof head, end;

    if (bytes.len < sizeof head)
        return false;
    memcpy(&head, bytes.at, sizeof head);
    end = (size_t)FRAME_BYTES + head.bytes;
    if (head.magic != RECORD_MAGIC || end < sizeof head || end > RECORD_FRAME_BYTES_MAX || end > bytes.len)
        return false;
    if (crc32c(0, bytes.at + FRAME_BYTES, head.bytes) != head.crc)
        return false;
    read_head(&head, &record);
    for (int i = 0; i < RECORD_TEXTS; i++) {
        if (head.lengths[i] > text_bytes_max[i] || head.lengths[i] > end - at)
            return false;
        *text_of(&record, i) = (str){bytes.at + at, head.lengths[i]};
        at += head.lengths[i];
    }
    if (at != end)
        return false;
    *ret = record;
    *ret_len = end;
    return true;
}

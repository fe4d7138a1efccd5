#include "logs/record_codec.h"

#include "codec/hash.h"

#include "base/limits.h"

#include <assert.h>
#include <string.h>

enum { RECORD_MAGIC = 0x32524353 /* "SCR2" */ };

_Static_assert((int)RECORD_INPUT_BYTES_MAX <= (int)RECORD_BODY_BYTES_MAX &&
                   (int)RECORD_OUTPUT_BYTES_MAX <= (int)RECORD_BODY_BYTES_MAX &&
                   (int)RECORD_LOG_BYTES_MAX <= (int)RECORD_BODY_BYTES_MAX,
               "what a call may leave fits its record");

/* The fields, one by one */

const struct record_field record_fields[RECORD_FIELDS] = {
#define FIELD(kind, name, column, meaning) {#name, RECORD_##kind, offsetof(struct record, name)},
#include "logs/record.def"
#undef FIELD
};

static const uint32_t text_bytes_max[] = {
    [RECORD_WORD] = RECORD_WORD_BYTES_MAX,
    [RECORD_BODY] = RECORD_BODY_BYTES_MAX,
};

str record_text(const struct record *record, const struct record_field *field)
{
    return *(const str *)(const void *)((const char *)record + field->offset);
}

void record_set_text(struct record *record, const struct record_field *field, str text)
{
    memcpy((char *)record + field->offset, &text, sizeof text);
}

int64_t record_number(const struct record *record, const struct record_field *field)
{
    const void *at = (const char *)record + field->offset;

    switch (field->kind) {
    case RECORD_INT32:
        return *(const int32_t *)at;
    case RECORD_UINT32:
        return *(const uint32_t *)at;
    case RECORD_INT64:
        return *(const int64_t *)at;
    case RECORD_BOOL:
        return *(const bool *)at;
    case RECORD_WORD:
    case RECORD_BODY:
        break;
    }
    return 0;
}

void record_set_number(struct record *record, const struct record_field *field, int64_t number)
{
    void *at = (char *)record + field->offset;

    switch (field->kind) {
    case RECORD_INT32:
        *(int32_t *)at = (int32_t)number;
        break;
    case RECORD_UINT32:
        *(uint32_t *)at = (uint32_t)number;
        break;
    case RECORD_INT64:
        *(int64_t *)at = number;
        break;
    case RECORD_BOOL:
        *(bool *)at = number != 0;
        break;
    case RECORD_WORD:
    case RECORD_BODY:
        break;
    }
}

/* To bytes */

static void add_text(struct record_wire *wire, int number, str text, uint32_t bytes_max)
{
    size_t len = text.len < bytes_max ? text.len : bytes_max;

    wire->head.lengths[number] = (uint32_t)len;
    wire->pieces[number + 1] = (struct iovec){(void *)(uintptr_t)text.at, len};
    wire->bytes += len;
}

void record_encode(const struct record *record, struct record_wire *ret)
{
    struct record_head *head = &ret->head;
    int numbers = 0, texts = 0;
    uint32_t crc;

    head->frame =
        (struct record_frame){.magic = RECORD_MAGIC, .numbers_count = RECORD_NUMBERS, .texts_count = RECORD_TEXTS};
    ret->pieces[0] = (struct iovec){head, RECORD_HEAD_BYTES};
    ret->bytes = RECORD_HEAD_BYTES;
    for (int i = 0; i < RECORD_FIELDS; i++) {
        const struct record_field *field = &record_fields[i];

        if (record_is_text(field))
            add_text(ret, texts++, record_text(record, field), text_bytes_max[field->kind]);
        else
            head->numbers[numbers++] = record_number(record, field);
    }
    crc = crc32c(0, (char *)head + RECORD_CRC_FROM, RECORD_HEAD_BYTES - RECORD_CRC_FROM);
    for (int i = 1; i <= RECORD_TEXTS; i++)
        crc = ret->pieces[i].iov_len ? crc32c(crc, ret->pieces[i].iov_base, ret->pieces[i].iov_len) : crc;
    head->frame.crc = crc;
    head->frame.bytes = (uint32_t)(ret->bytes - RECORD_CRC_FROM);
    assert(ret->bytes <= RECORD_FRAME_BYTES_MAX);
}

/* And back */

static bool read_frame(str bytes, struct record_frame *ret)
{
    if (bytes.len < sizeof *ret)
        return false;
    memcpy(ret, bytes.at, sizeof *ret);
    if (ret->magic != RECORD_MAGIC || ret->bytes > RECORD_FRAME_BYTES_MAX - RECORD_CRC_FROM ||
        ret->bytes > bytes.len - RECORD_CRC_FROM)
        return false;
    return crc32c(0, bytes.at + RECORD_CRC_FROM, ret->bytes) == ret->crc;
}

static void read_numbers(const char *at, int count, struct record *ret)
{
    int64_t number;

    for (int i = 0; i < RECORD_FIELDS && count > 0; i++) {
        if (record_is_text(&record_fields[i]))
            continue;
        memcpy(&number, at, sizeof number);
        record_set_number(ret, &record_fields[i], number);
        at += sizeof number;
        count--;
    }
}

/* All of `texts` is texts, of which the first are ours. */
static bool read_texts(const char *lengths, int count, str texts, struct record *ret)
{
    uint32_t len;
    int field = 0;

    for (int i = 0; i < count; i++) {
        memcpy(&len, lengths + (size_t)i * sizeof len, sizeof len);
        if (len > texts.len)
            return false;
        while (field < RECORD_FIELDS && !record_is_text(&record_fields[field]))
            field++;
        if (field < RECORD_FIELDS) {
            if (len > text_bytes_max[record_fields[field].kind])
                return false;
            record_set_text(ret, &record_fields[field++], (str){texts.at, len});
        }
        texts = str_from(texts, len);
    }
    return texts.len == 0;
}

bool record_decode(str bytes, struct record *ret, size_t *ret_len)
{
    struct record record = {0};
    struct record_frame frame;
    size_t end, lengths_at, texts_at;

    if (!read_frame(bytes, &frame))
        return false;
    end = RECORD_CRC_FROM + (size_t)frame.bytes;
    lengths_at = sizeof frame + frame.numbers_count * sizeof(int64_t);
    texts_at = lengths_at + frame.texts_count * sizeof(uint32_t);
    if (texts_at > end)
        return false;
    read_numbers(bytes.at + sizeof frame, frame.numbers_count, &record);
    if (!read_texts(bytes.at + lengths_at, frame.texts_count, (str){bytes.at + texts_at, end - texts_at}, &record))
        return false;
    *ret = record;
    *ret_len = end;
    return true;
}

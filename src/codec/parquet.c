/*
 * A column holds a page that is being filled and the finished pages of its group.  The pages of a column must stand one
 * behind the other in the file, so a group is kept until it is whole; what is kept is compressed.
 *
 *     pq_text … ──▶ page (values, levels) ──close_page──▶ pages (headers, compressed) ──end_group──▶ on_bytes
 *
 * A dictionary is a column's until its group ends or it grows too large; then the page is closed and the next is PLAIN,
 * and later groups of that column do not try again: its texts do not repeat.
 *
 * In a page, levels (0: null, 1: a value) come first, then the values without gaps (Apache Parquet format,
 * "Encodings").
 */
#include "codec/parquet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "codec/parquet_meta.h"
#include "codec/thrift_write.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/utf8.h"

struct column {
    struct buf values;  /* of the page: 8 bytes each; a byte each of bools; texts with their length, or their index */
    struct buf levels;  /* of the page: a byte a row */
    struct buf pages;   /* of the group */
    struct buf entries; /* of the dictionary, PLAIN */
    struct map indices; /* of the dictionary: text → its index + 1 */
    bool by_dictionary;
    bool repeats; /* until a dictionary grew too large */
    struct parquet_chunk *chunk;
};

struct parquet {
    struct parquet_options options;
    struct parquet_column columns[PARQUET_COLUMNS_MAX];
    struct column *states;
    struct parquet_chunk *chunks;
    int next; /* column of the row */
    int64_t group_rows, rows, offset, kept_bytes;
    int groups_count;
    struct buf groups; /* their metadata */
    struct buf page, packed;
    z_stream zip;
    struct err fault;
};

static void start_dictionary(struct parquet *pq, int index)
{
    struct column *column = &pq->states[index];

    map_done(&column->indices);
    column->indices = (struct map){0};
    buf_clear(&column->entries);
    column->by_dictionary = pq->columns[index].type == PARQUET_TEXT && column->repeats;
}

struct parquet *parquet_new(const struct parquet_options *options)
{
    struct parquet *pq = calloc(1, sizeof *pq);
    struct column *states = calloc((size_t)options->count, sizeof *states);
    struct parquet_chunk *chunks = calloc((size_t)options->count, sizeof *chunks);

    assert(options->count > 0 && options->count <= PARQUET_COLUMNS_MAX);
    if (!pq || !states || !chunks)
        abort();
    pq->options = *options;
    memcpy(pq->columns, options->columns, (size_t)options->count * sizeof *options->columns);
    pq->options.columns = pq->columns;
    pq->states = states;
    pq->chunks = chunks;
    for (int i = 0; i < options->count; i++) {
        buf_init(&states[i].values, PARQUET_PAGE_BYTES + PARQUET_TEXT_BYTES_MAX + 4);
        buf_init(&states[i].levels, PARQUET_GROUP_ROWS_MAX);
        buf_init(&states[i].pages, 2 * PARQUET_GROUP_BYTES_MAX);
        buf_init(&states[i].entries, PARQUET_DICTIONARY_BYTES_MAX);
        states[i].chunk = &chunks[i];
        states[i].repeats = !options->plain;
        start_dictionary(pq, i);
    }
    buf_init(&pq->groups, PARQUET_FOOTER_BYTES_MAX);
    buf_init(&pq->page, 2 * PARQUET_PAGE_BYTES + PARQUET_TEXT_BYTES_MAX + PARQUET_GROUP_ROWS_MAX);
    buf_init(&pq->packed, 2 * pq->page.max);
    if (deflateInit2(&pq->zip, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16 /* gzip */, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    return pq;
}

void parquet_free(struct parquet *pq)
{
    if (!pq)
        return;
    for (int i = 0; i < pq->options.count; i++) {
        buf_free(&pq->states[i].values);
        buf_free(&pq->states[i].levels);
        buf_free(&pq->states[i].pages);
        buf_free(&pq->states[i].entries);
        map_done(&pq->states[i].indices);
    }
    free(pq->states);
    free(pq->chunks);
    buf_free(&pq->groups);
    buf_free(&pq->page);
    buf_free(&pq->packed);
    deflateEnd(&pq->zip);
    free(pq);
}

void parquet_free_at(struct parquet **pq)
{
    parquet_free(*pq);
}

/* Pages */

static str compress_page(struct parquet *pq)
{
    size_t room = deflateBound(&pq->zip, pq->page.len);
    int result;

    if (pq->options.plain)
        return buf_str(&pq->page);
    buf_clear(&pq->packed);
    pq->zip.next_in = (unsigned char *)pq->page.at;
    pq->zip.avail_in = (unsigned)pq->page.len;
    pq->zip.next_out = (unsigned char *)buf_reserve(&pq->packed, room);
    pq->zip.avail_out = (unsigned)room;
    assert(pq->zip.next_out); /* deflateBound() is far below twice the page */
    result = deflate(&pq->zip, Z_FINISH);
    assert(result == Z_STREAM_END);
    buf_commit(&pq->packed, room - pq->zip.avail_out);
    (void)deflateReset(&pq->zip);
    return buf_str(&pq->packed);
}

static void add_u32(struct buf *out, uint32_t value)
{
    buf_add(out, (str){(const char *)&value, sizeof value});
}

static uint32_t value_at(const char *values, int size, int i)
{
    uint32_t value = 0;

    memcpy(&value, values + (size_t)i * size, (size_t)size);
    return value;
}

static bool all_same(const char *values, int size, int count)
{
    return count < 2 || memcmp(values, values + size, (size_t)(count - 1) * size) == 0;
}

/* Numbers of `width` bits, lowest bit first, up to a whole byte. */
static void add_bits(struct buf *out, const char *values, int size, int count, int width)
{
    uint64_t bits = 0;
    int len = 0;

    for (int i = 0; i < count; i++) {
        bits |= (uint64_t)value_at(values, size, i) << len;
        for (len += width; len >= 8; len -= 8, bits >>= 8)
            buf_add_char(out, (char)bits);
    }
    if (len > 0)
        buf_add_char(out, (char)bits);
}

/* "RLE": here one run, of equal numbers or of packed ones by groups of eight; zlib sees to the rest. */
static void add_hybrid(struct buf *out, const char *values, int size, int count, int width)
{
    int groups = (count + 7) / 8, packed_bytes = groups * width;
    size_t before;

    if (all_same(values, size, count)) {
        varint_add(out, (uint64_t)count << 1);
        buf_add(out, (str){values, (size_t)(width + 7) / 8});
        return;
    }
    varint_add(out, (uint64_t)groups << 1 | 1);
    before = out->len;
    add_bits(out, values, size, count, width);
    while (buf_ok(out) && out->len < before + packed_bytes)
        buf_add_char(out, 0);
}

static int bits_of(size_t largest)
{
    return largest > 0 ? 64 - __builtin_clzll(largest) : 1;
}

static void add_levels(struct buf *out, const struct buf *levels)
{
    size_t before = out->len;
    uint32_t len;

    add_u32(out, 0);
    add_hybrid(out, levels->at, 1, (int)levels->len, 1);
    len = (uint32_t)(out->len - before - sizeof len);
    memcpy(out->at + before, &len, sizeof len);
}

/* A page of nulls needs no dictionary, and the group may get none. */
static bool is_by_dictionary(const struct column *column)
{
    return column->by_dictionary && column->indices.len > 0;
}

static void add_values(struct buf *out, const struct column *column, enum parquet_type type)
{
    int width;

    if (type == PARQUET_BOOL) {
        add_bits(out, column->values.at, 1, (int)column->values.len, 1);
    } else if (is_by_dictionary(column)) {
        width = bits_of(column->indices.len - 1);
        buf_add_char(out, (char)width);
        if (column->values.len > 0)
            add_hybrid(out, column->values.at, 4, (int)(column->values.len / 4), width);
    } else {
        buf_add(out, buf_str(&column->values));
    }
}

static void close_page(struct parquet *pq, int index)
{
    struct column *column = &pq->states[index];
    size_t before = column->pages.len;
    int count = (int)column->levels.len;
    str packed;

    if (count == 0)
        return;
    buf_clear(&pq->page);
    add_levels(&pq->page, &column->levels);
    add_values(&pq->page, column, pq->columns[index].type);
    assert(buf_ok(&pq->page));
    packed = compress_page(pq);
    parquet_add_data_header(&column->pages, (int64_t)pq->page.len, (int64_t)packed.len, count,
                            is_by_dictionary(column) ? PARQUET_BY_DICTIONARY : PARQUET_PLAIN);
    column->chunk->bytes += (int64_t)(column->pages.len - before + pq->page.len);
    buf_add(&column->pages, packed);
    assert(buf_ok(&column->pages));
    column->chunk->compressed_bytes += (int64_t)(column->pages.len - before);
    column->chunk->values += count;
    pq->kept_bytes += (int64_t)(column->pages.len - before) - (int64_t)(column->values.len + column->levels.len);
    buf_clear(&column->values);
    buf_clear(&column->levels);
}

/* Groups */

static bool give(struct parquet *pq, str bytes)
{
    if (pq->fault.code || !pq->options.on_bytes(pq->options.context, bytes, &pq->fault))
        return false;
    pq->offset += (int64_t)bytes.len;
    return true;
}

static bool give_dictionary(struct parquet *pq, struct column *column)
{
    BUF_AUTO header = {0};
    str packed;

    if (column->indices.len == 0)
        return true;
    buf_init(&header, 256);
    buf_clear(&pq->page);
    buf_add(&pq->page, buf_str(&column->entries));
    packed = compress_page(pq);
    parquet_add_dictionary_header(&header, (int64_t)pq->page.len, (int64_t)packed.len, (int)column->indices.len);
    column->chunk->dictionary_bytes = (int64_t)(header.len + packed.len);
    column->chunk->bytes += (int64_t)(header.len + pq->page.len);
    column->chunk->compressed_bytes += column->chunk->dictionary_bytes;
    return give(pq, buf_str(&header)) && give(pq, packed);
}

static bool end_group(struct parquet *pq)
{
    int64_t offset;

    if (pq->group_rows == 0)
        return true;
    if (pq->offset == 0 && !give(pq, STR("PAR1")))
        return false;
    offset = pq->offset;
    for (int i = 0; i < pq->options.count; i++) {
        struct column *column = &pq->states[i];

        close_page(pq, i);
        if (!give_dictionary(pq, column) || !give(pq, buf_str(&column->pages)))
            return false;
        buf_clear(&column->pages);
        start_dictionary(pq, i);
    }
    parquet_add_group(&pq->groups, &pq->options, pq->chunks, offset, pq->group_rows);
    memset(pq->chunks, 0, (size_t)pq->options.count * sizeof *pq->chunks);
    pq->groups_count++;
    pq->rows += pq->group_rows;
    pq->group_rows = 0;
    pq->kept_bytes = 0;
    return buf_ok(&pq->groups) ||
           err_set(&pq->fault, ERR_LIMIT, "the table is too long for a file: its footer would have more than %d bytes",
                   PARQUET_FOOTER_BYTES_MAX);
}

/* Rows */

static struct column *next_column(struct parquet *pq, enum parquet_type type, bool has_value)
{
    struct column *column = &pq->states[pq->next];

    if (pq->fault.code)
        return NULL;
    assert(pq->next < pq->options.count && (!has_value || pq->columns[pq->next].type == type));
    buf_add_char(&column->levels, has_value);
    pq->kept_bytes++;
    pq->next++;
    return column;
}

static void add_bytes(struct parquet *pq, struct column *column, const void *bytes, size_t len)
{
    buf_add(&column->values, (str){bytes, len});
    pq->kept_bytes += (int64_t)len;
}

/* The last of the row's field in this column: its page may end here. */
static void add_value(struct parquet *pq, struct column *column, const void *value, size_t len)
{
    add_bytes(pq, column, value, len);
    if (column->values.len >= PARQUET_PAGE_BYTES)
        close_page(pq, (int)(column - pq->states));
}

static void add_number(struct parquet *pq, enum parquet_type type, int64_t value)
{
    struct column *column = next_column(pq, type, true);

    if (!column)
        return;
    add_value(pq, column, &value, sizeof value);
    if (!column->chunk->has_range || value < column->chunk->min)
        column->chunk->min = value;
    if (!column->chunk->has_range || value > column->chunk->max)
        column->chunk->max = value;
    column->chunk->has_range = true;
}

void pq_int(struct parquet *pq, int64_t value)
{
    add_number(pq, PARQUET_INT, value);
}

void pq_time(struct parquet *pq, int64_t microseconds)
{
    add_number(pq, PARQUET_TIME, microseconds);
}

void pq_real(struct parquet *pq, double value)
{
    struct column *column = next_column(pq, PARQUET_REAL, true);

    if (column)
        add_value(pq, column, &value, sizeof value);
}

void pq_bool(struct parquet *pq, bool value)
{
    struct column *column = next_column(pq, PARQUET_BOOL, true);

    if (column)
        add_value(pq, column, &value, 1);
}

/* Its index in the column's dictionary; -1: that would grow too large. */
static int find_entry(struct parquet *pq, struct column *column, str text)
{
    uintptr_t known = (uintptr_t)map_get(&column->indices, text);

    if (known)
        return (int)known - 1;
    if (column->indices.len == PARQUET_DICTIONARY_MAX ||
        column->entries.len + text.len + sizeof(uint32_t) > column->entries.max)
        return -1;
    add_u32(&column->entries, (uint32_t)text.len);
    buf_add(&column->entries, text);
    map_put(&column->indices, text, (void *)(column->indices.len + 1));
    pq->kept_bytes += (int64_t)(2 * text.len + sizeof(struct map_slot));
    return (int)column->indices.len - 1;
}

static void add_text(struct parquet *pq, str text)
{
    struct column *column = &pq->states[pq->next];
    int entry = column->by_dictionary ? find_entry(pq, column, text) : -1;
    uint32_t number = entry < 0 ? (uint32_t)text.len : (uint32_t)entry;

    if (column->by_dictionary && entry < 0) {
        close_page(pq, pq->next);
        column->by_dictionary = column->repeats = false;
    }
    (void)next_column(pq, PARQUET_TEXT, true);
    if (entry < 0)
        add_bytes(pq, column, &number, sizeof number);
    add_value(pq, column, entry < 0 ? text.at : (const char *)&number, entry < 0 ? text.len : sizeof number);
}

void pq_text(struct parquet *pq, str text)
{
    BUF_AUTO mended = {0};

    if (text.len > PARQUET_TEXT_BYTES_MAX && !pq->fault.code)
        err_set(&pq->fault, ERR_LIMIT, "a text of column `" STR_FMT "` has %zu bytes; the limit is %d",
                STR_ARG(pq->columns[pq->next].name), text.len, PARQUET_TEXT_BYTES_MAX);
    if (pq->fault.code)
        return;
    if (!utf8_is(text)) {
        buf_init(&mended, 3 * text.len);
        for (; text.len > 0; text = str_from(text, utf8_char_len(text) ? utf8_char_len(text) : 1))
            buf_add(&mended, utf8_char_len(text) ? (str){text.at, utf8_char_len(text)} : STR("\xef\xbf\xbd"));
        text = buf_str(&mended);
    }
    add_text(pq, text);
}

void pq_null(struct parquet *pq)
{
    struct column *column = next_column(pq, PARQUET_INT, false);

    if (column)
        column->chunk->nulls++;
}

static bool tell_fault(const struct parquet *pq, struct err *err)
{
    *err = pq->fault;
    return false;
}

bool pq_end_row(struct parquet *pq, struct err *err)
{
    if (pq->fault.code)
        return tell_fault(pq, err);
    assert(pq->next == pq->options.count);
    pq->next = 0;
    pq->group_rows++;
    if (pq->group_rows < PARQUET_GROUP_ROWS_MAX && pq->kept_bytes < PARQUET_GROUP_BYTES_MAX)
        return true;
    return end_group(pq) || tell_fault(pq, err);
}

bool parquet_end(struct parquet *pq, struct err *err)
{
    BUF_AUTO footer = {0};

    assert(pq->next == 0 || pq->fault.code);
    if (pq->fault.code || !end_group(pq) || (pq->offset == 0 && !give(pq, STR("PAR1"))))
        return tell_fault(pq, err);
    buf_init(&footer, PARQUET_FOOTER_BYTES_MAX + 1024 * 1024);
    parquet_add_footer(&footer, &pq->options, buf_str(&pq->groups), pq->groups_count, pq->rows);
    return give(pq, buf_str(&footer)) || tell_fault(pq, err);
}

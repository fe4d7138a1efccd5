/*
 * Numbers of fields and of kinds are those of the format's parquet.thrift (Apache Parquet format).
 */
#include "codec/parquet_meta.h"

#include "codec/thrift_write.h"

enum { PAGE_DATA = 0, PAGE_DICTIONARY = 2 };
enum { CODEC_NONE = 0, CODEC_GZIP = 2 };
enum { FIELD_OPTIONAL = 1 };
enum { NO_CONVERTED_TYPE = -1, CONVERTED_UTF8 = 0, CONVERTED_TIME = 10 };

static const struct {
    int physical, converted;
} types[] = {
    [PARQUET_INT] = {2, NO_CONVERTED_TYPE},  /* INT64 */
    [PARQUET_REAL] = {5, NO_CONVERTED_TYPE}, /* DOUBLE */
    [PARQUET_BOOL] = {0, NO_CONVERTED_TYPE}, /* BOOLEAN */
    [PARQUET_TEXT] = {6, CONVERTED_UTF8},    /* BYTE_ARRAY */
    [PARQUET_TIME] = {2, CONVERTED_TIME},    /* INT64 */
};

/* Page headers */

static void begin_page(struct tw *w, struct buf *out, int kind, int64_t bytes, int64_t compressed_bytes)
{
    tw_init(w, out);
    tw_element(w);
    tw_i32(w, 1, kind);
    tw_i32(w, 2, (int32_t)bytes);
    tw_i32(w, 3, (int32_t)compressed_bytes);
}

void parquet_add_data_header(struct buf *out, int64_t bytes, int64_t compressed_bytes, int values,
                             enum parquet_encoding encoding)
{
    struct tw w;

    begin_page(&w, out, PAGE_DATA, bytes, compressed_bytes);
    tw_struct(&w, 5);
    tw_i32(&w, 1, values);
    tw_i32(&w, 2, encoding);
    tw_i32(&w, 3, PARQUET_RLE); /* of definition levels */
    tw_i32(&w, 4, PARQUET_RLE); /* of repetition levels; there are none */
    tw_end(&w);
    tw_end(&w);
}

void parquet_add_dictionary_header(struct buf *out, int64_t bytes, int64_t compressed_bytes, int values)
{
    struct tw w;

    begin_page(&w, out, PAGE_DICTIONARY, bytes, compressed_bytes);
    tw_struct(&w, 7);
    tw_i32(&w, 1, values);
    tw_i32(&w, 2, PARQUET_PLAIN);
    tw_end(&w);
    tw_end(&w);
}

/* Groups */

static void add_range(struct tw *w, int id, int64_t value)
{
    tw_text(w, id, (str){(const char *)&value, sizeof value}); /* PLAIN: little-endian, as we are */
}

static void add_statistics(struct tw *w, const struct parquet_chunk *chunk)
{
    tw_struct(w, 12);
    tw_i64(w, 3, chunk->nulls);
    if (chunk->has_range) {
        add_range(w, 5, chunk->max);
        add_range(w, 6, chunk->min);
    }
    tw_end(w);
}

static void add_encodings(struct tw *w, const struct parquet_chunk *chunk)
{
    bool dictionary = chunk->dictionary_bytes > 0;

    tw_list(w, 2, TW_I32, dictionary ? 3 : 2);
    tw_i32_element(w, PARQUET_PLAIN); /* the dictionary's own, too */
    tw_i32_element(w, PARQUET_RLE);
    if (dictionary)
        tw_i32_element(w, PARQUET_BY_DICTIONARY);
}

static void add_chunk(struct tw *w, const struct parquet_column *column, const struct parquet_chunk *chunk, int codec,
                      int64_t offset)
{
    tw_element(w);
    tw_i64(w, 2, 0); /* where this metadata is repeated: nowhere */
    tw_struct(w, 3);
    tw_i32(w, 1, types[column->type].physical);
    add_encodings(w, chunk);
    tw_list(w, 3, TW_TEXT, 1);
    tw_text_element(w, column->name);
    tw_i32(w, 4, codec);
    tw_i64(w, 5, chunk->values);
    tw_i64(w, 6, chunk->bytes);
    tw_i64(w, 7, chunk->compressed_bytes);
    tw_i64(w, 9, offset + chunk->dictionary_bytes);
    if (chunk->dictionary_bytes > 0)
        tw_i64(w, 11, offset);
    add_statistics(w, chunk);
    tw_end(w);
    tw_end(w);
}

void parquet_add_group(struct buf *out, const struct parquet_options *options, const struct parquet_chunk *chunks,
                       int64_t offset, int64_t rows)
{
    int64_t first = offset, bytes = 0;
    struct tw w;

    tw_init(&w, out);
    tw_element(&w);
    tw_list(&w, 1, TW_STRUCT, options->count);
    for (int i = 0; i < options->count; i++) {
        add_chunk(&w, &options->columns[i], &chunks[i], options->plain ? CODEC_NONE : CODEC_GZIP, offset);
        offset += chunks[i].compressed_bytes;
        bytes += chunks[i].bytes;
    }
    tw_i64(&w, 2, bytes);
    tw_i64(&w, 3, rows);
    tw_i64(&w, 5, first);
    tw_i64(&w, 6, offset - first);
    tw_end(&w);
}

/* The footer */

static void add_logical_type(struct tw *w, enum parquet_type type)
{
    if (type != PARQUET_TEXT && type != PARQUET_TIME)
        return;
    tw_struct(w, 10);
    tw_struct(w, type == PARQUET_TEXT ? 1 : 8);
    if (type == PARQUET_TIME) {
        tw_bool(w, 1, true); /* UTC */
        tw_struct(w, 2);
        tw_struct(w, 2); /* microseconds */
        tw_end(w);
        tw_end(w);
    }
    tw_end(w);
    tw_end(w);
}

static void add_schema(struct tw *w, const struct parquet_options *options)
{
    tw_list(w, 2, TW_STRUCT, options->count + 1);
    tw_element(w);
    tw_text(w, 4, STR("schema"));
    tw_i32(w, 5, options->count);
    tw_end(w);
    for (int i = 0; i < options->count; i++) {
        enum parquet_type type = options->columns[i].type;

        tw_element(w);
        tw_i32(w, 1, types[type].physical);
        tw_i32(w, 3, FIELD_OPTIONAL);
        tw_text(w, 4, options->columns[i].name);
        if (types[type].converted != NO_CONVERTED_TYPE)
            tw_i32(w, 6, types[type].converted);
        add_logical_type(w, type);
        tw_end(w);
    }
}

/* Least and largest go by the order that the types define; readers do not trust them without these words. */
static void add_orders(struct tw *w, int columns)
{
    tw_list(w, 7, TW_STRUCT, columns);
    for (int i = 0; i < columns; i++) {
        tw_element(w);
        tw_struct(w, 1);
        tw_end(w);
        tw_end(w);
    }
}

void parquet_add_footer(struct buf *out, const struct parquet_options *options, str groups, int groups_count,
                        int64_t rows)
{
    size_t before = out->len;
    uint32_t len;
    struct tw w;

    tw_init(&w, out);
    tw_element(&w);
    tw_i32(&w, 1, 2); /* the format's second version: names of encodings */
    add_schema(&w, options);
    tw_i64(&w, 3, rows);
    tw_list(&w, 4, TW_STRUCT, groups_count);
    buf_add(out, groups);
    tw_text(&w, 6, STR("sculler version " SCULLER_VERSION));
    add_orders(&w, options->count);
    tw_end(&w);
    len = (uint32_t)(out->len - before);
    buf_add(out, (str){(const char *)&len, sizeof len});
    buf_add(out, STR("PAR1"));
}

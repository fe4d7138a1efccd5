/* parquet_meta: the metadata of a Parquet file, as Thrift structs; of parquet.c only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/parquet.h"

enum parquet_encoding { PARQUET_PLAIN = 0, PARQUET_RLE = 3, PARQUET_BY_DICTIONARY = 8 };

/* What a group's metadata says of one column. */
struct parquet_chunk {
    int64_t values; /* nulls are counted in */
    int64_t nulls;
    int64_t bytes, compressed_bytes;
    int64_t dictionary_bytes; /* of its page with header; 0: there is none */
    int64_t min, max;
    bool has_range;
};

void parquet_add_data_header(struct buf *out, int64_t bytes, int64_t compressed_bytes, int values,
                             enum parquet_encoding encoding);
void parquet_add_dictionary_header(struct buf *out, int64_t bytes, int64_t compressed_bytes, int values);
void parquet_add_group(struct buf *out, const struct parquet_options *options, const struct parquet_chunk *chunks,
                       int64_t offset, int64_t rows);
void parquet_add_footer(struct buf *out, const struct parquet_options *options, str groups, int groups_count,
                        int64_t rows);

/*
 * The first byte says how a table is cut into pieces; however that is, the same rows come out.  Good rows, written, are
 * read as they were.
 */
#include "codec/csv.h"

#include <assert.h>
#include <stdint.h>

#include "codec/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct seen {
    uint32_t sum; /* of all that was given */
    int64_t line, rows, good;
    struct cw *w;
    int columns;
};

static bool on_header(void *context, const struct csv *csv, struct err *err)
{
    struct seen *seen = context;

    (void)err;
    seen->columns = csv_columns_count(csv);
    assert(seen->columns > 0 && seen->columns <= CSV_FIELDS_MAX);
    for (int i = 0; i < seen->columns && seen->w; i++)
        cw_text(seen->w, STR("name"));
    if (seen->w)
        cw_end(seen->w);
    return true;
}

static bool on_row(void *context, const struct csv_row *row)
{
    struct seen *seen = context;

    assert(row->line > seen->line);
    seen->line = row->line;
    seen->rows++;
    if (row->why)
        return true;
    assert(row->count == seen->columns);
    seen->good++;
    for (int i = 0; i < row->count; i++) {
        seen->sum = crc32c(seen->sum, row->fields[i].at, row->fields[i].len);
        seen->sum = crc32c(seen->sum, &(char){(char)i}, 1);
        if (seen->w)
            cw_text(seen->w, row->fields[i]);
    }
    if (seen->w)
        cw_end(seen->w);
    return true;
}

static bool read_table(str table, size_t piece_len, char separator, struct seen *seen)
{
    struct csv_options options = {.separator = separator, .context = seen, .on_header = on_header, .on_row = on_row};
    CSV_AUTO csv = csv_new(&options);
    struct err err = {0};
    bool good = true;

    for (size_t at = 0; good && at < table.len; at += piece_len)
        good = csv_feed(csv, (str){table.at + at, table.len - at < piece_len ? table.len - at : piece_len}, &err);
    good = good && csv_end(csv, &err);
    assert(good || err.text[0]);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct seen whole = {0}, pieces = {0}, again = {0};
    BUF_AUTO out = {0};
    struct cw w;
    bool good;

    if (len < 2)
        return 0;
    buf_init(&out, 4 * len + 64 * 1024);
    cw_init(&w, &out, ';');
    whole.w = &w;
    good = read_table((str){(const char *)data + 1, len - 1}, len, '\0', &whole);
    assert(read_table((str){(const char *)data + 1, len - 1}, data[0] % 16 + 1, '\0', &pieces) == good);
    assert(pieces.sum == whole.sum && pieces.rows == whole.rows && pieces.line == whole.line);
    if (!good)
        return 0;
    assert(buf_ok(&out) && read_table(buf_str(&out), 3, ';', &again));
    assert(again.sum == whole.sum && again.rows == whole.good && again.good == whole.good);
    return 0;
}

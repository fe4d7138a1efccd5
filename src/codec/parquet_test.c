/* That others read what is written: test/test_27_parquet.py. */
#include "codec/parquet.h"

#include <string.h>

#include "base/buf.h"
#include "base/test.h"
#include "codec/hash.h"

static const struct parquet_column columns[] = {{STR("n"), PARQUET_INT},
                                                {STR("x"), PARQUET_REAL},
                                                {STR("b"), PARQUET_BOOL},
                                                {STR("t"), PARQUET_TEXT},
                                                {STR("at"), PARQUET_TIME}};

struct sink {
    struct buf bytes;
    int64_t total, calls;
    bool refuses;
};

static bool keep(void *context, str bytes, struct err *err)
{
    struct sink *sink = context;

    sink->calls++;
    sink->total += (int64_t)bytes.len;
    if (sink->refuses)
        return err_set(err, ERR_SYSTEM, "the client is gone");
    buf_add(&sink->bytes, bytes);
    return true;
}

static struct parquet *begin(struct sink *sink, bool plain)
{
    struct parquet_options options = {
        .columns = columns, .count = 5, .plain = plain, .on_bytes = keep, .context = sink};

    buf_init(&sink->bytes, 64 * 1024 * 1024);
    return parquet_new(&options);
}

static bool add_row(struct parquet *pq, int64_t n, str text, struct err *err)
{
    pq_int(pq, n);
    pq_real(pq, (double)n / 2);
    pq_bool(pq, n & 1);
    pq_text(pq, text);
    pq_time(pq, n * 1000);
    return pq_end_row(pq, err);
}

static bool add_nulls(struct parquet *pq, struct err *err)
{
    for (int i = 0; i < 5; i++)
        pq_null(pq);
    return pq_end_row(pq, err);
}

/* Arrow, DuckDB and fastparquet read these bytes when the test was written.  The footer names our version, so it is
 * left out. */
static void keeps_its_form(void)
{
    struct sink sink = {0};
    struct err err = {0};
    PARQUET_AUTO pq = begin(&sink, true);
    uint32_t footer_len;
    str file;

    ok(add_row(pq, 1, STR("words"), &err) && add_nulls(pq, &err) && add_row(pq, -3, STR("w\xc3\xbc"), &err));
    ok(sink.calls == 0); /* all is kept until the group is whole */
    ok(parquet_end(pq, &err));
    file = buf_str(&sink.bytes);
    ok(str_starts(file, STR("PAR1")) && str_ends(file, STR("PAR1")));
    memcpy(&footer_len, file.at + file.len - 8, 4);
    ok(footer_len < file.len - 12 && file.at[file.len - 8 - footer_len] == 0x15); /* its first field: an i32 */
    ok(file.len - 8 - footer_len == 184 && crc32c(0, file.at, 184) == 0xe8de5aac);
    buf_free(&sink.bytes);
}

static void gives_a_group_when_it_is_whole(void)
{
    struct sink sink = {0};
    struct err err = {0};
    PARQUET_AUTO pq = begin(&sink, false);
    bool good = true;
    int64_t first;

    for (int64_t i = 0; i < PARQUET_GROUP_ROWS_MAX - 1; i++)
        good = good && add_row(pq, i, STR("same"), &err);
    ok(good && sink.total == 0);
    ok(add_row(pq, 7, STR("same"), &err) && sink.total > 0);
    first = sink.total;
    ok(add_row(pq, 8, STR("same"), &err) && sink.total == first);
    ok(parquet_end(pq, &err) && sink.total > first);
    buf_free(&sink.bytes);
}

static void writes_no_text_that_cannot_be_read(void)
{
    struct sink sink = {0};
    struct err err = {0};
    PARQUET_AUTO pq = begin(&sink, true);

    ok(add_row(pq, 1,
               STR("a\xff"
                   "b\xc3"),
               &err) &&
       parquet_end(pq, &err));
    ok(memmem(sink.bytes.at, sink.bytes.len,
              "\x08\0\0\0a\xef\xbf\xbd"
              "b\xef\xbf\xbd",
              12));
    buf_free(&sink.bytes);
}

static void a_fault_stays(void)
{
    static char large[PARQUET_TEXT_BYTES_MAX + 1];
    struct sink sink = {.refuses = true}, other = {0};
    struct err err = {0};
    PARQUET_AUTO pq = begin(&sink, false);
    PARQUET_AUTO limited = begin(&other, false);

    ok(add_row(pq, 1, STR("x"), &err) && !parquet_end(pq, &err));
    ok(err.code == ERR_SYSTEM && strcmp(err.text, "the client is gone") == 0 && sink.calls == 1);
    err = (struct err){0};
    ok(!add_row(pq, 2, STR("x"), &err) && err.code == ERR_SYSTEM && sink.calls == 1);

    ok(!add_row(limited, 1, (str){large, sizeof large}, &err) && err.code == ERR_LIMIT);
    ok(strcmp(err.text, "a text of column `t` has 1048577 bytes; the limit is 1048576") == 0);
    ok(!add_row(limited, 2, STR("x"), &err) && !parquet_end(limited, &err) && other.calls == 0);
    buf_free(&sink.bytes);
    buf_free(&other.bytes);
}

static void an_empty_table_is_a_file(void)
{
    struct sink sink = {0};
    struct err err = {0};
    PARQUET_AUTO pq = begin(&sink, false);

    ok(parquet_end(pq, &err) && str_starts(buf_str(&sink.bytes), STR("PAR1\x15")));
    buf_free(&sink.bytes);
}

TEST_MAIN(keeps_its_form, gives_a_group_when_it_is_whole, writes_no_text_that_cannot_be_read, a_fault_stays,
          an_empty_table_is_a_file)

#include "codec/csv.h"

#include <math.h>
#include <string.h>

#include "base/test.h"

/* What came of a table, as one text: the names, then each row with its line, fields in <>, or why it is broken. */
struct told {
    struct buf out;
    int64_t most;
    str must_have;
};

static bool tell_header(void *context, const struct csv *csv, struct err *err)
{
    struct told *told = context;

    for (int i = 0; i < csv_columns_count(csv); i++)
        buf_printf(&told->out, "<" STR_FMT ">", STR_ARG(csv_column_name(csv, i)));
    if (told->must_have.len > 0 && csv_column(csv, told->must_have) < 0)
        return err_set(err, ERR_INVALID, "there is no column `" STR_FMT "`", STR_ARG(told->must_have));
    return true;
}

static bool tell_row(void *context, const struct csv_row *row)
{
    struct told *told = context;

    buf_printf(&told->out, " %lld:", (long long)row->line);
    for (int i = 0; i < row->count && !row->why; i++)
        buf_printf(&told->out, "<" STR_FMT ">", STR_ARG(row->fields[i]));
    if (row->why)
        buf_add(&told->out, str_of(row->why));
    return --told->most != 0;
}

static bool read_table(str table, size_t piece_len, struct told *told, char *ret_separator, struct err *err)
{
    struct csv_options options = {.context = told, .on_header = tell_header, .on_row = tell_row};
    CSV_AUTO csv = csv_new(&options);
    bool good = true;

    buf_init(&told->out, 64 * 1024);
    for (size_t at = 0; good && at < table.len; at += piece_len)
        good = csv_feed(csv, (str){table.at + at, table.len - at < piece_len ? table.len - at : piece_len}, err);
    good = good && csv_end(csv, err);
    *ret_separator = csv_separator(csv);
    return good;
}

static void reads_tables_in_pieces_of_any_size(void)
{
    static const struct {
        const char *table;
        char separator;
        const char *told;
    } rows[] = {
        {"id,score\n1,0.5\n2,0.25\n", ',', "<id><score> 2:<1><0.5> 3:<2><0.25>"},
        {"id,score\r\n1,0.5\r\n2,0.25", ',', "<id><score> 2:<1><0.5> 3:<2><0.25>"},
        {"id,score\r1,0.5\r2,0.25\r", ',', "<id><score> 2:<1><0.5> 3:<2><0.25>"},
        {"\xef\xbb\xbfid; score\n1;0,5\n", ';', "<id><score> 2:<1><0,5>"},
        {"a\tb\n1\t2\n", '\t', "<a><b> 2:<1><2>"},
        {"a|b|c\n1|2|3\n", '|', "<a><b><c> 2:<1><2><3>"},
        {"\"a,b,c\";d\n1;2\n", ';', "<a,b,c><d> 2:<1><2>"},
        {"a\n1\n\n\n2\n", ',', "<a> 2:<1> 5:<2>"},
        {"\n\na,b\n1,2\n", ',', "<a><b> 4:<1><2>"},
        {"a,b\n\"x, \"\"y\"\"\",\"two\nlines\"\n3,4\n", ',', "<a><b> 2:<x, \"y\"><two\nlines> 4:<3><4>"},
        {"a,b\n\"\",\n,\"\"\n", ',', "<a><b> 2:<><> 3:<><>"},
        {"a,b\n5\" pipe,2\n", ',', "<a><b> 2:<5\" pipe><2>"},
        {"a,b\r\n\"x\r\ny\",1\r\n2,3\r\n", ',', "<a><b> 2:<x\r\ny><1> 4:<2><3>"},
        {"a,b\n1\n1,2,3\n4,5\n", ',',
         "<a><b> 2:it has 1 field, the header has 2 3:it has 3 fields, the header has 2 4:<4><5>"},
        {"a,b\n\"x\"y,2\n\"x\" ,2\n4,5", ',',
         "<a><b> 2:there is text behind a closing quote; a quote within a field is written twice "
         "3:there is text behind a closing quote; a quote within a field is written twice 4:<4><5>"},
        {"a,b\n\xfc,2\n\xc3\xbc and on,5\n", ',',
         "<a><b> 2:it is not UTF-8; save the table as UTF-8 3:<\xc3\xbc and on><5>"},
        {"a,b\n1,2\n3,\"4\n5,6\n", ',', "<a><b> 2:<1><2> 3:a closing quote is missing"},
        {"a,b", ',', "<a><b>"},
        {"a,b\n1,2\n3,", ',', "<a><b> 2:<1><2> 3:<3><>"},
    };
    static const size_t pieces[] = {1, 2, 3, 7, 1000};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
            struct told told = {0};
            struct err err = {0};
            char separator;

            ok(read_table(str_of(rows[i].table), pieces[k], &told, &separator, &err));
            ok(str_eq(buf_str(&told.out), str_of(rows[i].told)) && separator == rows[i].separator);
            if (!str_eq(buf_str(&told.out), str_of(rows[i].told)))
                printf("# %zu/%zu: " STR_FMT "\n", i, pieces[k], STR_ARG(buf_str(&told.out)));
            buf_free(&told.out);
        }
    }
}

static void refuses_a_table_without_a_good_header(void)
{
    static const struct {
        const char *table, *why;
    } rows[] = {
        {"", "the table is empty; its first row names the columns"},
        {"\n\n", "the table is empty; its first row names the columns"},
        {"\xff\xfe\x61", "the table is UTF-16; save it as UTF-8"},
        {"\"a\"b\n1",
         "line 1, the header: there is text behind a closing quote; a quote within a field is written twice"},
        {"\n\xfc\n1", "line 2, the header: it is not UTF-8; save the table as UTF-8"},
        {"a,b\n1,2", "there is no column `score`"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct told told = {.must_have = STR("score")};
        struct err err = {0};
        char separator;

        ok(!read_table(str_of(rows[i].table), 4, &told, &separator, &err));
        ok(str_eq(str_of(err.text), str_of(rows[i].why)));
        buf_free(&told.out);
    }
}

static void stops_when_it_is_enough(void)
{
    struct told told = {.most = 2};
    struct err err = {0};
    char separator;

    ok(read_table(STR("a\n1\n2\n3\n4\n"), 1, &told, &separator, &err));
    ok(str_eq(buf_str(&told.out), STR("<a> 2:<1> 3:<2>")));
    buf_free(&told.out);
}

static void limits_fields_and_rows(void)
{
    BUF_AUTO table = {0};
    struct told told = {0};
    struct err err = {0};
    char separator;

    buf_init(&table, 8 * 1024 * 1024);
    buf_add(&table, STR("a,b\n"));
    for (int i = 0; i <= CSV_FIELD_BYTES_MAX; i++)
        buf_add_char(&table, 'x');
    buf_add(&table, STR(",2\n3,4\n"));
    for (int i = 0; i < CSV_FIELDS_MAX; i++)
        buf_add_char(&table, ',');
    buf_add(&table, STR("\n5,6\n\""));
    for (int i = 0; i <= CSV_ROW_BYTES_MAX; i++)
        buf_add_char(&table, i % 100 ? 'x' : '\n');
    buf_add(&table, STR("\n7,8\n"));
    ok(buf_ok(&table) && read_table(buf_str(&table), 4096, &told, &separator, &err));
    ok(str_eq(
        buf_str(&told.out),
        STR("<a><b> 2:a field is larger than the limit of 64 KiB 3:<3><4> 4:it has more fields than the limit of 1024 "
            "5:<5><6> 6:it is larger than the limit of 1 MiB; a closing quote may be missing 10493:<7><8>")));
    buf_free(&told.out);
}

static void writes_what_it_reads(void)
{
    static const char *const texts[] = {"plain",        "",        "a,b",      "say \"x\"", "\"",
                                        "two\r\nlines", " edges ", "\xc3\xbc", "a;b"};
    enum { TEXTS = sizeof texts / sizeof *texts };
    struct told told = {0};
    struct err err = {0};
    BUF_AUTO out = {0};
    char separator;
    struct cw w;

    buf_init(&out, 4096);
    cw_init(&w, &out, ',');
    for (int i = 0; i < TEXTS; i++)
        cw_text(&w, STR("n"));
    cw_end(&w);
    for (int i = 0; i < TEXTS; i++)
        cw_text(&w, str_of(texts[i]));
    cw_end(&w);
    ok(read_table(buf_str(&out), 5, &told, &separator, &err));
    ok(str_eq(buf_str(&told.out),
              STR("<n><n><n><n><n><n><n><n><n> 2:<plain><><a,b><say \"x\"><\"><two\r\nlines>< edges "
                  "><\xc3\xbc><a;b>")));
    buf_free(&told.out);
    buf_clear(&out);
    cw_int(&w, INT64_MIN);
    cw_int(&w, 42);
    cw_real(&w, 0.1);
    cw_real(&w, (double)NAN);
    cw_bool(&w, true);
    cw_null(&w);
    cw_text(&w, STR(""));
    cw_end(&w);
    ok(str_eq(buf_str(&out), STR("-9223372036854775808,42,0.1,,true,,\"\"\r\n")));
}

TEST_MAIN(reads_tables_in_pieces_of_any_size, refuses_a_table_without_a_good_header, stops_when_it_is_enough,
          limits_fields_and_rows, writes_what_it_reads)

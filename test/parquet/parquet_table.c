/*
 * parquet_table: a table of JSON rows (standard input) as a Parquet file (standard output), so that tests can have
 * other programs read what codec/parquet writes.
 *
 *     {"columns": [["n", "int"], ["x", "real"], ["b", "bool"], ["t", "text"], ["at", "time"]]}
 *     {"row": [1, 0.5, true, "words", 1700000000000000]}
 *     {"row": [null, null, null, null, null]}
 *
 *     parquet_table --many N      rows of predictions, made up, to see how fast and in how much memory
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/json_scan.h"
#include "codec/parquet.h"

enum { COLUMNS_MAX = 64, INPUT_BYTES_MAX = 512 * 1024 * 1024 };

static const str type_names[] = {[PARQUET_INT] = STR("int"),
                                 [PARQUET_REAL] = STR("real"),
                                 [PARQUET_BOOL] = STR("bool"),
                                 [PARQUET_TEXT] = STR("text"),
                                 [PARQUET_TIME] = STR("time")};

static NORETURN void die(const char *why)
{
    fprintf(stderr, "parquet_table: %s\n", why);
    exit(1);
}

static bool write_out(void *context, str bytes, struct err *err)
{
    (void)context;
    return fwrite(bytes.at, 1, bytes.len, stdout) == bytes.len || err_sys(err, "cannot write");
}

static bool read_input(struct buf *input)
{
    char *at;

    while ((at = buf_reserve(input, 64 * 1024))) {
        size_t len = fread(at, 1, 64 * 1024, stdin);

        if (len == 0)
            return true;
        buf_commit(input, len);
    }
    return false;
}

static void read_column(struct jr *r, struct parquet_column *column)
{
    str type = STR("");

    jr_array(r);
    if (!jr_element(r) || !jr_text(r, &column->name) || !jr_element(r) || !jr_text(r, &type))
        die("a column is [name, type]");
    jr_leave(r);
    for (int i = 0; i < (int)(sizeof type_names / sizeof *type_names); i++)
        if (str_eq(type_names[i], type))
            column->type = (enum parquet_type)i;
}

static void write_field(struct jr *r, struct parquet *pq, enum parquet_type type)
{
    int64_t whole = 0;
    double real = 0;
    bool yes = false;
    str text = STR("");

    if (jr_kind(r) == JSON_KIND_NULL)
        pq_null(pq);
    else if (type == PARQUET_INT && jr_int(r, &whole))
        pq_int(pq, whole);
    else if (type == PARQUET_TIME && jr_int(r, &whole))
        pq_time(pq, whole);
    else if (type == PARQUET_REAL && jr_double(r, &real))
        pq_real(pq, real);
    else if (type == PARQUET_BOOL && jr_bool(r, &yes))
        pq_bool(pq, yes);
    else if (type == PARQUET_TEXT && jr_text(r, &text))
        pq_text(pq, text);
    else
        die("a field is of another type than its column");
}

static void write_row(str row, struct parquet *pq, const struct parquet_column *columns, struct buf *room,
                      struct err *err)
{
    struct jr r;
    str key;
    int i = 0;

    buf_clear(room);
    jr_init(&r, row, room);
    jr_object(&r);
    if (!jr_member(&r, &key))
        die("expected {\"row\": […]}");
    for (jr_array(&r); jr_element(&r); i++)
        write_field(&r, pq, columns[i].type);
    if (!jr_end(&r, err) || !pq_end_row(pq, err))
        die(err->text);
}

static void write_table(bool plain)
{
    struct parquet_column columns[COLUMNS_MAX];
    struct parquet_options options = {.columns = columns, .plain = plain, .on_bytes = write_out};
    struct json_rows rows;
    struct err err = {0};
    BUF_AUTO input = {0};
    BUF_AUTO names = {0};
    BUF_AUTO room = {0};
    PARQUET_AUTO pq = NULL;
    struct jr r;
    str row, key;

    buf_init(&input, INPUT_BYTES_MAX);
    buf_init(&names, 64 * 1024);
    buf_init(&room, INPUT_BYTES_MAX);
    if (!read_input(&input))
        die("the table is too large");
    json_rows_init(&rows, buf_str(&input));
    if (!json_rows_next(&rows, &row))
        die("there are no columns");
    jr_init(&r, row, &names);
    jr_object(&r);
    if (!jr_member(&r, &key))
        die("expected {\"columns\": […]}");
    for (jr_array(&r); jr_element(&r) && options.count < COLUMNS_MAX;)
        read_column(&r, &columns[options.count++]);
    if (!jr_end(&r, &err))
        die(err.text);
    pq = parquet_new(&options);
    while (json_rows_next(&rows, &row))
        write_row(row, pq, columns, &room, &err);
    if (!json_rows_end(&rows, &err) || !parquet_end(pq, &err))
        die(err.text);
}

static void write_many(long count)
{
    static const struct parquet_column columns[] = {
        {STR("time"), PARQUET_TIME},    {STR("prediction_id"), PARQUET_TEXT}, {STR("version"), PARQUET_TEXT},
        {STR("score"), PARQUET_REAL},   {STR("label"), PARQUET_REAL},         {STR("decision"), PARQUET_BOOL},
        {STR("segment"), PARQUET_TEXT}, {STR("amount"), PARQUET_REAL},        {STR("position"), PARQUET_INT},
    };
    struct parquet_options options = {
        .columns = columns, .count = sizeof columns / sizeof *columns, .on_bytes = write_out};
    PARQUET_AUTO pq = parquet_new(&options);
    struct err err = {0};
    uint64_t drawn = 88172645463325252u;
    char id[64], segment[16];

    for (long i = 0; i < count; i++) {
        drawn ^= drawn << 13, drawn ^= drawn >> 7, drawn ^= drawn << 17; /* xorshift64 */
        snprintf(id, sizeof id, "%08lx-79b0-7cc3-98c4-%012lx", i / 4, (long)(drawn >> 16));
        snprintf(segment, sizeof segment, "house-%d", (int)(drawn % 300));
        pq_time(pq, 1700000000000000 + i * 1000);
        pq_text(pq, str_of(id));
        pq_text(pq, drawn % 5 ? STR("2") : STR("1"));
        pq_real(pq, (double)(drawn >> 11) / 9007199254740992.0);
        if (drawn % 3)
            pq_null(pq);
        else
            pq_real(pq, (double)(drawn >> 63));
        pq_bool(pq, drawn >> 63);
        pq_text(pq, str_of(segment));
        pq_real(pq, (double)(drawn % 100000) / 100);
        pq_int(pq, i % 4);
        if (!pq_end_row(pq, &err))
            die(err.text);
    }
    if (!parquet_end(pq, &err))
        die(err.text);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--many") == 0)
        write_many(atol(argv[2]));
    else
        write_table(argc == 2 && strcmp(argv[1], "--plain") == 0);
    return fflush(stdout) != 0;
}

#include "monitor/export.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <unistd.h>

#include "codec/csv.h"
#include "codec/json_write.h"
#include "codec/parquet.h"
#include "codec/time_format.h"
#include "monitor/answer.h"
#include "monitor/prediction_row.h"

enum { PIECE_BYTES = 256 * 1024, ROW_BYTES_MAX = 64 * 1024 };

const char *const export_formats[] = {"csv", "ndjson", "parquet", NULL};
const char *const export_types[] = {"text/csv; charset=utf-8", "application/x-ndjson",
                                    "application/vnd.apache.parquet"};

/* A column: a member of struct prediction_row. */
static const struct column {
    const char *name;
    enum parquet_type type;
    size_t offset;
    bool is_32; /* an int, not an int64_t */
} columns[] = {
    {"prediction_id", PARQUET_TEXT, offsetof(struct prediction_row, prediction_id)},
    {"time", PARQUET_TIME, offsetof(struct prediction_row, time_us)},
    {"function", PARQUET_TEXT, offsetof(struct prediction_row, function)},
    {"version", PARQUET_TEXT, offsetof(struct prediction_row, version)},
    {"alias", PARQUET_TEXT, offsetof(struct prediction_row, alias)},
    {"source", PARQUET_TEXT, offsetof(struct prediction_row, source)},
    {"request_id", PARQUET_TEXT, offsetof(struct prediction_row, request_id)},
    {"position", PARQUET_INT, offsetof(struct prediction_row, position), true},
    {"score", PARQUET_REAL, offsetof(struct prediction_row, score)},
    {"threshold", PARQUET_REAL, offsetof(struct prediction_row, threshold)},
    {"threshold_number", PARQUET_INT, offsetof(struct prediction_row, threshold_number), true},
    {"decision", PARQUET_BOOL, offsetof(struct prediction_row, decision)},
    {"segment", PARQUET_TEXT, offsetof(struct prediction_row, segment)},
    {"amount", PARQUET_REAL, offsetof(struct prediction_row, amount)},
    {"items", PARQUET_TEXT, offsetof(struct prediction_row, items)},
    {"features", PARQUET_TEXT, offsetof(struct prediction_row, features)},
    {"label", PARQUET_REAL, offsetof(struct prediction_row, label)},
    {"label_time", PARQUET_TIME, offsetof(struct prediction_row, label_us)},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

struct exporting {
    const struct question *question;
    enum export_format format;
    int fd;
    struct buf out; /* of CSV and JSON, until PIECE_BYTES */
    struct cw csv;
    struct parquet *parquet;
    struct arena row_arena, arena;
};

static bool write_bytes(void *ctx, str bytes, struct err *err)
{
    struct exporting *exporting = ctx;

    while (bytes.len > 0) {
        ssize_t written = write(exporting->fd, bytes.at, bytes.len);

        if (written < 0 && errno != EINTR)
            return err_sys(err, "the file of the export");
        bytes = str_from(bytes, written > 0 ? (size_t)written : 0);
    }
    return true;
}

static bool flush(struct exporting *exporting, struct err *err)
{
    bool good = write_bytes(exporting, buf_str(&exporting->out), err);

    buf_clear(&exporting->out);
    return good;
}

/* -- a value
 * ------------------------------------------------------------------------------------------------------------ */

struct value {
    bool is_null;
    str text;
    int64_t number; /* of a time, microseconds */
    double real;
};

static struct value value_of(const struct prediction_row *row, const struct column *column)
{
    const void *at = (const char *)row + column->offset;
    struct value value = {0};

    switch (column->type) {
    case PARQUET_TEXT:
        value.text = *(const str *)at;
        value.is_null = value.text.len == 0;
        break;
    case PARQUET_REAL:
        value.real = *(const double *)at;
        value.is_null = isnan(value.real);
        break;
    case PARQUET_BOOL:
        value.number = *(const bool *)at;
        break;
    case PARQUET_TIME:
        value.number = *(const int64_t *)at;
        value.is_null = column->offset == offsetof(struct prediction_row, label_us) && isnan(row->label);
        break;
    case PARQUET_INT:
        value.number = column->is_32 ? *(const int *)at : *(const int64_t *)at;
        break;
    }
    return value;
}

/* -- formats
 * ------------------------------------------------------------------------------------------------------------ */

static void csv_value(struct cw *w, enum parquet_type type, const struct value *value)
{
    char moment[TIME_TEXT_MAX];

    if (value->is_null) {
        cw_null(w);
    } else if (type == PARQUET_TEXT) {
        cw_text(w, value->text);
    } else if (type == PARQUET_REAL) {
        cw_real(w, value->real);
    } else if (type == PARQUET_TIME) {
        time_format_zulu(value->number / 1000, moment);
        cw_text(w, str_of(moment));
    } else {
        cw_int(w, value->number);
    }
}

static bool csv_row(struct exporting *exporting, const struct prediction_row *row, struct err *err)
{
    for (int i = 0; i < COLUMNS; i++) {
        struct value value = value_of(row, &columns[i]);

        csv_value(&exporting->csv, columns[i].type, &value);
    }
    cw_end(&exporting->csv);
    return exporting->out.len < PIECE_BYTES || flush(exporting, err);
}

static bool csv_head(struct exporting *exporting)
{
    cw_init(&exporting->csv, &exporting->out, ',');
    for (int i = 0; i < COLUMNS; i++)
        cw_text(&exporting->csv, str_of(columns[i].name));
    cw_end(&exporting->csv);
    return true;
}

static bool json_row(struct exporting *exporting, const struct prediction_row *row, struct err *err)
{
    struct jw jw;

    jw_init(&jw, &exporting->out);
    jw_object(&jw);
    prediction_row_write(&jw, row, (double)NAN);
    jw_object_end(&jw);
    buf_add_char(&exporting->out, '\n');
    return exporting->out.len < PIECE_BYTES || flush(exporting, err);
}

static bool parquet_head(struct exporting *exporting)
{
    struct parquet_column of[COLUMNS];

    for (int i = 0; i < COLUMNS; i++)
        of[i] = (struct parquet_column){str_of(columns[i].name), columns[i].type};
    const struct parquet_options options = {
        .columns = of, .count = COLUMNS, .on_bytes = write_bytes, .context = exporting};
    exporting->parquet = parquet_new(&options);
    return true;
}

static void parquet_value(struct parquet *parquet, enum parquet_type type, const struct value *value)
{
    if (value->is_null)
        pq_null(parquet);
    else if (type == PARQUET_TEXT)
        pq_text(parquet, value->text);
    else if (type == PARQUET_REAL)
        pq_real(parquet, value->real);
    else if (type == PARQUET_TIME)
        pq_time(parquet, value->number);
    else if (type == PARQUET_BOOL)
        pq_bool(parquet, value->number != 0);
    else
        pq_int(parquet, value->number);
}

static bool parquet_row(struct exporting *exporting, const struct prediction_row *row, struct err *err)
{
    for (int i = 0; i < COLUMNS; i++) {
        struct value value = value_of(row, &columns[i]);

        parquet_value(exporting->parquet, columns[i].type, &value);
    }
    return pq_end_row(exporting->parquet, err);
}

static const struct {
    bool (*head)(struct exporting *exporting);
    bool (*row)(struct exporting *exporting, const struct prediction_row *row, struct err *err);
} writers[] = {
    [EXPORT_CSV] = {csv_head, csv_row},
    [EXPORT_NDJSON] = {NULL, json_row},
    [EXPORT_PARQUET] = {parquet_head, parquet_row},
};

/* -- all
 * ---------------------------------------------------------------------------------------------------------------- */

static bool export_file(void *ctx, struct db *db, struct err *err)
{
    struct exporting *exporting = ctx;
    struct db_value values[2 + FILTER_VALUES_MAX] = {DB_INT(exporting->question->from_us),
                                                     DB_INT(exporting->question->to_us)};
    struct prediction_row row;
    char filter[FILTER_SQL_MAX];
    int count = 2;

    question_filter(exporting->question, filter, values, &count);
    str sql =
        arena_printf(&exporting->arena,
                     "SELECT r.id FROM rows r JOIN streams s ON s.id = r.stream JOIN segments g ON g.id = r.segment"
                     " WHERE r.time_us >= ? AND r.time_us < ?%s ORDER BY r.time_us, r.id",
                     filter);
    DB_ROWS_AUTO rows = db_query_values(db, err, sql.at, values, count);
    while (db_next(&rows, err)) {
        if (!prediction_row_read(db, db_int(&rows, 0), &exporting->row_arena, &row, err) ||
            !writers[exporting->format].row(exporting, &row, err))
            return false;
        arena_reset(&exporting->row_arena);
    }
    return err->code == ERR_NONE;
}

bool export_predictions(const char *folder, const struct question *question, enum export_format format, int fd,
                        struct err *err)
{
    struct exporting exporting = {.question = question, .format = format, .fd = fd};
    bool good;

    buf_init(&exporting.out, PIECE_BYTES + ROW_BYTES_MAX);
    if (writers[format].head)
        (void)writers[format].head(&exporting);
    good = question_files(folder, question->from_us, question->to_us, export_file, &exporting, err) &&
           (!exporting.parquet || parquet_end(exporting.parquet, err)) && flush(&exporting, err);
    parquet_free(exporting.parquet);
    buf_free(&exporting.out);
    arena_free(&exporting.row_arena);
    arena_free(&exporting.arena);
    return good;
}

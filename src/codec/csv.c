/*
 * The reader is a machine of five states that takes runs of plain bytes at a step.  What belongs to a row is copied to
 * `bytes`, without quotes, and `ends` says where its fields end; so a row may lie across pieces, and memory is what one
 * row may have.
 *
 *                 ┌──── separator ────┐
 *                 ▼                   │
 *     start ──▶ FIELD ──other──▶ PLAIN ── line end ──▶ row given ──▶ FIELD
 *                 │ "                 ▲
 *                 ▼                   │ separator, line end: as from PLAIN
 *               QUOTED ──"──▶ QUOTE ──┘
 *                 ▲──────"──────┘           at a fault: BROKEN, until the line ends; given with why
 *
 * The separator is guessed when the first row is whole: until then pieces wait in `ahead`.
 */
#include "codec/csv.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json_write.h"

#include "base/utf8.h"

enum csv_state { CSV_FIELD, CSV_PLAIN, CSV_QUOTED, CSV_QUOTE, CSV_BROKEN };

struct csv {
    struct csv_options options;
    enum csv_state state;
    char separator;
    bool ended, after_cr, ahead_quoted;
    size_t ahead_seen; /* bytes of `ahead` that were looked at for the first row's end */
    int64_t line, row_line;
    struct buf ahead, bytes, names;
    int count, columns;
    uint32_t ends[CSV_FIELDS_MAX], name_ends[CSV_FIELDS_MAX];
    str fields[CSV_FIELDS_MAX];
    const char *why;
    char why_room[128];
    bool ends_plain[256]; /* bytes that may end a run in PLAIN */
};

struct csv *csv_new(const struct csv_options *options)
{
    struct csv *csv = calloc(1, sizeof *csv);

    if (!csv)
        abort();
    csv->options = *options;
    csv->separator = options->separator;
    csv->line = csv->row_line = 1;
    buf_init(&csv->ahead, CSV_ROW_BYTES_MAX);
    buf_init(&csv->bytes, CSV_ROW_BYTES_MAX);
    buf_init(&csv->names, CSV_ROW_BYTES_MAX);
    return csv;
}

void csv_free(struct csv *csv)
{
    if (!csv)
        return;
    buf_free(&csv->ahead);
    buf_free(&csv->bytes);
    buf_free(&csv->names);
    free(csv);
}

void csv_free_at(struct csv **csv)
{
    csv_free(*csv);
}

/* Rows */

static void break_row(struct csv *csv, const char *why)
{
    csv->why = why;
    csv->state = CSV_BROKEN;
}

static void end_field(struct csv *csv)
{
    size_t from = csv->count > 0 ? csv->ends[csv->count - 1] : 0;

    if (csv->count == CSV_FIELDS_MAX) {
        break_row(csv, "it has more fields than the limit of 1024");
        return;
    }
    _Static_assert(CSV_FIELDS_MAX == 1024 && CSV_FIELD_BYTES_MAX == 64 * 1024 && CSV_ROW_BYTES_MAX == 1024 * 1024,
                   "they are named in messages");
    if (csv->bytes.len - from > CSV_FIELD_BYTES_MAX) {
        break_row(csv, "a field is larger than the limit of 64 KiB");
        return;
    }
    csv->ends[csv->count++] = (uint32_t)csv->bytes.len;
    csv->state = CSV_FIELD;
}

static str cut(const struct buf *bytes, const uint32_t *ends, int index)
{
    uint32_t from = index > 0 ? ends[index - 1] : 0;

    return bytes->at ? (str){bytes->at + from, ends[index] - from} : STR("");
}

static bool take_header(struct csv *csv, struct err *err)
{
    if (csv->why)
        return err_set(err, ERR_INVALID, "line %lld, the header: %s", (long long)csv->row_line, csv->why);
    buf_add(&csv->names, buf_str(&csv->bytes));
    memcpy(csv->name_ends, csv->ends, sizeof csv->ends);
    csv->columns = csv->count;
    return !csv->options.on_header || csv->options.on_header(csv->options.context, csv, err);
}

static void give_row(struct csv *csv)
{
    struct csv_row row = {.line = csv->row_line, .count = csv->count, .fields = csv->fields, .why = csv->why};

    if (!row.why && row.count != csv->columns) {
        snprintf(csv->why_room, sizeof csv->why_room, "it has %d field%s, the header has %d", row.count,
                 row.count == 1 ? "" : "s", csv->columns);
        row.why = csv->why_room;
    }
    for (int i = 0; i < csv->count; i++)
        csv->fields[i] = cut(&csv->bytes, csv->ends, i);
    csv->ended = !csv->options.on_row(csv->options.context, &row);
}

static bool end_row(struct csv *csv, struct err *err)
{
    bool good = true;

    if (csv->state != CSV_BROKEN)
        end_field(csv);
    if (!csv->why && !utf8_is(buf_str(&csv->bytes)))
        csv->why = "it is not UTF-8; save the table as UTF-8";
    if (csv->columns == 0)
        good = take_header(csv, err);
    else
        give_row(csv);
    buf_clear(&csv->bytes);
    csv->count = 0;
    csv->why = NULL;
    csv->state = CSV_FIELD;
    return good;
}

/* Bytes.  Each state takes what it can from the front of the piece. */

static bool at_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static size_t plain_len(const struct csv *csv, str piece)
{
    size_t len = 0;

    while (len < piece.len && !csv->ends_plain[(unsigned char)piece.at[len]])
        len++;
    return len;
}

static size_t add_bytes(struct csv *csv, str piece, size_t len)
{
    buf_add(&csv->bytes, (str){piece.at, len});
    if (!buf_ok(&csv->bytes)) {
        break_row(csv, csv->state == CSV_QUOTED ? "it is larger than the limit of 1 MiB; a closing quote may be missing"
                                                : "it is larger than the limit of 1 MiB");
        buf_clear(&csv->bytes);
        csv->count = 0;
    }
    return len;
}

static size_t in_quotes(struct csv *csv, str piece)
{
    const char *quote = memchr(piece.at, '"', piece.len);
    size_t len = quote ? (size_t)(quote - piece.at) : piece.len;

    for (const char *at = piece.at; (at = memchr(at, '\n', len - (size_t)(at - piece.at))); at++)
        csv->line++;
    add_bytes(csv, piece, len);
    if (!quote)
        return len;
    if (csv->state == CSV_QUOTED)
        csv->state = CSV_QUOTE;
    return len + 1;
}

static size_t behind_quote(struct csv *csv, str piece)
{
    if (*piece.at != '"') {
        break_row(csv, "there is text behind a closing quote; a quote within a field is written twice");
        return 0;
    }
    csv->state = CSV_QUOTED;
    return add_bytes(csv, piece, 1);
}

/* Neither line end nor separator, or in quotes, or broken. */
static size_t take_bytes(struct csv *csv, str piece)
{
    size_t space = csv->bytes.max - csv->bytes.len, len = 0;

    if (piece.len > space) /* a row that is too large breaks at the same byte, however the pieces are cut */
        piece.len = space + 1;
    if (csv->state == CSV_QUOTED)
        return in_quotes(csv, piece);
    if (csv->state == CSV_QUOTE)
        return behind_quote(csv, piece);
    if (csv->state == CSV_BROKEN) {
        while (len < piece.len && !at_line_end(piece.at[len]))
            len++;
        return len;
    }
    if (csv->state == CSV_FIELD && *piece.at == '"') {
        csv->state = CSV_QUOTED;
        return 1;
    }
    csv->state = CSV_PLAIN;
    return add_bytes(csv, piece, plain_len(csv, piece));
}

static bool take_line_end(struct csv *csv, char c, struct err *err)
{
    bool second = c == '\n' && csv->after_cr, empty = csv->state == CSV_FIELD && csv->count == 0, good = true;

    if (!second && !empty)
        good = end_row(csv, err);
    csv->after_cr = c == '\r';
    csv->line += !second;
    csv->row_line = csv->line;
    return good;
}

static bool take_piece(struct csv *csv, str piece, struct err *err)
{
    while (piece.len > 0 && !csv->ended) {
        char c = *piece.at;
        size_t len = 1;

        if (csv->state != CSV_QUOTED && at_line_end(c)) {
            if (!take_line_end(csv, c, err))
                return false;
            piece = str_from(piece, 1);
            continue;
        }
        csv->after_cr = false;
        if (c == csv->separator && csv->state != CSV_QUOTED && csv->state != CSV_BROKEN)
            end_field(csv);
        else
            len = take_bytes(csv, piece);
        piece = str_from(piece, len);
    }
    return true;
}

/* The first row, and what it tells about the others */

static char guess_separator(str row)
{
    static const char candidates[] = ",;\t|";
    int counts[sizeof candidates] = {0}, best = 0;
    bool quoted = false;

    for (size_t i = 0; i < row.len && (quoted || !at_line_end(row.at[i])); i++) {
        const char *found = row.at[i] ? strchr(candidates, row.at[i]) : NULL;

        quoted ^= row.at[i] == '"';
        if (found && !quoted)
            counts[found - candidates]++;
    }
    for (int i = 1; i < (int)sizeof candidates - 1; i++)
        if (counts[i] > counts[best])
            best = i;
    return candidates[best];
}

/* Does the first row end in what is ahead?  Each byte is looked at once, however small the pieces are. */
static bool has_row(struct csv *csv)
{
    for (; csv->ahead_seen < csv->ahead.len; csv->ahead_seen++) {
        char c = csv->ahead.at[csv->ahead_seen];

        csv->ahead_quoted ^= c == '"';
        if (!csv->ahead_quoted && at_line_end(c))
            return true;
    }
    return false;
}

/* From here on pieces are taken as they come. */
static bool begin(struct csv *csv, struct err *err)
{
    str first = buf_str(&csv->ahead);

    if (str_starts(first, STR("\xff\xfe")) || str_starts(first, STR("\xfe\xff")))
        return err_set(err, ERR_INVALID, "the table is UTF-16; save it as UTF-8");
    if (str_starts(first, STR("\xef\xbb\xbf")))
        first = str_from(first, 3);
    if (!csv->separator)
        csv->separator = guess_separator(first);
    csv->ends_plain[(unsigned char)csv->separator] = true;
    csv->ends_plain['\n'] = csv->ends_plain['\r'] = true;
    return take_piece(csv, first, err);
}

static bool has_begun(const struct csv *csv)
{
    return csv->ends_plain['\n'];
}

bool csv_feed(struct csv *csv, str piece, struct err *err)
{
    size_t space = csv->ahead.max - csv->ahead.len;
    str taken = {piece.at, piece.len < space ? piece.len : space};

    if (has_begun(csv))
        return take_piece(csv, piece, err);
    buf_add(&csv->ahead, taken);
    if (csv->ahead.len < csv->ahead.max && !has_row(csv))
        return true;
    if (!begin(csv, err))
        return false;
    buf_free(&csv->ahead);
    return take_piece(csv, str_from(piece, taken.len), err);
}

bool csv_end(struct csv *csv, struct err *err)
{
    if (!has_begun(csv) && !begin(csv, err))
        return false;
    if (csv->ended)
        return true;
    if (csv->state == CSV_QUOTED)
        break_row(csv, "a closing quote is missing");
    if (csv->state != CSV_FIELD || csv->count > 0)
        return end_row(csv, err);
    return csv->columns > 0 || err_set(err, ERR_INVALID, "the table is empty; its first row names the columns");
}

int csv_columns_count(const struct csv *csv)
{
    return csv->columns;
}

str csv_column_name(const struct csv *csv, int column)
{
    str name = cut(&csv->names, csv->name_ends, column);

    while (name.len > 0 && *name.at == ' ') /* "id; score" */
        name = str_from(name, 1);
    while (name.len > 0 && name.at[name.len - 1] == ' ')
        name.len--;
    return name;
}

int csv_column(const struct csv *csv, str name)
{
    for (int i = 0; i < csv->columns; i++)
        if (str_eq(csv_column_name(csv, i), name))
            return i;
    return -1;
}

char csv_separator(const struct csv *csv)
{
    return csv->separator;
}

/* The writer */

void cw_init(struct cw *w, struct buf *out, char separator)
{
    *w = (struct cw){.out = out, .separator = separator};
}

static void begin_field(struct cw *w)
{
    if (w->in_row)
        buf_add_char(w->out, w->separator);
    w->in_row = true;
}

static bool needs_quotes(const struct cw *w, str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == w->separator || text.at[i] == '"' || at_line_end(text.at[i]))
            return true;
    return text.len == 0 || text.at[0] == ' ' || text.at[text.len - 1] == ' ';
}

void cw_text(struct cw *w, str text)
{
    const char *quote;

    begin_field(w);
    if (!needs_quotes(w, text)) {
        buf_add(w->out, text);
        return;
    }
    buf_add_char(w->out, '"');
    while (text.len > 0 && (quote = memchr(text.at, '"', text.len))) {
        size_t len = (size_t)(quote - text.at) + 1;

        buf_add_all(w->out, (str){text.at, len}, STR("\""));
        text = str_from(text, len);
    }
    buf_add_all(w->out, text, STR("\""));
}

void cw_int(struct cw *w, int64_t value)
{
    begin_field(w);
    if (value < 0)
        buf_add_char(w->out, '-');
    buf_add_uint(w->out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void cw_real(struct cw *w, double value)
{
    begin_field(w);
    if (isfinite(value))
        json_add_real(w->out, value);
}

void cw_bool(struct cw *w, bool value)
{
    begin_field(w);
    buf_add(w->out, value ? STR("true") : STR("false"));
}

void cw_null(struct cw *w)
{
    begin_field(w);
}

void cw_end(struct cw *w)
{
    buf_add(w->out, STR("\r\n"));
    w->in_row = false;
}

/*
 * csv: tables as text (RFC 4180): a reader that is fed pieces, so that a file of any size passes through bounded
 * memory, and a writer.
 *
 * The reader takes what spreadsheets and programs write: fields in quotes, line ends of all three kinds, a byte order
 * mark, and , ; tab or | between fields, guessed from the first row.  That row names the columns.  A row that is broken
 * is given with why, and does not end the others.  Line numbers are those of an editor.  Empty lines are no rows.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

struct csv;

struct csv_row {
    int64_t line; /* on which it starts, from 1 */
    int count;
    const str *fields; /* until the callback returns; as many as there are columns, unless `why` */
    const char *why;   /* NULL, or what is wrong with it */
};

struct csv_options {
    char separator; /* 0: guess */
    void *context;
    bool (*on_header)(void *context, const struct csv *csv, struct err *err); /* may be NULL; false: not this file */
    bool (*on_row)(void *context, const struct csv_row *row);                 /* false: enough */
};

struct csv *csv_new(const struct csv_options *options);
void csv_free(struct csv *csv);
#define CSV_AUTO CLEANUP(csv_free_at) struct csv *
void csv_free_at(struct csv **csv);

MUST_USE bool csv_feed(struct csv *csv, str piece, struct err *err); /* a fault of the header, or on_header's */
MUST_USE bool csv_end(struct csv *csv, struct err *err);             /* the last row may lack its line end */

/* Once there is a header. */
int csv_columns_count(const struct csv *csv);
str csv_column_name(const struct csv *csv, int column);
int csv_column(const struct csv *csv, str name); /* the first of this name; -1: there is none */
char csv_separator(const struct csv *csv);

/*
 * The writer: cw_ for each field, cw_end() after a row.  It writes texts as they are: what a spreadsheet takes for a
 * formula is not defused, since then a program would read something else than was recorded.
 */
struct cw {
    struct buf *out;
    char separator;
    bool in_row;
};

void cw_init(struct cw *w, struct buf *out, char separator);
void cw_text(struct cw *w, str text);
void cw_int(struct cw *w, int64_t value);
void cw_real(struct cw *w, double value); /* shortest that reads back the same; not finite: as cw_null() */
void cw_bool(struct cw *w, bool value);
void cw_null(struct cw *w); /* an empty field; an empty text is in quotes */
void cw_end(struct cw *w);

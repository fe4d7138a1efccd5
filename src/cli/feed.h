/*
 * feed: the rows of a file (CSV or lines of JSON, of any size) to an address of the server that keeps rows, in batches;
 * what `sculler label` and `sculler import` are.
 *
 * Each batch is answered when it is on disk, and rows that were sent before change nothing, so what was cut off may be
 * sent again.  Where it was cut off stands in a file beside the one that is read (feed_resume.h).
 */
#pragma once

#include "cli/options.h"
#include "codec/json_cell.h"

enum {
    FEED_BATCH_BYTES_MAX = 8 << 20,
    FEED_LINE_BYTES_MAX = 1 << 20, /* of a line of JSON */
    FEED_PIECE_BYTES = 256 * 1024,
    FEED_TELLS_MAX = 20,   /* refused rows, without --refused */
    FEED_ATTEMPTS_MAX = 6, /* of a batch that nobody takes; each pause is twice as long */
    FEED_PAUSE_MS = 250,
    FEED_FIGURES_MAX = 12,
};

struct feed_column {
    const char *name;   /* in a table */
    const char *member; /* of a row as the server takes it; NULL: known, and not for the server */
    enum json_cell kind;
};

struct feed_kind {
    const char *command;               /* "label" */
    const char *path;                  /* "/v1/labels" */
    const struct feed_column *columns; /* a name NULL ends it, and the next */
    const char *const *figures;        /* of the server's report, told at the end */
    const char *source;                /* of rows that name none, or NULL */
    int rows_max;                      /* of a batch */
    bool names_rows;                   /* a row without prediction_id gets one by its line and content */
    bool wants_key;                    /* something must say which prediction a row is about */
    bool takes_features;
};

extern const struct option feed_options[];
int feed_run(const struct arguments *arguments, const struct feed_kind *kind); /* the exit status */

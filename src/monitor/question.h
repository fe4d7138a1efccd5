/*
 * question: what the histograms and rows of a window say, in groups.  Everything that is told about quality (HTTP, CLI,
 * dashboard, replay) is made from these figures, so it is the same everywhere.
 *
 * A window is whole hours.  It is read from few rows: whole months and days where it has them, hours at its ends.  What
 * was believed at an earlier time (as_of) and exact thresholds are counted from the rows themselves. On the quality
 * lane; files are opened to read only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "stats/curve.h"

struct monitor;

enum {
    GROUPS_MAX = 2500,          /* of an answer: 100 days by the hour */
    SCANNED_ROWS_MAX = 4000000, /* of as_of and exact */
};

enum question_by { BY_NOTHING, BY_HOUR, BY_DAY, BY_VERSION, BY_SEGMENT, BY_ALIAS, BY_SOURCE };

struct question {
    str function;
    str version, alias, segment,
        source;             /* at NULL: any; of sources any but shadow, unless a version is named or BY_VERSION */
    int64_t from_us, to_us; /* taken to whole hours: from down, to up */
    int64_t as_of_us;       /* 0: now */
    enum question_by by;
    bool is_exact; /* count rows, with has_threshold */
    bool has_threshold;
    double threshold; /* another than the decisions were made by */
};

struct figures {
    str key;          /* of the group: an hour's or day's start as text, a version, a segment ... */
    int64_t start_us; /* of BY_HOUR, BY_DAY */
    struct stats_scores scores;
    struct stats_confusion decided; /* by the thresholds that were in force */
    struct stats_confusion asked;   /* by the question's, when has_threshold */
    double unlabelled_positive, unlabelled_negative;
    double sum[2], sum_squares[2]; /* of scores, by label */
    double amount_tp, amount_fp, amount_fn, amount_tn, amount_unlabelled;
    double undecided;
};

struct answer_figures {
    struct figures *groups; /* by key, in order; one of BY_NOTHING even if all is 0 */
    int count;
    int64_t from_us, to_us;
    double edge; /* what has_threshold came to; the threshold itself when exact */
};

MUST_USE bool question_figures(const char *folder, const struct question *question, struct arena *arena,
                               struct answer_figures *ret, struct err *err);

/* Calls on each file that has a part of the window, oldest first, with the handle that reads it. */
struct db;
MUST_USE bool question_files(const char *folder, int64_t from_us, int64_t to_us,
                             bool (*each)(void *ctx, struct db *db, struct err *err), void *ctx, struct err *err);

/* The same of one month's file, which must be there. */
MUST_USE bool question_file(const char *folder, int64_t month_us,
                            bool (*each)(void *ctx, struct db *db, struct err *err), void *ctx, struct err *err);

/* "AND s.function = ?" and what else the question asks of a stream and segment, over aliases s and g.  Values for it
 * are appended from values[*count]. */
struct db_value;
enum { FILTER_VALUES_MAX = 6, FILTER_SQL_MAX = 512 };
void question_filter(const struct question *question, char sql[FILTER_SQL_MAX], struct db_value *values, int *count);

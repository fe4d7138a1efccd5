/*
 * browse: the predictions of a window, one page after the other: those of a kind, in an order.
 *
 * Rows are looked at in the order of time, from the indexes rows_time and rows_label, and a page looks at
 * BROWSE_SCANNED_MAX of them at most.  In the order of time a page that ends so goes on where it stopped.  In the order
 * of scores it has looked at the newest rows of the window only, and says so (is_complete). On the quality lane.
 */
#pragma once

#include "monitor/question.h"

enum {
    BROWSE_ROWS_MAX = 1000, /* of a page */
    BROWSE_SCANNED_MAX = 100 * 1000,
    BROWSE_LABELS_MAX = 8, /* different labels of a month that are read from their index; graded ones may be more */
    BROWSE_CURSOR_CHARS = 80,
};

/* What a row is, by the decision that was made, or by the question's threshold when it has one. */
enum browse_kind {
    BROWSE_ALL,
    BROWSE_FP,
    BROWSE_FN,
    BROWSE_TP,
    BROWSE_TN,
    BROWSE_POSITIVE, /* decided so */
    BROWSE_NEGATIVE,
    BROWSE_LABELLED,
    BROWSE_UNLABELLED,
    BROWSE_CHANGED, /* the question's threshold decides otherwise than was decided */
};
extern const char *const browse_kinds[]; /* names, NULL-ended */

enum browse_order {
    BROWSE_BY_TIME,
    BROWSE_BY_TIME_DOWN,
    BROWSE_BY_SCORE,
    BROWSE_BY_SCORE_DOWN,
    BROWSE_BY_MARGIN, /* nearest to the threshold first */
};
extern const char *const browse_orders[];

struct browse_place { /* of a row in an order: by key, then by time and row */
    double key;
    int64_t time_us, row;
};

struct browse {
    struct question question; /* a function that is at NULL: of any */
    enum browse_kind kind;
    enum browse_order order;
    int limit;
    bool has_after; /* else from the beginning */
    struct browse_place after;
    int64_t scanned_max; /* 0: BROWSE_SCANNED_MAX */
};

struct browsed {
    struct browse_place *rows;
    int count;
    int64_t from_us, to_us; /* whole hours, as in figures: so what is counted there is what is found here */
    int64_t scanned;
    bool is_complete; /* all of the window that could be on this page was looked at */
    bool has_next;
    struct browse_place next;
};

MUST_USE bool browse_rows(const char *folder, const struct browse *browse, struct arena *arena, struct browsed *ret,
                          struct err *err);

/* Where the next page begins, as text of BROWSE_CURSOR_CHARS: the window goes with it, so that rows that come
 * meanwhile do not move it.  False: it is none. */
str browse_cursor(const struct browsed *browsed, struct arena *arena);
MUST_USE bool browse_after(struct browse *browse, str cursor);

/*
 * period_delayed: silence as truth: a decision of which nothing was heard for so long gets a label of its own, which
 * whatever is heard later takes the place of, whenever that became known (its origin is ORIGIN_DELAYED).
 *
 * How far a file has been looked through is kept in it, for each function: all rows up to a time, of those that were
 * there up to a row number.  So a step costs the rows it looks at, goes on where the last one ended, and sees rows of
 * old times that came later.  On the monitor lane, in the file's transaction.
 */
#pragma once

#include "monitor/period.h"

enum {
    DELAYED_DAYS_MAX = 3650,
    DELAYED_ROWS_MAX = 5000, /* that one step looks at */
};

struct delayed {
    str function;
    int days;
    bool is_right; /* the decision was right; else the truth is negative */
};

/* ret_more: there are rows left to look at. */
MUST_USE bool period_delay(struct period *period, const struct delayed *delayed, int64_t now_us, int *ret_labelled,
                           bool *ret_more, struct err *err);

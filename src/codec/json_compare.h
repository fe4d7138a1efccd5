/*
 * json_compare: where do two JSON values differ?  The one comparer of the house: deploy's samples and replays say the
 * same of the same answers.  Members in any order; integers exactly; other numbers within a tolerance, since the last
 * digits of a sum depend on its order.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/str.h"

#define JSON_TOLERANCE_DEFAULT 1e-9 /* relative to the larger of the two */

/* How differences are told: "at `x[0].y`: <before>1<after>2", "`y` <gone>", "`z` <fresh>". */
struct json_compare_words {
    const char *before, *after, *gone, *fresh;
};
extern const struct json_compare_words json_compare_expected; /* "expected 1, got 2", "missing", "unexpected" */
extern const struct json_compare_words json_compare_change;   /* "was 1, is 2", "is gone", "is new" */

/* The number of places in which they differ.  The first few are told in `out`, unless that is NULL. */
int json_compare(const json_t *before, const json_t *after, double tolerance, const struct json_compare_words *words,
                 struct buf *out);

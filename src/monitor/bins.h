/*
 * bins: how many scores fell where.  1,024 bins over [0, 1]: bin = min(1023, floor(1024 * score)).
 *
 * On disk a histogram is a run of varints (LEB128): how many empty bins, then the count of the one that follows, and so
 * on; what is left is empty.  An hour of one segment is mostly empty, and a busy month widens without a change.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

enum {
    SCORE_BINS = 1024,
    SCORE_BINS_BYTES_MAX = SCORE_BINS * (2 + 10), /* encoded, at most: 1,023 is two bytes, an int64 ten */
};

static inline int score_bin(double score) /* of a score in [0, 1] */
{
    int bin = (int)(score * SCORE_BINS);

    return bin < SCORE_BINS ? bin : SCORE_BINS - 1;
}

void bins_encode(const int64_t bins[SCORE_BINS], struct buf *out);
/* Adds what the text holds to `bins`.  False: it is not of bins_encode; what was added before that stays. */
MUST_USE bool bins_add(str text, int64_t bins[SCORE_BINS]);

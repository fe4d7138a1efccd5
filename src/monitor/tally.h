/*
 * tally: what a transaction adds to (and takes from) the score histograms, gathered in memory and written once.
 *
 * A cell of the tally is (stream, segment, hour, label).  Each is added to three rows of score_hist: its hour, its day
 * and its month, so that a question reads few rows whatever its window.  All of it is in the transaction of the rows it
 * counts.
 */
#pragma once

#include "base/err.h"
#include "db/db.h"
#include "monitor/bins.h"

enum {
    TALLY_CELLS_MAX = 4096, /* 35 MB; past that they are written and begun anew, in the same transaction */
    TIER_HOUR = 0,
    TIER_DAY = 1,
    TIER_MONTH = 2,
    LABEL_UNKNOWN = -1,
};

struct tally_key {
    int64_t hour_us; /* its start */
    int32_t stream, segment, label;
};

struct tally_cell {
    struct tally_key key;
    int64_t bins[SCORE_BINS];
    int64_t count, positives; /* rows; of these, decided positive */
    double sum, sum_squares;  /* of the scores */
    double amount_positive, amount_negative;
};

struct tally {
    struct tally_cell **slots; /* open addressing, twice TALLY_CELLS_MAX */
    struct tally_cell *last;
    int count;
};

struct scored {           /* what of a row counts */
    double score, amount; /* amount: NAN for none */
    bool decision;
};

void tally_init(struct tally *tally);
void tally_done(struct tally *tally);
void tally_clear(struct tally *tally); /* after a rollback */
/* sign: 1 or -1.  Ask tally_is_full() before. */
void tally_add(struct tally *tally, const struct tally_key *key, const struct scored *row, int sign);
static inline bool tally_is_full(const struct tally *tally)
{
    return tally->count >= TALLY_CELLS_MAX;
}
MUST_USE bool tally_write(struct tally *tally, struct db *db, struct err *err); /* then it is empty */

int64_t hour_of(int64_t time_us); /* starts, in UTC */
int64_t day_of(int64_t time_us);
int64_t month_of(int64_t time_us);
int64_t month_after(int64_t month_us);

#include "monitor/tally.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SLOTS = 2 * TALLY_CELLS_MAX };
#define HOUR_US (3600LL * 1000 * 1000)
#define DAY_US (24 * HOUR_US)

static int64_t floor_to(int64_t time_us, int64_t unit_us)
{
    int64_t rest = time_us % unit_us;

    return time_us - (rest < 0 ? rest + unit_us : rest);
}

int64_t hour_of(int64_t time_us)
{
    return floor_to(time_us, HOUR_US);
}

int64_t day_of(int64_t time_us)
{
    return floor_to(time_us, DAY_US);
}

static int64_t month_start(int64_t time_us, int months_after)
{
    time_t seconds = (time_t)(day_of(time_us) / 1000000);
    struct tm day;

    gmtime_r(&seconds, &day);
    day = (struct tm){.tm_year = day.tm_year, .tm_mon = day.tm_mon + months_after, .tm_mday = 1};
    return (int64_t)timegm(&day) * 1000000;
}

int64_t month_of(int64_t time_us)
{
    return month_start(time_us, 0);
}

int64_t month_after(int64_t month_us)
{
    return month_start(month_us, 1);
}

void tally_init(struct tally *tally)
{
    *tally = (struct tally){.slots = calloc(SLOTS, sizeof *tally->slots)};
    if (!tally->slots)
        abort();
}

void tally_clear(struct tally *tally)
{
    for (int i = 0; tally->count > 0 && i < SLOTS; i++) {
        tally->count -= tally->slots[i] != NULL;
        free(tally->slots[i]);
        tally->slots[i] = NULL;
    }
    tally->last = NULL;
}

void tally_done(struct tally *tally)
{
    if (tally->slots)
        tally_clear(tally);
    free(tally->slots);
    tally->slots = NULL;
}

static bool same_key(const struct tally_key *a, const struct tally_key *b)
{
    return a->hour_us == b->hour_us && a->stream == b->stream && a->segment == b->segment && a->label == b->label;
}

static uint64_t hash_key(const struct tally_key *key)
{
    uint64_t hash = (uint64_t)(key->hour_us / HOUR_US);

    hash = hash * 31 + (uint64_t)key->stream;
    hash = hash * 1021 + (uint64_t)key->segment;
    hash = (hash * 4 + (uint64_t)(key->label + 1)) * 0x9e3779b97f4a7c15u; /* golden ratio: Knuth, TAOCP 6.4 */
    return hash >> 32;
}

static struct tally_cell *cell_of(struct tally *tally, const struct tally_key *key)
{
    size_t at;

    if (tally->last && same_key(&tally->last->key, key))
        return tally->last;
    for (at = hash_key(key) % SLOTS; tally->slots[at]; at = (at + 1) % SLOTS)
        if (same_key(&tally->slots[at]->key, key))
            return tally->last = tally->slots[at];
    assert(tally->count <= TALLY_CELLS_MAX + 2); /* a label moves a row from one cell to another */
    tally->last = tally->slots[at] = calloc(1, sizeof **tally->slots);
    if (!tally->last)
        abort();
    tally->last->key = *key;
    tally->count++;
    return tally->last;
}

void tally_add(struct tally *tally, const struct tally_key *key, const struct scored *row, int sign)
{
    struct tally_cell *cell = cell_of(tally, key);
    double amount = isnan(row->amount) ? 0 : row->amount;

    cell->bins[score_bin(row->score)] += sign;
    cell->count += sign;
    cell->sum += sign * row->score;
    cell->sum_squares += sign * row->score * row->score;
    if (row->decision) {
        cell->positives += sign;
        cell->amount_positive += sign * amount;
    } else {
        cell->amount_negative += sign * amount;
    }
}

/* -- writing ----------------------------------------------------------------------------------------------------- */

static bool add_stored(struct db_rows *rows, struct tally_cell *sum, struct err *err)
{
    ARENA_AUTO arena = {0};

    sum->count += db_int(rows, 1);
    sum->positives += db_int(rows, 2);
    sum->sum += db_real(rows, 3);
    sum->sum_squares += db_real(rows, 4);
    sum->amount_positive += db_real(rows, 5);
    sum->amount_negative += db_real(rows, 6);
    return bins_add(db_text(rows, 7, &arena), sum->bins) ||
           err_set(err, ERR_SYSTEM, "a histogram of score_hist cannot be read: the file is damaged");
}

static bool replace(struct db *db, int tier, int64_t start_us, const struct tally_cell *sum, int64_t id,
                    struct err *err)
{
    BUF_AUTO bins = {0};

    buf_init(&bins, SCORE_BINS_BYTES_MAX);
    bins_encode(sum->bins, &bins);
    return db_run(
        db, err,
        "INSERT OR REPLACE INTO score_hist (id, tier, start_us, stream, segment, label, count, positives, sum,"
        " sum_squares, amount_positive, amount_negative, bins) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        id ? DB_INT(id) : DB_NULL, DB_INT(tier), DB_INT(start_us), DB_INT(sum->key.stream), DB_INT(sum->key.segment),
        DB_INT(sum->key.label), DB_INT(sum->count), DB_INT(sum->positives), DB_REAL(sum->sum),
        DB_REAL(sum->sum_squares), DB_REAL(sum->amount_positive), DB_REAL(sum->amount_negative),
        DB_BLOB(buf_str(&bins)));
}

static bool write_tier(struct db *db, int tier, int64_t start_us, const struct tally_cell *cell, struct err *err)
{
    struct tally_cell sum = *cell;
    int64_t id = 0;
    DB_ROWS_AUTO rows = db_query(db, err,
                                 "SELECT id, count, positives, sum, sum_squares, amount_positive, amount_negative, bins"
                                 " FROM score_hist WHERE tier = ? AND start_us = ? AND stream = ? AND segment = ?"
                                 " AND label = ?",
                                 DB_INT(tier), DB_INT(start_us), DB_INT(cell->key.stream), DB_INT(cell->key.segment),
                                 DB_INT(cell->key.label));

    if (db_next(&rows, err)) {
        id = db_int(&rows, 0);
        if (!add_stored(&rows, &sum, err))
            return false;
    }
    db_rows_done(&rows);
    return err->code == ERR_NONE && replace(db, tier, start_us, &sum, id, err);
}

/* What the hours of a day, and of a month, come to, so that these are written once a transaction. */
struct tier_sum {
    int tier;
    int64_t (*start_of)(int64_t time_us);
    bool has_cells;
    struct tally_cell sum; /* key.hour_us: the tier's start */
};

static bool sum_write(struct tier_sum *tier, struct db *db, struct err *err)
{
    return !tier->has_cells || write_tier(db, tier->tier, tier->sum.key.hour_us, &tier->sum, err);
}

static void add_cell(struct tally_cell *sum, const struct tally_cell *more)
{
    for (int i = 0; i < SCORE_BINS; i++)
        sum->bins[i] += more->bins[i];
    sum->count += more->count;
    sum->positives += more->positives;
    sum->sum += more->sum;
    sum->sum_squares += more->sum_squares;
    sum->amount_positive += more->amount_positive;
    sum->amount_negative += more->amount_negative;
}

static bool sum_add(struct tier_sum *tier, const struct tally_cell *cell, struct db *db, struct err *err)
{
    struct tally_key key = cell->key;

    key.hour_us = tier->start_of(key.hour_us);
    if (!tier->has_cells || !same_key(&tier->sum.key, &key)) {
        if (!sum_write(tier, db, err))
            return false;
        tier->sum = (struct tally_cell){.key = key};
        tier->has_cells = true;
    }
    add_cell(&tier->sum, cell);
    return true;
}

static int by_series_and_hour(const void *a, const void *b)
{
    const struct tally_key *x = &(*(struct tally_cell *const *)a)->key, *y = &(*(struct tally_cell *const *)b)->key;

    if (x->stream != y->stream)
        return x->stream < y->stream ? -1 : 1;
    if (x->segment != y->segment)
        return x->segment < y->segment ? -1 : 1;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    return (x->hour_us > y->hour_us) - (x->hour_us < y->hour_us);
}

static bool write_cells(struct tally_cell **cells, int count, struct db *db, struct err *err)
{
    ARENA_AUTO arena = {0};
    struct tier_sum *sums = arena_new(&arena, struct tier_sum, 2);
    struct tier_sum *day = &sums[0], *month = &sums[1];

    *day = (struct tier_sum){.tier = TIER_DAY, .start_of = day_of};
    *month = (struct tier_sum){.tier = TIER_MONTH, .start_of = month_of};
    qsort(cells, (size_t)count, sizeof *cells, by_series_and_hour);
    for (int i = 0; i < count; i++)
        if (!write_tier(db, TIER_HOUR, cells[i]->key.hour_us, cells[i], err) || !sum_add(day, cells[i], db, err) ||
            !sum_add(month, cells[i], db, err))
            return false;
    return sum_write(day, db, err) && sum_write(month, db, err);
}

bool tally_write(struct tally *tally, struct db *db, struct err *err)
{
    ARENA_AUTO arena = {0};
    struct tally_cell **cells = arena_new(&arena, struct tally_cell *, tally->count);
    int count = 0;

    *err = (struct err){0};
    for (int i = 0; tally->count > 0 && i < SLOTS; i++)
        if (tally->slots[i])
            cells[count++] = tally->slots[i];
    if (count > 0 && !write_cells(cells, count, db, err))
        return false;
    tally_clear(tally);
    return true;
}

#include "monitor/period_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

enum { CACHE_KB = 64 * 1024, CHECKPOINT_PAGES = 32000 };

/* -- opening ------------------------------------------------------------------------------------------------------ */

static bool load_meta(struct period *period, struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(period->db, err, "SELECT tag, (SELECT coalesce(max(id), 0) + 1 FROM rows) FROM meta");

    if (!db_next(&rows, err))
        return err->code ? false : err_set(err, ERR_SYSTEM, "the table meta is empty: the file is damaged");
    period->tag = (uint64_t)db_int(&rows, 0);
    period->next_row = db_int(&rows, 1);
    return true;
}

static bool set_up(struct period *period, struct err *err)
{
    char pragmas[64];

    snprintf(pragmas, sizeof pragmas, "PRAGMA cache_size=-%d", CACHE_KB);
    if (!period_migrate(period->db, err) || !db_run(period->db, err, pragmas))
        return false;
    snprintf(pragmas, sizeof pragmas, "PRAGMA wal_autocheckpoint=%d", CHECKPOINT_PAGES);
    return db_run(period->db, err, pragmas);
}

static bool load(struct period *period, struct err *err)
{
    return db_open(period->path, &period->db, err) && set_up(period, err) && load_meta(period, err) &&
           names_load(&period->names, period->db, err) && runs_open(period->db, &period->runs, err);
}

static void unload(struct period *period)
{
    runs_close(period->runs);
    names_done(&period->names);
    db_close(period->db);
    period->runs = NULL;
    period->db = NULL;
    period->call = 0;
    period->is_durable = true; /* as db_open() sets it */
}

void period_path(const char *folder, int64_t month_us, char ret[PERIOD_PATH_MAX])
{
    time_t seconds = (time_t)(month_us / 1000000);
    struct tm month;

    gmtime_r(&seconds, &month);
    snprintf(ret, PERIOD_PATH_MAX, "%s/%04d-%02d.db", folder, month.tm_year + 1900, month.tm_mon + 1);
}

bool period_open(const char *folder, int64_t time_us, struct period **ret, struct err *err)
{
    struct period *period = calloc(1, sizeof *period);

    if (!period)
        abort();
    period->month_us = month_of(time_us);
    period->is_durable = true;
    period_path(folder, period->month_us, period->path);
    tally_init(&period->tally);
    if (!load(period, err)) {
        err_wrap(err, "%s", period->path);
        period_close(period);
        return false;
    }
    *ret = period;
    return true;
}

void period_close(struct period *period)
{
    if (!period)
        return;
    unload(period);
    tally_done(&period->tally);
    free(period);
}

int64_t period_month(const struct period *period)
{
    return period->month_us;
}

/* -- transactions ---------------------------------------------------------------------------------------------------
 */

bool period_begin(struct period *period, bool durable, struct err *err)
{
    if (!period->db)
        return err_set(err, ERR_SYSTEM, "%s could not be read again after a failure: restart the server", period->path);
    if (durable != period->is_durable &&
        !db_run(period->db, err, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"))
        return false;
    period->is_durable = durable;
    return db_begin(period->db, err);
}

static bool end_call(struct period *period, struct err *err)
{
    int64_t call = period->call;

    period->call = 0;
    return call == 0 || db_run(period->db, err, "UPDATE calls SET rows = ? WHERE id = ?",
                               DB_INT(period->next_row - period->call_first), DB_INT(call));
}

bool period_prepare(struct period *period, struct err *err)
{
    return end_call(period, err) && tally_write(&period->tally, period->db, err) && runs_write(period->runs, err) &&
           db_flush(period->db, err);
}

bool period_commit(struct period *period, struct err *err)
{
    return db_commit(period->db, err);
}

bool period_rollback(struct period *period, struct err *err)
{
    if (period->db)
        db_rollback(period->db);
    tally_clear(&period->tally);
    unload(period);
    if (load(period, err))
        return true;
    unload(period);
    return err_wrap(err, "%s", period->path);
}

bool period_place(struct period *period, struct journal_place *ret, struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(period->db, err, "SELECT place_file, place_offset FROM meta");

    if (!db_next(&rows, err))
        return false;
    *ret = (struct journal_place){db_int(&rows, 0), db_int(&rows, 1)};
    return true;
}

bool period_set_place(struct period *period, struct journal_place place, struct err *err)
{
    return db_run(period->db, err, "UPDATE meta SET place_file = ?, place_offset = ?", DB_INT(place.file),
                  DB_INT(place.offset));
}

/* -- inserting ------------------------------------------------------------------------------------------------------
 */

/* Rows of one call come one after the other, so a call is a span of rows. */
static bool enter_call(struct period *period, str request_id, struct err *err)
{
    if (period->call && str_eq(request_id, str_of(period->call_request)))
        return true;
    if (!end_call(period, err))
        return false;
    if (request_id.len == 0)
        return true;
    if (!db_run(period->db, err, "INSERT INTO calls (request_id, first_row, rows) VALUES (?, ?, 0)", DB_STR(request_id),
                DB_INT(period->next_row)))
        return false;
    period->call = db_last_rowid(period->db);
    period->call_first = period->next_row;
    snprintf(period->call_request, sizeof period->call_request, STR_FMT, STR_ARG(request_id));
    return runs_add(period->runs, RUNS_HASH(STR("r"), request_id), period->call, err);
}

static bool insert_undecided(struct period *period, const struct prediction *p, int32_t stream, int32_t segment,
                             struct err *err)
{
    return db_run(period->db, err,
                  "INSERT INTO undecided VALUES (?, ?, ?, ?, 1)"
                  " ON CONFLICT (hour_us, stream, segment, why) DO UPDATE SET count = count + 1",
                  DB_INT(hour_of(p->time_us)), DB_INT(stream), DB_INT(segment),
                  DB_STR(str_of(undecided_names[p->undecided])));
}

static bool insert_row(struct period *period, const struct prediction *p, int32_t stream, int32_t segment,
                       struct err *err)
{
    return db_run(period->db, err,
                  "INSERT INTO rows (id, time_us, stream, segment, call, position, score, threshold, threshold_number,"
                  " decision, amount, items, features, client_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  DB_INT(period->next_row), DB_INT(p->time_us), DB_INT(stream), DB_INT(segment),
                  period->call ? DB_INT(period->call) : DB_NULL, DB_INT(p->position), DB_REAL(p->score),
                  DB_REAL(p->threshold), DB_INT(p->threshold_number), DB_INT(p->score >= p->threshold),
                  isnan(p->amount) ? DB_NULL : DB_REAL(p->amount), DB_STR_OR_NULL(p->items),
                  DB_STR_OR_NULL(p->features), DB_STR_OR_NULL(p->client_id));
}

static bool index_row(struct period *period, const struct prediction *p, struct err *err)
{
    int64_t row = period->next_row;

    return (p->items.len == 0 || runs_add(period->runs, RUNS_HASH(STR("i"), p->function, p->items), row, err)) &&
           (p->client_id.len == 0 || runs_add(period->runs, RUNS_HASH(STR("p"), p->function, p->client_id), row, err));
}

static bool count_row(struct period *period, const struct prediction *p, int32_t stream, int32_t segment,
                      struct err *err)
{
    const struct tally_key key = {hour_of(p->time_us), stream, segment, LABEL_UNKNOWN};
    const struct scored scored = {p->score, p->amount, p->score >= p->threshold};

    if (tally_is_full(&period->tally) && !tally_write(&period->tally, period->db, err))
        return false;
    tally_add(&period->tally, &key, &scored, 1);
    return true;
}

bool period_insert(struct period *period, const struct prediction *p, enum inserted *ret, int64_t *ret_row,
                   struct err *err)
{
    const struct label same = {.function = p->function, .prediction_id = p->client_id};
    int32_t stream, segment;
    int64_t before;
    int count = 0;

    if (p->client_id.len > 0 && !period_find(period, &same, &before, 1, &count, err))
        return false;
    if (count > 0) {
        *ret = INSERTED_BEFORE;
        *ret_row = before;
        return true;
    }
    if (!names_stream(&period->names, p, &stream, err) ||
        !names_segment(&period->names, p->function, p->segment, &segment, err))
        return false;
    if (!p->is_decided) {
        *ret = INSERTED_UNDECIDED;
        return insert_undecided(period, p, stream, segment, err);
    }
    if (!enter_call(period, p->request_id, err) || !insert_row(period, p, stream, segment, err) ||
        !index_row(period, p, err) || !count_row(period, p, stream, segment, err))
        return false;
    *ret = INSERTED;
    *ret_row = period->next_row++;
    return true;
}

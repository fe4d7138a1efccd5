/*
 * A batch is first counted in memory, by function, version and minute; then each of those is added to its row of the
 * minutes and to its row of the hours.  A thousand records of one function cost two rows, not a thousand.
 */
#include "logs/rollup.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

const struct db_migration rollup_migration = {
    2, "CREATE TABLE traffic ("
       "  function TEXT NOT NULL,"
       "  tier_s INTEGER NOT NULL," /* 60 or 3600 */
       "  at_s INTEGER NOT NULL,"   /* when it began, since 1970 */
       "  version TEXT NOT NULL,"
       "  calls INTEGER NOT NULL,"
       "  errors INTEGER NOT NULL,"
       "  throttles INTEGER NOT NULL,"
       "  cold INTEGER NOT NULL,"
       "  init_us INTEGER NOT NULL,"
       "  memory_peak_kb INTEGER NOT NULL,"
       "  latency BLOB NOT NULL,"
       "  PRIMARY KEY (function, tier_s, at_s, version)"
       ") STRICT, WITHOUT ROWID;"
       "CREATE INDEX traffic_age ON traffic(tier_s, at_s);"

       "CREATE VIEW traffic_hourly AS SELECT"
       "  strftime('%Y-%m-%dT%H:%M:%fZ', at_s, 'unixepoch') AS hour, function, version, calls, errors, throttles, cold,"
       "  init_us / 1000.0 AS init_ms, memory_peak_kb / 1024.0 AS memory_peak_mb"
       " FROM traffic WHERE tier_s = 3600;"};

enum { KEY_BYTES_MAX = 2 * 64 * 1024 }; /* two words of a record, and digits */

struct group {
    struct group *next;
    str function, version; /* in the rollup's arena */
    int64_t minute_s;
    struct rollup_figures figures;
};

struct rollup {
    struct arena arena;
    struct map groups;
    struct group *first;
    struct rollup_figures sum; /* of a group and its row, while it is stored: too large for the stack beside another */
};

struct rollup *rollup_new(void)
{
    struct rollup *rollup = calloc(1, sizeof *rollup);

    if (!rollup)
        abort();
    return rollup;
}

void rollup_free(struct rollup *rollup)
{
    if (!rollup)
        return;
    map_done(&rollup->groups);
    arena_free(&rollup->arena);
    free(rollup);
}

/* -- counting ------------------------------------------------------------------------------------------------------ */

static bool is_traffic(const struct record *record)
{
    return record_source(record->source)->is_traffic && !str_eq(record->error_type, STR("NoFunction")) &&
           record->received_wall_us >= 0;
}

static struct group *group_of(struct rollup *rollup, const struct record *record)
{
    int64_t minute_s = record->received_wall_us / 1000000 / ROLLUP_MINUTE_S * ROLLUP_MINUTE_S;
    BUF_AUTO key = {0};
    struct group *group;

    buf_init(&key, KEY_BYTES_MAX);
    buf_printf(&key, "%lld ", (long long)minute_s);
    buf_add(&key, record->function);
    buf_add_char(&key, '\0');
    buf_add(&key, record->version);
    group = map_get(&rollup->groups, buf_str(&key));
    if (group)
        return group;
    group = arena_new(&rollup->arena, struct group, 1);
    group->function = arena_copy(&rollup->arena, record->function);
    group->version = arena_copy(&rollup->arena, record->version);
    group->minute_s = minute_s;
    group->next = rollup->first;
    rollup->first = group;
    map_put(&rollup->groups, buf_str(&key), group);
    return group;
}

void rollup_count(struct rollup *rollup, const struct record *record)
{
    bool throttled = str_eq(record->error_type, STR("Throttled"));
    struct rollup_figures *figures;

    if (!is_traffic(record))
        return;
    figures = &group_of(rollup, record)->figures;
    figures->calls++;
    figures->throttles += throttled;
    figures->errors += record->error_type.len > 0 && !throttled;
    figures->cold += record->cold;
    figures->init_us += record->cold ? record->init_us : 0;
    if (record->memory_peak_kb > figures->memory_peak_kb)
        figures->memory_peak_kb = record->memory_peak_kb;
    if (record->answered_us >= 0 && !throttled)
        latency_add(&figures->latency, record->answered_us);
}

void rollup_add(struct rollup_figures *into, const struct rollup_figures *from)
{
    into->calls += from->calls;
    into->errors += from->errors;
    into->throttles += from->throttles;
    into->cold += from->cold;
    into->init_us += from->init_us;
    if (from->memory_peak_kb > into->memory_peak_kb)
        into->memory_peak_kb = from->memory_peak_kb;
    latency_merge(&into->latency, &from->latency);
}

/* -- rows ---------------------------------------------------------------------------------------------------------- */

#define FIGURES "calls, errors, throttles, cold, init_us, memory_peak_kb, latency"

MUST_USE static bool read_figures(const struct db_rows *rows, int first, struct rollup_figures *ret, struct err *err)
{
    ARENA_AUTO arena = {0};

    memset(ret, 0, sizeof *ret); /* it is large for a temporary */
    ret->calls = db_int(rows, first);
    ret->errors = db_int(rows, first + 1);
    ret->throttles = db_int(rows, first + 2);
    ret->cold = db_int(rows, first + 3);
    ret->init_us = db_int(rows, first + 4);
    ret->memory_peak_kb = db_int(rows, first + 5);
    return latency_merge_encoded(&ret->latency, db_text(rows, first + 6, &arena)) ||
           err_set(err, ERR_SYSTEM, "records.db: a latency in its table traffic is not one");
}

/* What its row has already, if there is one, is added to the figures. */
MUST_USE static bool add_stored(struct db *db, const struct group *group, int tier_s, struct rollup_figures *figures,
                                struct err *err)
{
    struct rollup_figures before;

    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(
        db, err, "SELECT " FIGURES " FROM traffic WHERE function = ? AND tier_s = ? AND at_s = ? AND version = ?",
        DB_STR(group->function), DB_INT(tier_s), DB_INT(group->minute_s / tier_s * tier_s), DB_STR(group->version));
    if (!db_next(&rows, err))
        return err->code == ERR_NONE;
    if (!read_figures(&rows, 0, &before, err))
        return false;
    rollup_add(figures, &before);
    return true;
}

MUST_USE static bool store_one(struct rollup *rollup, struct db *db, const struct group *group, int tier_s,
                               struct err *err)
{
    struct rollup_figures *figures = &rollup->sum;
    BUF_AUTO bytes = {0};

    *figures = group->figures;
    if (!add_stored(db, group, tier_s, figures, err))
        return false;
    buf_init(&bytes, LATENCY_BYTES_MAX);
    latency_encode(&figures->latency, &bytes);
    return db_run(db, err,
                  "INSERT OR REPLACE INTO traffic (function, tier_s, at_s, version, " FIGURES
                  ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  DB_STR(group->function), DB_INT(tier_s), DB_INT(group->minute_s / tier_s * tier_s),
                  DB_STR(group->version), DB_INT(figures->calls), DB_INT(figures->errors), DB_INT(figures->throttles),
                  DB_INT(figures->cold), DB_INT(figures->init_us), DB_INT(figures->memory_peak_kb),
                  DB_BLOB(buf_str(&bytes)));
}

bool rollup_store(struct rollup *rollup, struct db *db, struct err *err)
{
    for (const struct group *group = rollup->first; group; group = group->next)
        if (!store_one(rollup, db, group, ROLLUP_MINUTE_S, err) || !store_one(rollup, db, group, ROLLUP_HOUR_S, err))
            return false;
    return true;
}

bool rollup_trim(struct db *db, int64_t now_s, struct err *err)
{
    return db_run(db, err, "DELETE FROM traffic WHERE tier_s = ? AND at_s < ?", DB_INT(ROLLUP_MINUTE_S),
                  DB_INT(now_s - ROLLUP_MINUTES_KEPT_S)) &&
           db_run(db, err, "DELETE FROM traffic WHERE tier_s = ? AND at_s < ?", DB_INT(ROLLUP_HOUR_S),
                  DB_INT(now_s - ROLLUP_HOURS_KEPT_S));
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

/* A text for each way, so that each uses the key. */
static const char one_function[] = "SELECT function, at_s, version, " FIGURES
                                   " FROM traffic WHERE function = ?1 AND tier_s = ?2 AND at_s >= ?3 AND at_s < ?4"
                                   " AND (?5 = '' OR version = ?5) ORDER BY function, at_s, version";
static const char all_functions[] = "SELECT function, at_s, version, " FIGURES
                                    " FROM traffic WHERE ?1 = '' AND tier_s = ?2 AND at_s >= ?3 AND at_s < ?4"
                                    " AND (?5 = '' OR version = ?5) ORDER BY function, at_s, version";

bool rollup_query(struct db *db, const struct rollup_filter *filter,
                  void (*on_row)(void *ctx, const struct rollup_row *row), void *ctx, struct err *err)
{
    ARENA_AUTO arena = {0};
    struct rollup_row row;

    *err = (struct err){0};
    DB_ROWS_AUTO rows =
        db_query(db, err, filter->function.len ? one_function : all_functions, DB_STR(filter->function),
                 DB_INT(filter->tier_s), DB_INT(filter->from_s), DB_INT(filter->to_s), DB_STR(filter->version));
    while (db_next(&rows, err)) {
        row.function = db_text(&rows, 0, &arena);
        row.at_s = db_int(&rows, 1);
        row.version = db_text(&rows, 2, &arena);
        if (!read_figures(&rows, 3, &row.figures, err))
            return false;
        on_row(ctx, &row);
        arena_reset(&arena);
    }
    return err->code == ERR_NONE;
}

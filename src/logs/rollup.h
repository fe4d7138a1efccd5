/*
 * rollup: the traffic of each version by minute and by hour: calls, errors, throttles, cold starts, memory, latency.
 *
 * Counted in the transaction that takes records out of the journal, so no call is counted twice and none is missed,
 * and kept longer than the calls themselves.  What nobody called for (imports, replays, shadows) is no traffic, and
 * neither is a call of a function that is not there.
 */
#pragma once

#include "base/err.h"
#include "db/db.h"
#include "logs/latency.h"
#include "logs/record.h"

enum {
    ROLLUP_MINUTE_S = 60,
    ROLLUP_HOUR_S = 60 * 60,
    ROLLUP_MINUTES_KEPT_S = 8 * 24 * 60 * 60, /* a week, and what it is compared with */
    ROLLUP_HOURS_KEPT_S = 400 * 24 * 60 * 60, /* a year, and the same month of the last */
};

struct rollup_figures {
    int64_t calls, errors, throttles, cold;
    int64_t init_us; /* of the cold ones, together */
    int64_t memory_peak_kb;
    struct latency latency; /* of those that were answered, throttles left out */
};
void rollup_add(struct rollup_figures *into, const struct rollup_figures *from);

extern const struct db_migration rollup_migration;

/* A batch, before it is stored. */
struct rollup;
struct rollup *rollup_new(void);
void rollup_free(struct rollup *rollup);
void rollup_count(struct rollup *rollup, const struct record *record);
MUST_USE bool rollup_store(struct rollup *rollup, struct db *db, struct err *err); /* in the caller's transaction */
MUST_USE bool rollup_trim(struct db *db, int64_t now_s, struct err *err);

struct rollup_row {
    str function, version;
    int64_t at_s; /* when its minute or hour began */
    struct rollup_figures figures;
};
struct rollup_filter {
    str function, version; /* empty: any */
    int64_t from_s, to_s;  /* began at or after, before */
    int tier_s;            /* ROLLUP_MINUTE_S or ROLLUP_HOUR_S */
};
/* By function, then time, then version.  The row is good during the call. */
MUST_USE bool rollup_query(struct db *db, const struct rollup_filter *filter,
                           void (*on_row)(void *ctx, const struct rollup_row *row), void *ctx, struct err *err);

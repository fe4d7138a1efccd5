/* What the files of the store share. */
#pragma once

#include "base/vec.h"
#include "monitor/orphans.h"
#include "monitor/period_private.h"
#include "monitor/store.h"

struct opened {
    struct period *period;
    int64_t used; /* when: a count */
    bool in_transaction;
};

struct store {
    char folder[PERIOD_PATH_MAX - 16];
    struct db *db;
    struct rules rules;
    struct orphans *orphans;
    struct opened opened[PERIODS_OPEN_MAX];
    int opened_count;
    int64_t uses;
    int64_t months[PERIODS_MAX]; /* newest first */
    int months_count;
    int64_t kept_from_us; /* what is older is dropped */
    bool is_durable, in_transaction;
    VEC(int64_t) rows;  /* of one label */
    VEC(int64_t) added; /* months that got predictions: store_take_addition() */
};

bool store_has_month(const struct store *store, int64_t month_us);
MUST_USE bool store_note_month(struct store *store, int64_t month_us, struct err *err);
/* The file of that time, made when it is not there. */
MUST_USE bool store_to_read(struct store *store, int64_t time_us, struct opened **ret, struct err *err);
/* Its transaction begins when it is first asked for. */
MUST_USE bool store_to_write(struct store *store, int64_t time_us, struct period **ret, struct err *err);
/* ERR_INVALID: nothing of that time is kept. */
MUST_USE bool store_check_time(const struct store *store, int64_t time_us, struct err *err);
void store_note_addition(struct store *store, int64_t month_us);

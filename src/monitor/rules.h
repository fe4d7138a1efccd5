/*
 * rules: what a function's scores are judged by: its thresholds, a history for each alias.
 *
 * A threshold is a setting with a number, changed and rolled back without a deploy.  What was in force at a moment can
 * be asked for any moment, so a history that is posted is decided as it would have been.  Table thresholds of
 * monitor.db, all of it in memory too.  On the monitor lane.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "db/db.h"

enum { THRESHOLDS_PER_ALIAS_MAX = 10000 };
#define THRESHOLD_DEFAULT 0.5

struct threshold {
    int number; /* 1, 2 …; 0: nobody has set one, and it is the function's own */
    double value;
    int64_t set_us;
    str by, note;
};

struct thresholds { /* of one alias of one function, oldest first */
    VEC(struct threshold) list;
};

struct rules {
    struct db *db;
    struct arena arena;
    struct map thresholds; /* function and alias -> struct thresholds */
};

extern const char rules_schema[];

MUST_USE bool rules_load(struct rules *rules, struct db *db, struct err *err);
void rules_done(struct rules *rules);

/* NULL: none was ever set. */
const struct thresholds *rules_history(const struct rules *rules, str function, str alias);
/* The newest of those set at or before that time; number 0 and `otherwise` before the first. */
struct threshold rules_threshold_at(const struct rules *rules, str function, str alias, int64_t time_us,
                                    double otherwise);
/* In the caller's transaction; after its rollback the rules are to be loaded again. */
MUST_USE bool rules_set_threshold(struct rules *rules, str function, str alias, struct threshold threshold,
                                  struct threshold *ret, struct err *err);

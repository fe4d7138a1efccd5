/*
 * rules: what a function's scores are judged by: its monitor's settings, and its thresholds, a history for each alias.
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
#include "monitor/settings.h"

enum {
    THRESHOLDS_PER_ALIAS_MAX = 10000,
    THRESHOLD_ALIASES_MAX = 10000, /* of all functions, that have one */
};
#define THRESHOLD_DEFAULT 0.5

struct threshold {
    int number; /* 1, 2 …; 0: nobody has set one, and it is the function's own */
    double value;
    int64_t set_us;
    str by, note;
    int restores; /* the number whose value this is again: a rollback; else 0 */
};

struct thresholds { /* of one alias of one function, oldest first */
    VEC(struct threshold) list;
};

struct kept_settings {
    int number; /* 1, 2 …, of the function */
    int64_t set_us;
    str function, version, by, json;
    bool is_off; /* they were taken away */
    struct monitor_settings settings;
};

struct rules {
    struct db *db;
    struct arena arena;
    struct map settings;   /* function and version, and function alone -> struct kept_settings: the newest */
    int monitored_count;   /* functions with settings that are not off */
    struct map thresholds; /* function and alias -> struct thresholds */
};

extern const char rules_schema[];

MUST_USE bool rules_load(struct rules *rules, struct db *db, struct err *err);
void rules_done(struct rules *rules);

/* NULL: this version is not monitored. */
const struct kept_settings *rules_settings(const struct rules *rules, str function, str version);
/* json: an object, as monitor_settings_read() takes it; empty: from now on it is not monitored.  The same again changes
 * nothing. */
MUST_USE bool rules_set_settings(struct rules *rules, str function, str version, str json, int64_t now_us, str by,
                                 const struct kept_settings **ret, struct err *err);

/* NULL: none was ever set. */
const struct thresholds *rules_history(const struct rules *rules, str function, str alias);
/* The newest of those set at or before that time; number 0 and `otherwise` before the first. */
struct threshold rules_threshold_at(const struct rules *rules, str function, str alias, int64_t time_us,
                                    double otherwise);
/* The one of that number; number 0 and `otherwise` of none. */
struct threshold rules_threshold_numbered(const struct rules *rules, str function, str alias, int number,
                                          double otherwise);
/* In the caller's transaction; after its rollback the rules are to be loaded again. */
MUST_USE bool rules_set_threshold(struct rules *rules, str function, str alias, struct threshold threshold,
                                  struct threshold *ret, struct err *err);
/* What had been set before the threshold in force, under a new number.  Rolling back again goes back further, as
 * undoing does: a rollback stands where the number stands that it restores.  ERR_CONFLICT: there is nothing before it.
 * `threshold` has the new one's time, by and note. */
MUST_USE bool rules_rollback_threshold(struct rules *rules, str function, str alias, struct threshold threshold,
                                       struct threshold *ret, struct err *err);

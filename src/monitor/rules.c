#include "monitor/rules.h"

#include <stdlib.h>

#define SEPARATOR STR("\x1f")

const char rules_schema[] = "CREATE TABLE thresholds ("
                            "  function TEXT NOT NULL,"
                            "  alias TEXT NOT NULL,"
                            "  number INTEGER NOT NULL,"
                            "  threshold REAL NOT NULL,"
                            "  set_us INTEGER NOT NULL,"
                            "  by TEXT NOT NULL,"
                            "  note TEXT NOT NULL,"
                            "  PRIMARY KEY (function, alias, number)"
                            ") STRICT, WITHOUT ROWID;";

static str key_of(str function, str alias, struct arena *arena)
{
    return arena_concat(arena, function, SEPARATOR, alias);
}

static struct thresholds *history_of(struct rules *rules, str function, str alias)
{
    str key = key_of(function, alias, &rules->arena);
    struct thresholds *thresholds = map_get(&rules->thresholds, key);

    if (!thresholds) {
        thresholds = arena_new(&rules->arena, struct thresholds, 1);
        map_put(&rules->thresholds, key, thresholds);
    }
    return thresholds;
}

bool rules_load(struct rules *rules, struct db *db, struct err *err)
{
    *rules = (struct rules){.db = db};
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(db, err,
                                 "SELECT function, alias, number, threshold, set_us, by, note FROM thresholds"
                                 " ORDER BY function, alias, number");

    while (db_next(&rows, err)) {
        struct thresholds *history =
            history_of(rules, db_text(&rows, 0, &rules->arena), db_text(&rows, 1, &rules->arena));

        *vec_push(&history->list) =
            (struct threshold){(int)db_int(&rows, 2), db_real(&rows, 3), db_int(&rows, 4),
                               db_text(&rows, 5, &rules->arena), db_text(&rows, 6, &rules->arena)};
    }
    return err->code == ERR_NONE;
}

void rules_done(struct rules *rules)
{
    size_t cursor = 0;
    void *history;
    str key;

    while (map_next(&rules->thresholds, &cursor, &key, &history))
        vec_free(&((struct thresholds *)history)->list);
    map_done(&rules->thresholds);
    arena_free(&rules->arena);
    *rules = (struct rules){0};
}

const struct thresholds *rules_history(const struct rules *rules, str function, str alias)
{
    ARENA_AUTO arena = {0};

    return map_get(&rules->thresholds, key_of(function, alias, &arena));
}

/* Set in the order of their numbers, so of their times too, unless the clock was set back: the last one that fits. */
struct threshold rules_threshold_at(const struct rules *rules, str function, str alias, int64_t time_us,
                                    double otherwise)
{
    const struct thresholds *history = rules_history(rules, function, alias);

    for (size_t i = history ? history->list.len : 0; i > 0; i--)
        if (history->list.at[i - 1].set_us <= time_us)
            return history->list.at[i - 1];
    return (struct threshold){.value = otherwise};
}

bool rules_set_threshold(struct rules *rules, str function, str alias, struct threshold threshold,
                         struct threshold *ret, struct err *err)
{
    struct thresholds *history = history_of(rules, function, alias);

    if (history->list.len == THRESHOLDS_PER_ALIAS_MAX)
        return err_set(err, ERR_LIMIT, "the threshold of this alias was changed %d times, which is the most",
                       THRESHOLDS_PER_ALIAS_MAX);
    threshold.number = history->list.len ? history->list.at[history->list.len - 1].number + 1 : 1;
    threshold.by = arena_copy(&rules->arena, threshold.by);
    threshold.note = arena_copy(&rules->arena, threshold.note);
    if (!db_run(rules->db, err, "INSERT INTO thresholds VALUES (?, ?, ?, ?, ?, ?, ?)", DB_STR(function), DB_STR(alias),
                DB_INT(threshold.number), DB_REAL(threshold.value), DB_INT(threshold.set_us), DB_STR(threshold.by),
                DB_STR(threshold.note)))
        return false;
    *vec_push(&history->list) = threshold;
    *ret = threshold;
    return true;
}

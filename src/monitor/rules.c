#include "monitor/rules.h"

#include <stdlib.h>

#include "codec/json_read.h"

#define SEPARATOR STR("\x1f")

const char rules_schema[] = "CREATE TABLE thresholds ("
                            "  function TEXT NOT NULL,"
                            "  alias TEXT NOT NULL,"
                            "  number INTEGER NOT NULL,"
                            "  threshold REAL NOT NULL,"
                            "  set_us INTEGER NOT NULL,"
                            "  by TEXT NOT NULL,"
                            "  note TEXT NOT NULL,"
                            "  restores INTEGER NOT NULL," /* a rollback: which number; else 0 */
                            "  PRIMARY KEY (function, alias, number)"
                            ") STRICT, WITHOUT ROWID;"
                            "CREATE TABLE settings ("
                            "  function TEXT NOT NULL,"
                            "  number INTEGER NOT NULL,"
                            "  version TEXT NOT NULL," /* empty: of all that have none of their own */
                            "  json TEXT NOT NULL,"    /* empty: not monitored */
                            "  set_us INTEGER NOT NULL,"
                            "  by TEXT NOT NULL,"
                            "  PRIMARY KEY (function, number)"
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

static bool load_thresholds(struct rules *rules, struct err *err)
{
    DB_ROWS_AUTO rows = db_query(rules->db, err,
                                 "SELECT function, alias, number, threshold, set_us, by, note, restores FROM thresholds"
                                 " ORDER BY function, alias, number");

    while (db_next(&rows, err)) {
        struct thresholds *history =
            history_of(rules, db_text(&rows, 0, &rules->arena), db_text(&rows, 1, &rules->arena));

        *vec_push(&history->list) = (struct threshold){(int)db_int(&rows, 2),
                                                       db_real(&rows, 3),
                                                       db_int(&rows, 4),
                                                       db_text(&rows, 5, &rules->arena),
                                                       db_text(&rows, 6, &rules->arena),
                                                       (int)db_int(&rows, 7)};
    }
    return err->code == ERR_NONE;
}

/* -- settings ---------------------------------------------------------------------------------------------------------
 */

/* Under its version, and as the newest of its function. */
static void keep_settings(struct rules *rules, struct kept_settings *kept)
{
    const struct kept_settings *before = map_get(&rules->settings, kept->function);

    rules->monitored_count += !kept->is_off - (before && !before->is_off);
    map_put(&rules->settings, key_of(kept->function, kept->version, &rules->arena), kept);
    map_put(&rules->settings, kept->function, kept);
}

static bool make_settings(struct rules *rules, str json, struct kept_settings **ret, struct err *err)
{
    struct kept_settings *kept = arena_new(&rules->arena, struct kept_settings, 1);
    json_auto_t *object = NULL;

    kept->is_off = json.len == 0;
    kept->json = arena_copy(&rules->arena, json);
    *ret = kept;
    if (kept->is_off)
        return true;
    if (!json_parse(json, &object, err)) {
        err->code = ERR_INVALID;
        return false;
    }
    return monitor_settings_read(object, &kept->settings, err);
}

static bool load_settings(struct rules *rules, struct err *err)
{
    struct kept_settings *kept;
    DB_ROWS_AUTO rows = db_query(
        rules->db, err, "SELECT function, number, version, json, set_us, by FROM settings ORDER BY function, number");

    while (db_next(&rows, err)) {
        if (!make_settings(rules, db_text(&rows, 3, &rules->arena), &kept, err))
            return err_wrap(err, "the settings of a monitor that were kept are not understood any more");
        kept->function = db_text(&rows, 0, &rules->arena);
        kept->number = (int)db_int(&rows, 1);
        kept->version = db_text(&rows, 2, &rules->arena);
        kept->set_us = db_int(&rows, 4);
        kept->by = db_text(&rows, 5, &rules->arena);
        keep_settings(rules, kept);
    }
    return err->code == ERR_NONE;
}

const struct kept_settings *rules_settings(const struct rules *rules, str function, str version)
{
    ARENA_AUTO arena = {0};
    const struct kept_settings *kept = map_get(&rules->settings, key_of(function, version, &arena));

    if (!kept)
        kept = map_get(&rules->settings, key_of(function, STR(""), &arena));
    if (!kept)
        kept = map_get(&rules->settings, function);
    return kept && !kept->is_off ? kept : NULL;
}

bool rules_set_settings(struct rules *rules, str function, str version, str json, int64_t now_us, str by,
                        const struct kept_settings **ret, struct err *err)
{
    const struct kept_settings *before = map_get(&rules->settings, function);
    const struct kept_settings *same = map_get(&rules->settings, key_of(function, version, &rules->arena));
    struct kept_settings *kept;

    if (same && str_eq(same->json, json)) {
        *ret = same;
        return true;
    }
    if (json.len > SETTINGS_BYTES_MAX)
        return err_set(err, ERR_INVALID, "the settings of a monitor may have %d bytes", SETTINGS_BYTES_MAX);
    if (!make_settings(rules, json, &kept, err))
        return false;
    kept->function = arena_copy(&rules->arena, function);
    kept->version = arena_copy(&rules->arena, version);
    kept->by = arena_copy(&rules->arena, by);
    kept->number = before ? before->number + 1 : 1;
    kept->set_us = now_us;
    if (!db_run(rules->db, err,
                "INSERT INTO settings (function, number, version, json, set_us, by) VALUES (?, ?, ?, ?, ?, ?)",
                DB_STR(function), DB_INT(kept->number), DB_STR(version), DB_STR(json), DB_INT(now_us), DB_STR(by)))
        return false;
    keep_settings(rules, kept);
    *ret = kept;
    return true;
}

/* -- both -------------------------------------------------------------------------------------------------------------
 */

bool rules_load(struct rules *rules, struct db *db, struct err *err)
{
    *rules = (struct rules){.db = db};
    *err = (struct err){0};
    return load_thresholds(rules, err) && load_settings(rules, err);
}

void rules_done(struct rules *rules)
{
    size_t cursor = 0;
    void *history;
    str key;

    while (map_next(&rules->thresholds, &cursor, &key, &history))
        vec_free(&((struct thresholds *)history)->list);
    map_done(&rules->thresholds);
    map_done(&rules->settings);
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

/* Numbers are given from 1 without a gap. */
struct threshold rules_threshold_numbered(const struct rules *rules, str function, str alias, int number,
                                          double otherwise)
{
    const struct thresholds *history = rules_history(rules, function, alias);

    if (history && number > 0 && (size_t)number <= history->list.len)
        return history->list.at[number - 1];
    return (struct threshold){.value = otherwise};
}

bool rules_set_threshold(struct rules *rules, str function, str alias, struct threshold threshold,
                         struct threshold *ret, struct err *err)
{
    struct thresholds *history;

    if (!rules_history(rules, function, alias) && rules->thresholds.len == THRESHOLD_ALIASES_MAX)
        return err_set(err, ERR_LIMIT, "%d aliases have a threshold already, which is the most", THRESHOLD_ALIASES_MAX);
    history = history_of(rules, function, alias);
    if (history->list.len == THRESHOLDS_PER_ALIAS_MAX)
        return err_set(err, ERR_LIMIT, "the threshold of this alias was changed %d times, which is the most",
                       THRESHOLDS_PER_ALIAS_MAX);
    threshold.number = history->list.len ? history->list.at[history->list.len - 1].number + 1 : 1;
    threshold.by = arena_copy(&rules->arena, threshold.by);
    threshold.note = arena_copy(&rules->arena, threshold.note);
    if (!db_run(rules->db, err, "INSERT INTO thresholds VALUES (?, ?, ?, ?, ?, ?, ?, ?)", DB_STR(function),
                DB_STR(alias), DB_INT(threshold.number), DB_REAL(threshold.value), DB_INT(threshold.set_us),
                DB_STR(threshold.by), DB_STR(threshold.note), DB_INT(threshold.restores)))
        return false;
    *vec_push(&history->list) = threshold;
    *ret = threshold;
    return true;
}

static const struct threshold *stands_at(const struct thresholds *history, int number)
{
    const struct threshold *threshold = &history->list.at[number - 1];

    return threshold->restores ? &history->list.at[threshold->restores - 1] : threshold;
}

bool rules_rollback_threshold(struct rules *rules, str function, str alias, struct threshold threshold,
                              struct threshold *ret, struct err *err)
{
    const struct thresholds *history = rules_history(rules, function, alias);
    const struct threshold *now, *before;

    if (!history || history->list.len == 0)
        return err_set(err, ERR_CONFLICT, "no threshold was ever set for this alias, so there is none to go back to");
    now = stands_at(history, (int)history->list.len);
    if (now->number == 1)
        return err_set(err, ERR_CONFLICT, "threshold %g is the first that was set: there is none before it",
                       now->value);
    before = stands_at(history, now->number - 1);
    threshold.value = before->value;
    threshold.restores = before->number;
    return rules_set_threshold(rules, function, alias, threshold, ret, err);
}

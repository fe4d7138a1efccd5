/* Tags, reserved concurrency and the settings that are stored and echoed: small things that hang on a function. */
#include "functions/store.h"

#include "functions/functions_private.h"
#include "functions/provisioned.h"

#include "base/vec.h"

#include <stdlib.h>

/* Tags; changing them gives the function a new RevisionId */

enum store_answer store_tags_get(struct db *db, str function, struct arena *arena, struct tag_list *ret,
                                 struct err *err)
{
    VEC(struct store_tag) found = {0};
    enum store_answer answer = function_check(db, function, err);

    if (answer != STORE_OK)
        return answer;
    DB_ROWS_AUTO rows =
        db_query(db, err, "SELECT key, value FROM function_tags WHERE function = ? ORDER BY key", DB_STR(function));
    while (db_next(&rows, err))
        *vec_push(&found) = (struct store_tag){db_text(&rows, 0, arena), db_text(&rows, 1, arena)};
    *ret = (struct tag_list){.at = arena_new(arena, struct store_tag, found.len + 1), .count = (int)found.len};
    if (found.len > 0)
        memcpy(ret->at, found.at, found.len * sizeof *found.at);
    vec_free(&found);
    return store_ran(err->code == ERR_NONE);
}

enum store_answer store_tags_put(struct db *db, str function, const struct store_tag *tags, int count, struct err *err)
{
    int64_t there = 0;
    bool found;
    enum store_answer answer = function_check(db, function, err);

    for (int i = 0; i < count && answer == STORE_OK; i++)
        answer = store_ran(db_run(db, err,
                                  "INSERT INTO function_tags (function, key, value) VALUES (?, ?, ?)"
                                  " ON CONFLICT DO UPDATE SET value = excluded.value",
                                  DB_STR(function), DB_STR(tags[i].key), DB_STR(tags[i].value)));
    if (answer == STORE_OK)
        answer = store_number(db, "SELECT count(*) FROM function_tags WHERE function = ?", &DB_STR(function), 1, &there,
                              &found, err);
    if (answer == STORE_OK && there > STORE_TAGS_MAX)
        return STORE_TAGS_LIMIT;
    return answer == STORE_OK ? version_touch(db, function, VERSION_LATEST, err) : answer;
}

enum store_answer store_tags_remove(struct db *db, str function, const str *keys, int count, struct err *err)
{
    enum store_answer answer = function_check(db, function, err);

    for (int i = 0; i < count && answer == STORE_OK; i++)
        answer = store_ran(db_run(db, err, "DELETE FROM function_tags WHERE function = ? AND key = ?", DB_STR(function),
                                  DB_STR(keys[i])));
    return answer == STORE_OK ? version_touch(db, function, VERSION_LATEST, err) : answer;
}

/* Reserved concurrency */

enum store_answer store_concurrency_get(struct db *db, str function, int *ret, struct err *err)
{
    int64_t reserved = -1;
    bool found;
    enum store_answer answer =
        store_number(db, "SELECT coalesce(reserved_concurrency, -1) FROM functions WHERE name = ?", &DB_STR(function),
                     1, &reserved, &found, err);

    if (answer == STORE_OK && !found)
        return STORE_NO_FUNCTION;
    *ret = (int)reserved;
    return answer;
}

enum store_answer store_concurrency_put(struct db *db, str function, int reserved, int account_limit, struct err *err)
{
    int64_t others = 0, provisioned = 0;
    enum store_answer answer = function_check(db, function, err);

    if (answer == STORE_OK)
        answer = store_concurrency_others(db, function, &others, err);
    if (answer == STORE_OK)
        answer = store_provisioned_total(db, function, &provisioned, err);
    if (answer != STORE_OK)
        return answer;
    if (reserved < provisioned)
        return STORE_BELOW_PROVISIONED;
    if (account_limit - others - reserved < STORE_CONCURRENCY_UNRESERVED_MIN)
        return STORE_CONCURRENCY_LIMIT;
    return store_ran(db_run(db, err, "UPDATE functions SET reserved_concurrency = ? WHERE name = ?", DB_INT(reserved),
                            DB_STR(function)));
}

enum store_answer store_concurrency_delete(struct db *db, str function, struct err *err)
{
    enum store_answer answer = function_check(db, function, err);

    if (answer != STORE_OK)
        return answer;
    return store_ran(
        db_run(db, err, "UPDATE functions SET reserved_concurrency = NULL WHERE name = ?", DB_STR(function)));
}

/* Settings */

enum store_answer store_setting_put(struct db *db, str function, str qualifier, str kind, str json, struct err *err)
{
    enum store_answer answer = qualifier_check(db, function, qualifier, err);

    if (answer != STORE_OK)
        return answer;
    return store_ran(db_run(db, err,
                            "INSERT INTO function_settings (function, qualifier, kind, json) VALUES (?, ?, ?, ?)"
                            " ON CONFLICT DO UPDATE SET json = excluded.json",
                            DB_STR(function), DB_STR(qualifier), DB_STR(kind), DB_STR(json)));
}

enum store_answer store_setting_get(struct db *db, str function, str qualifier, str kind, struct arena *arena, str *ret,
                                    struct err *err)
{
    enum store_answer answer = qualifier_check(db, function, qualifier, err);

    if (answer != STORE_OK)
        return answer;
    DB_ROWS_AUTO rows =
        db_query(db, err, "SELECT json FROM function_settings WHERE function = ? AND qualifier = ? AND kind = ?",
                 DB_STR(function), DB_STR(qualifier), DB_STR(kind));
    if (!db_next(&rows, err))
        return err->code == ERR_NONE ? STORE_NO_SETTING : STORE_BROKEN;
    *ret = db_text(&rows, 0, arena);
    return STORE_OK;
}

enum store_answer store_setting_delete(struct db *db, str function, str qualifier, str kind, struct err *err)
{
    enum store_answer answer = qualifier_check(db, function, qualifier, err);

    if (answer != STORE_OK)
        return answer;
    if (!db_run(db, err, "DELETE FROM function_settings WHERE function = ? AND qualifier = ? AND kind = ?",
                DB_STR(function), DB_STR(qualifier), DB_STR(kind)))
        return STORE_BROKEN;
    return db_changes(db) > 0 ? STORE_OK : STORE_NO_SETTING;
}

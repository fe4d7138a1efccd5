/* Aliases: a name for a version, or for two with a weight (API_AliasRoutingConfiguration). */
#include "functions/store.h"

#include "functions/functions_private.h"

#include "base/vec.h"

#include <stdlib.h>

#define ALIAS_COLUMNS "SELECT name, description, version, second_version, second_weight, revision_id FROM aliases "

static void read_alias(const struct db_rows *rows, struct arena *arena, struct alias_config *ret)
{
    *ret = (struct alias_config){
        .name = db_text(rows, 0, arena),
        .description = db_text(rows, 1, arena),
        .version = version_text(db_int(rows, 2), arena),
        .second_version = db_is_null(rows, 3) ? STR("") : version_text(db_int(rows, 3), arena),
        .second_weight = db_real(rows, 4),
        .revision_id = db_text(rows, 5, arena),
    };
}

enum store_answer store_alias_get(struct db *db, str function, str alias, struct arena *arena, struct alias_config *ret,
                                  struct err *err)
{
    enum store_answer answer = function_check(db, function, err);

    if (answer != STORE_OK)
        return answer;
    DB_ROWS_AUTO rows =
        db_query(db, err, ALIAS_COLUMNS "WHERE function = ? AND name = ?", DB_STR(function), DB_STR(alias));
    if (!db_next(&rows, err))
        return err->code == ERR_NONE ? STORE_NO_ALIAS : STORE_BROKEN;
    read_alias(&rows, arena, ret);
    return STORE_OK;
}

/* Do both versions exist, and may they stand together? */
static enum store_answer check_targets(struct db *db, str function, const struct alias_config *alias, struct err *err)
{
    enum store_answer answer = qualifier_check(db, function, alias->version, err);
    int64_t number = 0;

    if (answer != STORE_OK)
        return answer == STORE_NO_ALIAS ? STORE_NO_VERSION : answer;
    if (alias->second_version.len == 0)
        return STORE_OK;
    if (str_eq(alias->version, alias->second_version))
        return STORE_ROUTING_REPEATS;
    if (!version_number(alias->version, &number) || number == VERSION_LATEST)
        return STORE_ROUTING_LATEST;
    answer = qualifier_check(db, function, alias->second_version, err);
    return answer == STORE_NO_VERSION || answer == STORE_NO_ALIAS ? STORE_NO_SECOND_VERSION : answer;
}

static enum store_answer write_alias(struct db *db, str function, const struct alias_config *alias, struct err *err)
{
    ARENA_AUTO arena = {0};
    int64_t version = 0, second = 0;
    bool weighted = alias->second_version.len > 0;

    (void)version_number(alias->version, &version);
    (void)version_number(alias->second_version, &second);
    return store_ran(db_run(db, err,
                            "INSERT INTO aliases (function, name, description, version, second_version, second_weight,"
                            " revision_id) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                            " description = excluded.description, version = excluded.version,"
                            " second_version = excluded.second_version, second_weight = excluded.second_weight,"
                            " revision_id = excluded.revision_id",
                            DB_STR(function), DB_STR(alias->name), DB_STR(alias->description), DB_INT(version),
                            weighted ? DB_INT(second) : DB_NULL, DB_REAL(weighted ? alias->second_weight : 0.0),
                            DB_STR(new_uuid(&arena))));
}

enum store_answer store_alias_create(struct db *db, str function, const struct alias_config *alias, struct arena *arena,
                                     struct alias_config *ret, struct err *err)
{
    struct alias_config there;
    enum store_answer answer = store_alias_get(db, function, alias->name, arena, &there, err);

    if (answer == STORE_OK)
        return STORE_ALIAS_EXISTS;
    if (answer != STORE_NO_ALIAS)
        return answer;
    answer = check_targets(db, function, alias, err);
    if (answer == STORE_OK)
        answer = write_alias(db, function, alias, err);
    return answer == STORE_OK ? store_alias_get(db, function, alias->name, arena, ret, err) : answer;
}

enum store_answer store_alias_update(struct db *db, str function, const struct alias_config *alias, str revision_id,
                                     struct arena *arena, struct alias_config *ret, struct err *err)
{
    struct alias_config there;
    enum store_answer answer = store_alias_get(db, function, alias->name, arena, &there, err);

    if (answer == STORE_OK && revision_id.len > 0 && !str_eq(revision_id, there.revision_id))
        return STORE_WRONG_REVISION;
    if (answer == STORE_OK)
        answer = check_targets(db, function, alias, err);
    if (answer == STORE_OK)
        answer = write_alias(db, function, alias, err);
    return answer == STORE_OK ? store_alias_get(db, function, alias->name, arena, ret, err) : answer;
}

/* Its policy and settings go with it. */
enum store_answer store_alias_delete(struct db *db, str function, str alias, struct err *err)
{
    enum store_answer answer = function_check(db, function, err);

    if (answer != STORE_OK)
        return answer;
    return store_ran(
        db_run(db, err, "DELETE FROM aliases WHERE function = ? AND name = ?", DB_STR(function), DB_STR(alias)) &&
        db_run(db, err, "DELETE FROM policies WHERE function = ? AND qualifier = ?", DB_STR(function), DB_STR(alias)) &&
        db_run(db, err, "DELETE FROM provisioned WHERE function = ? AND qualifier = ?", DB_STR(function),
               DB_STR(alias)) &&
        db_run(db, err, "DELETE FROM function_settings WHERE function = ? AND qualifier = ?", DB_STR(function),
               DB_STR(alias)));
}

static enum store_answer collect_aliases(struct db_rows *rows, int max, struct arena *arena, struct alias_list *ret,
                                         struct err *err)
{
    VEC(struct alias_config) found = {0};

    while (db_next(rows, err))
        read_alias(rows, arena, vec_push(&found));
    *ret = (struct alias_list){.at = arena_new(arena, struct alias_config, found.len + 1), .count = (int)found.len};
    if (found.len > 0)
        memcpy(ret->at, found.at, found.len * sizeof *found.at);
    vec_free(&found);
    if (ret->count > max) {
        ret->count = max;
        ret->next_marker = ret->at[max - 1].name;
    }
    return store_ran(err->code == ERR_NONE);
}

enum store_answer store_alias_list(struct db *db, str function, str version, str marker, int max, struct arena *arena,
                                   struct alias_list *ret, struct err *err)
{
    int64_t number = -1;
    enum store_answer answer = function_check(db, function, err);

    *ret = (struct alias_list){0};
    if (answer != STORE_OK)
        return answer;
    if (version.len > 0 && !version_number(version, &number))
        return STORE_OK;
    DB_ROWS_AUTO rows =
        db_query(db, err,
                 ALIAS_COLUMNS "WHERE function = ? AND name > ? AND (? < 0 OR version = ?)"
                               " ORDER BY name LIMIT ?",
                 DB_STR(function), DB_STR(marker), DB_INT(number), DB_INT(number), DB_INT((int64_t)max + 1));
    return collect_aliases(&rows, max, arena, ret, err);
}

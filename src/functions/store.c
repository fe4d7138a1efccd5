/*
 * A function's life on disk.  States, and who moves between them:
 *
 *     store_create ─▶ Pending ──store_mark_ready──▶ Active ──store_update──▶ Active, InProgress
 *                        │                             ▲                         │
 *                        ▼                             └───store_mark_ready──────┘ (or Failed: the old code stays)
 *                      Failed ──store_update──▶ Pending
 *
 * RevisionId is new at each arrow (API_FunctionConfiguration); run_key only where what runs is new.  From store_update
 * until an update is successful, what ran before is kept as the row VERSION_RUNNING.
 */
#include "functions/store.h"

#include "functions/functions_private.h"
#include "functions/layers.h"

#include "base/clock.h"
#include "base/vec.h"

#include <stdlib.h>

static const str creating_reason = {"The function is being created.", 30};
static const str creating_code = {"Creating", 8};

/* What is not in the caller's hands, for a version that is new. */
static void start_life(struct function_config *config, struct arena *arena)
{
    config->revision_id = new_uuid(arena);
    config->run_key = new_uuid(arena);
    config->last_modified_us = clock_wall_us();
    config->state = VERSION_PENDING;
    config->state_reason = creating_reason;
    config->state_reason_code = creating_code;
    config->update_status = UPDATE_NONE;
    config->update_reason = config->update_reason_code = STR("");
}

static enum store_answer insert_function(struct db *db, str name, struct err *err)
{
    enum store_answer answer = function_check(db, name, err);

    if (answer == STORE_OK)
        return STORE_FUNCTION_EXISTS;
    if (answer != STORE_NO_FUNCTION)
        return answer;
    return store_ran(db_run(db, err,
                            "INSERT INTO functions (name, created_us, next_version) VALUES (?1, ?2,"
                            " coalesce((SELECT next_version FROM gone_functions WHERE name = ?1), 1))",
                            DB_STR(name), DB_INT(clock_wall_us())));
}

enum store_answer store_create(struct db *db, const struct store_creation *creation, struct arena *arena,
                               struct function_config *ret, struct err *err)
{
    struct function_config config = *creation->config;
    enum store_answer answer = insert_function(db, config.name, err);

    config.version = STR("$LATEST");
    start_life(&config, arena);
    if (answer == STORE_OK)
        answer = version_insert(db, &config, err);
    if (answer == STORE_OK && creation->tags_count > 0)
        answer = store_tags_put(db, config.name, creation->tags, creation->tags_count, err);
    if (answer == STORE_OK && creation->publish)
        return version_add(db, &config, arena, ret, err);
    if (answer == STORE_OK)
        answer = version_get(db, config.name, VERSION_LATEST, arena, ret, err);
    return answer;
}

enum store_answer store_get(struct db *db, str name, str qualifier, struct arena *arena, struct function_config *ret,
                            struct err *err)
{
    struct alias_config alias;
    enum store_answer answer;
    int64_t number;

    if (!version_number(qualifier, &number)) {
        answer = store_alias_get(db, name, qualifier, arena, &alias, err);
        if (answer != STORE_OK)
            return answer;
        if (!version_number(alias.version, &number))
            return STORE_NO_VERSION;
    }
    answer = version_get(db, name, number, arena, ret, err);
    if (answer != STORE_NO_VERSION)
        return answer;
    answer = function_check(db, name, err);
    return answer == STORE_OK ? STORE_NO_VERSION : answer;
}

static enum store_answer check_updatable(const struct function_config *now, str revision_id)
{
    if (now->state == VERSION_PENDING)
        return STORE_PENDING;
    if (now->update_status == UPDATE_IN_PROGRESS)
        return STORE_UPDATING;
    if (revision_id.len > 0 && !str_eq(revision_id, now->revision_id))
        return STORE_WRONG_REVISION;
    return STORE_OK;
}

/* AWS gives an update the words of a creation. */
static void start_update(struct function_config *config, enum version_state was, struct arena *arena)
{
    config->revision_id = new_uuid(arena);
    config->run_key = new_uuid(arena);
    config->last_modified_us = clock_wall_us();
    config->state = was;
    if (was == VERSION_FAILED) {
        config->state = VERSION_PENDING;
        config->state_reason = creating_reason;
        config->state_reason_code = creating_code;
    }
    config->update_status = UPDATE_IN_PROGRESS;
    config->update_reason = creating_reason;
    config->update_reason_code = creating_code;
}

/* The version that is published with an update: $LATEST as it is now, but new. */
static enum store_answer publish_update(struct db *db, const struct function_config *latest, struct arena *arena,
                                        struct function_config *ret, struct err *err)
{
    struct function_config config = *latest;
    int64_t same;
    enum store_answer answer = version_same_as_last(db, config.name, &same, err);

    if (answer != STORE_OK)
        return answer;
    if (same > 0)
        return version_get(db, config.name, same, arena, ret, err);
    start_life(&config, arena);
    return version_add(db, &config, arena, ret, err);
}

enum store_answer store_update(struct db *db, const struct function_config *changed, str revision_id, bool publish,
                               struct arena *arena, struct function_config *ret, struct err *err)
{
    struct function_config config = *changed, now;
    enum store_answer answer = version_get(db, config.name, VERSION_LATEST, arena, &now, err);

    if (answer == STORE_OK)
        answer = check_updatable(&now, revision_id);
    if (answer != STORE_OK)
        return answer;
    config.version = STR("$LATEST");
    if (now.state == VERSION_ACTIVE && now.update_status != UPDATE_FAILED)
        answer = version_keep_running(db, config.name, err);
    start_update(&config, now.state, arena);
    if (answer == STORE_OK)
        answer = version_write(db, &config, err);
    if (answer == STORE_OK && publish)
        return publish_update(db, &config, arena, ret, err);
    if (answer == STORE_OK)
        answer = version_get(db, config.name, VERSION_LATEST, arena, ret, err);
    return answer;
}

/* Deletion */

static enum store_answer delete_rows(struct db *db, str name, int64_t number, struct err *err)
{
    ARENA_AUTO arena = {0};
    str qualifier = version_text(number, &arena);

    if (number == VERSION_LATEST)
        return store_ran(db_run(db, err,
                                "INSERT INTO gone_functions SELECT name, next_version FROM functions WHERE name = ?"
                                " AND next_version > 1 ON CONFLICT DO UPDATE SET next_version = excluded.next_version",
                                DB_STR(name)) &&
                         db_run(db, err, "DELETE FROM functions WHERE name = ?", DB_STR(name)));
    return store_ran(
        db_run(db, err, "DELETE FROM versions WHERE function = ? AND number = ?", DB_STR(name), DB_INT(number)) &&
        db_run(db, err, "DELETE FROM policies WHERE function = ? AND qualifier = ?", DB_STR(name), DB_STR(qualifier)) &&
        db_run(db, err, "DELETE FROM provisioned WHERE function = ? AND qualifier = ?", DB_STR(name),
               DB_STR(qualifier)) &&
        db_run(db, err, "DELETE FROM function_settings WHERE function = ? AND qualifier = ?", DB_STR(name),
               DB_STR(qualifier)));
}

/* A version that an alias points at stays: the alias would point nowhere. */
static enum store_answer check_unaliased(struct db *db, str name, int64_t number, struct err *err)
{
    struct db_value values[] = {DB_STR(name), DB_INT(number), DB_INT(number)};
    int64_t one;
    bool found;
    enum store_answer answer =
        store_number(db, "SELECT 1 FROM aliases WHERE function = ? AND (version = ? OR second_version = ?) LIMIT 1",
                     values, 3, &one, &found, err);

    return answer == STORE_OK && found ? STORE_VERSION_ALIASED : answer;
}

enum store_answer store_delete(struct db *db, str name, str qualifier, struct err *err)
{
    int64_t number;
    enum store_answer answer = function_check(db, name, err);

    if (answer != STORE_OK)
        return answer;
    if (!version_number(qualifier, &number))
        return STORE_NO_VERSION;
    if (number != VERSION_LATEST)
        answer = check_unaliased(db, name, number, err);
    return answer == STORE_OK ? delete_rows(db, name, number, err) : answer;
}

/* Packages */

enum store_answer store_package_used(struct db *db, str package, bool *ret, struct err *err)
{
    int64_t one;

    /* A hash of 64 letters is found in no other part of layers_json but by intent, and then a package stays: no harm.
     */
    return store_number(db,
                        "SELECT 1 FROM versions WHERE package = ?1 UNION ALL"
                        " SELECT 1 FROM layer_versions WHERE package = ?1 UNION ALL"
                        " SELECT 1 FROM versions WHERE instr(layers_json, ?1) > 0 LIMIT 1",
                        &DB_STR(package), 1, &one, ret, err);
}

enum store_answer store_packages(struct db *db, struct arena *arena, struct store_strings *ret, struct err *err)
{
    VEC(str) found = {0};
    struct layer_use uses[LAYERS_PER_FUNCTION_MAX];

    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(db, err,
                                 "SELECT package, '' FROM versions WHERE package <> '' UNION"
                                 " SELECT package, '' FROM layer_versions UNION"
                                 " SELECT '', layers_json FROM versions WHERE layers_json <> ''");
    while (db_next(&rows, err)) {
        int count = layer_uses_read(db_text(&rows, 1, arena), arena, uses);

        for (int i = 0; i < count; i++)
            *vec_push(&found) = uses[i].package;
        if (count == 0)
            *vec_push(&found) = db_text(&rows, 0, arena);
    }
    *ret = (struct store_strings){.at = arena_new(arena, str, found.len + 1), .count = (int)found.len};
    if (found.len > 0)
        memcpy(ret->at, found.at, found.len * sizeof *found.at);
    vec_free(&found);
    return store_ran(err->code == ERR_NONE);
}

/* Listing */

/* The marker is "NAME" or "NAME:NUMBER" of the last one given. */
static void cut_list(struct function_list *list, int max, bool all_versions, struct arena *arena)
{
    const struct function_config *last;
    int64_t number = 0;

    if (list->count <= max)
        return;
    list->count = max;
    last = &list->at[max - 1];
    (void)version_number(last->version, &number);
    list->next_marker =
        all_versions ? arena_printf(arena, STR_FMT ":%lld", STR_ARG(last->name), (long long)number) : last->name;
}

enum store_answer store_list(struct db *db, bool all_versions, str marker, int max, struct arena *arena,
                             struct function_list *ret, struct err *err)
{
    struct db_value values[4];
    long long number = -1;
    str name = marker, number_text = STR("");
    enum store_answer answer;
    int count = 0;

    if (str_cut(marker, ':', &name, &number_text))
        (void)str_to_int(number_text, 0, INT64_MAX, &number);
    values[count++] = DB_STR(name);
    if (all_versions)
        values[count++] = DB_INT(marker.len > 0 ? number : -1);
    values[count++] = DB_INT((int64_t)max + 1);
    answer =
        version_collect(db,
                        all_versions ? "(function, number) > (?, ?) AND number >= 0 ORDER BY function, number LIMIT ?"
                                     : "number = 0 AND function > ? ORDER BY function LIMIT ?",
                        values, count, arena, ret, err);
    if (answer == STORE_OK)
        cut_list(ret, max, all_versions, arena);
    return answer;
}

enum store_answer store_usage(struct db *db, struct store_usage *ret, struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(db, err,
                                 "SELECT (SELECT count(*) FROM functions),"
                                 " (SELECT coalesce(sum(code_size), 0) FROM versions WHERE number >= 0)"
                                 " + (SELECT coalesce(sum(code_size), 0) FROM layer_versions),"
                                 " (SELECT coalesce(sum(coalesce(reserved_concurrency, (SELECT sum(requested)"
                                 " FROM provisioned WHERE function = name), 0)), 0) FROM functions)");
    if (!db_next(&rows, err))
        return STORE_BROKEN;
    *ret = (struct store_usage){
        .functions_count = db_int(&rows, 0), .code_bytes = db_int(&rows, 1), .taken_concurrency = db_int(&rows, 2)};
    return STORE_OK;
}

/*
 * Layer versions are rows that come and go whole; only `layers.next_version` stays for ever.  A policy is a column of
 * its version, a JSON list of statements: it is small (20 KB), is read and written as one, and dies with its row.
 */
#include "functions/layers.h"

#include "functions/functions_private.h"

#include "codec/json_read.h"
#include "codec/json_write.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/vec.h"

#include <stdlib.h>

/* -- rows ---------------------------------------------------------------------------------------------------------- */

#define COLUMNS                                                                                                 \
    "layer, version, description, license, runtimes_json, architectures_json, package, code_sha256, code_size," \
    " created_us"
/* ?1 and ?2: "\"python3.11\"" and "\"arm64\"" with their quotes, or empty */
#define MATCHES "(?1 = '' OR instr(runtimes_json, ?1) > 0) AND (?2 = '' OR instr(architectures_json, ?2) > 0)"

static void read_row(const struct db_rows *rows, struct arena *arena, struct layer_version *ret)
{
    *ret = (struct layer_version){
        .layer = db_text(rows, 0, arena),
        .version = db_int(rows, 1),
        .description = db_text(rows, 2, arena),
        .license = db_text(rows, 3, arena),
        .runtimes_json = db_text(rows, 4, arena),
        .architectures_json = db_text(rows, 5, arena),
        .package = db_text(rows, 6, arena),
        .code_sha256 = db_text(rows, 7, arena),
        .code_size = db_int(rows, 8),
        .created_us = db_int(rows, 9),
    };
}

static enum store_answer collect(struct db *db, const char *sql, const struct db_value *values, int count,
                                 struct arena *arena, struct layer_list *ret, struct err *err)
{
    VEC(struct layer_version) found = {0};

    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query_values(db, err, sql, values, count);
    while (db_next(&rows, err))
        read_row(&rows, arena, vec_push(&found));
    *ret = (struct layer_list){.at = arena_new(arena, struct layer_version, found.len + 1), .count = (int)found.len};
    if (found.len > 0)
        memcpy(ret->at, found.at, found.len * sizeof *found.at);
    vec_free(&found);
    return store_ran(err->code == ERR_NONE);
}

static str quoted(str word, struct arena *arena)
{
    return word.len ? arena_printf(arena, "\"" STR_FMT "\"", STR_ARG(word)) : word;
}

/* -- versions ------------------------------------------------------------------------------------------------------ */

static enum store_answer next_number(struct db *db, str layer, int64_t *ret, struct err *err)
{
    bool found;

    if (!db_run(db, err,
                "INSERT INTO layers (name, next_version) VALUES (?, 2)"
                " ON CONFLICT DO UPDATE SET next_version = next_version + 1",
                DB_STR(layer)))
        return STORE_BROKEN;
    return store_number(db, "SELECT next_version - 1 FROM layers WHERE name = ?", &DB_STR(layer), 1, ret, &found, err);
}

enum store_answer store_layer_publish(struct db *db, const struct layer_version *made, struct arena *arena,
                                      struct layer_version *ret, struct err *err)
{
    int64_t number = 0;
    enum store_answer answer = next_number(db, made->layer, &number, err);

    if (answer != STORE_OK)
        return answer;
    if (!db_run(db, err, "INSERT INTO layer_versions (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                DB_STR(made->layer), DB_INT(number), DB_STR(made->description), DB_STR(made->license),
                DB_STR(made->runtimes_json), DB_STR(made->architectures_json), DB_STR(made->package),
                DB_STR(made->code_sha256), DB_INT(made->code_size), DB_INT(clock_wall_us())))
        return STORE_BROKEN;
    return store_layer_get(db, made->layer, number, arena, ret, err);
}

enum store_answer store_layer_get(struct db *db, str layer, int64_t version, struct arena *arena,
                                  struct layer_version *ret, struct err *err)
{
    struct db_value values[] = {DB_STR(layer), DB_INT(version)};
    struct layer_list list;
    enum store_answer answer = collect(db, "SELECT " COLUMNS " FROM layer_versions WHERE layer = ? AND version = ?",
                                       values, 2, arena, &list, err);

    if (answer == STORE_OK && list.count == 0)
        return STORE_NO_LAYER;
    if (answer == STORE_OK)
        *ret = list.at[0];
    return answer;
}

enum store_answer store_layer_list(struct db *db, const struct layer_filter *filter, str marker, int max,
                                   struct arena *arena, struct layer_list *ret, struct err *err)
{
    struct db_value values[] = {DB_STR(quoted(filter->runtime, arena)), DB_STR(quoted(filter->architecture, arena)),
                                DB_STR(marker), DB_INT((int64_t)max + 1)};
    enum store_answer answer =
        collect(db,
                "SELECT " COLUMNS " FROM layer_versions WHERE (layer, version) IN"
                " (SELECT layer, max(version) FROM layer_versions WHERE " MATCHES " GROUP BY layer)"
                " AND layer > ?3 ORDER BY layer LIMIT ?4",
                values, 4, arena, ret, err);

    if (answer == STORE_OK && ret->count > max) {
        ret->count = max;
        ret->next_marker = ret->at[max - 1].layer;
    }
    return answer;
}

enum store_answer store_layer_versions(struct db *db, str layer, const struct layer_filter *filter, str marker, int max,
                                       struct arena *arena, struct layer_list *ret, struct err *err)
{
    long long below = INT64_MAX;
    enum store_answer answer;

    (void)str_to_int(marker, 1, INT64_MAX, &below);
    struct db_value values[] = {DB_STR(quoted(filter->runtime, arena)), DB_STR(quoted(filter->architecture, arena)),
                                DB_STR(layer), DB_INT(below), DB_INT((int64_t)max + 1)};
    answer = collect(db,
                     "SELECT " COLUMNS " FROM layer_versions WHERE " MATCHES
                     " AND layer = ?3 AND version < ?4 ORDER BY version DESC LIMIT ?5",
                     values, 5, arena, ret, err);
    if (answer == STORE_OK && ret->count > max) {
        ret->count = max;
        ret->next_marker = arena_printf(arena, "%lld", (long long)ret->at[max - 1].version);
    }
    return answer;
}

enum store_answer store_layer_delete(struct db *db, str layer, int64_t version, struct err *err)
{
    return store_ran(
        db_run(db, err, "DELETE FROM layer_versions WHERE layer = ? AND version = ?", DB_STR(layer), DB_INT(version)));
}

/* -- policies ------------------------------------------------------------------------------------------------------ */

struct layer_policy {
    json_t *statements; /* of the row, or empty; the caller's */
    str revision;       /* empty: there is no policy */
};

static void layer_policy_done(struct layer_policy *policy)
{
    json_decref(policy->statements);
}
#define LAYER_POLICY_AUTO CLEANUP(layer_policy_done) struct layer_policy

static enum store_answer read_policy(struct db *db, str layer, int64_t version, struct arena *arena,
                                     struct layer_policy *ret, struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows =
        db_query(db, err, "SELECT policy_json, policy_revision FROM layer_versions WHERE layer = ? AND version = ?",
                 DB_STR(layer), DB_INT(version));
    if (!db_next(&rows, err))
        return err->code == ERR_NONE ? STORE_NO_LAYER : STORE_BROKEN;
    ret->revision = db_text(&rows, 1, arena);
    if (ret->revision.len == 0) {
        ret->statements = json_array();
        return STORE_OK;
    }
    return store_ran(json_parse(db_text(&rows, 0, arena), &ret->statements, err));
}

static enum store_answer write_policy(struct db *db, const struct layer_permission *permission,
                                      const json_t *statements, struct arena *arena, str *ret_revision, struct err *err)
{
    bool any = json_array_size(statements) > 0;
    str json = any ? json_compact(statements, arena) : STR("");

    *ret_revision = any ? new_uuid(arena) : STR("");
    if (json.len > STORE_POLICY_BYTES_MAX)
        return STORE_POLICY_LIMIT;
    return store_ran(db_run(
        db, err, "UPDATE layer_versions SET policy_json = ?, policy_revision = ? WHERE layer = ? AND version = ?",
        DB_STR(json), DB_STR(*ret_revision), DB_STR(permission->layer), DB_INT(permission->version)));
}

/* -1: none has this Sid */
static int find_statement(const json_t *statements, str id)
{
    size_t i;
    json_t *each;

    json_array_foreach (statements, i, each)
        if (str_eq(json_text(json_object_get(each, "Sid")), id))
            return (int)i;
    return -1;
}

static bool is_wrong_revision(const struct layer_permission *permission, const struct layer_policy *policy)
{
    return permission->revision_id.len > 0 && !str_eq(permission->revision_id, policy->revision);
}

enum store_answer store_layer_permission_add(struct db *db, const struct layer_permission *permission,
                                             struct arena *arena, str *ret_revision, struct err *err)
{
    LAYER_POLICY_AUTO policy = {0};
    json_t *statement = NULL;
    enum store_answer answer = read_policy(db, permission->layer, permission->version, arena, &policy, err);

    if (answer != STORE_OK)
        return answer;
    if (is_wrong_revision(permission, &policy))
        return STORE_WRONG_REVISION;
    if (find_statement(policy.statements, permission->statement_id) >= 0)
        return STORE_STATEMENT_EXISTS;
    if (!json_parse(permission->statement_json, &statement, err))
        return STORE_BROKEN;
    json_array_append_new(policy.statements, statement);
    return write_policy(db, permission, policy.statements, arena, ret_revision, err);
}

enum store_answer store_layer_permission_remove(struct db *db, const struct layer_permission *permission,
                                                struct err *err)
{
    ARENA_AUTO arena = {0};
    LAYER_POLICY_AUTO policy = {0};
    enum store_answer answer = read_policy(db, permission->layer, permission->version, &arena, &policy, err);
    str revision;
    int at;

    if (answer != STORE_OK)
        return answer;
    if (policy.revision.len == 0)
        return STORE_NO_POLICY;
    if (is_wrong_revision(permission, &policy))
        return STORE_WRONG_REVISION;
    at = find_statement(policy.statements, permission->statement_id);
    if (at < 0)
        return STORE_NO_STATEMENT;
    json_array_remove(policy.statements, (size_t)at);
    return write_policy(db, permission, policy.statements, &arena, &revision, err);
}

enum store_answer store_layer_policy_get(struct db *db, str layer, int64_t version, struct arena *arena,
                                         struct store_policy *ret, struct err *err)
{
    LAYER_POLICY_AUTO policy = {0};
    enum store_answer answer = read_policy(db, layer, version, arena, &policy, err);
    str statements;

    if (answer != STORE_OK)
        return answer;
    if (policy.revision.len == 0)
        return STORE_NO_POLICY;
    statements = json_compact(policy.statements, arena);
    ret->revision_id = policy.revision;
    ret->json = arena_printf(arena, "{\"Version\":\"2012-10-17\",\"Id\":\"default\",\"Statement\":" STR_FMT "}",
                             STR_ARG(statements));
    return STORE_OK;
}

/* -- in a function version ----------------------------------------------------------------------------------------- */

enum { USES_BYTES_MAX = 16 * 1024 };

str layer_uses_json(const struct layer_use *uses, int count, struct arena *arena)
{
    BUF_AUTO text = {0};
    struct jw jw;

    if (count == 0)
        return STR("");
    buf_init(&text, USES_BYTES_MAX);
    jw_init(&jw, &text);
    jw_array(&jw);
    for (int i = 0; i < count; i++) {
        jw_object(&jw);
        jw_str(&jw, "Arn", uses[i].arn);
        jw_int(&jw, "CodeSize", uses[i].code_size);
        jw_str(&jw, "Package", uses[i].package);
        jw_object_end(&jw);
    }
    jw_array_end(&jw);
    return arena_copy(arena, buf_str(&text));
}

int layer_uses_read(str json, struct arena *arena, struct layer_use ret[LAYERS_PER_FUNCTION_MAX])
{
    json_auto_t *list = NULL;
    struct err ignored;
    int count = 0;
    size_t i;
    json_t *each;

    if (json.len == 0 || !json_parse(json, &list, &ignored))
        return 0;
    json_array_foreach (list, i, each)
        if (count < LAYERS_PER_FUNCTION_MAX)
            ret[count++] = (struct layer_use){
                .arn = arena_copy(arena, json_text(json_object_get(each, "Arn"))),
                .code_size = json_integer_value(json_object_get(each, "CodeSize")),
                .package = arena_copy(arena, json_text(json_object_get(each, "Package"))),
            };
    return count;
}

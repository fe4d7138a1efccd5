/*
 * Resource policies: kept as the statements' own JSON text, in the order in which they came, with a RevisionId of
 * the policy (not the function's: API_GetPolicy).  When the last statement goes, the policy is gone.
 */
#include "functions/store.h"

#include "functions/functions_private.h"

#include "base/buf.h"

/* An absent policy is STORE_NO_POLICY. */
static enum store_answer read_revision(struct db *db, str function, str qualifier, struct arena *arena, str *ret,
                                       struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(db, err, "SELECT revision_id FROM policies WHERE function = ? AND qualifier = ?",
                                 DB_STR(function), DB_STR(qualifier));
    if (!db_next(&rows, err))
        return err->code == ERR_NONE ? STORE_NO_POLICY : STORE_BROKEN;
    *ret = db_text(&rows, 0, arena);
    return STORE_OK;
}

static enum store_answer touch_policy(struct db *db, str function, str qualifier, struct err *err)
{
    ARENA_AUTO arena = {0};

    return store_ran(db_run(db, err,
                            "INSERT INTO policies (function, qualifier, revision_id) VALUES (?, ?, ?)"
                            " ON CONFLICT DO UPDATE SET revision_id = excluded.revision_id",
                            DB_STR(function), DB_STR(qualifier), DB_STR(new_uuid(&arena))));
}

static enum store_answer check_statement_free(struct db *db, const struct store_permission *permission, struct err *err)
{
    struct db_value values[] = {DB_STR(permission->function), DB_STR(permission->qualifier),
                                DB_STR(permission->statement_id)};
    int64_t one;
    bool found;
    enum store_answer answer =
        store_number(db, "SELECT 1 FROM policy_statements WHERE function = ? AND qualifier = ? AND statement_id = ?",
                     values, 3, &one, &found, err);

    return answer == STORE_OK && found ? STORE_STATEMENT_EXISTS : answer;
}

/* A RevisionId for a policy that is not there yet matches nothing. */
static enum store_answer check_revision(struct db *db, const struct store_permission *permission, struct err *err)
{
    ARENA_AUTO arena = {0};
    str revision = STR("");
    enum store_answer answer = read_revision(db, permission->function, permission->qualifier, &arena, &revision, err);

    if (answer == STORE_BROKEN)
        return answer;
    if (permission->revision_id.len > 0 && !str_eq(permission->revision_id, revision))
        return STORE_WRONG_REVISION;
    return answer;
}

static enum store_answer check_size(struct db *db, const struct store_permission *permission, struct err *err)
{
    ARENA_AUTO arena = {0};
    struct store_policy policy;
    enum store_answer answer = store_policy_get(db, permission->function, permission->qualifier, &arena, &policy, err);

    return answer == STORE_OK && policy.json.len > STORE_POLICY_BYTES_MAX ? STORE_POLICY_LIMIT : answer;
}

enum store_answer store_permission_add(struct db *db, const struct store_permission *permission, struct err *err)
{
    str function = permission->function, qualifier = permission->qualifier;
    enum store_answer answer = qualifier_check(db, function, qualifier, err);

    if (answer == STORE_OK)
        answer = check_statement_free(db, permission, err);
    if (answer == STORE_OK)
        answer = check_revision(db, permission, err);
    if (answer == STORE_OK || answer == STORE_NO_POLICY)
        answer = touch_policy(db, function, qualifier, err);
    if (answer == STORE_OK)
        answer = store_ran(db_run(db, err,
                                  "INSERT INTO policy_statements (function, qualifier, position, statement_id, json)"
                                  " SELECT ?1, ?2, coalesce(max(position), 0) + 1, ?3, ?4 FROM policy_statements"
                                  " WHERE function = ?1 AND qualifier = ?2",
                                  DB_STR(function), DB_STR(qualifier), DB_STR(permission->statement_id),
                                  DB_STR(permission->statement_json)));
    return answer == STORE_OK ? check_size(db, permission, err) : answer;
}

static enum store_answer drop_empty_policy(struct db *db, str function, str qualifier, struct err *err)
{
    return store_ran(db_run(db, err,
                            "DELETE FROM policies WHERE function = ?1 AND qualifier = ?2 AND NOT EXISTS"
                            " (SELECT 1 FROM policy_statements WHERE function = ?1 AND qualifier = ?2)",
                            DB_STR(function), DB_STR(qualifier)));
}

enum store_answer store_permission_remove(struct db *db, const struct store_permission *permission, struct err *err)
{
    str function = permission->function, qualifier = permission->qualifier;
    enum store_answer answer = qualifier_check(db, function, qualifier, err);

    if (answer == STORE_OK)
        answer = check_revision(db, permission, err);
    if (answer == STORE_OK)
        answer = check_statement_free(db, permission, err);
    if (answer == STORE_OK)
        return STORE_NO_STATEMENT;
    if (answer != STORE_STATEMENT_EXISTS)
        return answer;
    answer = store_ran(db_run(db, err,
                              "DELETE FROM policy_statements WHERE function = ? AND qualifier = ? AND statement_id = ?",
                              DB_STR(function), DB_STR(qualifier), DB_STR(permission->statement_id)));
    if (answer == STORE_OK)
        answer = touch_policy(db, function, qualifier, err);
    return answer == STORE_OK ? drop_empty_policy(db, function, qualifier, err) : answer;
}

enum store_answer store_policy_get(struct db *db, str function, str qualifier, struct arena *arena,
                                   struct store_policy *ret, struct err *err)
{
    enum store_answer answer = qualifier_check(db, function, qualifier, err);
    BUF_AUTO text = {0};

    buf_init(&text, 2 * STORE_POLICY_BYTES_MAX);
    if (answer == STORE_OK)
        answer = read_revision(db, function, qualifier, arena, &ret->revision_id, err);
    if (answer != STORE_OK)
        return answer;
    buf_add(&text, STR("{\"Version\":\"2012-10-17\",\"Id\":\"default\",\"Statement\":["));
    DB_ROWS_AUTO rows =
        db_query(db, err, "SELECT json FROM policy_statements WHERE function = ? AND qualifier = ? ORDER BY position",
                 DB_STR(function), DB_STR(qualifier));
    for (int i = 0; db_next(&rows, err); i++) {
        buf_add(&text, i > 0 ? STR(",") : STR(""));
        buf_add(&text, db_text(&rows, 0, arena));
    }
    buf_add(&text, STR("]}"));
    if (err->code != ERR_NONE)
        return STORE_BROKEN;
    ret->json = arena_copy(arena, buf_str(&text));
    return buf_ok(&text) ? STORE_OK : STORE_POLICY_LIMIT;
}

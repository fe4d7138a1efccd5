/*
 * Published versions: numbers that are never given twice, rows that are never changed but for their state.
 *
 * "Nothing changed since the last version" is asked of the rows themselves, column by column (config.def), so an
 * update that put back what was there makes no new version.
 */
#include "functions/store.h"

#include "functions/functions_private.h"

#include "base/clock.h"

enum store_answer version_add(struct db *db, const struct function_config *from, struct arena *arena,
                              struct function_config *ret, struct err *err)
{
    struct function_config config = *from;
    bool found;
    int64_t number = 0;
    enum store_answer answer = store_number(db, "SELECT next_version FROM functions WHERE name = ?",
                                            &DB_STR(from->name), 1, &number, &found, err);

    if (answer == STORE_OK && !found)
        return STORE_NO_FUNCTION;
    if (answer == STORE_OK)
        answer = store_ran(
            db_run(db, err, "UPDATE functions SET next_version = next_version + 1 WHERE name = ?", DB_STR(from->name)));
    if (answer != STORE_OK)
        return answer;
    config.version = version_text(number, arena);
    config.revision_id = new_uuid(arena);
    config.run_key = new_uuid(arena);
    answer = version_insert(db, &config, err);
    return answer == STORE_OK ? version_get(db, from->name, number, arena, ret, err) : answer;
}

static enum store_answer check_publication(const struct function_config *latest,
                                           const struct store_publication *publication)
{
    if (latest->state != VERSION_ACTIVE)
        return STORE_PENDING;
    if (latest->update_status == UPDATE_IN_PROGRESS)
        return STORE_UPDATING;
    if (latest->update_status == UPDATE_FAILED)
        return STORE_UPDATE_FAILED;
    if (publication->revision_id.len > 0 && !str_eq(publication->revision_id, latest->revision_id))
        return STORE_WRONG_REVISION;
    if (publication->code_sha256.len > 0 && !str_eq(publication->code_sha256, latest->code_sha256))
        return STORE_WRONG_CODE;
    return STORE_OK;
}

enum store_answer store_publish(struct db *db, str name, const struct store_publication *publication,
                                struct arena *arena, struct function_config *ret, struct err *err)
{
    struct function_config config;
    int64_t same = 0;
    enum store_answer answer = version_get(db, name, VERSION_LATEST, arena, &config, err);

    if (answer == STORE_OK)
        answer = check_publication(&config, publication);
    if (answer == STORE_OK)
        answer = version_same_as_last(db, name, &same, err);
    if (answer != STORE_OK)
        return answer;
    if (same > 0)
        return version_get(db, name, same, arena, ret, err);
    if (publication->description.len > 0)
        config.description = publication->description;
    config.last_modified_us = clock_wall_us();
    answer = version_touch(db, name, VERSION_LATEST, err);
    return answer == STORE_OK ? version_add(db, &config, arena, ret, err) : answer;
}

enum store_answer store_list_versions(struct db *db, str name, str marker, int max, struct arena *arena,
                                      struct function_list *ret, struct err *err)
{
    long long after = -1;
    enum store_answer answer = function_check(db, name, err);

    if (answer != STORE_OK)
        return answer;
    (void)str_to_int(marker, 0, INT64_MAX, &after);
    struct db_value values[] = {DB_STR(name), DB_INT(after), DB_INT((int64_t)max + 1)};
    answer = version_collect(db, "function = ? AND number > ? ORDER BY number LIMIT ?", values, 3, arena, ret, err);
    if (answer == STORE_OK && ret->count > max) {
        int64_t last = 0;

        ret->count = max;
        (void)version_number(ret->at[max - 1].version, &last);
        ret->next_marker = arena_printf(arena, "%lld", (long long)last);
    }
    return answer;
}

enum store_answer store_list_unready(struct db *db, str name, struct arena *arena, struct function_list *ret,
                                     struct err *err)
{
    struct db_value values[] = {DB_STR(name)};

    if (name.len == 0)
        return version_collect(db,
                               "state = 'Pending' OR update_status = 'InProgress'"
                               " OR (state = 'Failed' AND state_reason_code IN ('InternalError', 'InvalidRuntime'))"
                               " OR (update_status = 'Failed'"
                               " AND update_reason_code IN ('InternalError', 'InvalidRuntime'))",
                               NULL, 0, arena, ret, err);
    return version_collect(db, "function = ? AND (state = 'Pending' OR update_status = 'InProgress')", values, 1, arena,
                           ret, err);
}

/* A failed update leaves State as it was: the code of before is still what runs. */
static void apply_readiness(struct function_config *config, const struct store_readiness *readiness)
{
    bool failed = readiness->failure.len > 0;

    if (config->state != VERSION_ACTIVE) {
        config->state = failed ? VERSION_FAILED : VERSION_ACTIVE;
        config->state_reason = readiness->failure;
        config->state_reason_code = readiness->failure_code;
    }
    config->update_status = failed ? UPDATE_FAILED : UPDATE_SUCCESSFUL;
    config->update_reason = readiness->failure;
    config->update_reason_code = readiness->failure_code;
}

/* A start tried again, in vain: nothing has changed, so the RevisionId does not either. */
static bool has_failed_so(const struct function_config *config, const struct store_readiness *readiness)
{
    return readiness->failure.len > 0 && config->state != VERSION_PENDING && config->update_status == UPDATE_FAILED &&
           str_eq(config->update_reason, readiness->failure) &&
           str_eq(config->update_reason_code, readiness->failure_code);
}

enum store_answer store_mark_ready(struct db *db, const struct store_readiness *readiness, struct err *err)
{
    ARENA_AUTO arena = {0};
    struct function_config config;
    int64_t number;
    enum store_answer answer;

    if (!version_number(readiness->version, &number))
        return STORE_OK;
    answer = version_get(db, readiness->name, number, &arena, &config, err);
    if (answer == STORE_NO_FUNCTION || answer == STORE_NO_VERSION)
        return STORE_OK;
    if (answer != STORE_OK || !str_eq(config.run_key, readiness->run_key) || has_failed_so(&config, readiness))
        return answer;
    apply_readiness(&config, readiness);
    config.revision_id = new_uuid(&arena);
    answer = version_write(db, &config, err);
    if (answer == STORE_OK && number == VERSION_LATEST && config.update_status == UPDATE_SUCCESSFUL)
        answer = version_drop_running(db, readiness->name, err);
    return answer;
}

/*
 * One row a qualifier.  A version and an alias of it cannot both have one: whose workers would they be?  (AWS refuses
 * the second that asks.)
 */
#include "functions/provisioned.h"

#include "functions/functions_private.h"

#include "base/clock.h"
#include "base/vec.h"

#include <stdlib.h>

#define ROWS                                                                                                          \
    "SELECT p.qualifier, coalesce(a.version, CAST(p.qualifier AS INTEGER)), p.requested, p.modified_us"               \
    " FROM provisioned p LEFT JOIN aliases a ON a.function = p.function AND a.name = p.qualifier WHERE p.function = " \
    "? "

static void read_row(const struct db_rows *rows, struct arena *arena, struct provisioned *ret)
{
    *ret = (struct provisioned){
        .qualifier = db_text(rows, 0, arena),
        .version = version_text(db_int(rows, 1), arena),
        .requested = (int)db_int(rows, 2),
        .modified_us = db_int(rows, 3),
    };
}

/* -- may it be? ---------------------------------------------------------------------------------------------------- */

/* Does a version that this alias points at have its own, or an alias of this version? */
static enum store_answer check_alone(struct db *db, str function, str qualifier, struct err *err)
{
    struct db_value values[] = {DB_STR(function), DB_STR(qualifier)};
    int64_t number, one;
    bool found, is_alias = !version_number(qualifier, &number);
    enum store_answer answer =
        is_alias ? store_number(db,
                                "SELECT 1 FROM aliases a JOIN provisioned p ON p.function = a.function"
                                " AND p.qualifier IN (CAST(a.version AS TEXT), CAST(a.second_version AS TEXT))"
                                " WHERE a.function = ? AND a.name = ?",
                                values, 2, &one, &found, err)
                 : store_number(db,
                                "SELECT 1 FROM aliases a JOIN provisioned p ON p.function = a.function"
                                " AND p.qualifier = a.name WHERE a.function = ?1"
                                " AND ?2 IN (CAST(a.version AS TEXT), CAST(a.second_version AS TEXT))",
                                values, 2, &one, &found, err);

    if (answer != STORE_OK || !found)
        return answer;
    return is_alias ? STORE_VERSION_PROVISIONED : STORE_ALIAS_PROVISIONED;
}

/* Each function takes what it reserves, or what it has provisioned. */
enum store_answer store_concurrency_others(struct db *db, str function, int64_t *ret, struct err *err)
{
    bool found;

    return store_number(db,
                        "SELECT coalesce(sum(coalesce(f.reserved_concurrency, (SELECT sum(requested)"
                        " FROM provisioned p WHERE p.function = f.name), 0)), 0) FROM functions f WHERE f.name <> ?",
                        &DB_STR(function), 1, ret, &found, err);
}

/* total: of all qualifiers of the function. */
static enum store_answer check_room(struct db *db, str function, int64_t total, int account_limit, struct err *err)
{
    int64_t taken = 0;
    int reserved = -1;
    enum store_answer answer = store_concurrency_get(db, function, &reserved, err);

    if (answer == STORE_OK && reserved >= 0)
        return total > reserved ? STORE_ABOVE_RESERVED : STORE_OK;
    if (answer == STORE_OK)
        answer = store_concurrency_others(db, function, &taken, err);
    if (answer != STORE_OK)
        return answer;
    if (total > account_limit - taken)
        return STORE_ABOVE_ACCOUNT;
    return account_limit - taken - total < STORE_CONCURRENCY_UNRESERVED_MIN ? STORE_PROVISIONED_LIMIT : STORE_OK;
}

/* -- the rows ------------------------------------------------------------------------------------------------------ */

enum store_answer store_provisioned_total(struct db *db, str function, int64_t *ret, struct err *err)
{
    bool found;

    return store_number(db, "SELECT coalesce(sum(requested), 0) FROM provisioned WHERE function = ?", &DB_STR(function),
                        1, ret, &found, err);
}

enum store_answer store_provisioned_put(struct db *db, str function, str qualifier, int requested, int account_limit,
                                        struct arena *arena, struct provisioned *ret, struct err *err)
{
    struct db_value values[] = {DB_STR(function), DB_STR(qualifier)};
    int64_t others = 0;
    bool found;
    enum store_answer answer = qualifier_check(db, function, qualifier, err);

    if (answer == STORE_OK)
        answer = check_alone(db, function, qualifier, err);
    if (answer == STORE_OK)
        answer = store_number(
            db, "SELECT coalesce(sum(requested), 0) FROM provisioned WHERE function = ? AND qualifier <> ?", values, 2,
            &others, &found, err);
    if (answer == STORE_OK)
        answer = check_room(db, function, others + requested, account_limit, err);
    if (answer != STORE_OK)
        return answer;
    if (!db_run(db, err,
                "INSERT INTO provisioned (function, qualifier, requested, modified_us) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET requested = excluded.requested, modified_us = excluded.modified_us",
                DB_STR(function), DB_STR(qualifier), DB_INT(requested), DB_INT(clock_wall_us())))
        return STORE_BROKEN;
    return store_provisioned_get(db, function, qualifier, arena, ret, err);
}

enum store_answer store_provisioned_get(struct db *db, str function, str qualifier, struct arena *arena,
                                        struct provisioned *ret, struct err *err)
{
    enum store_answer answer = qualifier_check(db, function, qualifier, err);

    if (answer != STORE_OK)
        return answer;
    DB_ROWS_AUTO rows = db_query(db, err, ROWS "AND p.qualifier = ?", DB_STR(function), DB_STR(qualifier));
    if (!db_next(&rows, err))
        return err->code == ERR_NONE ? STORE_NO_SETTING : STORE_BROKEN;
    read_row(&rows, arena, ret);
    return STORE_OK;
}

enum store_answer store_provisioned_delete(struct db *db, str function, str qualifier, struct err *err)
{
    enum store_answer answer = qualifier_check(db, function, qualifier, err);

    if (answer != STORE_OK)
        return answer;
    return store_ran(db_run(db, err, "DELETE FROM provisioned WHERE function = ? AND qualifier = ?", DB_STR(function),
                            DB_STR(qualifier)));
}

enum store_answer store_provisioned_list(struct db *db, str function, str marker, int max, struct arena *arena,
                                         struct provisioned_list *ret, struct err *err)
{
    VEC(struct provisioned) found = {0};
    enum store_answer answer = function_check(db, function, err);

    if (answer != STORE_OK)
        return answer;
    DB_ROWS_AUTO rows = db_query(db, err, ROWS "AND p.qualifier > ? ORDER BY p.qualifier LIMIT ?", DB_STR(function),
                                 DB_STR(marker), DB_INT((int64_t)max + 1));
    while (db_next(&rows, err))
        read_row(&rows, arena, vec_push(&found));
    *ret =
        (struct provisioned_list){.at = arena_new(arena, struct provisioned, found.len + 1), .count = (int)found.len};
    if (found.len > 0)
        memcpy(ret->at, found.at, found.len * sizeof *found.at);
    vec_free(&found);
    if (ret->count > max) {
        ret->count = max;
        ret->next_marker = ret->at[max - 1].qualifier;
    }
    return store_ran(err->code == ERR_NONE);
}

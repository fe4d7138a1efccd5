/*
 * Rows of `versions`, by the list of columns in config.def: what is read, written and compared is one list, so a
 * new field of a function is a row there and a migration.
 */

#include "functions/functions_private.h"

#include "codec/uuid.h"

#include "base/vec.h"

#include <stdio.h>
#include <stdlib.h>

enum { SQL_BYTES_MAX = 2048 };

#define CONFIG(kind, field, same) +1
enum {
    COLUMNS_COUNT = 0
#include "functions/config.def"
};
#undef CONFIG

#define CONFIG(kind, field, same) ", " #field
static const char columns[] = "function, number"
#include "functions/config.def"
    ;
#undef CONFIG

#define CONFIG(kind, field, same) ", " #field
static const char keep_running_sql[] = "INSERT INTO versions SELECT function, -1"
#include "functions/config.def"
                                       " FROM versions WHERE function = ? AND number = 0";
#undef CONFIG

#define CONFIG(kind, field, same) ", ?"
static const char insert_sql[] = "INSERT INTO versions VALUES (?, ?"
#include "functions/config.def"
                                 ")";
#undef CONFIG

#define CONFIG(kind, field, same) ", " #field " = ?"
static const char write_sql[] = "UPDATE versions SET number = number"
#include "functions/config.def"
                                " WHERE function = ? AND number = ?";
#undef CONFIG

#define SAME(field) " AND l." #field " = v." #field
#define FREE(field) ""
#define CONFIG(kind, field, same) same(field)
static const char same_sql[] = "SELECT v.number FROM versions l JOIN versions v ON v.function = l.function"
                               " AND v.number = (SELECT max(number) FROM versions WHERE function = l.function)"
                               " WHERE l.function = ? AND l.number = 0 AND v.number > 0"
#include "functions/config.def"
    ;
#undef CONFIG
#undef FREE
#undef SAME

static const char *const state_words[] = {
    [VERSION_PENDING] = "Pending", [VERSION_ACTIVE] = "Active", [VERSION_FAILED] = "Failed"};
static const char *const update_words[] = {[UPDATE_NONE] = "",
                                           [UPDATE_SUCCESSFUL] = "Successful",
                                           [UPDATE_IN_PROGRESS] = "InProgress",
                                           [UPDATE_FAILED] = "Failed"};

/* -1: none of them, which the table's CHECK does not let happen */
static int word_index(const char *const *words, int count, str word)
{
    for (int i = 0; i < count; i++)
        if (str_eq(word, str_of(words[i])))
            return i;
    return 0;
}

#define WORD_OF(words, word) word_index(words, sizeof words / sizeof *words, word)

bool version_number(str text, int64_t *ret)
{
    long long number;

    if (text.len == 0 || str_eq(text, STR("$LATEST"))) {
        *ret = VERSION_LATEST;
        return true;
    }
    if (text.at[0] < '1' || text.at[0] > '9' || !str_to_int(text, 1, INT64_MAX, &number))
        return false;
    *ret = number;
    return true;
}

str version_text(int64_t number, struct arena *arena)
{
    return number <= VERSION_LATEST ? STR("$LATEST") : arena_printf(arena, "%lld", (long long)number);
}

/* Reading */

#define READ_TEXT(field) ret->field = db_text(rows, column, arena)
#define READ_INT(field) ret->field = (int)db_int(rows, column)
#define READ_LONG(field) ret->field = db_int(rows, column)
#define READ_STATE(field) ret->field = (enum version_state)WORD_OF(state_words, db_text(rows, column, arena))
#define READ_UPDATE(field) ret->field = (enum update_status)WORD_OF(update_words, db_text(rows, column, arena))

void version_read(const struct db_rows *rows, struct arena *arena, struct function_config *ret)
{
    int column = 2;

    *ret = (struct function_config){0};
    ret->name = db_text(rows, 0, arena);
    ret->version = version_text(db_int(rows, 1), arena);
#define CONFIG(kind, field, same) \
    READ_##kind(field);           \
    column++;
#include "functions/config.def"
#undef CONFIG
}

struct db_rows version_query(struct db *db, struct err *err, const char *where, const struct db_value *values,
                             int count)
{
    char sql[SQL_BYTES_MAX];

    snprintf(sql, sizeof sql, "SELECT %s FROM versions v WHERE %s", columns, where);
    return db_query_values(db, err, sql, values, count);
}

enum store_answer version_collect(struct db *db, const char *where, const struct db_value *values, int count,
                                  struct arena *arena, struct function_list *ret, struct err *err)
{
    VEC(struct function_config) found = {0};

    *err = (struct err){0};
    DB_ROWS_AUTO rows = version_query(db, err, where, values, count);
    while (db_next(&rows, err))
        version_read(&rows, arena, vec_push(&found));
    *ret =
        (struct function_list){.at = arena_new(arena, struct function_config, found.len + 1), .count = (int)found.len};
    if (found.len > 0)
        memcpy(ret->at, found.at, found.len * sizeof *found.at);
    vec_free(&found);
    return store_ran(err->code == ERR_NONE);
}

enum store_answer version_get(struct db *db, str function, int64_t number, struct arena *arena,
                              struct function_config *ret, struct err *err)
{
    struct function_list list;
    struct db_value values[] = {DB_STR(function), DB_INT(number)};
    enum store_answer answer = version_collect(db, "function = ? AND number = ?", values, 2, arena, &list, err);

    if (answer != STORE_OK)
        return answer;
    if (list.count == 0)
        return number == VERSION_LATEST ? STORE_NO_FUNCTION : STORE_NO_VERSION;
    *ret = list.at[0];
    return STORE_OK;
}

/* Writing */

#define VALUE_TEXT(field) DB_STR(config->field)
#define VALUE_INT(field) DB_INT(config->field)
#define VALUE_LONG(field) DB_INT(config->field)
#define VALUE_STATE(field) DB_STR(str_of(state_words[config->field]))
#define VALUE_UPDATE(field) DB_STR(str_of(update_words[config->field]))

static void fill_values(const struct function_config *config, struct db_value ret[COLUMNS_COUNT])
{
    int i = 0;

#define CONFIG(kind, field, same) ret[i++] = VALUE_##kind(field);
#include "functions/config.def"
#undef CONFIG
}

enum store_answer version_insert(struct db *db, const struct function_config *config, struct err *err)
{
    struct db_value values[COLUMNS_COUNT + 2];
    int64_t number = VERSION_LATEST;

    if (!version_number(config->version, &number))
        return STORE_NO_VERSION;
    values[0] = DB_STR(config->name);
    values[1] = DB_INT(number);
    fill_values(config, values + 2);
    return store_ran(db_run_values(db, err, insert_sql, values, COLUMNS_COUNT + 2));
}

enum store_answer version_write(struct db *db, const struct function_config *config, struct err *err)
{
    struct db_value values[COLUMNS_COUNT + 2];
    int64_t number = VERSION_LATEST;

    if (!version_number(config->version, &number))
        return STORE_NO_VERSION;
    fill_values(config, values);
    values[COLUMNS_COUNT] = DB_STR(config->name);
    values[COLUMNS_COUNT + 1] = DB_INT(number);
    return store_ran(db_run_values(db, err, write_sql, values, COLUMNS_COUNT + 2));
}

enum store_answer version_drop_running(struct db *db, str function, struct err *err)
{
    return store_ran(db_run(db, err, "DELETE FROM versions WHERE function = ? AND number = ?", DB_STR(function),
                            DB_INT(VERSION_RUNNING)));
}

enum store_answer version_keep_running(struct db *db, str function, struct err *err)
{
    enum store_answer answer = version_drop_running(db, function, err);

    return answer == STORE_OK ? store_ran(db_run(db, err, keep_running_sql, DB_STR(function))) : answer;
}

/* Questions */

enum store_answer store_number(struct db *db, const char *sql, const struct db_value *values, int count, int64_t *ret,
                               bool *ret_found, struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query_values(db, err, sql, values, count);
    *ret_found = db_next(&rows, err);
    if (*ret_found)
        *ret = db_int(&rows, 0);
    return store_ran(err->code == ERR_NONE);
}

enum store_answer version_same_as_last(struct db *db, str function, int64_t *ret, struct err *err)
{
    bool found;

    *ret = 0;
    return store_number(db, same_sql, &DB_STR(function), 1, ret, &found, err);
}

enum store_answer function_check(struct db *db, str function, struct err *err)
{
    int64_t one;
    bool found;
    enum store_answer answer =
        store_number(db, "SELECT 1 FROM functions WHERE name = ?", &DB_STR(function), 1, &one, &found, err);

    return answer == STORE_OK && !found ? STORE_NO_FUNCTION : answer;
}

enum store_answer qualifier_check(struct db *db, str function, str qualifier, struct err *err)
{
    struct db_value values[] = {DB_STR(function), DB_STR(qualifier)};
    enum store_answer answer = function_check(db, function, err);
    int64_t number, one;
    bool found;

    if (answer != STORE_OK || qualifier.len == 0)
        return answer;
    if (version_number(qualifier, &number)) {
        values[1] = DB_INT(number);
        answer =
            store_number(db, "SELECT 1 FROM versions WHERE function = ? AND number = ?", values, 2, &one, &found, err);
        return answer == STORE_OK && !found ? STORE_NO_VERSION : answer;
    }
    answer = store_number(db, "SELECT 1 FROM aliases WHERE function = ? AND name = ?", values, 2, &one, &found, err);
    return answer == STORE_OK && !found ? STORE_NO_ALIAS : answer;
}

enum store_answer version_touch(struct db *db, str function, int64_t number, struct err *err)
{
    ARENA_AUTO arena = {0};

    return store_ran(db_run(db, err, "UPDATE versions SET revision_id = ? WHERE function = ? AND number = ?",
                            DB_STR(new_uuid(&arena)), DB_STR(function), DB_INT(number)));
}

str new_uuid(struct arena *arena)
{
    char text[UUID_CHARS];

    uuid_v4(text);
    return arena_copy(arena, str_of(text));
}

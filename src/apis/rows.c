/*
 * The SQL texts are put together from names in our own tables, never from what a client sent, and db/ keeps a prepared
 * statement for each.  Values are bound.
 */
#include "apis/rows.h"

#include <assert.h>
#include <stdlib.h>

#include "base/vec.h"

enum { SQL_BYTES_MAX = 2048 };

static const void *member_of(const struct row_column *column, const void *row)
{
    return (const char *)row + column->offset;
}

static struct db_value value_of(const struct row_column *column, const void *row)
{
    const void *member = member_of(column, row);
    str text;
    int64_t number;

    switch (column->type) {
    case ROW_STR:
    case ROW_JSON:
        text = *(const str *)member;
        return text.at ? DB_STR(text) : DB_NULL;
    case ROW_INT:
    case ROW_TIME:
        number = *(const int64_t *)member;
        return number == ROW_INT_NONE ? DB_NULL : DB_INT(number);
    case ROW_BOOL:
        return DB_INT(*(const bool *)member);
    }
    abort();
}

static void read_column(const struct db_rows *rows, const struct row_column *column, int index, struct arena *arena,
                        void *row)
{
    void *member = (char *)row + column->offset;
    str text = {0};

    switch (column->type) {
    case ROW_STR:
    case ROW_JSON:
        if (!db_is_null(rows, index)) {
            text = db_text(rows, index, arena);
            text.at = text.at ? text.at : "";
        }
        *(str *)member = text;
        break;
    case ROW_INT:
    case ROW_TIME:
        *(int64_t *)member = db_is_null(rows, index) ? ROW_INT_NONE : db_int(rows, index);
        break;
    case ROW_BOOL:
        *(bool *)member = db_int(rows, index) != 0;
        break;
    }
}

static void add_names(struct buf *sql, const struct row_table *table, int from, int to, const char *behind,
                      const char *between)
{
    for (int i = from; i < to; i++) {
        if (i > from)
            buf_add(sql, str_of(between));
        buf_add(sql, str_of(table->columns[i].name));
        buf_add(sql, str_of(behind));
    }
}

static void add_where(struct buf *sql, const struct row_table *table, int key_count)
{
    if (key_count == 0)
        return;
    buf_add(sql, STR(" WHERE "));
    add_names(sql, table, 0, key_count, " = ?", " AND ");
}

static const char *sql_text(struct buf *sql)
{
    buf_add_char(sql, '\0');
    assert(buf_ok(sql));
    return sql->at;
}

static int key_values(const str *key, int count, struct db_value *ret)
{
    assert(count <= ROW_KEYS_MAX);
    for (int i = 0; i < count; i++)
        ret[i] = DB_STR(key[i]);
    return count;
}

bool row_list(struct db *db, const struct row_table *table, const str *key, int key_count, struct arena *arena,
              void **ret, int *ret_count, struct err *err)
{
    struct db_value values[ROW_KEYS_MAX];
    VEC(void *) found = {0};
    struct err fault = {0};
    BUF_AUTO sql = {0};

    buf_init(&sql, SQL_BYTES_MAX);
    buf_add(&sql, STR("SELECT "));
    add_names(&sql, table, 0, table->count, "", ", ");
    buf_printf(&sql, " FROM %s", table->name);
    add_where(&sql, table, key_count);
    buf_add(&sql, STR(" ORDER BY rowid"));

    DB_ROWS_AUTO rows = db_query_values(db, &fault, sql_text(&sql), values, key_values(key, key_count, values));
    while (db_next(&rows, &fault)) {
        void *row = arena_alloc(arena, 1, table->size);

        for (int i = 0; i < table->count; i++)
            read_column(&rows, &table->columns[i], i, arena, row);
        *vec_push(&found) = row;
    }
    if (fault.code == ERR_NONE) {
        *ret = arena_alloc(arena, found.len + 1, table->size);
        *ret_count = (int)found.len;
        for (size_t i = 0; i < found.len; i++)
            memcpy((char *)*ret + i * table->size, found.at[i], table->size);
    }
    vec_free(&found);
    if (fault.code != ERR_NONE)
        *err = fault;
    return fault.code == ERR_NONE;
}

bool row_get(struct db *db, const struct row_table *table, const str *key, struct arena *arena, void *ret,
             struct err *err)
{
    void *rows;
    int count;

    if (!row_list(db, table, key, table->keys_count, arena, &rows, &count, err))
        return false;
    if (count == 0)
        return err_set(err, ERR_NOT_FOUND, "nothing of that key in %s", table->name);
    memcpy(ret, rows, table->size);
    return true;
}

bool row_insert(struct db *db, const struct row_table *table, const void *row, struct err *err)
{
    struct db_value values[ROW_COLUMNS_MAX];
    BUF_AUTO sql = {0};

    buf_init(&sql, SQL_BYTES_MAX);
    buf_printf(&sql, "INSERT INTO %s (", table->name);
    add_names(&sql, table, 0, table->count, "", ", ");
    buf_add(&sql, STR(") VALUES ("));
    for (int i = 0; i < table->count; i++) {
        buf_add(&sql, i ? STR(", ?") : STR("?"));
        values[i] = value_of(&table->columns[i], row);
    }
    buf_add(&sql, STR(")"));
    return db_run_values(db, err, sql_text(&sql), values, table->count);
}

bool row_update(struct db *db, const struct row_table *table, const void *row, struct err *err)
{
    struct db_value values[ROW_COLUMNS_MAX];
    int count = 0;
    BUF_AUTO sql = {0};

    buf_init(&sql, SQL_BYTES_MAX);
    buf_printf(&sql, "UPDATE %s SET ", table->name);
    add_names(&sql, table, table->keys_count, table->count, " = ?", ", ");
    add_where(&sql, table, table->keys_count);
    for (int i = table->keys_count; i < table->count; i++)
        values[count++] = value_of(&table->columns[i], row);
    for (int i = 0; i < table->keys_count; i++)
        values[count++] = value_of(&table->columns[i], row);
    return db_run_values(db, err, sql_text(&sql), values, count);
}

bool row_delete(struct db *db, const struct row_table *table, const str *key, int key_count, struct err *err)
{
    struct db_value values[ROW_KEYS_MAX];
    BUF_AUTO sql = {0};

    buf_init(&sql, SQL_BYTES_MAX);
    buf_printf(&sql, "DELETE FROM %s", table->name);
    add_where(&sql, table, key_count);
    if (!db_run_values(db, err, sql_text(&sql), values, key_values(key, key_count, values)))
        return false;
    return db_changes(db) > 0 || err_set(err, ERR_NOT_FOUND, "nothing of that key in %s", table->name);
}

void row_write(struct jw *jw, const struct row_table *table, const void *row)
{
    for (int i = 0; i < table->count; i++) {
        const struct row_column *column = &table->columns[i];
        struct db_value value = value_of(column, row);

        if (!column->json || value.kind == DB_KIND_NULL)
            continue;
        switch (column->type) {
        case ROW_STR:
            jw_str(jw, column->json, value.bytes);
            break;
        case ROW_JSON:
            jw_raw(jw, column->json, value.bytes);
            break;
        case ROW_INT:
            jw_int(jw, column->json, value.number);
            break;
        case ROW_TIME:
            jw_int(jw, column->json, value.number / 1000000);
            break;
        case ROW_BOOL:
            jw_bool(jw, column->json, value.number != 0);
            break;
        }
    }
}

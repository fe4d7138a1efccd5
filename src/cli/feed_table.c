#include "cli/feed_table.h"

#include <inttypes.h>
#include <stdio.h>

#include "codec/json_read.h"
#include "codec/json_scan.h"

enum { ROOM_BYTES_MAX = 1 << 20 };

/* -- the header -----------------------------------------------------------------------------------------------------
 */

static bool is_listed(str list, str name)
{
    str one;

    while (list.len > 0) {
        (void)str_cut(list, ',', &one, &list);
        if (str_eq(one, name))
            return true;
    }
    return false;
}

/* What --map calls it, or itself. */
static str mapped(str map, str name)
{
    str one, theirs, ours;

    while (map.len > 0) {
        (void)str_cut(map, ',', &one, &map);
        if (str_cut(one, '=', &theirs, &ours) && str_eq(theirs, name))
            return ours;
    }
    return name;
}

static const struct feed_column *known_column(const struct feed_kind *kind, str name)
{
    for (const struct feed_column *column = kind->columns; column->name; column++)
        if (str_eq_nocase(name, str_of(column->name)))
            return column;
    return NULL;
}

static void use_column(struct feed_table *table, struct feed_column_use *use, str name)
{
    str ours = mapped(table->map, name);
    const struct feed_column *column = known_column(table->kind, ours);

    *use = (struct feed_column_use){.name = arena_copy(table->arena, name)};
    use->is_item = is_listed(table->items, name);
    use->is_feature = is_listed(table->features, name);
    if (column && column->member && !use->is_item && !use->is_feature) {
        use->member = str_of(column->member);
        use->kind = column->kind;
    }
    if (!column && !use->is_item && str_eq(table->features, STR("*")) && !str_eq(ours, STR("-")))
        use->is_feature = true;
    table->has_items = table->has_items || use->is_item;
    table->has_features = table->has_features || use->is_feature;
}

static int column_of(const struct feed_table *table, const char *member)
{
    for (int i = 0; i < table->count; i++)
        if (str_eq(table->uses[i].member, str_of(member)))
            return i;
    return -1;
}

static bool has_member(const struct feed_table *table, const char *member)
{
    return column_of(table, member) >= 0;
}

/* Two columns for one member: the server would take the last, and nobody would know. */
static bool check_twice(const struct feed_table *table, struct err *err)
{
    for (int i = 0; i < table->count; i++)
        for (int k = 0; k < i; k++)
            if (table->uses[i].member.len > 0 && str_eq(table->uses[i].member, table->uses[k].member))
                return err_set(err, ERR_INVALID,
                               "the columns " STR_FMT " and " STR_FMT " both are the " STR_FMT
                               " of a row; rename one, or pass it over: --map " STR_FMT "=-",
                               STR_ARG(table->uses[k].name), STR_ARG(table->uses[i].name),
                               STR_ARG(table->uses[i].member), STR_ARG(table->uses[i].name));
    return true;
}

static bool check_listed(const struct feed_table *table, const char *option, str list, struct err *err)
{
    str one;

    while (list.len > 0) {
        bool found = false;

        (void)str_cut(list, ',', &one, &list);
        for (int i = 0; i < table->count; i++)
            found = found || str_eq(table->uses[i].name, one);
        if (!found && !str_eq(one, STR("*")))
            return err_set(err, ERR_INVALID, "--%s names " STR_FMT ", and there is no such column", option,
                           STR_ARG(one));
    }
    return true;
}

static bool check(const struct feed_table *table, struct err *err)
{
    bool is_labels = table->kind->wants_key;

    if (!check_twice(table, err) || (!table->items_are_guessed && !check_listed(table, "items", table->items, err)) ||
        !check_listed(table, "features", table->features, err))
        return false;
    if (!table->has_function && !has_member(table, "function"))
        return err_set(err, ERR_INVALID, "no column says which function the rows are about: --function NAME");
    if (!has_member(table, is_labels ? "label" : "score"))
        return err_set(err, ERR_INVALID, "there is no column %s; if it has another name, tell it: --map THEIRS=%s",
                       is_labels ? "label (or y_true, truth)" : "score (or y_pred_proba)",
                       is_labels ? "label" : "score");
    if (is_labels && !table->has_items && !has_member(table, "prediction_id") && !has_member(table, "request_id") &&
        !has_member(table, "items"))
        return err_set(err, ERR_INVALID,
                       "no column says which prediction a row is about: prediction_id (or identifier), request_id with "
                       "position, or the items: --items budget_id,item_id");
    return true;
}

/* Some of the items would find nothing. */
static bool has_all(const struct csv *csv, str list)
{
    str one;

    while (list.len > 0) {
        (void)str_cut(list, ',', &one, &list);
        if (csv_column(csv, one) < 0)
            return false;
    }
    return true;
}

bool feed_table_header(struct feed_table *table, const struct csv *csv, struct err *err)
{
    if (table->items_are_guessed && !has_all(csv, table->items))
        table->items = STR("");
    table->count = csv_columns_count(csv);
    table->uses = arena_new(table->arena, struct feed_column_use, table->count);
    for (int i = 0; i < table->count; i++)
        use_column(table, &table->uses[i], csv_column_name(csv, i));
    table->id_column = column_of(table, "prediction_id");
    table->source_column = column_of(table, "source");
    return check(table, err);
}

/* -- rows ------------------------------------------------------------------------------------------------------------
 */

static void write_members(const struct feed_table *table, const struct csv_row *row, struct jw *jw)
{
    for (int i = 0; i < table->count; i++)
        if (table->uses[i].member.len > 0)
            json_cell(jw, table->uses[i].member, table->uses[i].kind, row->fields[i]);
}

/* An item without an id is no item; a feature without a value is none. */
static void write_object(const struct feed_table *table, const struct csv_row *row, struct jw *jw, const char *name,
                         bool items)
{
    jw_object_key(jw, name);
    for (int i = 0; i < table->count; i++)
        if (items ? table->uses[i].is_item : table->uses[i].is_feature)
            json_cell(jw, table->uses[i].name, items ? JSON_CELL_TEXT : JSON_CELL_NUMBER, row->fields[i]);
    jw_object_end(jw);
}

/* FNV-1a: two files, or two lines, that say the same in the same place are the same rows. */
static void write_name(struct jw *jw, const str *texts, int count, int64_t number)
{
    uint64_t hash = 0xcbf29ce484222325u;
    char name[48];

    for (int i = 0; i < count; i++) {
        for (size_t k = 0; k < texts[i].len; k++)
            hash = (hash ^ (unsigned char)texts[i].at[k]) * 0x100000001b3u;
        hash = (hash ^ 0xff) * 0x100000001b3u;
    }
    snprintf(name, sizeof name, "row-%" PRId64 "-%016" PRIx64, number, hash);
    jw_str(jw, "prediction_id", str_of(name));
}

static bool is_empty(const struct csv_row *row, int column)
{
    return column < 0 || row->fields[column].len == 0;
}

void feed_table_row(const struct feed_table *table, const struct csv_row *row, struct buf *out)
{
    struct jw jw;

    jw_init(&jw, out);
    jw_object(&jw);
    write_members(table, row, &jw);
    if (table->has_items)
        write_object(table, row, &jw, "items", true);
    if (table->has_features)
        write_object(table, row, &jw, "features", false);
    if (table->kind->names_rows && is_empty(row, table->id_column))
        write_name(&jw, row->fields, row->count, row->line);
    if (table->kind->source && is_empty(row, table->source_column))
        jw_str(&jw, "source", str_of(table->kind->source));
    jw_object_end(&jw);
    buf_add_char(out, '\n');
}

/* -- lines of JSON --------------------------------------------------------------------------------------------------
 */

static void find_members(str line, bool *ret_named, bool *ret_sourced)
{
    BUF_AUTO room = {0};
    struct jr jr;
    str key;

    *ret_named = *ret_sourced = false;
    buf_init(&room, ROOM_BYTES_MAX);
    jr_init(&jr, line, &room);
    if (!jr_object(&jr))
        return;
    while (jr_member(&jr, &key)) {
        *ret_named = *ret_named || str_eq(key, STR("prediction_id")) || str_eq(key, STR("identifier"));
        *ret_sourced = *ret_sourced || str_eq(key, STR("source"));
    }
}

bool feed_line(const struct feed_kind *kind, str line, int64_t number, struct buf *out, const char **ret_why)
{
    size_t brace = 0, start = out->len;
    bool named, sourced;
    struct jw jw;

    while (brace < line.len && (line.at[brace] == ' ' || line.at[brace] == '\t'))
        brace++;
    if (brace == line.len || line.at[brace] != '{' || !json_valid(line, NULL)) {
        *ret_why = "it is no JSON object on one line";
        return false;
    }
    line = str_from(line, brace + 1);
    find_members((str){line.at - 1, line.len + 1}, &named, &sourced);
    jw_init(&jw, out);
    jw_object(&jw);
    if (kind->names_rows && !named)
        write_name(&jw, &line, 1, number);
    if (kind->source && !sourced)
        jw_str(&jw, "source", str_of(kind->source));
    while (line.len > 0 && (*line.at == ' ' || *line.at == '\t'))
        line = str_from(line, 1);
    if (out->len > start + 1 && line.len > 0 && *line.at != '}')
        buf_add_char(out, ',');
    buf_add(out, line);
    buf_add_char(out, '\n');
    return true;
}

/*
 * shape_check: the grammar of AWS Lambda API reference, Common errors.  A member's own faults are told one by one
 * ("Member must have length …"); faults of items, keys and values are told as the list of everything that is asked
 * of them ("Member must satisfy constraint: [C1, C2, Member must not be null]"), once a member.
 */
#include "aws/shape_check.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES_MAX = 64 * 1024, VALUE_SHOWN_BYTES_MAX = 16 * 1024 };

/* -- sentences --------------------------------------------------------------------------------------------- */

static str finish(struct arena *arena, struct buf *buf)
{
    str text = arena_copy(arena, buf_str(buf));

    buf_free(buf);
    return text;
}

str shape_message(struct arena *arena, str value, const char *path, const char *constraint)
{
    struct buf buf;

    buf_init(&buf, MESSAGE_BYTES_MAX);
    if (!value.at)
        buf_printf(&buf, "Value null at '%s' failed to satisfy constraint: ", path);
    else
        buf_printf(&buf, "Value '" STR_FMT "' at '%s' failed to satisfy constraint: ", STR_ARG(value), path);
    buf_add(&buf, str_of(constraint));
    return finish(arena, &buf);
}

str shape_messages(struct arena *arena, const str *errors, int count)
{
    struct buf buf;

    buf_init(&buf, SHAPE_ERRORS_MAX * MESSAGE_BYTES_MAX);
    buf_printf(&buf, "%d validation error%s detected: ", count, count == 1 ? "" : "s");
    for (int i = 0; i < count; i++) {
        buf_add(&buf, i ? STR("; ") : STR(""));
        buf_add(&buf, errors[i]);
    }
    return finish(arena, &buf);
}

/* As Java prints a double: the shortest that reads back the same, never without a point. */
static void add_real(struct buf *buf, double value)
{
    char text[40];
    int digits = 1;

    do
        snprintf(text, sizeof text, "%.*g", digits, value);
    while (++digits <= 17 && strtod(text, NULL) != value);
    buf_add(buf, str_of(text));
    if (!strpbrk(text, ".en"))
        buf_add(buf, STR(".0"));
}

static void add_bound(struct buf *buf, enum shape_type type, const char *side, int64_t bound)
{
    bool is_length = type == SHAPE_STR || type == SHAPE_LIST || type == SHAPE_MAP;

    buf_printf(buf, "Member must have %s %s than or equal to %lld%s", is_length ? "length" : "value", side,
               (long long)bound, type == SHAPE_REAL ? ".0" : "");
}

static void add_enum(struct buf *buf, const char *const *values)
{
    buf_add(buf, STR("Member must satisfy enum value set: ["));
    for (int i = 0; values[i]; i++)
        buf_printf(buf, "%s%s", i ? ", " : "", values[i]);
    buf_add(buf, STR("]"));
}

/* -- values ---------------------------------------------------------------------------------------------------- */

bool shape_given(const struct shape_field *field, const void *at)
{
    switch (field->type) {
    case SHAPE_STR:
        return ((const str *)at)->at != NULL;
    case SHAPE_INT:
        return ((const struct shape_int *)at)->given;
    case SHAPE_REAL:
        return ((const struct shape_real *)at)->given;
    case SHAPE_BOOL:
        return ((const struct shape_bool *)at)->given;
    case SHAPE_LIST:
        return ((const struct shape_list *)at)->given;
    case SHAPE_MAP:
        return ((const struct shape_map *)at)->given;
    case SHAPE_STRUCT:
        return *(const bool *)at;
    case SHAPE_JSON:
        return *(const json_t *const *)at != NULL;
    }
    return false;
}

static void add_list(struct buf *buf, const struct shape_field *field, const struct shape_list *list)
{
    buf_add(buf, STR("["));
    for (int i = 0; i < list->count && !field->shape; i++) {
        str item = shape_list_str(list, i);

        buf_add(buf, i ? STR(", ") : STR(""));
        buf_add(buf, item.at ? item : STR("null"));
    }
    buf_add(buf, STR("]"));
}

static void add_map(struct buf *buf, const struct shape_field *field, const struct shape_map *map)
{
    buf_add(buf, STR("{"));
    for (int i = 0; i < map->count; i++) {
        buf_printf(buf, "%s" STR_FMT "=", i ? ", " : "", STR_ARG(map->pairs[i].key));
        if (field->flags & SHAPE_OF_REALS)
            add_real(buf, map->pairs[i].number);
        else
            buf_add(buf, map->pairs[i].value);
    }
    buf_add(buf, STR("}"));
}

/* The value as AWS prints it between the quotes. */
static str shown(struct arena *arena, const struct shape_field *field, const void *at)
{
    struct buf buf;

    buf_init(&buf, VALUE_SHOWN_BYTES_MAX);
    switch (field->type) {
    case SHAPE_STR:
        buf_add(&buf, *(const str *)at);
        break;
    case SHAPE_INT:
        buf_printf(&buf, "%lld", (long long)((const struct shape_int *)at)->value);
        break;
    case SHAPE_REAL:
        add_real(&buf, ((const struct shape_real *)at)->value);
        break;
    case SHAPE_BOOL:
        buf_add(&buf, ((const struct shape_bool *)at)->value ? STR("true") : STR("false"));
        break;
    case SHAPE_LIST:
        add_list(&buf, field, at);
        break;
    case SHAPE_MAP:
        add_map(&buf, field, at);
        break;
    case SHAPE_STRUCT:
    case SHAPE_JSON:
        break;
    }
    str text = finish(arena, &buf);

    return text.at ? text : STR("");
}

/* -- checks ------------------------------------------------------------------------------------------------------ */

static int64_t characters(str s) /* UTF-8: every byte that does not continue another */
{
    int64_t count = 0;

    for (size_t i = 0; i < s.len; i++)
        count += ((unsigned char)s.at[i] & 0xc0) != 0x80;
    return count;
}

static bool in_enum(const char *const *values, str s)
{
    for (int i = 0; values[i]; i++)
        if (str_eq(s, str_of(values[i])))
            return true;
    return false;
}

static void fail(struct arena *arena, struct shape_errors *errors, str value, str path, struct buf *constraint)
{
    if (errors->count < SHAPE_ERRORS_MAX)
        errors->list[errors->count++] =
            shape_message(arena, value, arena_cstr(arena, path), arena_cstr(arena, buf_str(constraint)));
    buf_clear(constraint);
}

static double size_of(const struct shape_field *field, const void *at)
{
    switch (field->type) {
    case SHAPE_STR:
        return (double)characters(*(const str *)at);
    case SHAPE_INT:
        return (double)((const struct shape_int *)at)->value;
    case SHAPE_REAL:
        return ((const struct shape_real *)at)->value;
    case SHAPE_LIST:
        return ((const struct shape_list *)at)->count;
    case SHAPE_MAP:
        return ((const struct shape_map *)at)->count;
    case SHAPE_BOOL:
    case SHAPE_STRUCT:
    case SHAPE_JSON:
        break;
    }
    return 0;
}

static void check_member(struct arena *arena, struct shape_errors *errors, const struct shape_field *field, str path,
                         const void *at)
{
    const struct shape_check *check = &field->check;
    double size = size_of(field, at);
    BUF_AUTO text = {0};

    buf_init(&text, MESSAGE_BYTES_MAX);
    if ((check->bounds & SHAPE_BOUND_MAX) && size > (double)check->max) {
        add_bound(&text, field->type, "less", check->max);
        fail(arena, errors, shown(arena, field, at), path, &text);
    }
    if ((check->bounds & SHAPE_BOUND_MIN) && size < (double)check->min) {
        add_bound(&text, field->type, "greater", check->min);
        fail(arena, errors, shown(arena, field, at), path, &text);
    }
    if (field->type != SHAPE_STR)
        return;
    if (check->pattern && !check->pattern->matches(*(const str *)at)) {
        buf_printf(&text, "Member must satisfy regular expression pattern: %s", check->pattern->text);
        fail(arena, errors, shown(arena, field, at), path, &text);
    }
    if (check->values && !in_enum(check->values, *(const str *)at)) {
        add_enum(&text, check->values);
        fail(arena, errors, shown(arena, field, at), path, &text);
    }
}

static bool text_satisfies(const struct shape_check *check, str s)
{
    int64_t length = characters(s);

    return s.at && (!(check->bounds & SHAPE_BOUND_MAX) || length <= check->max) &&
           (!(check->bounds & SHAPE_BOUND_MIN) || length >= check->min) &&
           (!check->pattern || check->pattern->matches(s)) && (!check->values || in_enum(check->values, s));
}

static void add_part(struct buf *buf, bool *comma)
{
    if (*comma)
        buf_add(buf, STR(", "));
    *comma = true;
}

/* Everything that is asked of an item, key or value, as a list. */
static void add_constraints(struct buf *buf, const char *lead, const struct shape_check *check, enum shape_type type,
                            bool not_null)
{
    bool comma = false;

    buf_printf(buf, "%s must satisfy constraint: [", lead);
    if (check->bounds & SHAPE_BOUND_MAX) {
        add_part(buf, &comma);
        add_bound(buf, type, "less", check->max);
    }
    if (check->bounds & SHAPE_BOUND_MIN) {
        add_part(buf, &comma);
        add_bound(buf, type, "greater", check->min);
    }
    if (check->pattern) {
        add_part(buf, &comma);
        buf_printf(buf, "Member must satisfy regular expression pattern: %s", check->pattern->text);
    }
    if (check->values) {
        add_part(buf, &comma);
        add_enum(buf, check->values);
    }
    if (not_null) {
        add_part(buf, &comma);
        buf_add(buf, STR("Member must not be null"));
    }
    buf_add(buf, STR("]"));
}

static void check_items(struct arena *arena, struct shape_errors *errors, const struct shape_field *field, str path,
                        const struct shape_list *list)
{
    bool good = true;
    BUF_AUTO text = {0};

    for (int i = 0; i < list->count && good; i++)
        good = text_satisfies(&field->item, shape_list_str(list, i));
    if (good)
        return;
    buf_init(&text, MESSAGE_BYTES_MAX);
    add_constraints(&text, "Member", &field->item, SHAPE_STR, true);
    fail(arena, errors, shown(arena, field, list), path, &text);
}

static bool value_satisfies(const struct shape_field *field, const struct shape_pair *pair)
{
    const struct shape_check *check = &field->item;

    if (!(field->flags & SHAPE_OF_REALS))
        return text_satisfies(check, pair->value);
    return (!(check->bounds & SHAPE_BOUND_MAX) || pair->number <= (double)check->max) &&
           (!(check->bounds & SHAPE_BOUND_MIN) || pair->number >= (double)check->min);
}

static void check_pairs(struct arena *arena, struct shape_errors *errors, const struct shape_field *field, str path,
                        const struct shape_map *map)
{
    bool keys_good = true, values_good = true;
    BUF_AUTO text = {0};

    for (int i = 0; i < map->count; i++) {
        keys_good = keys_good && text_satisfies(&field->key, map->pairs[i].key);
        values_good = values_good && value_satisfies(field, &map->pairs[i]);
    }
    buf_init(&text, MESSAGE_BYTES_MAX);
    if (!keys_good) {
        add_constraints(&text, "Map keys", &field->key, SHAPE_STR, false);
        fail(arena, errors, shown(arena, field, map), path, &text);
    }
    if (!values_good) {
        add_constraints(&text, "Map value", &field->item, field->flags & SHAPE_OF_REALS ? SHAPE_REAL : SHAPE_STR, true);
        fail(arena, errors, shown(arena, field, map), path, &text);
    }
}

void shape_check_field(struct arena *arena, struct shape_errors *errors, const struct shape_field *field, str path,
                       const void *at)
{
    if (!shape_given(field, at)) {
        if (field->flags & SHAPE_REQUIRED && errors->count < SHAPE_ERRORS_MAX)
            errors->list[errors->count++] =
                shape_message(arena, (str){0}, arena_cstr(arena, path), "Member must not be null");
        return;
    }
    check_member(arena, errors, field, path, at);
    if (field->type == SHAPE_LIST && !field->shape)
        check_items(arena, errors, field, path, at);
    if (field->type == SHAPE_MAP)
        check_pairs(arena, errors, field, path, at);
}

/*
 * shape: requests into structs by the rows of a table, and the faults of a request in AWS's grammar.
 *
 * Two passes over each member, in this order because AWS does it so: first everything is converted (the first
 * value of a wrong type ends it: SerializationException), then everything is checked, and all faults are told
 * in one text.  We convert and check a row at a time and drop what the checks found when a later conversion
 * fails, which comes to the same and needs one walk.
 */
#include "aws/shape.h"

#include "aws/shape_check.h"
#include "base/buf.h"
#include "codec/json_write.h"
#include "codec/url.h"
#include "http/server.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* One parse: where the arena, the faults so far and the first bad type are. */
struct parse {
    struct arena *arena;
    struct shape_errors errors;
    str bad_type; /* at NULL: none */
};

static bool parse_fields(struct parse *p, const struct shape *shape, const struct shape_source *source,
                         const json_t *object, str prefix, void *ret);

enum shape_fault shape_parse(const struct shape *shape, const struct shape_source *source, struct arena *arena,
                             void *ret, str *ret_text)
{
    struct parse p = {.arena = arena};
    str prefix = STR("");

    if (shape->body_prefix)
        prefix = arena_printf(arena, "%s.", shape->body_prefix);
    if (!parse_fields(&p, shape, source, source->body, prefix, ret)) {
        *ret_text = p.bad_type;
        return SHAPE_BAD_TYPE;
    }
    if (p.errors.count > 0) {
        *ret_text = shape_messages(arena, p.errors.list, p.errors.count);
        return SHAPE_INVALID;
    }
    return SHAPE_OK;
}

/* -- from JSON --------------------------------------------------------------------------------------- */

static const char *json_class(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_TRUE:
    case JSON_FALSE:
        return "Boolean";
    case JSON_INTEGER:
        return "Integer";
    case JSON_REAL:
        return "Double";
    case JSON_STRING:
    case JSON_OBJECT:
    case JSON_ARRAY:
    case JSON_NULL:
        break;
    }
    return "String";
}

static bool bad_type(struct parse *p, const json_t *value, const char *wanted)
{
    if (json_is_object(value))
        p->bad_type = STR("Start of structure or map found where not expected.");
    else if (json_is_array(value))
        p->bad_type = STR("Start of list found where not expected");
    else
        p->bad_type =
            arena_printf(p->arena, "class java.lang.%s can not be converted to an %s", json_class(value), wanted);
    return false;
}

static bool json_to_str(struct parse *p, const json_t *value, str *ret)
{
    if (!json_is_string(value))
        return bad_type(p, value, "String");
    *ret = (str){json_string_value(value), json_string_length(value)};
    return true;
}

static bool json_to_real(struct parse *p, const json_t *value, double *ret)
{
    if (!json_is_number(value))
        return bad_type(p, value, "Double");
    *ret = json_number_value(value);
    return true;
}

static bool json_to_int(struct parse *p, const json_t *value, struct shape_int *ret)
{
    if (json_is_real(value)) { /* 3.0 is how some clients write 3; AWS cuts the rest off */
        double real = json_real_value(value);

        if (fabs(real) > 9e15)
            return bad_type(p, value, "Integer");
        *ret = (struct shape_int){(int64_t)real, true};
        return true;
    }
    if (!json_is_integer(value))
        return bad_type(p, value, "Integer");
    *ret = (struct shape_int){json_integer_value(value), true};
    return true;
}

static bool json_to_structs(struct parse *p, const struct shape_field *field, const json_t *value, str path,
                            struct shape_list *ret)
{
    char *items = arena_alloc(p->arena, json_array_size(value) + 1, field->shape->size);

    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        str prefix = arena_printf(p->arena, STR_FMT ".%zu.member.", STR_ARG(path), i + 1);
        const struct shape_source none = {0};

        if (!json_is_object(item))
            return bad_type(p, item, "Map");
        if (!parse_fields(p, field->shape, &none, item, prefix, items + i * field->shape->size))
            return false;
    }
    *ret = (struct shape_list){items, (int)json_array_size(value), true};
    return true;
}

static bool json_to_list(struct parse *p, const struct shape_field *field, const json_t *value, str path,
                         struct shape_list *ret)
{
    str *items;

    if (!json_is_array(value))
        return bad_type(p, value, "List");
    if (field->shape)
        return json_to_structs(p, field, value, path, ret);
    items = arena_new(p->arena, str, json_array_size(value) + 1);
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);

        if (!json_is_null(item) && !json_to_str(p, item, &items[i]))
            return false;
    }
    *ret = (struct shape_list){items, (int)json_array_size(value), true};
    return true;
}

static bool json_to_map(struct parse *p, const struct shape_field *field, const json_t *value, struct shape_map *ret)
{
    struct shape_pair *pairs;
    const char *key;
    json_t *item;
    int count = 0;

    if (!json_is_object(value))
        return bad_type(p, value, "Map");
    pairs = arena_new(p->arena, struct shape_pair, json_object_size(value) + 1);
    json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
        if (json_is_null(item))
            continue;
        pairs[count].key = str_of(key);
        if (field->flags & SHAPE_OF_REALS ? !json_to_real(p, item, &pairs[count].number)
                                          : !json_to_str(p, item, &pairs[count].value))
            return false;
        count++;
    }
    *ret = (struct shape_map){pairs, count, true};
    return true;
}

static bool json_to_struct(struct parse *p, const struct shape_field *field, const json_t *value, str path, void *ret)
{
    const struct shape_source none = {0};
    str prefix = arena_printf(p->arena, STR_FMT ".", STR_ARG(path));

    if (!json_is_object(value))
        return bad_type(p, value, "Map");
    *(bool *)ret = true; /* `bool given` is its first member */
    return parse_fields(p, field->shape, &none, value, prefix, ret);
}

static bool json_to_field(struct parse *p, const struct shape_field *field, const json_t *value, str path, void *at)
{
    struct shape_real *real;
    struct shape_bool *boolean;

    switch (field->type) {
    case SHAPE_STR:
        return json_to_str(p, value, at);
    case SHAPE_INT:
        return json_to_int(p, value, at);
    case SHAPE_REAL:
        real = at;
        real->given = true;
        return json_to_real(p, value, &real->value);
    case SHAPE_BOOL:
        boolean = at;
        if (!json_is_boolean(value))
            return bad_type(p, value, "Boolean");
        *boolean = (struct shape_bool){json_is_true(value), true};
        return true;
    case SHAPE_LIST:
        return json_to_list(p, field, value, path, at);
    case SHAPE_MAP:
        return json_to_map(p, field, value, at);
    case SHAPE_STRUCT:
        return json_to_struct(p, field, value, path, at);
    case SHAPE_JSON:
        *(const json_t **)at = value;
        return true;
    }
    return false;
}

/* -- from path, query and headers: text ------------------------------------------------------------------- */

static bool text_to_real(str text, double *ret)
{
    char room[64], *end;

    if (text.len == 0 || text.len >= sizeof room || memchr(text.at, '\0', text.len))
        return false;
    snprintf(room, sizeof room, STR_FMT, STR_ARG(text));
    *ret = strtod(room, &end);
    return *end == '\0' && isfinite(*ret);
}

static bool text_to_field(struct parse *p, const struct shape_field *field, str text, void *at)
{
    long long number;

    switch (field->type) {
    case SHAPE_STR:
        *(str *)at = text;
        return true;
    case SHAPE_INT:
        if (!str_to_int(text, INT64_MIN, INT64_MAX, &number))
            break;
        *(struct shape_int *)at = (struct shape_int){number, true};
        return true;
    case SHAPE_BOOL:
        if (!str_eq_nocase(text, STR("true")) && !str_eq_nocase(text, STR("false")))
            break;
        *(struct shape_bool *)at = (struct shape_bool){str_eq_nocase(text, STR("true")), true};
        return true;
    case SHAPE_REAL:
        if (!text_to_real(text, &((struct shape_real *)at)->value))
            break;
        ((struct shape_real *)at)->given = true;
        return true;
    case SHAPE_LIST:
    case SHAPE_MAP:
    case SHAPE_STRUCT:
    case SHAPE_JSON:
        break;
    }
    p->bad_type = arena_printf(p->arena, "class java.lang.String can not be converted to an %s",
                               field->type == SHAPE_INT    ? "Integer"
                               : field->type == SHAPE_REAL ? "Double"
                                                           : "Boolean");
    return false;
}

str shape_decode(struct arena *arena, str text, bool plus_is_space)
{
    struct buf buf;
    str decoded;

    buf_init(&buf, text.len + 1);
    /* A '%' that starts nothing: the text as it was sent, which then fits no pattern. */
    decoded = url_decode(&buf, text, plus_is_space ? URL_PLUS_IS_SPACE : URL_PLUS_IS_PLUS)
                  ? arena_copy(arena, buf_str(&buf))
                  : text;
    buf_free(&buf);
    return decoded.at ? decoded : STR("");
}

/* The next value of `name` in the query, decoded; what is left goes to *rest. */
static bool query_next(struct arena *arena, str *rest, str name, str *ret)
{
    str key, value;

    while (url_next_param(rest, &key, &value)) {
        if (str_eq(shape_decode(arena, key, true), name)) {
            *ret = shape_decode(arena, value, true);
            return true;
        }
    }
    return false;
}

static void query_to_list(struct arena *arena, str query, str name, struct shape_list *ret)
{
    str rest = query, value, *items;
    int count = 0;

    while (query_next(arena, &rest, name, &value))
        count++;
    if (count == 0)
        return;
    items = arena_new(arena, str, (size_t)count);
    rest = query;
    for (int i = 0; i < count && query_next(arena, &rest, name, &items[i]); i++)
        ;
    *ret = (struct shape_list){items, count, true};
}

static bool source_text(struct arena *arena, const struct shape_field *field, const struct shape_source *source,
                        str *ret)
{
    str name = str_of(field->name), rest = source->query;

    switch (field->where) {
    case SHAPE_IN_PATH:
        for (int i = 0; i < source->labels_count; i++)
            if (str_eq(source->labels[i].name, name)) {
                *ret = source->labels[i].value;
                return true;
            }
        return false;
    case SHAPE_IN_QUERY:
        return query_next(arena, &rest, name, ret);
    case SHAPE_IN_HEADER:
        if (!source->request)
            return false;
        *ret = http_header(source->request, name);
        return ret->len > 0;
    case SHAPE_IN_BODY:
        break;
    }
    return false;
}

/* -- a row at a time ---------------------------------------------------------------------------------------- */

static str member_path(struct arena *arena, const struct shape_field *field, str prefix)
{
    if (field->path)
        return str_of(field->path);
    if (field->where != SHAPE_IN_BODY)
        prefix = STR("");
    char first = (char)tolower((unsigned char)field->name[0]);
    return arena_concat(arena, prefix, (str){&first, 1}, str_of(field->name + 1));
}

static bool convert(struct parse *p, const struct shape_field *field, const struct shape_source *source,
                    const json_t *object, str path, void *at)
{
    if (field->where == SHAPE_IN_BODY) {
        const json_t *value = object ? json_object_get(object, field->name) : NULL;

        return !value || json_is_null(value) || json_to_field(p, field, value, path, at);
    }
    if (field->where == SHAPE_IN_QUERY && field->type == SHAPE_LIST) {
        query_to_list(p->arena, source->query, str_of(field->name), at);
        return true;
    }
    str text;

    return !source_text(p->arena, field, source, &text) || text_to_field(p, field, text, at);
}

static bool parse_fields(struct parse *p, const struct shape *shape, const struct shape_source *source,
                         const json_t *object, str prefix, void *ret)
{
    for (int i = 0; i < shape->count; i++) {
        const struct shape_field *field = &shape->fields[i];
        void *at = (char *)ret + field->offset;
        str path = member_path(p->arena, field, prefix);

        if (!convert(p, field, source, object, path, at))
            return false;
        shape_check_field(p->arena, &p->errors, field, path, at);
    }
    return true;
}

/* -- answers -------------------------------------------------------------------------------------------------- */

static void write_list(struct jw *jw, const struct shape_field *field, const struct shape_list *list)
{
    jw_array_key(jw, field->name);
    for (int i = 0; i < list->count; i++) {
        if (!field->shape) {
            jw_str_value(jw, shape_list_str(list, i));
            continue;
        }
        jw_object(jw);
        shape_write(jw, field->shape, (const char *)list->items + (size_t)i * field->shape->size);
        jw_object_end(jw);
    }
    jw_array_end(jw);
}

static void write_map(struct jw *jw, const struct shape_field *field, const struct shape_map *map)
{
    jw_object_key(jw, field->name);
    for (int i = 0; i < map->count; i++) {
        jw_key(jw, map->pairs[i].key);
        if (field->flags & SHAPE_OF_REALS)
            jw_real_value(jw, map->pairs[i].number);
        else
            jw_str_value(jw, map->pairs[i].value);
    }
    jw_object_end(jw);
}

static void write_field(struct jw *jw, const struct shape_field *field, const void *at)
{
    switch (field->type) {
    case SHAPE_STR:
        jw_str(jw, field->name, *(const str *)at);
        break;
    case SHAPE_INT:
        jw_int(jw, field->name, ((const struct shape_int *)at)->value);
        break;
    case SHAPE_REAL:
        jw_real(jw, field->name, ((const struct shape_real *)at)->value);
        break;
    case SHAPE_BOOL:
        jw_bool(jw, field->name, ((const struct shape_bool *)at)->value);
        break;
    case SHAPE_LIST:
        write_list(jw, field, at);
        break;
    case SHAPE_MAP:
        write_map(jw, field, at);
        break;
    case SHAPE_STRUCT:
        jw_object_key(jw, field->name);
        shape_write(jw, field->shape, at);
        jw_object_end(jw);
        break;
    case SHAPE_JSON:
        break; /* only ever read */
    }
}

void shape_write(struct jw *jw, const struct shape *shape, const void *from)
{
    for (int i = 0; i < shape->count; i++) {
        const void *at = (const char *)from + shape->fields[i].offset;

        if (shape_given(&shape->fields[i], at))
            write_field(jw, &shape->fields[i], at);
    }
}

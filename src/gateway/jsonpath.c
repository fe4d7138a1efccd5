#include "gateway/jsonpath.h"

#include "codec/json_read.h"

#include <stdint.h>

/* Takes one step off `path`: "name" or "[3]". */
static const json_t *step(const json_t *value, str *path, struct arena *arena)
{
    size_t end = 0;
    str name, index;
    long long number;

    if (str_starts(*path, STR("["))) {
        str rest;

        if (!str_cut(str_from(*path, 1), ']', &index, &rest) || !str_to_int(index, 0, INT32_MAX, &number))
            return NULL;
        *path = str_starts(rest, STR(".")) ? str_from(rest, 1) : rest;
        return json_array_get(value, (size_t)number);
    }
    while (end < path->len && path->at[end] != '.' && path->at[end] != '[')
        end++;
    name = (str){path->at, end};
    *path = str_from(*path, end + (end < path->len && path->at[end] == '.'));
    return json_object_get(value, arena_cstr(arena, name));
}

str jsonpath_text(str json, str path, struct arena *arena)
{
    json_error_t ignored;
    json_auto_t *root = NULL;
    const json_t *value;

    if (json.len == 0 || !memchr("{[\"", json.at[0], 3))
        return STR("");
    root = json_loadb(json.at, json.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &ignored);
    value = root;
    while (value && path.len)
        value = step(value, &path, arena);
    if (!value || json_is_null(value))
        return STR("");
    return json_is_string(value) ? arena_copy(arena, json_text(value)) : json_compact(value, arena);
}

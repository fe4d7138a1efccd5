#include "codec/json_read.h"

#include <stdlib.h>

#include "codec/json_write.h"

bool json_parse(str text, json_t **ret, struct err *err)
{
    const char *nul = text.len ? memchr(text.at, '\0', text.len) : NULL;
    json_error_t fault;
    json_t *value;

    /* jansson takes a NUL between tokens for the end of the text, and would ignore what is behind it. */
    if (nul)
        return err_set(err, ERR_INVALID, "NUL at byte %zu", (size_t)(nul - text.at));
    value = json_loadb(text.at ? text.at : "", text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
    if (!value)
        return err_set(err, ERR_INVALID, "line %d, column %d: %s", fault.line, fault.column, fault.text);
    *ret = value;
    return true;
}

str json_text(const json_t *value)
{
    if (!json_is_string(value))
        return STR("");
    return (str){json_string_value(value), json_string_length(value)};
}

static void add_value(struct buf *out, const json_t *value);

static void add_object(struct buf *out, const json_t *object)
{
    bool first = true;

    buf_add_char(out, '{');
    /* jansson iterates by non-const pointer, but only reads */
    for (void *at = json_object_iter((json_t *)object); at; at = json_object_iter_next((json_t *)object, at)) {
        if (!first)
            buf_add_char(out, ',');
        first = false;
        json_quote(out, str_of(json_object_iter_key(at)));
        buf_add_char(out, ':');
        add_value(out, json_object_iter_value(at));
    }
    buf_add_char(out, '}');
}

static void add_array(struct buf *out, const json_t *array)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i > 0)
            buf_add_char(out, ',');
        add_value(out, json_array_get(array, i));
    }
    buf_add_char(out, ']');
}

/* Not jansson's own writer: it prints 0.1 as 0.10000000000000001.  The depth is what the parser let through. */
static void add_value(struct buf *out, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        add_object(out, value);
        break;
    case JSON_ARRAY:
        add_array(out, value);
        break;
    case JSON_STRING:
        json_quote(out, json_text(value));
        break;
    case JSON_INTEGER:
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        json_add_real(out, json_real_value(value));
        break;
    case JSON_TRUE:
        buf_add(out, STR("true"));
        break;
    case JSON_FALSE:
        buf_add(out, STR("false"));
        break;
    case JSON_NULL:
        buf_add(out, STR("null"));
        break;
    }
}

str json_compact(const json_t *value, struct arena *arena)
{
    BUF_AUTO out = {0};

    buf_init(&out, SIZE_MAX / 2); /* as bounded as the tree is */
    add_value(&out, value);
    return arena_copy(arena, buf_str(&out));
}

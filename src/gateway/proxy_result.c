/*
 * Not json_parse(): a function's text may hold U+0000, and a name twice is the last one's, as in AWS's parser.
 */
#include "gateway/proxy_result.h"

#include "codec/json_read.h"

enum { HEADERS_MAX = 100, STATUS_MIN = 100, STATUS_MAX = 599 };

struct reading {
    struct arena *arena;
    struct proxy_result *result;
    struct err *err;
};

static bool malformed(struct reading *r, const char *what)
{
    return err_set(r->err, ERR_INVALID, "malformed Lambda proxy response: %s", what);
}

/* -- one member -------------------------------------------------------------------------------------------------------
 */

static bool read_status(struct reading *r, json_t *value)
{
    long long status;

    if (json_is_null(value))
        return true;
    if (json_is_integer(value))
        status = json_integer_value(value);
    else if (!json_is_string(value) || !str_to_int(json_text(value), STATUS_MIN, STATUS_MAX, &status))
        return malformed(r, "statusCode is no integer");
    if (status < STATUS_MIN || status > STATUS_MAX)
        return malformed(r, "statusCode is not between 100 and 599");
    r->result->status = (int)status;
    return true;
}

static bool read_body(struct reading *r, json_t *value)
{
    if (json_is_null(value))
        return true;
    if (!json_is_string(value))
        return malformed(r, "body is no string (json.dumps() it)");
    r->result->body = arena_copy(r->arena, json_text(value));
    return true;
}

static bool read_base64(struct reading *r, json_t *value)
{
    if (!json_is_boolean(value) && !json_is_null(value))
        return malformed(r, "isBase64Encoded is no boolean");
    r->result->base64 = json_is_true(value);
    return true;
}

/* The spelling that came first, if any: one list per name, whatever its case. */
static str spelling(const struct proxy_result *result, str name)
{
    for (int i = 0; i < result->headers_count; i++)
        if (str_eq_nocase(result->headers[i].name, name))
            return result->headers[i].name;
    return name;
}

static bool has_pair(const struct proxy_result *result, str name, str value)
{
    for (int i = 0; i < result->headers_count; i++)
        if (str_eq_nocase(result->headers[i].name, name) && str_eq(result->headers[i].value, value))
            return true;
    return false;
}

static bool add_header(struct reading *r, str name, json_t *value)
{
    struct proxy_result *result = r->result;
    str text = json_text(value);

    if (json_is_boolean(value))
        text = json_is_true(value) ? STR("true") : STR("false");
    else if (!json_is_string(value))
        return malformed(r, "a header's value is neither string nor boolean");
    if (result->headers_count >= HEADERS_MAX)
        return malformed(r, "more than 100 headers");
    result->headers[result->headers_count++] =
        (struct api_pair){arena_copy(r->arena, name), arena_copy(r->arena, text)};
    return true;
}

static bool read_multi_headers(struct reading *r, json_t *value)
{
    const char *name;
    json_t *list, *item;
    size_t i;

    if (json_is_null(value))
        return true;
    if (!json_is_object(value))
        return malformed(r, "multiValueHeaders is no object");
    json_object_foreach (value, name, list) {
        if (!json_is_array(list))
            return malformed(r, "a value of multiValueHeaders is no list");
        json_array_foreach (list, i, item)
            if (!add_header(r, spelling(r->result, str_of(name)), item))
                return false;
    }
    return true;
}

/* A pair that multiValueHeaders has too is there once. */
static bool read_headers(struct reading *r, json_t *value)
{
    const char *name;
    json_t *text;

    if (json_is_null(value))
        return true;
    if (!json_is_object(value))
        return malformed(r, "headers is no object");
    json_object_foreach (value, name, text)
        if (!has_pair(r->result, str_of(name), json_text(text)) &&
            !add_header(r, spelling(r->result, str_of(name)), text))
            return false;
    return true;
}

/* -- the whole
 * ------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    bool (*read)(struct reading *r, json_t *value);
} members[] = {
    /* in the order they are read: multi values come first */
    {"statusCode", read_status}, {"multiValueHeaders", read_multi_headers},
    {"headers", read_headers},   {"isBase64Encoded", read_base64},
    {"body", read_body},
};

static bool check_names(struct reading *r, json_t *root)
{
    const char *name;
    json_t *value;

    json_object_foreach (root, name, value) {
        bool known = false;

        for (size_t i = 0; i < sizeof members / sizeof *members; i++)
            known = known || strcmp(name, members[i].name) == 0;
        if (!known)
            return err_set(r->err, ERR_INVALID,
                           "malformed Lambda proxy response: member '%.60s' is not one of "
                           "statusCode headers multiValueHeaders body isBase64Encoded",
                           name);
    }
    return true;
}

bool proxy_result_parse(str json, struct arena *arena, struct proxy_result *ret, struct err *err)
{
    struct proxy_result result = {
        .status = 200, .body = STR(""), .headers = arena_new(arena, struct api_pair, HEADERS_MAX)};
    struct reading r = {.arena = arena, .result = &result, .err = err};
    json_error_t ignored;
    json_auto_t *root = json_loadb(json.at ? json.at : "", json.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &ignored);

    if (!json_is_object(root))
        return malformed(&r, "it is no JSON object");
    if (!check_names(&r, root))
        return false;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *value = json_object_get(root, members[i].name);

        if (value && !members[i].read(&r, value))
            return false;
    }
    *ret = result;
    return true;
}

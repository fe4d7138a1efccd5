#include "aws/apigateway/apigateway_private.h"

#include "apis/apis.h"
#include "apis/store.h"
#include "base/rand.h"
#include "codec/json_read.h"

enum { PAGE_DEFAULT = 25, PAGE_MAX = 500, MAP_BYTES_MAX = 512 * 1024 };

str new_id(struct arena *arena, int len)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char *id = arena_new(arena, char, (size_t)len + 1);
    unsigned char random[16];

    rand_bytes(random, sizeof random);
    for (int i = 0; i < len; i++)
        id[i] = digits[random[i] % (sizeof digits - 1)];
    return (str){id, (size_t)len};
}

/* -- finding --------------------------------------------------------------------------------------------------- */

bool found_or(struct aws_call *call, bool result, const struct err *err, const char *not_found)
{
    if (result)
        return true;
    if (err->code == ERR_NOT_FOUND)
        return aws_fail(call, AWS_ERROR_NOT_FOUND, "%s", not_found);
    return aws_fail_err(call, err);
}

bool added_or(struct aws_call *call, bool result, const struct err *err, const char *conflict)
{
    if (result)
        return true;
    if (err->code == ERR_CONFLICT)
        return aws_fail(call, AWS_ERROR_CONFLICT, "%s", conflict);
    return aws_fail_err(call, err);
}

bool find_api(struct aws_call *call, str api, struct rest_api *ret)
{
    struct err err = {0};

    if (row_get(call->db, &rest_apis, &api, call->arena, ret, &err))
        return true;
    if (err.code != ERR_NOT_FOUND)
        return aws_fail_err(call, &err);
    return aws_fail(call, AWS_ERROR_NOT_FOUND, "Invalid API identifier specified " STR_FMT ":" STR_FMT,
                    STR_ARG(call->door->account), STR_ARG(api));
}

bool find_resource(struct aws_call *call, str api, str resource, struct rest_resource *ret)
{
    struct err err = {0};
    const str key[] = {api, resource};

    return found_or(call, row_get(call->db, &rest_resources, key, call->arena, ret, &err), &err,
                    "Invalid Resource identifier specified");
}

bool find_method(struct aws_call *call, str api, str resource, str verb, struct rest_method *ret)
{
    struct err err = {0};
    const str key[] = {api, resource, verb};
    struct rest_resource ignored;

    return find_resource(call, api, resource, &ignored) &&
           found_or(call, row_get(call->db, &rest_methods, key, call->arena, ret, &err), &err,
                    "Invalid Method identifier specified");
}

bool find_integration(struct aws_call *call, str api, str resource, str verb, struct rest_integration *ret)
{
    struct err err = {0};
    const str key[] = {api, resource, verb};
    struct rest_method ignored;

    return find_method(call, api, resource, verb, &ignored) &&
           found_or(call, row_get(call->db, &rest_integrations, key, call->arena, ret, &err), &err,
                    "Invalid Integration identifier specified");
}

bool load_tree(struct aws_call *call, str api, str resource, struct rest_tree *ret)
{
    struct err err = {0};

    return rest_tree_load(call->db, api, resource, call->arena, ret, &err) || aws_fail_err(call, &err);
}

/* -- maps and lists ------------------------------------------------------------------------------------------------ */

static bool is_kind(const json_t *value, enum map_kind kind)
{
    switch (kind) {
    case MAP_OF_TEXTS:
        return json_is_string(value);
    case MAP_OF_BOOLS:
        return json_is_boolean(value);
    case MAP_OF_TEMPLATES:
        return json_is_string(value) || json_is_null(value);
    }
    return false;
}

bool map_text(struct aws_call *call, json_t *map, enum map_kind kind, bool keep_empty, str *ret)
{
    const char *key;
    json_t *value;

    *ret = (str){0};
    if (!map || json_is_null(map) || (json_object_size(map) == 0 && json_is_object(map) && !keep_empty))
        return true;
    if (!json_is_object(map))
        return aws_fail(call, AWS_ERROR_SERIALIZATION, "Expected a map");
    json_object_foreach (map, key, value)
        if (!is_kind(value, kind))
            return aws_fail(call, AWS_ERROR_SERIALIZATION, "Unexpected kind of value in a map, at '%s'", key);
    if (kind == MAP_OF_TEMPLATES) {
        void *next;

        json_object_foreach_safe(map, next, key, value) if (json_text(value).len == 0)
            json_object_set_new(map, key, json_null());
    }
    *ret = json_compact(map, call->arena);
    if (ret->len > MAP_BYTES_MAX)
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "A map is larger than %d bytes", MAP_BYTES_MAX);
    return true;
}

str list_text(struct aws_call *call, const struct shape_list *list)
{
    BUF_AUTO out = {0};
    struct jw jw;

    buf_init(&out, MAP_BYTES_MAX);
    jw_init(&jw, &out);
    jw_array(&jw);
    for (int i = 0; i < list->count; i++)
        jw_str_value(&jw, shape_list_str(list, i));
    jw_array_end(&jw);
    return arena_copy(call->arena, buf_str(&out));
}

/* -- pages -----------------------------------------------------------------------------------------------------------
 */

/* A position is the id of the last item shown, so that what is added or removed meanwhile shifts nothing. */
struct page page_of(const struct ref_input *input, const str *ids, int count)
{
    int limit = PAGE_DEFAULT;
    struct page page = {0};

    if (input->limit.given && input->limit.value >= 1 && input->limit.value <= PAGE_MAX)
        limit = (int)input->limit.value;
    for (int i = 0; i < count && input->position.len; i++)
        if (str_eq(ids[i], input->position))
            page.from = i + 1;
    page.to = count - page.from > limit ? page.from + limit : count;
    if (page.to < count)
        page.next = ids[page.to - 1];
    return page;
}

void page_begin(struct aws_call *call)
{
    jw_object(&call->jw);
    jw_array_key(&call->jw, "item");
}

void page_end(struct aws_call *call, const struct page *page)
{
    jw_array_end(&call->jw);
    if (page->next.len)
        jw_str(&call->jw, "position", page->next);
    jw_object_end(&call->jw);
}

/* -- mapping expressions
 * ------------------------------------------------------------------------------------------------ */

static bool is_literal(str s)
{
    return s.len >= 2 && s.at[0] == '\'' && s.at[s.len - 1] == '\'';
}

static bool begins_with_one(str s, const char *const *heads)
{
    for (; *heads; heads++)
        if (s.len > strlen(*heads) && str_starts(s, str_of(*heads)))
            return true;
    return false;
}

bool is_request_source(str s)
{
    static const char *const heads[] = {"method.request.header.",
                                        "method.request.querystring.",
                                        "method.request.path.",
                                        "method.request.multivalueheader.",
                                        "method.request.multivaluequerystring.",
                                        "method.request.body.",
                                        "context.",
                                        "stageVariables.",
                                        NULL};

    return is_literal(s) || str_eq(s, STR("method.request.body")) || begins_with_one(s, heads);
}

bool is_response_source(str s)
{
    static const char *const heads[] = {"integration.response.header.",
                                        "integration.response.multivalueheader.",
                                        "integration.response.body.",
                                        "context.",
                                        "stageVariables.",
                                        NULL};

    return is_literal(s) || str_eq(s, STR("integration.response.body")) || begins_with_one(s, heads);
}

bool fail_mapping(struct aws_call *call, const char *format, str what)
{
    str fault = arena_printf(call->arena, "%s: " STR_FMT, format, STR_ARG(what));

    return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                    "Invalid mapping expression specified: Validation Result: warnings : [], errors : [" STR_FMT "]",
                    STR_ARG(fault));
}

/* -- what follows a change
 * -------------------------------------------------------------------------------------------------- */

/* `loaded` is never NULL, so that an absence is put in place too. */
struct loaded_stage {
    struct api_stage *stage;
};

static bool load_stage(struct aws_call *call, struct aws_change *change, struct err *err)
{
    struct loaded_stage *loaded = arena_new(call->arena, struct loaded_stage, 1);

    if (!apis_load_stage(call->db, change->name, change->detail, &loaded->stage, err))
        return false;
    change->loaded = loaded;
    return true;
}

static void apply_stage(struct aws_call *call, struct aws_change *change)
{
    struct loaded_stage *loaded = change->loaded;

    if (loaded && loaded->stage)
        apis_put(call->door->apis, loaded->stage);
    else if (loaded)
        apis_remove(call->door->apis, change->name, change->detail);
}

void stage_changed(struct aws_call *call, str api, str stage)
{
    aws_changed(call, (struct aws_change){.load = load_stage, .apply = apply_stage, .name = api, .detail = stage});
}

static bool load_nothing(struct aws_call *call, struct aws_change *change, struct err *err)
{
    (void)call, (void)err;
    change->loaded = change;
    return true;
}

static void apply_removal(struct aws_call *call, struct aws_change *change)
{
    apis_remove_all(call->door->apis, change->name);
}

void api_removed(struct aws_call *call, str api)
{
    aws_changed(call, (struct aws_change){.load = load_nothing, .apply = apply_removal, .name = api});
}

static bool load_default(struct aws_call *call, struct aws_change *change, struct err *err)
{
    if (!rest_default_api(call->db, call->arena, &change->name, err))
        return false;
    change->loaded = change;
    return true;
}

static void apply_default(struct aws_call *call, struct aws_change *change)
{
    if (change->loaded)
        apis_set_default(call->door->apis, change->name);
}

void default_changed(struct aws_call *call)
{
    aws_changed(call, (struct aws_change){.load = load_default, .apply = apply_default});
}

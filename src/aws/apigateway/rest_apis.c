#include "aws/apigateway/apigateway_private.h"

#include "base/clock.h"
#include "codec/json_read.h"

enum { API_ID_LEN = 10, RESOURCE_ID_LEN = 6, COMPRESSION_BYTES_MAX = 10485760 };

/* -- writing ------------------------------------------------------------------------------------------------------- */

enum tags_when_empty { TAGS_LEFT_OUT, TAGS_EMPTY_OBJECT };

static void api_write(struct aws_call *call, const struct rest_api *api, enum tags_when_empty when)
{
    jw_object(&call->jw);
    row_write(&call->jw, &rest_apis, api);
    if (api->tags.at)
        jw_raw(&call->jw, "tags", api->tags);
    else if (when == TAGS_EMPTY_OBJECT)
        jw_raw(&call->jw, "tags", STR("{}"));
    jw_object_end(&call->jw);
}

/* -- create ---------------------------------------------------------------------------------------------------------
 */

static bool is_endpoint_type(str type)
{
    return str_eq(type, STR("EDGE")) || str_eq(type, STR("REGIONAL")) || str_eq(type, STR("PRIVATE"));
}

/* {"types":["REGIONAL"],"ipAddressType":"ipv4"}: kept and shown; on one host all of them are the same. */
static bool endpoint_text(struct aws_call *call, const json_t *configuration, str *ret)
{
    const json_t *types = json_object_get(configuration, "types");
    str ip = json_text(json_object_get(configuration, "ipAddressType"));
    str type = STR("EDGE");

    if (json_is_array(types) && json_array_size(types) == 0)
        return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                        "REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.");
    if (json_array_size(types) > 1)
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "Cannot create an api with multiple Endpoint Types.");
    if (types)
        type = json_text(json_array_get(types, 0));
    if (!is_endpoint_type(type))
        return aws_fail(call, AWS_ERROR_VALIDATION,
                        "1 validation error detected: Value '[" STR_FMT
                        "]' at 'createRestApiInput.endpointConfiguration.types' failed to satisfy constraint: Member "
                        "must satisfy constraint: [Member must satisfy enum value set: [PRIVATE, EDGE, REGIONAL]]",
                        STR_ARG(type));
    if (str_eq(type, STR("PRIVATE")) && ip.len && !str_eq(ip, STR("dualstack")))
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "Only dualstack ipAddressType is supported for Private APIs.");
    if (!ip.len)
        ip = str_eq(type, STR("PRIVATE")) ? STR("dualstack") : STR("ipv4");
    *ret = arena_printf(call->arena, "{\"types\":[\"" STR_FMT "\"],\"ipAddressType\":\"%s\"}", STR_ARG(type),
                        str_eq(ip, STR("dualstack")) ? "dualstack" : "ipv4");
    return true;
}

static bool check_rest_api(struct aws_call *call, const struct create_rest_api_input *input)
{
    const struct shape_int *size = &input->minimum_compression_size;

    if (input->name.len == 0)
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "API name cannot be empty");
    if (input->description.at && input->description.len == 0)
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "Description cannot be an empty string");
    if (size->given && (size->value < 0 || size->value > COMPRESSION_BYTES_MAX))
        return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                        "Invalid minimum compression size, must be between 0 and 10485760");
    if (input->policy.len)
        return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                        "Resource policies are not enforced by this server yet, so it takes none");
    if (input->clone_from.len)
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "cloneFrom is not supported by this server yet");
    return true;
}

bool create_rest_api(struct aws_call *call)
{
    const struct create_rest_api_input *input = call->input;
    struct rest_api api = {
        .id = new_id(call->arena, API_ID_LEN),
        .name = input->name,
        .description = input->description,
        .version = input->version,
        .api_key_source = input->api_key_source.len ? input->api_key_source : STR("HEADER"),
        .root_resource_id = new_id(call->arena, RESOURCE_ID_LEN),
        .minimum_compression_size =
            input->minimum_compression_size.given ? input->minimum_compression_size.value : ROW_INT_NONE,
        .created_us = clock_wall_us(),
        .endpoint_disabled = input->endpoint_disabled.value,
    };
    const struct rest_resource root = {.api_id = api.id, .id = api.root_resource_id, .path = STR("/")};
    struct err err = {0};

    if (!check_rest_api(call, input) ||
        !endpoint_text(call, input->endpoint_configuration, &api.endpoint_configuration) ||
        !map_text(call, input->tags, MAP_OF_TEXTS, false, &api.tags))
        return false;
    if (input->binary_media_types.count > 0)
        api.binary_media_types = list_text(call, &input->binary_media_types);
    if (!row_insert(call->db, &rest_apis, &api, &err) || !row_insert(call->db, &rest_resources, &root, &err))
        return aws_fail_err(call, &err);
    default_changed(call);
    api_write(call, &api, TAGS_LEFT_OUT);
    return true;
}

/* -- get, delete
 * --------------------------------------------------------------------------------------------------------- */

bool get_rest_api(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    struct rest_api api;

    if (!find_api(call, input->api, &api))
        return false;
    api_write(call, &api, TAGS_EMPTY_OBJECT);
    return true;
}

bool get_rest_apis(struct aws_call *call)
{
    const struct rest_api *apis;
    struct err err = {0};
    void *rows;
    int count;

    if (!row_list(call->db, &rest_apis, NULL, 0, call->arena, &rows, &count, &err))
        return aws_fail_err(call, &err);
    apis = rows;
    str *ids = arena_new(call->arena, str, (size_t)count + 1);
    for (int i = 0; i < count; i++)
        ids[i] = apis[i].id;
    struct page page = page_of(call->input, ids, count);
    page_begin(call);
    for (int i = page.from; i < page.to; i++)
        api_write(call, &apis[i], TAGS_LEFT_OUT);
    page_end(call, &page);
    return true;
}

bool delete_rest_api(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    struct rest_api api;
    struct err err = {0};

    if (!find_api(call, input->api, &api))
        return false;
    if (!row_delete(call->db, &rest_apis, &input->api, 1, &err))
        return aws_fail_err(call, &err);
    api_removed(call, input->api);
    default_changed(call);
    return true;
}

bool get_account(struct aws_call *call)
{
    struct jw *jw = &call->jw;

    jw_object(jw);
    jw_object_key(jw, "throttleSettings");
    jw_int(jw, "burstLimit", 5000);
    jw_real(jw, "rateLimit", 10000);
    jw_object_end(jw);
    jw_array_key(jw, "features");
    jw_str_value(jw, STR("UsagePlans"));
    jw_array_end(jw);
    jw_str(jw, "apiKeyVersion", STR("4"));
    jw_object_end(jw);
    return true;
}

#include "aws/apigateway/apigateway_private.h"

#include "apis/compile.h"
#include "codec/json_read.h"

/* AWS's 29 s are a quota that users raise; our ceiling is a function's longest run. */
enum { TIMEOUT_MS_MIN = 50, TIMEOUT_MS_MAX = 900000, TIMEOUT_MS_DEFAULT = 29000 };

/* -- checks, in AWS's order: type, verb, URI, then resource and method
 * -------------------------------------------------- */

static bool check_type(struct aws_call *call, str type)
{
    if (str_eq(type, STR("HTTP")) || str_eq(type, STR("HTTP_PROXY")))
        return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                        "Integrations of type '" STR_FMT
                        "' are not served by this server yet; it serves AWS and AWS_PROXY with Lambda, and MOCK",
                        STR_ARG(type));
    return true;
}

/* A stage variable may stand for the function's name, so only the frame of the URI is checked. */
static bool check_uri(struct aws_call *call, const struct put_integration_input *input)
{
    str uri = input->uri, region, service, kind, rest;

    if (!str_starts(uri, STR("arn:aws:apigateway:")))
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "Invalid ARN specified in the request");
    rest = str_from(uri, strlen("arn:aws:apigateway:"));
    if (!str_cut(rest, ':', &region, &rest) || !str_cut(rest, ':', &service, &rest) ||
        (!str_starts(rest, STR("path/")) && !str_starts(rest, STR("action/"))))
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "AWS ARN for integration must contain path or action");
    (void)str_cut(rest, '/', &kind, &rest);
    if (apis_lambda_uri(uri, &rest))
        return true;
    if (str_eq(input->type, STR("AWS_PROXY")))
        return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                        "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream "
                        "invocations.");
    return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                    "This server integrates with Lambda functions only "
                    "(arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION_ARN/invocations); this URI "
                    "names '" STR_FMT ":" STR_FMT "'",
                    STR_ARG(service), STR_ARG(kind));
}

static bool check_request_mappings(struct aws_call *call, json_t *parameters)
{
    static const char *const heads[] = {"integration.request.header.", "integration.request.querystring.",
                                        "integration.request.path."};
    const char *name;
    json_t *value;

    json_object_foreach (parameters, name, value) {
        bool known = false;

        for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
            known = known || (str_starts(str_of(name), str_of(heads[i])) && strlen(name) > strlen(heads[i]));
        if (!known)
            return fail_mapping(call, "Invalid mapping expression parameter specified", str_of(name));
        if (!is_request_source(json_text(value)))
            return fail_mapping(call, "Invalid mapping expression specified", json_text(value));
    }
    return true;
}

static bool check_content_types(struct aws_call *call, json_t *templates)
{
    const char *type;
    json_t *value;

    json_object_foreach (templates, type, value)
        if (!strchr(type, '/') && strcmp(type, "$default") != 0)
            return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                            "Validation Result: warnings : [], errors : "
                            "[Invalid content type specified: %s]",
                            type);
    return true;
}

static bool check_settings(struct aws_call *call, const struct put_integration_input *input)
{
    str passthrough = input->passthrough_behavior;

    if (passthrough.len && !str_eq(passthrough, STR("WHEN_NO_MATCH")) &&
        !str_eq(passthrough, STR("WHEN_NO_TEMPLATES")) && !str_eq(passthrough, STR("NEVER")))
        return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                        "Invalid passthroughBehavior specified. Valid options are WHEN_NO_MATCH,WHEN_NO_TEMPLATES,"
                        "NEVER");
    if (input->timeout_ms.given &&
        (input->timeout_ms.value < TIMEOUT_MS_MIN || input->timeout_ms.value > TIMEOUT_MS_MAX))
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "Timeout should be between %d ms and %d ms", TIMEOUT_MS_MIN,
                        TIMEOUT_MS_MAX);
    return true;
}

static bool check_integration(struct aws_call *call, const struct put_integration_input *input)
{
    bool mock = str_eq(input->type, STR("MOCK"));

    if (!check_type(call, input->type))
        return false;
    if (!mock && input->integration_verb.len == 0)
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "Enumeration value for HttpMethod must be non-empty");
    return (mock || check_uri(call, input)) && check_settings(call, input) &&
           check_request_mappings(call, input->request_parameters) &&
           check_content_types(call, input->request_templates);
}

/* -- integrations
 * --------------------------------------------------------------------------------------------------------- */

/* The new integration replaces the old one whole, its responses too. */
static bool replace_integration(struct aws_call *call, const struct rest_integration *integration)
{
    const str key[] = {integration->api_id, integration->resource_id, integration->verb};
    struct err err = {0};

    if (!row_delete(call->db, &rest_integrations, key, 3, &err) && err.code != ERR_NOT_FOUND)
        return aws_fail_err(call, &err);
    return row_insert(call->db, &rest_integrations, integration, &err) || aws_fail_err(call, &err);
}

bool put_integration(struct aws_call *call)
{
    const struct put_integration_input *input = call->input;
    struct rest_method method;
    struct rest_integration integration = {
        .api_id = input->api,
        .resource_id = input->resource,
        .verb = input->verb,
        .type = input->type,
        .integration_verb = input->integration_verb,
        .uri = input->uri,
        .credentials = input->credentials,
        .passthrough_behavior = input->passthrough_behavior.len ? input->passthrough_behavior : STR("WHEN_NO_MATCH"),
        .content_handling = input->content_handling,
        .cache_namespace = input->cache_namespace.len ? input->cache_namespace : input->resource,
        .cache_key_parameters = list_text(call, &input->cache_key_parameters),
        .timeout_ms = input->timeout_ms.given ? input->timeout_ms.value : TIMEOUT_MS_DEFAULT,
    };

    if (!check_integration(call, input) || !find_method(call, input->api, input->resource, input->verb, &method) ||
        !map_text(call, input->request_parameters, MAP_OF_TEXTS, false, &integration.request_parameters) ||
        !map_text(call, input->request_templates, MAP_OF_TEMPLATES, false, &integration.request_templates))
        return false;
    if (str_eq(input->type, STR("MOCK")))
        integration.uri = integration.integration_verb = (str){0};
    if (!replace_integration(call, &integration))
        return false;
    rest_integration_write(&call->jw, &(struct rest_tree){0}, &integration);
    return true;
}

bool get_integration(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    struct rest_integration integration;
    struct rest_tree tree;

    if (!find_integration(call, input->api, input->resource, input->verb, &integration) ||
        !load_tree(call, input->api, input->resource, &tree))
        return false;
    rest_integration_write(&call->jw, &tree, &integration);
    return true;
}

bool delete_integration(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    const str key[] = {input->api, input->resource, input->verb};
    struct rest_integration integration;
    struct err err = {0};

    return find_integration(call, input->api, input->resource, input->verb, &integration) &&
           (row_delete(call->db, &rest_integrations, key, 3, &err) || aws_fail_err(call, &err));
}

/* -- integration responses
 * -------------------------------------------------------------------------------------------------- */

static void response_write(struct aws_call *call, const struct rest_integration_response *response)
{
    jw_object(&call->jw);
    row_write(&call->jw, &rest_integration_responses, response);
    jw_object_end(&call->jw);
}

/* A header may be mapped only if the method response of that status declares it. */
static bool check_response_mappings(struct aws_call *call, const struct put_integration_response_input *input)
{
    const str key[] = {input->api, input->resource, input->verb, input->status};
    struct rest_method_response declared;
    json_auto_t *names = NULL;
    struct err err = {0};
    const char *name;
    json_t *value;

    if (!found_or(call, row_get(call->db, &rest_method_responses, key, call->arena, &declared, &err), &err,
                  "Invalid Response status code specified"))
        return false;
    if (declared.response_parameters.at && !json_parse(declared.response_parameters, &names, &err))
        return aws_fail_err(call, &err);
    json_object_foreach (input->response_parameters, name, value) {
        if (!json_object_get(names, name))
            return fail_mapping(call, "Invalid mapping expression parameter specified", str_of(name));
        if (!is_response_source(json_text(value)))
            return fail_mapping(call, "Invalid mapping expression specified", json_text(value));
    }
    return true;
}

bool put_integration_response(struct aws_call *call)
{
    const struct put_integration_response_input *input = call->input;
    const str key[] = {input->api, input->resource, input->verb, input->status};
    struct rest_integration integration;
    struct err err = {0};
    struct rest_integration_response response = {
        .api_id = input->api,
        .resource_id = input->resource,
        .verb = input->verb,
        .status = input->status,
        .selection_pattern = input->selection_pattern,
        .content_handling = input->content_handling,
    };

    if (!check_content_types(call, input->response_templates) ||
        !find_integration(call, input->api, input->resource, input->verb, &integration) ||
        !check_response_mappings(call, input) ||
        !map_text(call, input->response_parameters, MAP_OF_TEXTS, true, &response.response_parameters) ||
        !map_text(call, input->response_templates, MAP_OF_TEMPLATES, true, &response.response_templates))
        return false;
    if (!row_delete(call->db, &rest_integration_responses, key, 4, &err) && err.code != ERR_NOT_FOUND)
        return aws_fail_err(call, &err);
    if (!row_insert(call->db, &rest_integration_responses, &response, &err))
        return aws_fail_err(call, &err);
    response_write(call, &response);
    return true;
}

static bool find_response(struct aws_call *call, struct rest_integration_response *ret)
{
    const struct ref_input *input = call->input;
    const str key[] = {input->api, input->resource, input->verb, input->status};
    struct rest_integration integration;
    struct err err = {0};

    return find_integration(call, input->api, input->resource, input->verb, &integration) &&
           found_or(call, row_get(call->db, &rest_integration_responses, key, call->arena, ret, &err), &err,
                    "Invalid Response status code specified");
}

bool get_integration_response(struct aws_call *call)
{
    struct rest_integration_response response;

    if (!find_response(call, &response))
        return false;
    response_write(call, &response);
    return true;
}

bool delete_integration_response(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    const str key[] = {input->api, input->resource, input->verb, input->status};
    struct rest_integration_response response;
    struct err err = {0};

    return find_response(call, &response) &&
           (row_delete(call->db, &rest_integration_responses, key, 4, &err) || aws_fail_err(call, &err));
}

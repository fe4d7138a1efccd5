#include "aws/apigateway/apigateway_private.h"

/* -- checks -----------------------------------------------------------------------------------------------------------
 */

static bool is_verb(str verb)
{
    static const char *const verbs[] = {"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY"};

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (str_eq(verb, str_of(verbs[i])))
            return true;
    return false;
}

static bool check_authorization(struct aws_call *call, const struct put_method_input *input)
{
    str type = input->authorization_type;

    if (str_eq(type, STR("NONE")) || str_eq(type, STR("AWS_IAM")))
        return true;
    if (str_eq(type, STR("CUSTOM")) || str_eq(type, STR("COGNITO_USER_POOLS"))) /* no authorizer can exist yet */
        return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                        "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or "
                        "COGNITO_USER_POOLS requires a valid authorizer.");
    return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                    "Invalid Authorization type specified. Valid options are NONE,AWS_IAM,CUSTOM,COGNITO_USER_POOLS");
}

/* The models that every API begins with; others cannot be made yet. */
static bool check_models(struct aws_call *call, json_t *models)
{
    const char *type;
    json_t *value;

    json_object_foreach (models, type, value) {
        const char *name = json_string_value(value);

        if (name && strcmp(name, "Empty") != 0 && strcmp(name, "Error") != 0)
            return aws_fail(call, AWS_ERROR_BAD_REQUEST, "Invalid model identifier specified: %s", name);
    }
    return true;
}

static bool check_names(struct aws_call *call, json_t *parameters, const char *const *heads)
{
    const char *name;
    json_t *value;

    json_object_foreach (parameters, name, value) {
        bool known = false;

        for (int i = 0; heads[i]; i++)
            known = known || (str_starts(str_of(name), str_of(heads[i])) && strlen(name) > strlen(heads[i]));
        if (!known)
            return fail_mapping(call, "Invalid mapping expression parameter specified", str_of(name));
    }
    return true;
}

/* -- methods
 * ------------------------------------------------------------------------------------------------------------ */

bool put_method(struct aws_call *call)
{
    static const char *const heads[] = {"method.request.header.", "method.request.querystring.", "method.request.path.",
                                        NULL};
    const struct put_method_input *input = call->input;
    struct rest_resource resource;
    struct err err = {0};
    struct rest_method method = {
        .api_id = input->api,
        .resource_id = input->resource,
        .verb = input->verb,
        .authorization_type = input->authorization_type,
        .operation_name = input->operation_name,
        .api_key_required = input->api_key_required.value,
    };

    if (!is_verb(input->verb))
        return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                        "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY");
    if (!find_resource(call, input->api, input->resource, &resource) || !check_authorization(call, input))
        return false;
    if (input->request_validator_id.len)
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "Invalid Request Validator identifier specified");
    if (!map_text(call, input->request_parameters, MAP_OF_BOOLS, false, &method.request_parameters) ||
        !check_names(call, input->request_parameters, heads) ||
        !map_text(call, input->request_models, MAP_OF_TEXTS, false, &method.request_models) ||
        !check_models(call, input->request_models))
        return false;
    if (input->authorization_scopes.count > 0)
        method.authorization_scopes = list_text(call, &input->authorization_scopes);
    if (!added_or(call, row_insert(call->db, &rest_methods, &method, &err), &err,
                  "Method already exists for this resource"))
        return false;
    rest_method_write(&call->jw, &(struct rest_tree){0}, &method);
    return true;
}

bool get_method(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    struct rest_method method;
    struct rest_tree tree;

    if (!find_method(call, input->api, input->resource, input->verb, &method) ||
        !load_tree(call, input->api, input->resource, &tree))
        return false;
    rest_method_write(&call->jw, &tree, &method);
    return true;
}

bool delete_method(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    const str key[] = {input->api, input->resource, input->verb};
    struct rest_method method;
    struct err err = {0};

    if (!find_method(call, input->api, input->resource, input->verb, &method))
        return false;
    return row_delete(call->db, &rest_methods, key, 3, &err) || aws_fail_err(call, &err);
}

/* -- method responses
 * --------------------------------------------------------------------------------------------------- */

static void method_response_write(struct aws_call *call, const struct rest_method_response *response)
{
    jw_object(&call->jw);
    row_write(&call->jw, &rest_method_responses, response);
    jw_object_end(&call->jw);
}

bool put_method_response(struct aws_call *call)
{
    static const char *const heads[] = {"method.response.header.", NULL};
    const struct put_method_response_input *input = call->input;
    struct rest_method method;
    struct err err = {0};
    struct rest_method_response response = {
        .api_id = input->api, .resource_id = input->resource, .verb = input->verb, .status = input->status};

    if (!find_method(call, input->api, input->resource, input->verb, &method) ||
        !map_text(call, input->response_parameters, MAP_OF_BOOLS, true, &response.response_parameters) ||
        !check_names(call, input->response_parameters, heads) ||
        !map_text(call, input->response_models, MAP_OF_TEXTS, true, &response.response_models) ||
        !check_models(call, input->response_models))
        return false;
    if (!added_or(call, row_insert(call->db, &rest_method_responses, &response, &err), &err,
                  "Response already exists for this resource"))
        return false;
    method_response_write(call, &response);
    return true;
}

static bool find_method_response(struct aws_call *call, struct rest_method_response *ret)
{
    const struct ref_input *input = call->input;
    const str key[] = {input->api, input->resource, input->verb, input->status};
    struct rest_method method;
    struct err err = {0};

    return find_method(call, input->api, input->resource, input->verb, &method) &&
           found_or(call, row_get(call->db, &rest_method_responses, key, call->arena, ret, &err), &err,
                    "Invalid Response status code specified");
}

bool get_method_response(struct aws_call *call)
{
    struct rest_method_response response;

    if (!find_method_response(call, &response))
        return false;
    method_response_write(call, &response);
    return true;
}

bool delete_method_response(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    const str key[] = {input->api, input->resource, input->verb, input->status};
    struct rest_method_response response;
    struct err err = {0};

    return find_method_response(call, &response) &&
           (row_delete(call->db, &rest_method_responses, key, 4, &err) || aws_fail_err(call, &err));
}

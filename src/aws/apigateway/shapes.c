/* The parameters of each operation.  Labels are named as botocore's paths name them. */
#include "aws/apigateway/apigateway_private.h"

static bool is_status(str s)
{
    return s.len == 3 && s.at[0] >= '1' && s.at[0] <= '5' && s.at[1] >= '0' && s.at[1] <= '9' && s.at[2] >= '0' &&
           s.at[2] <= '9';
}

static const struct shape_pattern status_pattern = {"[1-5]\\d\\d", is_status};

static const char *const integration_types[] = {"HTTP", "MOCK", "AWS_PROXY", "HTTP_PROXY", "AWS", NULL};
static const char *const content_handlings[] = {"CONVERT_TO_BINARY", "CONVERT_TO_TEXT", NULL};
static const char *const key_sources[] = {"HEADER", "AUTHORIZER", NULL};
static const char *const patch_ops[] = {"add", "remove", "move", "test", "replace", "copy", NULL};

#define LABEL(c_type, wire, member)                                     \
    {                                                                   \
        wire, SHAPE_IN_PATH, SHAPE_STR, offsetof(struct c_type, member) \
    }
#define QUERY(c_type, wire, type, member)                           \
    {                                                               \
        wire, SHAPE_IN_QUERY, type, offsetof(struct c_type, member) \
    }
#define BODY(c_type, wire, type, member, ...)                                   \
    {                                                                           \
        wire, SHAPE_IN_BODY, type, offsetof(struct c_type, member), __VA_ARGS__ \
    }
#define API(c_type) LABEL(c_type, "restapi_id", api)
#define METHOD(c_type) API(c_type), LABEL(c_type, "resource_id", resource), LABEL(c_type, "http_method", verb)
#define STATUS(c_type)                                                            \
    {                                                                             \
        "status_code", SHAPE_IN_PATH, SHAPE_STR, offsetof(struct c_type, status), \
            .check = {.pattern = &status_pattern}, .path = "statusCode"           \
    }
#define SHAPE_NAMED(c_type, rows, prefix)                                                        \
    {                                                                                            \
        .fields = (rows), .count = sizeof(rows) / sizeof *(rows), .size = sizeof(struct c_type), \
        .body_prefix = (prefix)                                                                  \
    }

static const struct shape_field ref_fields[] = {
    METHOD(ref_input),
    STATUS(ref_input),
    LABEL(ref_input, "deployment_id", deployment),
    LABEL(ref_input, "stage_name", stage),
    QUERY(ref_input, "position", SHAPE_STR, position),
    QUERY(ref_input, "limit", SHAPE_INT, limit),
    QUERY(ref_input, "embed", SHAPE_LIST, embed),
};
const struct shape ref_shape = SHAPE_OF(struct ref_input, ref_fields);

static const struct shape_field create_rest_api_fields[] = {
    BODY(create_rest_api_input, "name", SHAPE_STR, name, SHAPE_REQUIRED),
    BODY(create_rest_api_input, "description", SHAPE_STR, description),
    BODY(create_rest_api_input, "version", SHAPE_STR, version),
    BODY(create_rest_api_input, "cloneFrom", SHAPE_STR, clone_from),
    BODY(create_rest_api_input, "binaryMediaTypes", SHAPE_LIST, binary_media_types),
    BODY(create_rest_api_input, "minimumCompressionSize", SHAPE_INT, minimum_compression_size),
    BODY(create_rest_api_input, "apiKeySource", SHAPE_STR, api_key_source, .check = {.values = key_sources}),
    BODY(create_rest_api_input, "endpointConfiguration", SHAPE_JSON, endpoint_configuration),
    BODY(create_rest_api_input, "policy", SHAPE_STR, policy),
    BODY(create_rest_api_input, "tags", SHAPE_JSON, tags),
    BODY(create_rest_api_input, "disableExecuteApiEndpoint", SHAPE_BOOL, endpoint_disabled),
};
const struct shape create_rest_api_shape =
    SHAPE_NAMED(create_rest_api_input, create_rest_api_fields, "createRestApiInput");

static const struct shape_field create_resource_fields[] = {
    API(create_resource_input),
    LABEL(create_resource_input, "parent_id", parent),
    BODY(create_resource_input, "pathPart", SHAPE_STR, path_part, SHAPE_REQUIRED),
};
const struct shape create_resource_shape =
    SHAPE_NAMED(create_resource_input, create_resource_fields, "createResourceInput");

static const struct shape_field put_method_fields[] = {
    METHOD(put_method_input),
    BODY(put_method_input, "authorizationType", SHAPE_STR, authorization_type, SHAPE_REQUIRED),
    BODY(put_method_input, "authorizerId", SHAPE_STR, authorizer_id),
    BODY(put_method_input, "apiKeyRequired", SHAPE_BOOL, api_key_required),
    BODY(put_method_input, "operationName", SHAPE_STR, operation_name),
    BODY(put_method_input, "requestParameters", SHAPE_JSON, request_parameters),
    BODY(put_method_input, "requestModels", SHAPE_JSON, request_models),
    BODY(put_method_input, "requestValidatorId", SHAPE_STR, request_validator_id),
    BODY(put_method_input, "authorizationScopes", SHAPE_LIST, authorization_scopes),
};
const struct shape put_method_shape = SHAPE_NAMED(put_method_input, put_method_fields, "putMethodInput");

static const struct shape_field put_method_response_fields[] = {
    METHOD(put_method_response_input),
    STATUS(put_method_response_input),
    BODY(put_method_response_input, "responseParameters", SHAPE_JSON, response_parameters),
    BODY(put_method_response_input, "responseModels", SHAPE_JSON, response_models),
};
const struct shape put_method_response_shape =
    SHAPE_NAMED(put_method_response_input, put_method_response_fields, "putMethodResponseInput");

static const struct shape_field put_integration_fields[] = {
    METHOD(put_integration_input),
    BODY(put_integration_input, "type", SHAPE_STR, type, SHAPE_REQUIRED, .check = {.values = integration_types}),
    BODY(put_integration_input, "httpMethod", SHAPE_STR, integration_verb),
    BODY(put_integration_input, "uri", SHAPE_STR, uri),
    BODY(put_integration_input, "credentials", SHAPE_STR, credentials),
    BODY(put_integration_input, "requestParameters", SHAPE_JSON, request_parameters),
    BODY(put_integration_input, "requestTemplates", SHAPE_JSON, request_templates),
    BODY(put_integration_input, "passthroughBehavior", SHAPE_STR, passthrough_behavior),
    BODY(put_integration_input, "contentHandling", SHAPE_STR, content_handling, .check = {.values = content_handlings}),
    BODY(put_integration_input, "cacheNamespace", SHAPE_STR, cache_namespace),
    BODY(put_integration_input, "cacheKeyParameters", SHAPE_LIST, cache_key_parameters),
    BODY(put_integration_input, "timeoutInMillis", SHAPE_INT, timeout_ms),
};
const struct shape put_integration_shape =
    SHAPE_NAMED(put_integration_input, put_integration_fields, "putIntegrationInput");

static const struct shape_field put_integration_response_fields[] = {
    METHOD(put_integration_response_input),
    STATUS(put_integration_response_input),
    BODY(put_integration_response_input, "selectionPattern", SHAPE_STR, selection_pattern),
    BODY(put_integration_response_input, "responseParameters", SHAPE_JSON, response_parameters),
    BODY(put_integration_response_input, "responseTemplates", SHAPE_JSON, response_templates),
    BODY(put_integration_response_input, "contentHandling", SHAPE_STR, content_handling,
         .check = {.values = content_handlings}),
};
const struct shape put_integration_response_shape =
    SHAPE_NAMED(put_integration_response_input, put_integration_response_fields, "putIntegrationResponseInput");

static const struct shape_field create_deployment_fields[] = {
    API(create_deployment_input),
    BODY(create_deployment_input, "stageName", SHAPE_STR, stage),
    BODY(create_deployment_input, "stageDescription", SHAPE_STR, stage_description),
    BODY(create_deployment_input, "description", SHAPE_STR, description),
    BODY(create_deployment_input, "variables", SHAPE_JSON, variables),
    BODY(create_deployment_input, "canarySettings", SHAPE_JSON, canary_settings),
    BODY(create_deployment_input, "tracingEnabled", SHAPE_BOOL, tracing_enabled),
};
const struct shape create_deployment_shape =
    SHAPE_NAMED(create_deployment_input, create_deployment_fields, "createDeploymentInput");

static const struct shape_field create_stage_fields[] = {
    API(create_stage_input),
    BODY(create_stage_input, "stageName", SHAPE_STR, stage, SHAPE_REQUIRED),
    BODY(create_stage_input, "deploymentId", SHAPE_STR, deployment, SHAPE_REQUIRED),
    BODY(create_stage_input, "description", SHAPE_STR, description),
    BODY(create_stage_input, "documentationVersion", SHAPE_STR, documentation_version),
    BODY(create_stage_input, "variables", SHAPE_JSON, variables),
    BODY(create_stage_input, "tags", SHAPE_JSON, tags),
    BODY(create_stage_input, "canarySettings", SHAPE_JSON, canary_settings),
    BODY(create_stage_input, "tracingEnabled", SHAPE_BOOL, tracing_enabled),
};
const struct shape create_stage_shape = SHAPE_NAMED(create_stage_input, create_stage_fields, "createStageInput");

static const struct shape_field patch_fields[] = {
    BODY(patch_operation, "op", SHAPE_STR, op, .check = {.values = patch_ops}),
    BODY(patch_operation, "path", SHAPE_STR, path),
    BODY(patch_operation, "value", SHAPE_STR, value),
    BODY(patch_operation, "from", SHAPE_STR, from),
};
static const struct shape patch_shape = SHAPE_OF(struct patch_operation, patch_fields);

static const struct shape_field update_stage_fields[] = {
    API(update_stage_input),
    LABEL(update_stage_input, "stage_name", stage),
    BODY(update_stage_input, "patchOperations", SHAPE_LIST, patches, .shape = &patch_shape),
};
const struct shape update_stage_shape = SHAPE_NAMED(update_stage_input, update_stage_fields, "updateStageInput");

/* operations: Lambda's rows (AWS Lambda API reference, Actions).  Adding one: a row here, a shape and a handler beside
 * it. */
#include "aws/lambda/aliases.h"
#include "aws/lambda/functions.h"
#include "aws/lambda/invoke.h"
#include "aws/lambda/lambda.h"
#include "aws/lambda/lambda_private.h"
#include "aws/lambda/layers.h"
#include "aws/lambda/policy.h"
#include "aws/lambda/provisioned.h"
#include "aws/lambda/settings.h"
#include "aws/lambda/versions.h"
#include "base/limits.h"

#define FUNCTIONS "/2015-03-31/functions"
#define FUNCTION FUNCTIONS "/{FunctionName}"
#define PROVISIONED "/2019-09-30/functions/{FunctionName}/provisioned-concurrency"
#define LAYERS "/2018-10-31/layers"
#define LAYER LAYERS "/{LayerName}"
#define LAYER_VERSION LAYER "/versions/{VersionNumber}"

#define JOB(title, http_verb, at, code, parameters, handler, ...)                                             \
    {                                                                                                         \
        .name = title, .method = http_verb, .path = at, .status = code, .shape = parameters, .kind = AWS_JOB, \
        .job = handler, ##__VA_ARGS__                                                                         \
    }
/* The package is taken out of the body while it comes, see code.c. */
#define WITH_CODE .on_route = code_on_route, .on_body = code_on_body, .prepare = code_prepare, .on_end = code_on_end
#define MAKING_READY .on_done = lambda_prepare_changed

static const struct aws_operation operations[] = {
    {.name = "Invoke",
     .method = "POST",
     .path = FUNCTION "/invocations",
     .status = 200,
     .shape = &invoke_shape,
     .kind = AWS_LOOP,
     .loop = invoke_operation,
     .raw_body = true,
     .body_max = 2 * INVOKE_EVENT_BYTES_MAX /* so that what is a little too large is told so in AWS's words */},

    JOB("CreateFunction", "POST", FUNCTIONS, 201, &create_function_shape, function_create, WITH_CODE, MAKING_READY),
    JOB("ListFunctions", "GET", FUNCTIONS, 200, &list_functions_shape, function_list),
    JOB("GetFunction", "GET", FUNCTION, 200, &function_qualifier_shape, function_get),
    JOB("GetFunctionConfiguration", "GET", FUNCTION "/configuration", 200, &function_qualifier_shape,
        function_get_configuration),
    JOB("UpdateFunctionCode", "PUT", FUNCTION "/code", 200, &update_code_shape, function_update_code, WITH_CODE,
        MAKING_READY),
    JOB("UpdateFunctionConfiguration", "PUT", FUNCTION "/configuration", 200, &update_configuration_shape,
        function_update_configuration, MAKING_READY),
    JOB("DeleteFunction", "DELETE", FUNCTION, 204, &function_qualifier_shape, function_delete),

    JOB("PublishVersion", "POST", FUNCTION "/versions", 201, &publish_version_shape, version_publish, MAKING_READY),
    JOB("ListVersionsByFunction", "GET", FUNCTION "/versions", 200, &list_versions_shape, version_list),

    JOB("CreateAlias", "POST", FUNCTION "/aliases", 201, &create_alias_shape, alias_create),
    JOB("ListAliases", "GET", FUNCTION "/aliases", 200, &list_aliases_shape, alias_list),
    JOB("GetAlias", "GET", FUNCTION "/aliases/{Name}", 200, &alias_shape, alias_get),
    JOB("UpdateAlias", "PUT", FUNCTION "/aliases/{Name}", 200, &update_alias_shape, alias_update),
    JOB("DeleteAlias", "DELETE", FUNCTION "/aliases/{Name}", 204, &alias_shape, alias_delete),

    JOB("AddPermission", "POST", FUNCTION "/policy", 201, &add_permission_shape, permission_add),
    JOB("GetPolicy", "GET", FUNCTION "/policy", 200, &function_qualifier_shape, policy_get),
    JOB("RemovePermission", "DELETE", FUNCTION "/policy/{StatementId}", 204, &remove_permission_shape,
        permission_remove),

    JOB("TagResource", "POST", "/2017-03-31/tags/{Resource}", 204, &tag_shape, tags_put),
    JOB("UntagResource", "DELETE", "/2017-03-31/tags/{Resource}", 204, &untag_shape, tags_remove),
    JOB("ListTags", "GET", "/2017-03-31/tags/{Resource}", 200, &tags_shape, tags_list),

    JOB("PublishLayerVersion", "POST", LAYER "/versions", 201, &publish_layer_shape, layer_publish, WITH_CODE,
        .on_done = layer_published),
    JOB("ListLayerVersions", "GET", LAYER "/versions", 200, &list_layer_versions_shape, layer_list_versions),
    JOB("GetLayerVersionByArn", "GET", LAYERS "?find=LayerVersion", 200, &layer_arn_shape, layer_get_by_arn),
    JOB("ListLayers", "GET", LAYERS, 200, &list_layers_shape, layer_list),
    JOB("GetLayerVersion", "GET", LAYER_VERSION, 200, &layer_version_shape, layer_get),
    JOB("DeleteLayerVersion", "DELETE", LAYER_VERSION, 204, &layer_version_shape, layer_delete,
        .on_done = layer_deleted),
    JOB("AddLayerVersionPermission", "POST", LAYER_VERSION "/policy", 201, &add_layer_permission_shape,
        layer_permission_add),
    JOB("GetLayerVersionPolicy", "GET", LAYER_VERSION "/policy", 200, &layer_version_shape, layer_policy_get),
    JOB("RemoveLayerVersionPermission", "DELETE", LAYER_VERSION "/policy/{StatementId}", 204,
        &remove_layer_permission_shape, layer_permission_remove),

    JOB("GetAccountSettings", "GET", "/2016-08-19/account-settings", 200, NULL, account_get),

    JOB("PutFunctionConcurrency", "PUT", "/2017-10-31/functions/{FunctionName}/concurrency", 200,
        &put_concurrency_shape, concurrency_put),
    JOB("DeleteFunctionConcurrency", "DELETE", "/2017-10-31/functions/{FunctionName}/concurrency", 204,
        &function_only_shape, concurrency_delete),
    JOB("GetFunctionConcurrency", "GET", "/2019-09-30/functions/{FunctionName}/concurrency", 200, &function_only_shape,
        concurrency_get),

    /* One path, two operations: the list is asked for in the query. */
    JOB("ListProvisionedConcurrencyConfigs", "GET", PROVISIONED "?List=ALL", 200, &list_provisioned_shape,
        provisioned_list, .on_done = provisioned_write_list),
    JOB("GetProvisionedConcurrencyConfig", "GET", PROVISIONED, 200, &provisioned_shape, provisioned_get,
        .on_done = provisioned_write),
    JOB("PutProvisionedConcurrencyConfig", "PUT", PROVISIONED, 202, &put_provisioned_shape, provisioned_put,
        .on_done = provisioned_write),
    JOB("DeleteProvisionedConcurrencyConfig", "DELETE", PROVISIONED, 204, &provisioned_shape, provisioned_delete),

    JOB("GetFunctionCodeSigningConfig", "GET", "/2020-06-30/functions/{FunctionName}/code-signing-config", 200,
        &function_only_shape, code_signing_get),
    JOB("PutRuntimeManagementConfig", "PUT", "/2021-07-20/functions/{FunctionName}/runtime-management-config", 200,
        &put_runtime_management_shape, runtime_management_put),
    JOB("GetRuntimeManagementConfig", "GET", "/2021-07-20/functions/{FunctionName}/runtime-management-config", 200,
        &function_qualifier_shape, runtime_management_get),
    JOB("PutFunctionRecursionConfig", "PUT", "/2024-08-31/functions/{FunctionName}/recursion-config", 200,
        &put_recursion_shape, recursion_put),
    JOB("GetFunctionRecursionConfig", "GET", "/2024-08-31/functions/{FunctionName}/recursion-config", 200,
        &function_only_shape, recursion_get),
};

const struct aws_service aws_lambda = {
    .name = "lambda",
    .protocol = AWS_REST_JSON,
    .operations = operations,
    .operations_count = sizeof operations / sizeof *operations,
};

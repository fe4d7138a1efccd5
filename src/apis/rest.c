/*
 * The tables first, since they are the module: SQL column, type, place in the struct, AWS's name.  A row's JSON has its
 * members in this order.
 */
#include "apis/rest.h"

#include <stddef.h>

#define ROW(c_type, kind, member, json_name)                      \
    {                                                             \
#member, kind, offsetof(struct c_type, member), json_name \
    }
#define TABLE(sql_name, c_type, rows, keys)                                                                \
    {                                                                                                      \
        .name = sql_name, .columns = (rows), .count = sizeof(rows) / sizeof *(rows), .keys_count = (keys), \
        .size = sizeof(struct c_type)                                                                      \
    }

static const struct row_column api_columns[] = {
    ROW(rest_api, ROW_STR, id, "id"),
    ROW(rest_api, ROW_STR, name, "name"),
    ROW(rest_api, ROW_STR, description, "description"),
    ROW(rest_api, ROW_TIME, created_us, "createdDate"),
    ROW(rest_api, ROW_STR, version, "version"),
    ROW(rest_api, ROW_JSON, binary_media_types, "binaryMediaTypes"),
    ROW(rest_api, ROW_INT, minimum_compression_size, "minimumCompressionSize"),
    ROW(rest_api, ROW_STR, api_key_source, "apiKeySource"),
    ROW(rest_api, ROW_JSON, endpoint_configuration, "endpointConfiguration"),
    ROW(rest_api, ROW_STR, policy, NULL), /* escaped once more: the door's */
    ROW(rest_api, ROW_JSON, tags, NULL),  /* {} or absent, by operation: the door's */
    ROW(rest_api, ROW_BOOL, endpoint_disabled, "disableExecuteApiEndpoint"),
    ROW(rest_api, ROW_STR, root_resource_id, "rootResourceId"),
};
const struct row_table rest_apis = TABLE("rest_apis", rest_api, api_columns, 1);

static const struct row_column resource_columns[] = {
    ROW(rest_resource, ROW_STR, api_id, NULL),          ROW(rest_resource, ROW_STR, id, "id"),
    ROW(rest_resource, ROW_STR, parent_id, "parentId"), ROW(rest_resource, ROW_STR, path_part, "pathPart"),
    ROW(rest_resource, ROW_STR, path, "path"),
};
const struct row_table rest_resources = TABLE("rest_resources", rest_resource, resource_columns, 2);

static const struct row_column method_columns[] = {
    ROW(rest_method, ROW_STR, api_id, NULL),
    ROW(rest_method, ROW_STR, resource_id, NULL),
    ROW(rest_method, ROW_STR, verb, "httpMethod"),
    ROW(rest_method, ROW_STR, authorization_type, "authorizationType"),
    ROW(rest_method, ROW_JSON, authorization_scopes, "authorizationScopes"),
    ROW(rest_method, ROW_BOOL, api_key_required, "apiKeyRequired"),
    ROW(rest_method, ROW_STR, operation_name, "operationName"),
    ROW(rest_method, ROW_JSON, request_parameters, "requestParameters"),
    ROW(rest_method, ROW_JSON, request_models, "requestModels"),
};
const struct row_table rest_methods = TABLE("rest_methods", rest_method, method_columns, 3);

static const struct row_column method_response_columns[] = {
    ROW(rest_method_response, ROW_STR, api_id, NULL),
    ROW(rest_method_response, ROW_STR, resource_id, NULL),
    ROW(rest_method_response, ROW_STR, verb, NULL),
    ROW(rest_method_response, ROW_STR, status, "statusCode"),
    ROW(rest_method_response, ROW_JSON, response_parameters, "responseParameters"),
    ROW(rest_method_response, ROW_JSON, response_models, "responseModels"),
};
const struct row_table rest_method_responses =
    TABLE("rest_method_responses", rest_method_response, method_response_columns, 4);

static const struct row_column integration_columns[] = {
    ROW(rest_integration, ROW_STR, api_id, NULL),
    ROW(rest_integration, ROW_STR, resource_id, NULL),
    ROW(rest_integration, ROW_STR, verb, NULL),
    ROW(rest_integration, ROW_STR, type, "type"),
    ROW(rest_integration, ROW_STR, integration_verb, "httpMethod"),
    ROW(rest_integration, ROW_STR, uri, "uri"),
    ROW(rest_integration, ROW_STR, credentials, "credentials"),
    ROW(rest_integration, ROW_JSON, request_parameters, "requestParameters"),
    ROW(rest_integration, ROW_JSON, request_templates, "requestTemplates"),
    ROW(rest_integration, ROW_STR, passthrough_behavior, "passthroughBehavior"),
    ROW(rest_integration, ROW_STR, content_handling, "contentHandling"),
    ROW(rest_integration, ROW_INT, timeout_ms, "timeoutInMillis"),
    ROW(rest_integration, ROW_STR, cache_namespace, "cacheNamespace"),
    ROW(rest_integration, ROW_JSON, cache_key_parameters, "cacheKeyParameters"),
};
const struct row_table rest_integrations = TABLE("rest_integrations", rest_integration, integration_columns, 3);

static const struct row_column integration_response_columns[] = {
    ROW(rest_integration_response, ROW_STR, api_id, NULL),
    ROW(rest_integration_response, ROW_STR, resource_id, NULL),
    ROW(rest_integration_response, ROW_STR, verb, NULL),
    ROW(rest_integration_response, ROW_STR, status, "statusCode"),
    ROW(rest_integration_response, ROW_STR, selection_pattern, "selectionPattern"),
    ROW(rest_integration_response, ROW_JSON, response_parameters, "responseParameters"),
    ROW(rest_integration_response, ROW_JSON, response_templates, "responseTemplates"),
    ROW(rest_integration_response, ROW_STR, content_handling, "contentHandling"),
};
const struct row_table rest_integration_responses =
    TABLE("rest_integration_responses", rest_integration_response, integration_response_columns, 4);

static const struct row_column deployment_columns[] = {
    ROW(rest_deployment, ROW_STR, api_id, NULL),
    ROW(rest_deployment, ROW_STR, id, "id"),
    ROW(rest_deployment, ROW_STR, description, "description"),
    ROW(rest_deployment, ROW_TIME, created_us, "createdDate"),
    ROW(rest_deployment, ROW_JSON, snapshot, NULL),
};
const struct row_table rest_deployments = TABLE("rest_deployments", rest_deployment, deployment_columns, 2);

static const struct row_column stage_columns[] = {
    ROW(rest_stage, ROW_STR, api_id, NULL),
    ROW(rest_stage, ROW_STR, name, "stageName"),
    ROW(rest_stage, ROW_STR, deployment_id, "deploymentId"),
    ROW(rest_stage, ROW_STR, description, "description"),
    ROW(rest_stage, ROW_JSON, variables, "variables"),
    ROW(rest_stage, ROW_STR, documentation_version, "documentationVersion"),
    ROW(rest_stage, ROW_BOOL, tracing_enabled, "tracingEnabled"),
    ROW(rest_stage, ROW_JSON, tags, "tags"),
    ROW(rest_stage, ROW_TIME, created_us, "createdDate"),
    ROW(rest_stage, ROW_TIME, updated_us, "lastUpdatedDate"),
};
const struct row_table rest_stages = TABLE("rest_stages", rest_stage, stage_columns, 2);

bool rest_tree_load(struct db *db, str api_id, str resource_id, struct arena *arena, struct rest_tree *ret,
                    struct err *err)
{
    const str key[] = {api_id, resource_id};
    int parts = resource_id.len ? 2 : 1;
    struct rest_tree tree = {0};
    const struct {
        const struct row_table *table;
        void **rows;
        int *count;
    } loads[] = {
        {&rest_resources, (void **)&tree.resources, &tree.resources_count},
        {&rest_methods, (void **)&tree.methods, &tree.methods_count},
        {&rest_method_responses, (void **)&tree.method_responses, &tree.method_responses_count},
        {&rest_integrations, (void **)&tree.integrations, &tree.integrations_count},
        {&rest_integration_responses, (void **)&tree.integration_responses, &tree.integration_responses_count},
    };

    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++)
        if (!row_list(db, loads[i].table, key, parts, arena, loads[i].rows, loads[i].count, err))
            return false;
    *ret = tree;
    return true;
}

/* Members of a tree that belong to one method. */
#define OF_METHOD(row, method) \
    (str_eq((row)->resource_id, (method)->resource_id) && str_eq((row)->verb, (method)->verb))

void rest_integration_write(struct jw *jw, const struct rest_tree *tree, const struct rest_integration *integration)
{
    bool open = false;

    jw_object(jw);
    row_write(jw, &rest_integrations, integration);
    for (int i = 0; i < tree->integration_responses_count; i++) {
        const struct rest_integration_response *response = &tree->integration_responses[i];

        if (!OF_METHOD(response, integration))
            continue;
        if (!open)
            jw_object_key(jw, "integrationResponses");
        open = true;
        jw_key(jw, response->status);
        jw_object(jw);
        row_write(jw, &rest_integration_responses, response);
        jw_object_end(jw);
    }
    if (open)
        jw_object_end(jw);
    jw_object_end(jw);
}

void rest_method_write(struct jw *jw, const struct rest_tree *tree, const struct rest_method *method)
{
    bool open = false;

    jw_object(jw);
    row_write(jw, &rest_methods, method);
    for (int i = 0; i < tree->method_responses_count; i++) {
        const struct rest_method_response *response = &tree->method_responses[i];

        if (!OF_METHOD(response, method))
            continue;
        if (!open)
            jw_object_key(jw, "methodResponses");
        open = true;
        jw_key(jw, response->status);
        jw_object(jw);
        row_write(jw, &rest_method_responses, response);
        jw_object_end(jw);
    }
    if (open)
        jw_object_end(jw);
    for (int i = 0; i < tree->integrations_count; i++)
        if (OF_METHOD(&tree->integrations[i], method)) {
            jw_key(jw, STR("methodIntegration"));
            rest_integration_write(jw, tree, &tree->integrations[i]);
        }
    jw_object_end(jw);
}

void rest_resource_write(struct jw *jw, const struct rest_tree *tree, const struct rest_resource *resource, bool embed)
{
    bool open = false;

    jw_object(jw);
    row_write(jw, &rest_resources, resource);
    for (int i = 0; i < tree->methods_count; i++) {
        const struct rest_method *method = &tree->methods[i];

        if (!str_eq(method->resource_id, resource->id))
            continue;
        if (!open)
            jw_object_key(jw, "resourceMethods");
        open = true;
        jw_key(jw, method->verb);
        if (embed)
            rest_method_write(jw, tree, method);
        else
            jw_raw_value(jw, STR("{}"));
    }
    if (open)
        jw_object_end(jw);
    jw_object_end(jw);
}

void rest_snapshot_write(struct jw *jw, const struct rest_tree *tree, const struct rest_api *api)
{
    jw_object(jw);
    if (api->binary_media_types.at)
        jw_raw(jw, "binaryMediaTypes", api->binary_media_types);
    jw_bool(jw, "disableExecuteApiEndpoint", api->endpoint_disabled);
    jw_array_key(jw, "resources");
    for (int i = 0; i < tree->resources_count; i++)
        rest_resource_write(jw, tree, &tree->resources[i], true);
    jw_array_end(jw);
    jw_object_end(jw);
}

bool rest_default_api(struct db *db, struct arena *arena, str *ret, struct err *err)
{
    struct err fault = {0};
    str id = STR("");
    DB_ROWS_AUTO rows = db_query(db, &fault, "SELECT id FROM rest_apis WHERE name = 'sculler' ORDER BY rowid LIMIT 1");

    if (db_next(&rows, &fault))
        id = db_text(&rows, 0, arena);
    if (fault.code != ERR_NONE) {
        *err = fault;
        return false;
    }
    *ret = id;
    return true;
}

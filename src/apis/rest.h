/*
 * rest: the entities of API Gateway v1 as rows, and the two that are shown whole: a resource with its methods, and the
 * snapshot that a deployment is.
 *
 * All on the state lane.  What a row means to a client (defaults, checks, messages) is the door's; here is only what
 * is kept, how it hangs together, and AWS's JSON for it.
 */
#pragma once

#include "apis/rows.h"

struct rest_api {
    str id, name, description, version, api_key_source, policy, root_resource_id;
    str binary_media_types, endpoint_configuration, tags; /* JSON */
    int64_t minimum_compression_size, created_us;
    bool endpoint_disabled;
};

struct rest_resource {
    str api_id, id, parent_id, path_part, path;
};

struct rest_method {
    str api_id, resource_id, verb, authorization_type, operation_name;
    str authorization_scopes, request_parameters, request_models; /* JSON */
    bool api_key_required;
};

struct rest_method_response {
    str api_id, resource_id, verb, status;
    str response_parameters, response_models; /* JSON */
};

struct rest_integration {
    str api_id, resource_id, verb, type, integration_verb, uri, credentials, passthrough_behavior;
    str content_handling, cache_namespace;
    str request_parameters, request_templates, cache_key_parameters; /* JSON */
    int64_t timeout_ms;
};

struct rest_integration_response {
    str api_id, resource_id, verb, status, selection_pattern, content_handling;
    str response_parameters, response_templates; /* JSON */
};

struct rest_deployment {
    str api_id, id, description, snapshot;
    int64_t created_us;
};

struct rest_stage {
    str api_id, name, deployment_id, description, documentation_version;
    str variables, tags; /* JSON */
    int64_t created_us, updated_us;
    bool tracing_enabled;
};

/* Keys: {id}; {api, id}; {api, resource, verb}; … and the status; {api, id}; {api, name}. */
extern const struct row_table rest_apis, rest_resources, rest_methods, rest_method_responses, rest_integrations,
    rest_integration_responses, rest_deployments, rest_stages;

/* An API, or one resource of it, with all that hangs on it. */
struct rest_tree {
    struct rest_resource *resources;
    struct rest_method *methods;
    struct rest_method_response *method_responses;
    struct rest_integration *integrations;
    struct rest_integration_response *integration_responses;
    int resources_count, methods_count, method_responses_count, integrations_count, integration_responses_count;
};

/* resource_id empty: the whole API. */
MUST_USE bool rest_tree_load(struct db *db, str api_id, str resource_id, struct arena *arena, struct rest_tree *ret,
                             struct err *err);

/* Whole objects, braces included.  embed: methods with all they have, else only their names. */
void rest_resource_write(struct jw *jw, const struct rest_tree *tree, const struct rest_resource *resource, bool embed);
void rest_method_write(struct jw *jw, const struct rest_tree *tree, const struct rest_method *method);
void rest_integration_write(struct jw *jw, const struct rest_tree *tree, const struct rest_integration *integration);

/* The deployment's text: {"binaryMediaTypes":[…],"disableExecuteApiEndpoint":…,"resources":[…]}, resources as
 * GetResources embeds them. */
void rest_snapshot_write(struct jw *jw, const struct rest_tree *tree, const struct rest_api *api);

/* The oldest API named "sculler" (`sculler deploy` makes it), served under the short /{stage}/{path}; empty: none. */
MUST_USE bool rest_default_api(struct db *db, struct arena *arena, str *ret, struct err *err);

/*
 * apigateway_private: what the service's files share: the inputs, the handlers, and the few steps that nearly every
 * handler takes.  Handlers are jobs of the state lane, inside the door's transaction.
 *
 * A helper that returns false has called aws_fail already.
 */
#pragma once

#include "apis/rest.h"
#include "aws/door.h"

/* -- inputs (shapes.c); a label that an operation does not have stays empty ------------------------------------- */

struct ref_input { /* whatever is only named: Get*, Delete* and lists */
    str api, resource, verb, status, deployment, stage, position;
    struct shape_int limit;
    struct shape_list embed;
};

struct create_rest_api_input {
    str name, description, version, api_key_source, policy, clone_from;
    struct shape_list binary_media_types;
    struct shape_int minimum_compression_size;
    json_t *endpoint_configuration;
    json_t *tags;
    struct shape_bool endpoint_disabled;
};

struct create_resource_input {
    str api, parent, path_part;
};

struct put_method_input {
    str api, resource, verb, authorization_type, authorizer_id, operation_name, request_validator_id;
    struct shape_bool api_key_required;
    json_t *request_parameters, *request_models;
    struct shape_list authorization_scopes;
};

struct put_method_response_input {
    str api, resource, verb, status;
    json_t *response_parameters, *response_models;
};

struct put_integration_input {
    str api, resource, verb, type, integration_verb, uri, credentials, passthrough_behavior, content_handling;
    str cache_namespace;
    json_t *request_parameters, *request_templates;
    struct shape_list cache_key_parameters;
    struct shape_int timeout_ms;
};

struct put_integration_response_input {
    str api, resource, verb, status, selection_pattern, content_handling;
    json_t *response_parameters, *response_templates;
};

struct create_deployment_input {
    str api, stage, stage_description, description;
    json_t *variables, *canary_settings;
    struct shape_bool tracing_enabled;
};

struct create_stage_input {
    str api, stage, deployment, description, documentation_version;
    json_t *variables, *tags, *canary_settings;
    struct shape_bool tracing_enabled;
};

struct patch_operation {
    str op, path, value, from;
};

struct update_stage_input {
    str api, stage;
    struct shape_list patches; /* of struct patch_operation */
};

extern const struct shape ref_shape, create_rest_api_shape, create_resource_shape, put_method_shape,
    put_method_response_shape, put_integration_shape, put_integration_response_shape, create_deployment_shape,
    create_stage_shape, update_stage_shape;

/* -- handlers, by file -------------------------------------------------------------------------------------------- */

bool create_rest_api(struct aws_call *call); /* rest_apis.c */
bool get_rest_api(struct aws_call *call);
bool get_rest_apis(struct aws_call *call);
bool delete_rest_api(struct aws_call *call);
bool get_account(struct aws_call *call);

bool create_resource(struct aws_call *call); /* resources.c */
bool get_resource(struct aws_call *call);
bool get_resources(struct aws_call *call);
bool delete_resource(struct aws_call *call);

bool put_method(struct aws_call *call); /* methods.c */
bool get_method(struct aws_call *call);
bool delete_method(struct aws_call *call);
bool put_method_response(struct aws_call *call);
bool get_method_response(struct aws_call *call);
bool delete_method_response(struct aws_call *call);

bool put_integration(struct aws_call *call); /* integrations.c */
bool get_integration(struct aws_call *call);
bool delete_integration(struct aws_call *call);
bool put_integration_response(struct aws_call *call);
bool get_integration_response(struct aws_call *call);
bool delete_integration_response(struct aws_call *call);

bool create_deployment(struct aws_call *call); /* deployments.c */
bool get_deployment(struct aws_call *call);
bool get_deployments(struct aws_call *call);
bool delete_deployment(struct aws_call *call);

bool create_stage(struct aws_call *call); /* stages.c */
bool get_stage(struct aws_call *call);
bool get_stages(struct aws_call *call);
bool update_stage(struct aws_call *call);
bool delete_stage(struct aws_call *call);

/* -- shared steps (common.c) ----------------------------------------------------------------------------------------
 */

str new_id(struct arena *arena, int len); /* lower-case letters and digits */

/* What a row_* call came to: true as it is; not there or there already as the error with AWS's text, all else 500. */
bool found_or(struct aws_call *call, bool result, const struct err *err, const char *not_found);
bool added_or(struct aws_call *call, bool result, const struct err *err, const char *conflict);

bool find_api(struct aws_call *call, str api, struct rest_api *ret);
bool find_resource(struct aws_call *call, str api, str resource, struct rest_resource *ret);
bool find_method(struct aws_call *call, str api, str resource, str verb, struct rest_method *ret);
bool find_integration(struct aws_call *call, str api, str resource, str verb, struct rest_integration *ret);
bool load_tree(struct aws_call *call, str api, str resource, struct rest_tree *ret);

/* A map as it is kept: JSON text, at == NULL when not sent (or empty, unless keep_empty).  Values must be text, or
 * truth values with MAP_OF_BOOLS; with MAP_OF_TEMPLATES an empty text becomes null. */
enum map_kind { MAP_OF_TEXTS, MAP_OF_BOOLS, MAP_OF_TEMPLATES };
bool map_text(struct aws_call *call, json_t *map, enum map_kind kind, bool keep_empty, str *ret);
str list_text(struct aws_call *call, const struct shape_list *list); /* a list of texts as JSON */

/* AWS's paging of a list that is here as a whole: which of the `count` ids to show. */
struct page {
    int from, to;
    str next; /* position of the next page, empty: that was all */
};
struct page page_of(const struct ref_input *input, const str *ids, int count);
void page_begin(struct aws_call *call);                        /* {"item":[ */
void page_end(struct aws_call *call, const struct page *page); /* ] and the position } */

/* Mapping expressions (API Gateway developer guide, integrations), as far as their form goes. */
bool is_request_source(str expression);
bool is_response_source(str expression);
bool fail_mapping(struct aws_call *call, const char *format, str what);

/* The loop's copies that follow a change. */
void stage_changed(struct aws_call *call, str api, str stage);
void api_removed(struct aws_call *call, str api);
void default_changed(struct aws_call *call);

/* The members of a stage (stages.c), and its row as others make it. */
void stage_write(struct aws_call *call, const struct rest_stage *stage);
bool check_stage_name(struct aws_call *call, str name);

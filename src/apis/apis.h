/*
 * apis: REST APIs as API Gateway knows them: what may be reached over HTTP, and how it becomes an invocation.
 *
 * The truth is in sculler.db (the editable API: resources, methods, integrations; deployments as immutable JSON
 * copies; stages).  For the data plane the loop keeps a compiled copy of each stage's deployment, put here by
 * the `done` of the job that changed it, before the change is answered.
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"

enum integration_kind { INTEGRATION_LAMBDA, INTEGRATION_LAMBDA_PROXY, INTEGRATION_MOCK };

struct api_pair {
    str name, value;
};

struct integration_response {
    str status;            /* "200" */
    str selection_pattern; /* empty and !has_pattern: the default */
    bool has_pattern;
    struct api_pair *templates; /* content type -> template */
    int templates_count;
    struct api_pair *headers; /* method.response.header.X -> source */
    int headers_count;
    str content_handling; /* CONVERT_TO_TEXT, CONVERT_TO_BINARY or empty */
};

struct api_method {
    str verb;     /* "GET", "POST", "ANY" */
    bool iam;     /* authorizationType AWS_IAM */
    bool api_key; /* apiKeyRequired */
    enum integration_kind kind;
    str function, qualifier; /* from the Lambda URI; stage variables already put in */
    struct api_pair *request_templates;
    int request_templates_count;
    str passthrough; /* WHEN_NO_MATCH, WHEN_NO_TEMPLATES, NEVER */
    int timeout_ms;
    bool async;           /* X-Amz-Invocation-Type 'Event' is mapped */
    str integration_verb; /* must be POST for Lambda; told when it is called, as AWS does */
    str content_handling;
    struct integration_response *responses;
    int responses_count;
};

struct api_resource {
    str id, path; /* "/", "/budget_expense_matcher", "/users/{id}", "/{proxy+}" */
    struct api_method *methods;
    int methods_count;
};

/* One stage as it answers.  Immutable; the map holds it until it is replaced; requests in flight retain it.  The
 * struct itself lives in its arena.  Made by compile.h with one reference. */
struct api_stage {
    struct arena arena;
    int references;
    str api_id, name, deployment_id;
    bool endpoint_disabled; /* disableExecuteApiEndpoint, as it was deployed */
    struct api_resource *resources;
    int resources_count;
    struct api_pair *variables;
    int variables_count;
    struct api_pair *binary_types; /* name only */
    int binary_types_count;
};

struct apis; /* the loop's table of live stages */

struct apis *apis_new(void);
void apis_free(struct apis *apis);
void apis_put(struct apis *apis, struct api_stage *stage); /* takes it */
void apis_remove(struct apis *apis, str api_id, str stage);
void apis_remove_all(struct apis *apis, str api_id);  /* the API is gone */
void apis_set_default(struct apis *apis, str api_id); /* the API served under the short /{stage}/{path}; or "" */
str apis_default(const struct apis *apis);
bool apis_known(const struct apis *apis, str api_id);
struct api_stage *apis_stage(const struct apis *apis, str api_id, str stage); /* retained; NULL: none */
void api_stage_release(struct api_stage *stage);

/* In match.c: literal beats {x} beats {x+}; the match is on resource and verb (API Gateway developer guide, gateway
 * responses).  `path` is what is behind the stage, undecoded.  NULL: nobody serves it.  ret_params: in the arena,
 * undecoded. */
const struct api_method *api_match(const struct api_stage *stage, str verb, str path, struct arena *arena,
                                   const struct api_resource **ret_resource, struct api_pair **ret_params,
                                   int *ret_params_count);

/* lambda_private: what the files of this folder share. */
#pragma once

#include "aws/lambda/lambda.h"
#include "functions/layers.h"
#include "functions/packages.h"
#include "functions/store.h"

/* -- names.c: which function is meant --------------------------------------------------------------------- */

struct lambda_ref {
    str name;
    str qualifier; /* empty: none was given, in the name or beside it */
};

/* The checks behind the shape's, in AWS's order: qualifier in the name against the one beside it, region,
 * account (AWS Lambda API reference, patterns of FunctionName).  Existence is the handler's. */
MUST_USE bool lambda_ref_of(struct aws_call *call, str function, str qualifier, struct lambda_ref *ret);
/* arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER] */
str lambda_arn(struct aws_call *call, str name, str qualifier);

/* STORE_OK: true.  Else aws_fail in the words that most operations use (AWS Lambda API reference, CreateFunction); who
 * has other words looks at the answer first.  `ref` names the function in them. */
bool lambda_answer(struct aws_call *call, enum store_answer answer, const struct lambda_ref *ref,
                   const struct err *err);

/* The catalog must follow what this job did to the function: loaded after the commit, put before the answer. */
void lambda_changed(struct aws_call *call, str name);
/* on_done of what makes code or configuration: from Pending to Active, by readiness. */
void lambda_prepare_changed(struct aws_call *call);

/* Rows that most shapes begin with.  `type` has members `function` and `qualifier`. */
#define FIELD_FUNCTION_GET(type)                                                                       \
    {                                                                                                  \
        "FunctionName", SHAPE_IN_PATH, SHAPE_STR, offsetof(type, function), SHAPE_REQUIRED, .check = { \
            LENGTH(1, 256),                                                                            \
            .pattern = &pattern_fn_get                                                                 \
        }                                                                                              \
    }
#define FIELD_FUNCTION_CREATE(type)                                                                    \
    {                                                                                                  \
        "FunctionName", SHAPE_IN_PATH, SHAPE_STR, offsetof(type, function), SHAPE_REQUIRED, .check = { \
            LENGTH(1, 140),                                                                            \
            .pattern = &pattern_fn_create                                                              \
        }                                                                                              \
    }
#define FIELD_QUALIFIER(type)                                                         \
    {                                                                                 \
        "Qualifier", SHAPE_IN_QUERY, SHAPE_STR, offsetof(type, qualifier), .check = { \
            LENGTH(1, 128),                                                           \
            .pattern = &pattern_qualifier                                             \
        }                                                                             \
    }
#define FIELD_MARKER(type)                                          \
    {                                                               \
        "Marker", SHAPE_IN_QUERY, SHAPE_STR, offsetof(type, marker) \
    }
#define FIELD_MAX_ITEMS(type)                                                                          \
    {                                                                                                  \
        "MaxItems", SHAPE_IN_QUERY, SHAPE_INT, offsetof(type, max_items), .check = { VALUE(1, 10000) } \
    }

/* The commonest input: a function, maybe a qualifier. */
struct function_input {
    str function, qualifier;
};
extern const struct shape function_qualifier_shape, function_only_shape;

enum { PAGE_ITEMS_MAX = 50 };
int lambda_page(const struct shape_int *max_items);

/* -- layer_names.c --------------------------------------------------------------------------------------------- */

struct layer_arn_parts {
    str region, account, layer;
    long long version; /* -1: none */
};
void layer_arn_parts(str arn, struct layer_arn_parts *ret);
str layer_arn(struct aws_call *call, str layer);
str layer_version_arn(struct aws_call *call, str layer, int64_t version);
/* {LayerName} is a name or an ARN of ours. */
MUST_USE bool layer_name_of(struct aws_call *call, str given, str *ret);
MUST_USE bool layer_check_number(struct aws_call *call, int64_t version);
bool layer_fail_unknown(struct aws_call *call);

struct layer_version_input {
    str layer;
    struct shape_int version;
};
#define FIELD_LAYER(type)                                                                        \
    {                                                                                            \
        "LayerName", SHAPE_IN_PATH, SHAPE_STR, offsetof(type, layer), SHAPE_REQUIRED, .check = { \
            LENGTH(1, 140),                                                                      \
            .pattern = &pattern_layer_name                                                       \
        }                                                                                        \
    }
#define FIELD_LAYER_VERSION(type)                                                          \
    {                                                                                      \
        "VersionNumber", SHAPE_IN_PATH, SHAPE_INT, offsetof(type, version), SHAPE_REQUIRED \
    }

/* -- layer_use.c ------------------------------------------------------------------------------------------------- */

/* Were layers given?  Then they are checked and put into `config`. */
MUST_USE bool lambda_apply_layers(struct aws_call *call, const struct shape_list *layers,
                                  struct function_config *config);
void lambda_write_layers(struct aws_call *call, str layers_json); /* the member of a FunctionConfiguration */
/* The package of `config` and its layers together. */
MUST_USE bool lambda_check_size(struct aws_call *call, const struct function_config *config);

/* -- policy.c ----------------------------------------------------------------------------------------------------- */

/* What goes wrong with the statements of any policy, a function's or a layer's, whose RevisionId is read with `reader`.
 * *ret_known false: it is something else, nothing was said. */
MUST_USE bool policy_answer(struct aws_call *call, enum store_answer answer, str statement_id, const char *reader,
                            bool *ret_known);

/* -- config_json.c ----------------------------------------------------------------------------------------- */

/* The members of a FunctionConfiguration, into an object that the caller opened.  listed: as in lists (no
 * State, LastUpdateStatus, RuntimeVersionConfig). */
void lambda_write_config(struct aws_call *call, const struct function_config *config, str arn, bool listed);

/* -- config_input.c: what CreateFunction and UpdateFunctionConfiguration have in common --------------------- */

struct config_input {
    str function, description, role, runtime, handler, kms_key_arn, package_type, revision_id;
    struct shape_int timeout, memory;
    struct shape_list architectures, layers;
    struct environment_input {
        bool given;
        struct shape_map variables;
    } environment;
    struct ephemeral_input {
        bool given;
        struct shape_int size;
    } ephemeral;
    struct tracing_input {
        bool given;
        str mode;
    } tracing;
    struct snap_start_input {
        bool given;
        str apply_on;
    } snap_start;
    struct logging_input {
        bool given;
        str format, group, application_level, system_level;
    } logging;
    struct vpc_input {
        bool given;
        struct shape_list subnets, security_groups;
        struct shape_bool ipv6;
    } vpc;
    struct dead_letter_input {
        bool given;
        str target;
    } dead_letter;
    json_t *file_systems, *image_config;
    struct shape_map tags;
    struct shape_bool publish;
    struct code_input {
        bool given;
        str zip_file, s3_bucket, s3_key, s3_version, image_uri;
    } code;
};
extern const struct shape create_function_shape, update_configuration_shape;

/* What a table cannot say about it, checked; then what was given is put into `config`, which holds AWS's
 * defaults or what was stored. */
MUST_USE bool lambda_apply_config(struct aws_call *call, const struct config_input *input,
                                  struct function_config *config);

/* -- code.c: the upload --------------------------------------------------------------------------------------- */

struct code_upload;
bool code_on_route(struct aws_call *call);
bool code_on_body(struct aws_call *call);
bool code_prepare(struct aws_call *call); /* lane: durable under its hash, or refused */
void code_on_end(struct aws_call *call);
bool code_check_source(struct aws_call *call, const struct code_input *code);
const struct package *code_package(struct aws_call *call); /* NULL: none was sent */

/* patterns: AWS's regular expressions for Lambda's parameters: their text, and a matcher for each. */
#pragma once

#include "aws/shape.h"

extern const struct shape_pattern
    pattern_fn_get; /* a function, in any spelling (AWS Lambda API reference, patterns of FunctionName) */
extern const struct shape_pattern pattern_fn_create; /* stricter: what may be made and changed */
extern const struct shape_pattern pattern_qualifier;
extern const struct shape_pattern pattern_alias;
extern const struct shape_pattern pattern_version; /* $LATEST or a number */
extern const struct shape_pattern pattern_number;  /* [0-9]+ */
extern const struct shape_pattern pattern_role;
extern const struct shape_pattern pattern_handler;
extern const struct shape_pattern pattern_variable; /* name of an environment variable */
extern const struct shape_pattern pattern_statement_id;
extern const struct shape_pattern pattern_action;
extern const struct shape_pattern pattern_principal;
extern const struct shape_pattern pattern_source_account; /* \d{12} */
extern const struct shape_pattern pattern_arn;            /* any */
extern const struct shape_pattern pattern_organization;
extern const struct shape_pattern pattern_event_token;
extern const struct shape_pattern pattern_log_group;
extern const struct shape_pattern pattern_subnet;
extern const struct shape_pattern pattern_security_group;
extern const struct shape_pattern pattern_layer;      /* the ARN of a layer's version */
extern const struct shape_pattern pattern_layer_name; /* a name, or an ARN without a version */
extern const struct shape_pattern pattern_layer_action, pattern_layer_principal, pattern_layer_organization;
extern const struct shape_pattern pattern_function_arn; /* of tags */

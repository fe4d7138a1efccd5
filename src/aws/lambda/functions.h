/* functions: CreateFunction to ListFunctions: handlers and shapes, for the rows in operations.c. */
#pragma once

#include "aws/lambda/lambda_private.h"

struct update_code_input {
    str function, revision_id;
    struct code_input code;
    struct shape_bool publish, dry_run;
    struct shape_list architectures;
};

extern const struct shape update_code_shape, list_functions_shape;

bool function_create(struct aws_call *call);
bool function_get(struct aws_call *call);
bool function_get_configuration(struct aws_call *call);
bool function_delete(struct aws_call *call);
bool function_update_configuration(struct aws_call *call);
bool function_update_code(struct aws_call *call);
bool function_list(struct aws_call *call);

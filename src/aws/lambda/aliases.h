/* aliases: names for versions, with weights: handlers and shapes, for the rows in operations.c. */
#pragma once

#include "aws/lambda/lambda_private.h"

extern const struct shape create_alias_shape, update_alias_shape, alias_shape, list_aliases_shape;

bool alias_create(struct aws_call *call);
bool alias_get(struct aws_call *call);
bool alias_update(struct aws_call *call);
bool alias_delete(struct aws_call *call);
bool alias_list(struct aws_call *call);

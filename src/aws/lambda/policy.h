/* policy: AddPermission, RemovePermission, GetPolicy: handlers and shapes, for the rows in operations.c. */
#pragma once

#include "aws/lambda/lambda_private.h"

extern const struct shape add_permission_shape, remove_permission_shape;

bool permission_add(struct aws_call *call);
bool permission_remove(struct aws_call *call);
bool policy_get(struct aws_call *call);

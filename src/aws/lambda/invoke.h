/* invoke: the Invoke operation: handler and shape, for the row in operations.c. */
#pragma once

#include "aws/door.h"

extern const struct shape invoke_shape;
void invoke_operation(struct aws_call *call);

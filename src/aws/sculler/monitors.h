/* monitors: /v1/functions/{FunctionName}/monitor: where a function's decisions are to be found. */
#pragma once

#include "aws/door.h"

extern const struct shape monitors_shape;
void monitors_get(struct aws_call *call);
void monitors_put(struct aws_call *call);
void monitors_delete(struct aws_call *call);

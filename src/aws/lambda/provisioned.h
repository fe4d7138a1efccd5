/* provisioned: workers that are ready before they are called: for the rows in operations.c. */
#pragma once

#include "aws/lambda/lambda_private.h"

extern const struct shape put_provisioned_shape, provisioned_shape, list_provisioned_shape;

bool provisioned_put(struct aws_call *call);
bool provisioned_get(struct aws_call *call);
bool provisioned_list(struct aws_call *call);
bool provisioned_delete(struct aws_call *call);
/* on_done of put, get and list: the answer, with what the pool has. */
void provisioned_write(struct aws_call *call);
void provisioned_write_list(struct aws_call *call);

/* settings: tags, concurrency, account, and what is only stored and echoed: for the rows in operations.c. */
#pragma once

#include "aws/lambda/lambda_private.h"

extern const struct shape tag_shape, untag_shape, tags_shape, put_concurrency_shape, put_runtime_management_shape,
    put_recursion_shape;

bool tags_put(struct aws_call *call);
bool tags_remove(struct aws_call *call);
bool tags_list(struct aws_call *call);
bool concurrency_put(struct aws_call *call);
bool concurrency_get(struct aws_call *call);
bool concurrency_delete(struct aws_call *call);
bool account_get(struct aws_call *call);
bool code_signing_get(struct aws_call *call);
bool runtime_management_put(struct aws_call *call);
bool runtime_management_get(struct aws_call *call);
bool recursion_put(struct aws_call *call);
bool recursion_get(struct aws_call *call);

/* lambda: AWS Lambda's control API and Invoke: the rows are in operations.c. */
#pragma once

#include "aws/door.h"

extern const struct aws_service aws_lambda;

/* history: POST /v1/invocations: calls that were made elsewhere or earlier. */
#pragma once

#include "aws/door.h"

void history_post(struct aws_call *call);

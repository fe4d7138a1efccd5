/* status: how the server stands, in numbers. */
#pragma once

#include "aws/door.h"

void status_get(struct aws_call *call); /* GET /v1/status */

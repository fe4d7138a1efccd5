/* logs: GET /v1/logs?function=&request_id=&since=MICROSECONDS&limit=&follow=true: records, one JSON object a line. */
#pragma once

#include "aws/door.h"

extern const struct shape logs_shape;
void logs_get(struct aws_call *call);

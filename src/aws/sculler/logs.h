/* logs: GET /v1/logs?function=&request_id=&since=MICROSECONDS&limit=&follow=true: records, one JSON object a line. */
#pragma once

#include "aws/door.h"

struct record;

extern const struct shape logs_shape;
void logs_get(struct aws_call *call);
/* A record as its members, into the open object. */
void logs_write_members(struct jw *jw, const struct record *record);

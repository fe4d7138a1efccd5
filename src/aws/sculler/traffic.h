/*
 * traffic: GET /v1/traffic?function=&version=&from=&to=&step=: calls, errors, throttles, cold starts, latency and
 * memory by function and by step; GET /v1/functions: every function, its versions and aliases, and how its last hour
 * and day went.
 */
#pragma once

#include "aws/door.h"

extern const struct shape traffic_shape;
void traffic_get(struct aws_call *call);

void functions_overview(struct aws_call *call);

/* apigateway: API Gateway v1's control operations (facts/gateway 2 and 3), as a service behind the door. */
#pragma once

#include "aws/door.h"

extern const struct aws_service aws_apigateway;

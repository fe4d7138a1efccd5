/* apigateway: API Gateway v1's control operations (API Gateway V1 API reference), as a service behind the door. */
#pragma once

#include "aws/door.h"

extern const struct aws_service aws_apigateway;

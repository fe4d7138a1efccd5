/* sts: who am I: every deploy tool begins by asking (facts/lambda section 22). */
#pragma once

#include "aws/door.h"

extern const struct aws_service aws_sts;

/* sts: who am I: every deploy tool begins by asking (AWS STS API reference, GetCallerIdentity). */
#pragma once

#include "aws/door.h"

extern const struct aws_service aws_sts;

/* quality: questions about how right a function is. */
#pragma once

#include "aws/door.h"

extern const struct shape quality_shape;
void quality_get(struct aws_call *call);      /* GET /v1/quality/{FunctionName} */
void quality_curve(struct aws_call *call);    /* … /curve */
void quality_business(struct aws_call *call); /* … /business */
void quality_calibration(struct aws_call *call);
void quality_estimate(struct aws_call *call);
void quality_advice(struct aws_call *call);
void quality_drift(struct aws_call *call);

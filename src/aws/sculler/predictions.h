/* predictions: looking at them: a page of those of a kind, and one with all that is known about it. */
#pragma once

#include "aws/door.h"

extern const struct shape predictions_shape, prediction_shape;
void predictions_browse(struct aws_call *call); /* GET /v1/predictions */
void prediction_get(struct aws_call *call);     /* GET /v1/predictions/{PredictionId} */

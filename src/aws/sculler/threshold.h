/* threshold: what decides, per alias: a setting with a number and a history, changed and rolled back without a deploy.
 */
#pragma once

#include "aws/door.h"

extern const struct shape threshold_shape, threshold_put_shape, threshold_rollback_shape;
void threshold_get(struct aws_call *call);      /* GET /v1/functions/{FunctionName}/threshold?alias= */
void threshold_put(struct aws_call *call);      /* PUT, {"alias", "threshold", "note"} */
void threshold_rollback(struct aws_call *call); /* POST …/threshold/rollback, {"alias", "note"} */

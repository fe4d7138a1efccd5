/* export: GET /v1/export/predictions: a window's rows as CSV, lines of JSON, or Parquet. */
#pragma once

#include "aws/door.h"

extern const struct shape export_shape;
void export_get(struct aws_call *call);

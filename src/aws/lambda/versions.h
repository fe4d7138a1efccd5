/* versions: PublishVersion, ListVersionsByFunction: handlers and shapes, for the rows in operations.c. */
#pragma once

#include "aws/lambda/lambda_private.h"

extern const struct shape publish_version_shape, list_versions_shape;

bool version_publish(struct aws_call *call);
bool version_list(struct aws_call *call);

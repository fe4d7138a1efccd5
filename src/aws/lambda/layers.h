/* layers: PublishLayerVersion to RemoveLayerVersionPermission: handlers and shapes, for the rows in operations.c. */
#pragma once

#include "aws/lambda/lambda_private.h"

extern const struct shape publish_layer_shape, layer_version_shape, layer_arn_shape, list_layers_shape,
    list_layer_versions_shape, add_layer_permission_shape, remove_layer_permission_shape;

bool layer_publish(struct aws_call *call);
void layer_published(struct aws_call *call); /* its on_done */
bool layer_get(struct aws_call *call);
bool layer_get_by_arn(struct aws_call *call);
bool layer_list(struct aws_call *call);
bool layer_list_versions(struct aws_call *call);
bool layer_delete(struct aws_call *call);
void layer_deleted(struct aws_call *call); /* its on_done */

/* layer_policy.c */
bool layer_permission_add(struct aws_call *call);
bool layer_permission_remove(struct aws_call *call);
bool layer_policy_get(struct aws_call *call);

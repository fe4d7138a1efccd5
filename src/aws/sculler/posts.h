/* posts: what clients send to be kept. */
#pragma once

#include "aws/door.h"

extern const struct shape posts_shape;
void posts_predictions(struct aws_call *call); /* POST /v1/predictions */
void posts_labels(struct aws_call *call);      /* POST /v1/labels */
void posts_events(struct aws_call *call);      /* POST /v1/events */

/* replays: /v1/replays and /v1/functions/{FunctionName}/shadow: what another version would say; see replay/. */
#pragma once

#include "aws/door.h"

extern const struct shape replay_start_shape, replay_list_shape, replay_one_shape, shadow_shape, shadow_function_shape;
void replay_start(struct aws_call *call);
void replay_list(struct aws_call *call);
void replay_get(struct aws_call *call);
void replay_cancel(struct aws_call *call);
void shadow_put(struct aws_call *call);
void shadow_get(struct aws_call *call);
void shadow_remove(struct aws_call *call);

/* proxy_event: the event of a Lambda proxy integration, format 1.0 (API Gateway developer guide, integrations), written
 * without a tree. */
#pragma once

#include "base/buf.h"
#include "gateway/gateway_private.h"

void proxy_event_write(const struct gateway_call *call, struct buf *out);

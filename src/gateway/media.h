/* media: binaryMediaTypes and contentHandling (API Gateway developer guide, integrations, Binary media).  Pure. */
#pragma once

#include "apis/apis.h"

/* The first media type of a Content-Type or Accept value: before ',' and ';', trimmed. */
str media_type_of(str header_value);
/* Is it one of the stage's binary types?  Configured are `type/sub`, `type` + `/` + `*`, or both `*`. */
bool media_is_binary(const struct api_stage *stage, str header_value);

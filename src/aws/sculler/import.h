/* import: POST /v1/functions/NAME/import?Qualifier=: can a version's handler be imported?  It is not called. */
#pragma once

#include "aws/door.h"

void import_operation(struct aws_call *call);

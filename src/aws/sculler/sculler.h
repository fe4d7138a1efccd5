/* sculler: our own HTTP beside AWS's: /v1/…, signed for "sculler" or "lambda", and the links we hand out. */
#pragma once

#include "aws/door.h"

extern const struct aws_service aws_sculler;

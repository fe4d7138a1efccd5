/*
 * shape_check: one member against its row: bounds, pattern, enum; and the sentences AWS makes of what fails.
 */
#pragma once

#include "aws/shape.h"

enum { SHAPE_ERRORS_MAX = 32 }; /* of one request; what comes after is not told */

struct shape_errors {
    str list[SHAPE_ERRORS_MAX];
    int count;
};

bool shape_given(const struct shape_field *field, const void *at);
void shape_check_field(struct arena *arena, struct shape_errors *errors, const struct shape_field *field, str path,
                       const void *at);

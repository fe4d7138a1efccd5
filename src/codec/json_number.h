/* json_number: the number that a JSON literal stands for, correctly rounded, in any locale. */
#pragma once

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `at` to `end` is a number by RFC 8259.  False: it is too large for a double.  What is too small for one is 0. */
bool json_number(const char *at, const char *end, double *ret);

#ifdef __cplusplus
}
#endif

/* rand: unpredictable bytes from the kernel, behind a seam that a test can replace with a seed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *ret, size_t len); /* buffered getrandom(2); the process stops if there are none */
double rand_unit(void);                 /* uniform in [0, 1) */

/* Tests only: from now on a seeded sequence (0: the kernel's again). */
void rand_replace(uint64_t seed);

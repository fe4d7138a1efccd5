/* clock: what time it is, behind a seam that a test can replace.  Wall time for people, steady for waits. */
#pragma once

#include <stdint.h>

int64_t clock_wall_us(void);   /* microseconds since 1970-01-01 UTC */
int64_t clock_steady_us(void); /* microseconds, never goes back; only differences mean anything */

/* Tests only: from now on both clocks read through this function (NULL: the kernel's again). */
void clock_replace(int64_t (*read_us)(void));

static inline int64_t clock_wall_ms(void)
{
    return clock_wall_us() / 1000;
}

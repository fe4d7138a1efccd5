/* near: tests only.  Are two numbers the same within a tolerance, relative past 1?  NaN is near NaN. */
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

static inline bool near(double got, double want, double tolerance)
{
    if (isnan(got) && isnan(want))
        return true;
    if (got == want || fabs(got - want) <= tolerance * fmax(1, fabs(want)))
        return true;
    printf("# got %.17g, want %.17g\n", got, want);
    return false;
}

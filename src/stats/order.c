#include "stats/order.h"

#include "stats/special.h"

#include <stdlib.h>

static double interpolated(const double *sorted, size_t count, double share)
{
    double place = share * (double)(count - 1), floor_place = floor(place);
    size_t at = (size_t)floor_place;

    return at + 1 < count ? sorted[at] + (place - floor_place) * (sorted[at + 1] - sorted[at]) : sorted[count - 1];
}

/* The largest k in [0, n] with P(X < k) <= tail, X ~ Binomial(n, share). */
static double lower_rank(double n, double share, double tail)
{
    double low = 0, high = n + 1;

    while (high - low > 1) {
        double middle = floor((low + high) / 2);

        if (stats_binomial_cdf(middle - 1, n, share) <= tail)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct stats_quantile stats_quantile(const double *sorted, size_t count, double share, double level)
{
    double n = (double)count, tail = (1 - level) / 2, low, high, missed;
    struct stats_quantile ret = {STATS_NAN, STATS_NAN, STATS_NAN, STATS_NAN, n};

    if (count == 0 || !(share >= 0 && share <= 1))
        return ret;
    /* The quantile lies below the value of rank r (from 1) with P(X < r), and above it with P(X >= r). */
    low = fmax(lower_rank(n, share, tail), 1);
    high = fmin(n + 1 - lower_rank(n, 1 - share, tail), n);
    ret.value = interpolated(sorted, count, share);
    ret.low = sorted[(size_t)low - 1];
    ret.high = sorted[(size_t)high - 1];
    missed = stats_binomial_cdf(low - 1, n, share) + stats_binomial_sf(high, n, share);
    ret.coverage = fmax(1 - missed, 0);
    return ret;
}

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void stats_sort(double *values, size_t count)
{
    if (count > 0)
        qsort(values, count, sizeof *values, rising);
}

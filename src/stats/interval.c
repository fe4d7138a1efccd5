#include "stats/interval.h"

#include "stats/special.h"

static double z_of(double level)
{
    return stats_normal_quantile(0.5 + level / 2);
}

static struct stats_interval nothing(double k, double n)
{
    return (struct stats_interval){STATS_NAN, STATS_NAN, STATS_NAN, n, k};
}

struct stats_interval stats_wilson(double k, double n, double level)
{
    double p = k / n, z = z_of(level), shrink = 1 + z * z / n;
    double centre = (p + z * z / (2 * n)) / shrink;
    double half = z / shrink * sqrt(fmax(p * (1 - p) / n + z * z / (4 * n * n), 0));

    if (!(n > 0))
        return nothing(k, n);
    /* At the ends the bound is the end itself; rounding would leave it a hair away. */
    return (struct stats_interval){p, k <= 0 ? 0 : fmax(centre - half, 0), k >= n ? 1 : fmin(centre + half, 1), n, k};
}

struct stats_interval stats_jeffreys(double k, double n, double level)
{
    double tail = (1 - level) / 2, a = k + 0.5, b = n - k + 0.5;

    if (!(n > 0))
        return nothing(k, n);
    return (struct stats_interval){k / n, k <= 0 ? 0 : stats_beta_quantile(tail, a, b),
                                   k >= n ? 1 : stats_beta_quantile(1 - tail, a, b), n, k};
}

double stats_jeffreys_below(double k, double n, double target)
{
    return stats_beta_cdf(target, k + 0.5, n - k + 0.5);
}

struct stats_interval stats_difference(double k1, double n1, double k2, double n2, double level)
{
    struct stats_interval a = stats_wilson(k1, n1, level), b = stats_wilson(k2, n2, level);
    double value = a.value - b.value;

    if (!(n1 > 0 && n2 > 0))
        return nothing(k1 + k2, n1 + n2);
    return (struct stats_interval){value, value - hypot(a.value - a.low, b.high - b.value),
                                   value + hypot(a.high - a.value, b.value - b.low), n1 + n2, k1 + k2};
}

struct stats_interval stats_f1_interval(const struct stats_confusion *c, double level)
{
    struct stats_interval j = stats_wilson(c->tp, c->tp + c->fp + c->fn, level);

    return (struct stats_interval){2 * j.value / (1 + j.value), 2 * j.low / (1 + j.low), 2 * j.high / (1 + j.high), j.n,
                                   j.k};
}

#include "stats/random.h"

#include <math.h>

enum { INVERSION_MEAN_MAX = 10 };

void stats_random_init(struct stats_random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        random->state[i] = z ^ (z >> 31);
    }
}

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

uint64_t stats_random_next(struct stats_random *random)
{
    uint64_t *s = random->state, ret = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return ret;
}

double stats_random_unit(struct stats_random *random)
{
    return ((double)(stats_random_next(random) >> 12) + 0.5) * 0x1p-52;
}

double stats_random_normal(struct stats_random *random)
{
    double u, v, square;

    do {
        u = 2 * stats_random_unit(random) - 1;
        v = 2 * stats_random_unit(random) - 1;
        square = u * u + v * v;
    } while (square >= 1 || square == 0);
    return u * sqrt(-2 * log(square) / square);
}

double stats_random_gamma(struct stats_random *random, double shape)
{
    double lift = shape < 1 ? pow(stats_random_unit(random), 1 / shape) : 1,
           d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
    double c = 1 / sqrt(9 * d);

    for (;;) {
        double x = stats_random_normal(random), v = pow(1 + c * x, 3);

        if (v > 0 && log(stats_random_unit(random)) < x * x / 2 + d - d * v + d * log(v))
            return d * v * lift;
    }
}

double stats_random_beta(struct stats_random *random, double a, double b)
{
    double x = stats_random_gamma(random, a), y = stats_random_gamma(random, b);

    return x + y > 0 ? x / (x + y) : a / (a + b); /* both vanish only for shapes of nearly nothing */
}

/* Walk up from 0 until the mass passed is more than what was drawn: n p is small. */
static double binomial_by_inversion(struct stats_random *random, double n, double p)
{
    double left = stats_random_unit(random), mass = exp(n * log1p(-p)), k = 0;

    while (left > mass && k < n) {
        left -= mass;
        mass *= (n - k) / (k + 1) * p / (1 - p);
        k++;
    }
    return k;
}

/*
 * Of n points in (0, 1), the middle one is a beta variable.  If it lies below p, all points before it are below p as
 * well, and the others are looked at; else those before it are.  Each step halves n.
 */
double stats_random_binomial(struct stats_random *random, double n, double p)
{
    double sum = 0, sign = 1;

    if (p > 0.5) { /* count the others */
        sum = n;
        sign = -1;
        p = 1 - p;
    }
    while (n * p > INVERSION_MEAN_MAX && n * (1 - p) > INVERSION_MEAN_MAX) {
        double i = floor(n / 2) + 1, middle = stats_random_beta(random, i, n + 1 - i);

        if (middle <= p) {
            sum += sign * i;
            n -= i;
            p = (p - middle) / (1 - middle);
        } else {
            n = i - 1;
            p = p / middle;
        }
    }
    if (n <= 0 || p <= 0)
        return sum;
    if (p >= 1)
        return sum + sign * n;
    if (p > 0.5)
        return sum + sign * (n - binomial_by_inversion(random, n, 1 - p));
    return sum + sign * binomial_by_inversion(random, n, p);
}

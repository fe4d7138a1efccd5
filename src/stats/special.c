/*
 * x^a (1-x)^b / B(a, b) by lgamma() loses digits as a and b grow: at a million labels lgamma() is 1e7 and its last bit
 * 2e-9.  Loader's form has no large numbers that cancel: Stirling's error, and the deviance, both small.
 */
#include "stats/special.h"

#include <stdbool.h>

enum { STEPS_MAX = 200000, NEWTON_MAX = 1200, SERIES_MAX = 1000 };

static const double TINY = 1e-300, PRECISION = 1e-16, TWO_PI = 6.283185307179586477, SQRT_2 = 1.414213562373095049;

double stats_normal_cdf(double z)
{
    return 0.5 * erfc(-z / SQRT_2);
}

/* Abramowitz and Stegun 26.2.23 is right to 4.5e-4; each step of Halley's triples the digits. */
double stats_normal_quantile(double p)
{
    bool upper = p > 0.5;
    double tail = upper ? 1 - p : p, t, z;

    if (!(p >= 0 && p <= 1))
        return STATS_NAN;
    if (tail == 0)
        return upper ? STATS_INFINITY : -STATS_INFINITY;
    t = sqrt(-2 * log(tail));
    z = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
    for (int i = 0; i < 3; i++) {
        double step = (stats_normal_cdf(z) - tail) * sqrt(TWO_PI) * exp(z * z / 2);

        z -= step / (1 + z * step / 2);
    }
    return upper ? -z : z;
}

/* log n! - log(sqrt(2 pi n) (n/e)^n): DLMF 5.11.1. */
static double stirling_error(double n)
{
    double square = n * n;
    int sign; /* lgamma() would write a global */

    if (n <= 16)
        return lgamma_r(n + 1, &sign) - (n + 0.5) * log(n) + n - log(TWO_PI) / 2;
    return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 / square) / square) / square) / square) / n;
}

/* x log(x/m) + m - x without cancellation where x is near m. */
static double deviance(double x, double m)
{
    double ratio = (x - m) / (x + m), sum = (x - m) * ratio, term = 2 * x * ratio;

    if (fabs(ratio) >= 0.1)
        return x * log(x / m) + m - x;
    for (int i = 1; i < SERIES_MAX; i++) {
        double next;

        term *= ratio * ratio;
        next = sum + term / (2 * i + 1);
        if (next == sum)
            break;
        sum = next;
    }
    return sum;
}

/* x^a y^b / B(a, b), y = 1 - x: the density of Beta(a, b) times x y. */
static double beta_front(double x, double y, double a, double b)
{
    double n = a + b;
    double log_front =
        stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) - deviance(b, n * y);

    return exp(log_front) * sqrt(a * b / (TWO_PI * n));
}

static double away_from_zero(double x)
{
    return fabs(x) < TINY ? TINY : x;
}

/* DLMF 8.17.22, quick for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double x, double a, double b)
{
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;

    for (int m = 1; m <= STEPS_MAX; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), factor;

        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        value *= d * c;
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        factor = d * c;
        value *= factor;
        if (fabs(factor - 1) < PRECISION * 3)
            break;
    }
    return value;
}

/* Both x and y = 1 - x are given, so that neither loses digits. */
static double beta_cdf(double x, double y, double a, double b)
{
    if (x <= 0 || y <= 0)
        return x <= 0 ? 0 : 1;
    if (x < (a + 1) / (a + b + 2))
        return beta_front(x, y, a, b) * beta_fraction(x, a, b) / a;
    return 1 - beta_front(y, x, b, a) * beta_fraction(y, b, a) / b;
}

double stats_beta_cdf(double x, double a, double b)
{
    if (!(a > 0 && b > 0) || isnan(x))
        return STATS_NAN;
    return beta_cdf(x, 1 - x, a, b);
}

/* Newton inside a bracket: a step that leaves it halves it instead. */
double stats_beta_quantile(double p, double a, double b)
{
    double low = 0, high = 1, x = a / (a + b);

    if (!(p >= 0 && p <= 1 && a > 0 && b > 0))
        return STATS_NAN;
    if (p == 0 || p == 1)
        return p;
    for (int i = 0; i < NEWTON_MAX; i++) {
        double off = beta_cdf(x, 1 - x, a, b) - p, next;

        if (off > 0)
            high = x;
        else
            low = x;
        next = x - off * x * (1 - x) / beta_front(x, 1 - x, a, b);
        if (!(next > low && next < high))
            next = low + (high - low) / 2;
        if (fabs(next - x) <= PRECISION * x || high - low <= PRECISION * high)
            return next;
        x = next;
    }
    return x;
}

double stats_binomial_cdf(double k, double n, double p)
{
    if (!(p >= 0 && p <= 1 && n >= 0))
        return STATS_NAN;
    if (k < 0 || k >= n)
        return k < 0 ? 0 : 1;
    return beta_cdf(1 - p, p, n - k, k + 1);
}

double stats_binomial_sf(double k, double n, double p)
{
    if (!(p >= 0 && p <= 1 && n >= 0))
        return STATS_NAN;
    if (k <= 0 || k > n)
        return k <= 0 ? 1 : 0;
    return beta_cdf(p, 1 - p, k, n - k + 1);
}

/* x^a e^-x / Gamma(a + 1) */
static double gamma_front(double a, double x)
{
    return exp(-stirling_error(a) - deviance(a, x)) / sqrt(TWO_PI * a);
}

/* DLMF 8.7.1 */
static double gamma_series(double a, double x)
{
    double term = 1, sum = 1;

    for (int i = 1; i <= STEPS_MAX && term > sum * PRECISION; i++) {
        term *= x / (a + i);
        sum += term;
    }
    return sum;
}

/* DLMF 8.9.2, times a */
static double gamma_fraction(double a, double x)
{
    double b = x + 1 - a, c = 1 / TINY, d = 1 / away_from_zero(b), value = d;

    for (int i = 1; i <= STEPS_MAX; i++) {
        double step = i * (a - i), factor;

        b += 2;
        d = 1 / away_from_zero(step * d + b);
        c = away_from_zero(b + step / c);
        factor = c * d;
        value *= factor;
        if (fabs(factor - 1) < PRECISION * 3)
            break;
    }
    return value * a;
}

static double gamma_tail(double a, double x, bool upper)
{
    double part;

    if (!(a > 0 && x >= 0))
        return STATS_NAN;
    if (x == 0 || isinf(x))
        return upper == (x == 0) ? 1 : 0;
    if (x < a + 1) {
        part = gamma_front(a, x) * gamma_series(a, x);
        return upper ? 1 - part : part;
    }
    part = gamma_front(a, x) * gamma_fraction(a, x);
    return upper ? part : 1 - part;
}

double stats_gamma_p(double a, double x)
{
    return gamma_tail(a, x, false);
}

double stats_gamma_q(double a, double x)
{
    return gamma_tail(a, x, true);
}

double stats_chi_square_sf(double x, double degrees)
{
    return gamma_tail(degrees / 2, x < 0 ? 0 : x / 2, true);
}

/* The Wilson-Hilferty cube is a good first guess; then as for beta. */
double stats_chi_square_quantile(double p, double degrees)
{
    double a = degrees / 2, low = 0, high = STATS_INFINITY, spread = 2 / (9 * degrees), x;

    if (!(p >= 0 && p <= 1 && degrees > 0))
        return STATS_NAN;
    if (p == 0 || p == 1)
        return p == 0 ? 0 : STATS_INFINITY;
    x = a * pow(fmax(1 - spread + stats_normal_quantile(p) * sqrt(spread), 0.01), 3);
    for (int i = 0; i < NEWTON_MAX; i++) {
        double off = p > 0.5 ? 1 - p - stats_gamma_q(a, x) : stats_gamma_p(a, x) - p, next;

        if (off > 0)
            high = x;
        else
            low = x;
        next = x - off * x / (a * gamma_front(a, x));
        if (!(next > low && next < high))
            next = isinf(high) ? 2 * x : low + (high - low) / 2;
        if (fabs(next - x) <= PRECISION * x || (!isinf(high) && high - low <= PRECISION * high))
            return 2 * next;
        x = next;
    }
    return 2 * x;
}

/* Two series of one function (Jacobi's theta): each converges in a few terms on its side. */
double stats_kolmogorov_sf(double x)
{
    double sum = 0;

    if (isnan(x))
        return STATS_NAN;
    if (x <= 0.04) /* 1 to the last digit */
        return 1;
    if (x < 1.18) {
        for (int k = 1; k <= 9; k += 2)
            sum += exp(-k * k * TWO_PI * TWO_PI / (32 * x * x));
        return 1 - sqrt(TWO_PI) / x * sum;
    }
    for (int k = 5; k >= 1; k--)
        sum += (k % 2 ? 1 : -1) * exp(-2.0 * k * k * x * x);
    return 2 * sum;
}

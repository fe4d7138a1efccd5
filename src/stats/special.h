/*
 * special: the distributions that the rest of the room stands on, in double precision.  Absolute errors are below 1e-10
 * (special_test.c compares with SciPy), also for counts of millions; tails keep their relative precision when the
 * function of that tail is asked (sf, q), not one minus the other.
 *
 * Sources: densities by C. Loader, "Fast and accurate computation of binomial probabilities" (2000); continued
 * fractions and series from the NIST Digital Library of Mathematical Functions, 8.7.1, 8.9.2, 8.17.22, evaluated by the
 * modified method of Lentz (Thompson and Barnett, 1986); quantiles by Newton's or Halley's step inside a bracket.
 *
 * Pure.  What makes no sense (a probability outside [0, 1], a shape that is not positive) gives NaN.
 */
#pragma once

#include <math.h>

#define STATS_NAN ((double)NAN) /* undefined; math.h has both as floats */
#define STATS_INFINITY ((double)INFINITY)

double stats_normal_cdf(double z);
double stats_normal_quantile(double p);

/* The regularised incomplete beta function I_x(a, b): P(X <= x) of X ~ Beta(a, b). */
double stats_beta_cdf(double x, double a, double b);
double stats_beta_quantile(double p, double a, double b);

/* P(X <= k), P(X >= k) of X ~ Binomial(n, p).  Whole k and n, as doubles since counts are. */
double stats_binomial_cdf(double k, double n, double p);
double stats_binomial_sf(double k, double n, double p);

/* The regularised incomplete gamma functions P(a, x) and Q(a, x) = 1 - P(a, x). */
double stats_gamma_p(double a, double x);
double stats_gamma_q(double a, double x);

double stats_chi_square_sf(double x, double degrees);       /* P(X > x) */
double stats_chi_square_quantile(double p, double degrees); /* x with P(X <= x) = p */

/* P(K > x) of Kolmogorov's limit distribution. */
double stats_kolmogorov_sf(double x);

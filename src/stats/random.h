/*
 * random: a seeded sequence, and numbers drawn from the distributions that simulations here need.  The same seed gives
 * the same numbers on every machine.  Not for secrets (base/rand.h is).
 *
 * Sources: xoshiro256** and splitmix64 (Blackman and Vigna, 2018/2021); normal by the polar method (Marsaglia and Bray,
 * 1964); gamma by Marsaglia and Tsang, "A simple method for generating gamma variables" (2000); binomial by inversion,
 * and, when large, by beta splitting (Ahrens and Dieter, 1974), which is exact.
 */
#pragma once

#include <stdint.h>

struct stats_random {
    uint64_t state[4];
};

void stats_random_init(struct stats_random *random, uint64_t seed);
uint64_t stats_random_next(struct stats_random *random);
double stats_random_unit(struct stats_random *random); /* in (0, 1): never an end */
double stats_random_normal(struct stats_random *random);
double stats_random_gamma(struct stats_random *random, double shape); /* of scale 1 */
double stats_random_beta(struct stats_random *random, double a, double b);
double stats_random_binomial(struct stats_random *random, double n, double p); /* n is whole */

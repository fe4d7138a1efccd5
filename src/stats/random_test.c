#include "stats/random.h"

#include "stats/near.h"
#include "stats/special.h"

#include "base/test.h"

#include <string.h>

enum { DRAWS = 200000 };

static struct stats_random source;

static double gamma_of(double shape, double unused)
{
    (void)unused;
    return stats_random_gamma(&source, shape);
}

static double beta_of(double a, double b)
{
    return stats_random_beta(&source, a, b);
}

static double binomial_of(double n, double p)
{
    return stats_random_binomial(&source, n, p);
}

static double normal_of(double mean, double unused)
{
    (void)unused;
    return stats_random_normal(&source) + mean;
}

static double unit_of(double unused, double unused_too)
{
    (void)unused, (void)unused_too;
    return stats_random_unit(&source);
}

/* Mean and variance are within 4.5 standard errors of what they must be: the mean's are sd / sqrt(draws). */
static void draws_have_the_right_mean_and_spread(void)
{
    static const struct {
        double (*draw)(double, double);
        double a, b, mean, variance, kurtosis; /* kurtosis, 3 for a normal: how unsure the variance is */
    } rows[] = {
        {unit_of, 0, 0, 0.5, 1.0 / 12, 1.8},
        {normal_of, 2, 0, 2, 1, 3},
        {gamma_of, 0.5, 0, 0.5, 0.5, 15},
        {gamma_of, 0.05, 0, 0.05, 0.05, 123},
        {gamma_of, 1, 0, 1, 1, 9},
        {gamma_of, 700.5, 0, 700.5, 700.5, 3.01},
        {beta_of, 0.5, 0.5, 0.5, 0.125, 1.5},
        {beta_of, 20.5, 3.5, 20.5 / 24, 20.5 * 3.5 / 24 / 24 / 25, 4},
        {binomial_of, 1, 0.3, 0.3, 0.21, 2},
        {binomial_of, 12, 0.9, 10.8, 1.08, 3.1},
        {binomial_of, 500, 0.02, 10, 9.8, 3.1},
        {binomial_of, 1000, 0.5, 500, 250, 3},
        {binomial_of, 1e7, 0.25, 2.5e6, 1.875e6, 3},
    };

    stats_random_init(&source, 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double sum = 0, squares = 0, mean, variance;

        for (int j = 0; j < DRAWS; j++) {
            double off = rows[i].draw(rows[i].a, rows[i].b) - rows[i].mean;

            sum += off;
            squares += off * off;
        }
        mean = sum / DRAWS;
        variance = squares / DRAWS;
        ok(fabs(mean) < 4.5 * sqrt(rows[i].variance / DRAWS));
        ok(fabs(variance / rows[i].variance - 1) < 4.5 * sqrt((rows[i].kurtosis - 1) / DRAWS));
    }
}

/* Beta splitting, cell by cell, against the distribution: chi-square must not be rarer than 1 in 10,000. */
static void binomial_counts_have_the_right_masses(void)
{
    static const struct {
        double n, p;
    } rows[] = {{40, 0.5}, {60, 0.3}, {45, 0.85}, {30, 0.05}};

    stats_random_init(&source, 2);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double seen[64] = {0}, statistic = 0;
        int cells = 0;

        for (int j = 0; j < DRAWS; j++)
            seen[(int)stats_random_binomial(&source, rows[i].n, rows[i].p)]++;
        for (int k = 0; k <= (int)rows[i].n; k++) {
            double mass = stats_binomial_cdf(k, rows[i].n, rows[i].p) - stats_binomial_cdf(k - 1, rows[i].n, rows[i].p);

            if (mass * DRAWS < 10)
                continue;
            statistic += pow(seen[k] - mass * DRAWS, 2) / (mass * DRAWS);
            cells++;
        }
        ok(cells > 5 && stats_chi_square_sf(statistic, cells - 1) > 1e-4);
    }
}

static void the_same_seed_gives_the_same(void)
{
    struct stats_random a, b;

    stats_random_init(&a, 42);
    stats_random_init(&b, 42);
    ok(stats_random_next(&a) == stats_random_next(&b) && memcmp(&a, &b, sizeof a) == 0);
    stats_random_init(&b, 43);
    ok(stats_random_next(&a) != stats_random_next(&b));
}

static void ends_draw_what_is_certain(void)
{
    ok(stats_random_binomial(&source, 100, 0) == 0 && stats_random_binomial(&source, 100, 1) == 100);
    ok(stats_random_binomial(&source, 0, 0.5) == 0 && stats_random_binomial(&source, 1e6, 1) == 1e6);
}

TEST_MAIN(draws_have_the_right_mean_and_spread, binomial_counts_have_the_right_masses, the_same_seed_gives_the_same,
          ends_draw_what_is_certain)

#include "stats/interval.h"

#include "stats/near.h"
#include "stats/special.h"

#include "../../test/stats/fixtures.h"
#include "base/test.h"

static void agrees_with_statsmodels(void)
{
    for (size_t i = 0; i < sizeof proportion_rows / sizeof *proportion_rows; i++) {
        double k = proportion_rows[i].k, n = proportion_rows[i].n, level = proportion_rows[i].level;
        struct stats_interval wilson = stats_wilson(k, n, level), jeffreys = stats_jeffreys(k, n, level);

        ok(near(wilson.low, proportion_rows[i].wilson_low, 1e-9) &&
           near(wilson.high, proportion_rows[i].wilson_high, 1e-9));
        ok(near(jeffreys.low, proportion_rows[i].jeffreys_low, 1e-9));
        ok(near(jeffreys.high, proportion_rows[i].jeffreys_high, 1e-9));
        ok(near(stats_jeffreys_below(k, n, 0.9), proportion_rows[i].below_90, 1e-9));
        ok(wilson.n == n && wilson.k == k && near(wilson.value, k / n, 1e-15));
    }
    for (size_t i = 0; i < sizeof difference_rows / sizeof *difference_rows; i++) {
        struct stats_interval d = stats_difference(difference_rows[i].k1, difference_rows[i].n1, difference_rows[i].k2,
                                                   difference_rows[i].n2, STATS_LEVEL_DEFAULT);

        ok(near(d.low, difference_rows[i].low, 1e-9) && near(d.high, difference_rows[i].high, 1e-9));
    }
}

static void nothing_seen_is_undefined(void)
{
    struct stats_confusion none = {.tn = 3};
    struct stats_interval w = stats_wilson(0, 0, 0.95), d = stats_difference(1, 2, 0, 0, 0.95);

    ok(isnan(w.value) && isnan(w.low) && isnan(w.high) && w.n == 0);
    ok(isnan(stats_jeffreys(0, 0, 0.95).low) && isnan(d.value) && isnan(d.low) && d.n == 2);
    ok(isnan(stats_f1_interval(&none, 0.95).value));
}

/* P(k) of Binomial(n, p) for all k, from the end where it does not vanish. */
static void binomial_masses(int n, double p, double *ret)
{
    double q = fmin(p, 1 - p), mass = pow(1 - q, n);

    for (int k = 0; k <= n; k++) {
        ret[p <= 0.5 ? k : n - k] = mass;
        mass *= (double)(n - k) / (k + 1) * q / (1 - q);
    }
}

typedef struct stats_interval interval_of(double k, double n, double level);

enum { N_MAX = 400, SHARES = 981 };

/* The exact coverage at one p: the mass of the counts whose interval has p in it. */
static double coverage(const struct stats_interval *of_k, int n, double p)
{
    double masses[N_MAX + 1], sum = 0;

    binomial_masses(n, p, masses);
    for (int k = 0; k <= n; k++)
        sum += of_k[k].low <= p && p <= of_k[k].high ? masses[k] : 0;
    return sum;
}

/* Exact coverage of 95 % over p in [0.5, 0.99], and of Wilson's at three p, worked out elsewhere (-1: not). */
static const struct {
    int n;
    double wilson_mean, wilson_worst, jeffreys_mean, jeffreys_worst, at_90, at_95, at_99;
} coverages[] = {
    {20, .954, .899, .951, .894, .957, .925, .983},
    {50, .952, .895, .950, .884, -1, -1, -1},
    {100, .951, .921, .950, .881, .936, .966, .921},
    {400, .950, .932, .950, .925, -1, -1, -1},
};

static void coverage_over(interval_of *interval, int n, double *ret_mean, double *ret_worst)
{
    static struct stats_interval of_k[N_MAX + 1];

    *ret_mean = 0, *ret_worst = 1;
    for (int k = 0; k <= n; k++)
        of_k[k] = interval(k, n, 0.95);
    for (int i = 0; i < SHARES; i++) {
        double at = coverage(of_k, n, 0.5 + 0.49 * i / (SHARES - 1));

        *ret_mean += at / SHARES;
        *ret_worst = fmin(*ret_worst, at);
    }
}

static void covers_what_it_says_it_covers(void)
{
    for (size_t i = 0; i < sizeof coverages / sizeof *coverages; i++) {
        int n = coverages[i].n;
        double mean, worst;

        coverage_over(stats_wilson, n, &mean, &worst);
        printf("# n = %d: Wilson's mean coverage %.4f, worst %.4f\n", n, mean, worst);
        ok(near(mean, coverages[i].wilson_mean, 0.0015) && near(worst, coverages[i].wilson_worst, 0.003));
        coverage_over(stats_jeffreys, n, &mean, &worst);
        printf("# n = %d: Jeffreys' mean coverage %.4f, worst %.4f\n", n, mean, worst);
        ok(near(mean, coverages[i].jeffreys_mean, 0.0015) && near(worst, coverages[i].jeffreys_worst, 0.003));
    }
}

static void covers_at_one_share_what_the_table_says(void)
{
    static struct stats_interval of_k[N_MAX + 1];

    for (size_t i = 0; i < sizeof coverages / sizeof *coverages; i++) {
        int n = coverages[i].n;

        if (coverages[i].at_90 < 0)
            continue;
        for (int k = 0; k <= n; k++)
            of_k[k] = stats_wilson(k, n, 0.95);
        ok(near(coverage(of_k, n, 0.90), coverages[i].at_90, 0.0006));
        ok(near(coverage(of_k, n, 0.95), coverages[i].at_95, 0.0006));
        ok(near(coverage(of_k, n, 0.99), coverages[i].at_99, 0.0006));
    }
}

/* All pairs of counts, weighed by how likely they are. */
static void a_difference_covers(void)
{
    static const struct {
        int n1, n2;
        double p1, p2;
    } rows[] = {{30, 30, 0.9, 0.8}, {50, 20, 0.95, 0.95}, {100, 100, 0.6, 0.5}, {40, 80, 0.99, 0.9}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double first[N_MAX + 1], second[N_MAX + 1], sum = 0;

        binomial_masses(rows[i].n1, rows[i].p1, first);
        binomial_masses(rows[i].n2, rows[i].p2, second);
        for (int a = 0; a <= rows[i].n1; a++)
            for (int b = 0; b <= rows[i].n2; b++) {
                struct stats_interval d = stats_difference(a, rows[i].n1, b, rows[i].n2, 0.95);
                double truth = rows[i].p1 - rows[i].p2;

                sum += d.low <= truth && truth <= d.high ? first[a] * second[b] : 0;
            }
        printf("# a difference of %g and %g at n = %d and %d is covered %.4f\n", rows[i].p1, rows[i].p2, rows[i].n1,
               rows[i].n2, sum);
        ok(sum > 0.935 && sum < 0.98);
    }
}

/* Given how many are tp, fp or fn, tp is binomial: F1 must be covered as J is. */
static void f1_covers(void)
{
    double masses[N_MAX + 1], sum = 0, j = 0.8;

    binomial_masses(200, j, masses);
    for (int k = 0; k <= 200; k++) {
        struct stats_confusion c = {k, (200 - k) / 2, 200 - k - (200 - k) / 2, 1000};
        struct stats_interval f1 = stats_f1_interval(&c, 0.95);
        double truth = 2 * j / (1 + j);

        ok(near(f1.value, stats_f1(&c), 1e-12));
        sum += f1.low <= truth && truth <= f1.high ? masses[k] : 0;
    }
    printf("# F1 is covered %.4f\n", sum);
    ok(sum > 0.94 && sum < 0.965);
}

TEST_MAIN(agrees_with_statsmodels, nothing_seen_is_undefined, covers_what_it_says_it_covers,
          covers_at_one_share_what_the_table_says, a_difference_covers, f1_covers)

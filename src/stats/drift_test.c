#include "stats/drift.h"

#include "stats/near.h"
#include "stats/order.h"
#include "stats/random.h"
#include "stats/special.h"

#include "../../test/stats/fixtures.h"
#include "base/test.h"

#include <string.h>

static const struct stats_drift_options usual = {.alpha = 0.01};
static struct stats_random source;

static void ks_agrees_with_scipy(void)
{
    for (size_t i = 0; i < sizeof ks_rows / sizeof *ks_rows; i++) {
        struct stats_drift got =
            stats_ks_of_samples(ks_rows[i].reference, ks_rows[i].n, ks_rows[i].window, ks_rows[i].m, &usual);

        ok(near(got.statistic, ks_rows[i].statistic, 1e-9) && near(got.p, ks_rows[i].p, 1e-9));
        ok(got.drifted == (ks_rows[i].p < 0.01) && got.drifted == (got.statistic >= got.threshold - 1e-12));
        ok(got.n == (double)ks_rows[i].n && got.m == (double)ks_rows[i].m);
    }
}

/* With ties the test is of orders of the pooled values: every choice of 20 of 40 would be too many, so they are drawn.
 */
static void ks_knows_ties(void)
{
    double a[4] = {12, 5, 3, 1}, b[4] = {4, 6, 8, 5}, pooled[44], rare = 0;
    struct stats_drift got = stats_ks(a, b, 4, &usual);
    int at = 0, rounds = 200000;

    for (int value = 0; value < 4; value++)
        for (int i = 0; i < (int)(a[value] + b[value]); i++)
            pooled[at++] = value;
    stats_random_init(&source, 3);
    for (int round_ = 0; round_ < rounds; round_++) {
        double counts[4] = {0}, i = 0, j = 0, distance = 0;

        for (int k = 0; k < 21; k++) { /* 21 of 44 without return */
            int other = k + (int)(stats_random_unit(&source) * (44 - k));
            double kept = pooled[k];

            pooled[k] = pooled[other];
            pooled[other] = kept;
            counts[(int)pooled[k]]++;
        }
        for (int value = 0; value < 4; value++) {
            i += counts[value] / 21;
            j += (a[value] + b[value] - counts[value]) / 23;
            distance = fmax(distance, fabs(i - j));
        }
        rare += distance >= got.statistic - 1e-9;
    }
    printf("# with ties p is %.5f, by drawing %.5f\n", got.p, rare / rounds);
    ok(fabs(got.p - rare / rounds) < 4 * sqrt(got.p / rounds));
}

static void chi_square_agrees_with_scipy(void)
{
    for (size_t i = 0; i < sizeof chi_square_rows / sizeof *chi_square_rows; i++) {
        struct stats_drift got =
            stats_chi_square(chi_square_rows[i].reference, chi_square_rows[i].window, chi_square_rows[i].count, &usual);

        ok(near(got.statistic * got.statistic * (got.n + got.m), chi_square_rows[i].statistic, 1e-9));
        ok(near(got.p, chi_square_rows[i].p, 1e-9) && got.bins == chi_square_rows[i].count);
        ok(got.drifted == (got.statistic > got.threshold));
    }
}

static void rare_categories_are_counted_together(void)
{
    const double a[] = {500, 300, 2, 1, 3, 0, 2}, b[] = {510, 290, 1, 2, 0, 4, 3};
    const double pooled_a[] = {500, 300, 8}, pooled_b[] = {510, 290, 10};
    const double rarer_a[] = {500, 30, 1}, rarer_b[] = {510, 29, 0}, joined_a[] = {500, 31}, joined_b[] = {510, 29};
    struct stats_drift got = stats_chi_square(a, b, 7, &usual), want = stats_chi_square(pooled_a, pooled_b, 3, &usual);
    struct stats_drift rarer = stats_chi_square(rarer_a, rarer_b, 3, &usual);

    ok(got.bins == 3 && near(got.p, want.p, 1e-12) && !got.drifted);
    ok(rarer.bins == 2 && near(rarer.p, stats_chi_square(joined_a, joined_b, 2, &usual).p, 1e-9));
}

static void psi_is_what_it_is_by_hand(void)
{
    const double a[] = {50, 50}, b[] = {80, 20};
    struct stats_drift got = stats_psi(a, b, 2, &usual);
    double p = 50.5 / 101, q = 80.5 / 101, want = (p - q) * log(p / q) + (q - p) * log((1 - p) / (1 - q));

    ok(near(got.statistic, want, 1e-12) && got.bins == 2 && got.n == 100 && got.m == 100);
    ok(near(got.threshold, 0.02 * 6.634896601021213, 1e-9) && got.drifted && got.p < 0.01);
    ok(near(got.p, stats_chi_square_sf(want / 0.02, 1), 1e-12));
}

static void too_few_rows_give_no_verdict(void)
{
    const double a[] = {10, 5}, b[] = {1, 900};
    struct stats_drift verdicts[] = {stats_psi(a, b, 2, &usual), stats_ks(a, b, 2, &usual),
                                     stats_chi_square(a, b, 2, &usual), stats_ks_of_samples(a, 2, b, 2, &usual)};
    static const double none[STATS_BINS];

    for (int i = 0; i < 4; i++)
        ok(!verdicts[i].drifted && isnan(verdicts[i].p) && verdicts[i].bins == 0);
    ok(!stats_psi_of_scores(none, none, &usual).drifted && isnan(stats_psi_of_scores(none, none, &usual).p));
}

static void options_move_the_threshold(void)
{
    const double a[] = {500, 500}, b[] = {560, 440};
    struct stats_drift_options many = {.alpha = 0.01, .features = 20}, large = {.alpha = 0.01, .effect_min = 0.1};
    struct stats_drift one = stats_psi(a, b, 2, &usual), of_many = stats_psi(a, b, 2, &many);
    struct stats_drift small = stats_psi(a, b, 2, &large);

    ok(one.drifted && !of_many.drifted && of_many.threshold > one.threshold && of_many.p == one.p);
    ok(!small.drifted && small.threshold == 0.1 && small.p == one.p);
}

static void cuts_make_bins_of_equally_many(void)
{
    static double values[1000];
    double cuts[9], counts[10] = {0};
    int bins;

    for (int i = 0; i < 1000; i++)
        values[i] = i < 400 ? 0 : i; /* four in ten are 0 */
    bins = stats_quantile_cuts(values, 1000, 10, cuts);
    for (int i = 0; i < 1000; i++)
        counts[stats_bin_by_cuts(cuts, bins, values[i])]++;
    ok(bins == 10 && counts[0] == 400);
    for (int i = 1; i < bins; i++)
        ok(counts[i] >= 66 && counts[i] <= 67);
    ok(stats_quantile_cuts(values, 400, 10, cuts) == 1 && stats_quantile_cuts(values, 0, 10, cuts) == 1);
}

/* Shapes of scores: even, most near 0, a third exactly 0. */
static double even(void)
{
    return stats_random_unit(&source);
}

static double skewed(void)
{
    double u = stats_random_unit(&source);

    return u * u * u * u;
}

static double piled(void)
{
    double u = stats_random_unit(&source);

    return u < 0.3 ? 0 : u < 0.6 ? u * u : u;
}

static double (*const shapes[])(void) = {even, skewed, piled};

typedef struct stats_drift drift_test(const double a[STATS_BINS], const double b[STATS_BINS],
                                      const struct stats_drift_options *options);

static struct stats_drift ks_of_scores(const double a[STATS_BINS], const double b[STATS_BINS],
                                       const struct stats_drift_options *options)
{
    return stats_ks(a, b, STATS_BINS, options);
}

/* Ten categories, the tenth of a thousandth. */
static struct stats_drift categories(const double a[STATS_BINS], const double b[STATS_BINS],
                                     const struct stats_drift_options *options)
{
    static const int ends[] = {300, 500, 650, 800, 900, 960, 1000, 1015, 1023, 1024};
    double x[10] = {0}, y[10] = {0};

    for (int i = 0, c = 0; i < STATS_BINS; i++) {
        c += i == ends[c];
        x[c] += a[i];
        y[c] += b[i];
    }
    return stats_chi_square(x, y, 10, options);
}

/* Two samples of the same, again and again: how often is it called a drift? */
static double false_alarms(drift_test *test, double (*draw)(void), int n, int m, int rounds)
{
    static double a[STATS_BINS], b[STATS_BINS];
    double alarms = 0;

    for (int i = 0; i < rounds; i++) {
        memset(a, 0, sizeof a);
        memset(b, 0, sizeof b);
        for (int j = 0; j < n; j++)
            a[stats_bin(draw())]++;
        for (int j = 0; j < m; j++)
            b[stats_bin(draw())]++;
        alarms += test(a, b, &usual).drifted;
    }
    return alarms / rounds;
}

/* Rounds of each shape: a few seconds in all.  (With four times as many every shape keeps the bounds by itself, too.)
 */
static const struct {
    const char *name;
    drift_test *test;
    int n, m, rounds;
} alarms[] = {
    {"PSI", stats_psi_of_scores, 50, 50, 2500},
    {"PSI", stats_psi_of_scores, 100, 100, 2500},
    {"PSI", stats_psi_of_scores, 200, 200, 2500},
    {"PSI", stats_psi_of_scores, 500, 500, 2500},
    {"PSI", stats_psi_of_scores, 2000, 100, 1000},
    {"PSI", stats_psi_of_scores, 5000, 5000, 500},
    {"KS", ks_of_scores, 50, 50, 500},
    {"KS", ks_of_scores, 250, 250, 2500},
    {"KS", ks_of_scores, 400, 400, 1500},
    {"KS", ks_of_scores, 2000, 100, 1000},
    {"KS", ks_of_scores, 2000, 2000, 1000},
    {"chi-square", categories, 50, 50, 2500},
    {"chi-square", categories, 200, 200, 2500},
    {"chi-square", categories, 2000, 100, 1000},
    {"chi-square", categories, 2000, 2000, 1000},
};

/* alpha is 1 %: an alarm in 65 at most; of PSI where n / bins >= 20, one in 200 at least. */
static void does_not_cry_wolf(void)
{
    stats_random_init(&source, 17);
    for (size_t i = 0; i < sizeof alarms / sizeof *alarms; i++) {
        int n = alarms[i].n, m = alarms[i].m;
        double share = 0;

        for (int shape = 0; shape < 3; shape++)
            share += false_alarms(alarms[i].test, shapes[shape], n, m, alarms[i].rounds) / 3;
        printf("# %s, n = %d and %d: %.2f %% false alarms\n", alarms[i].name, n, m, 100 * share);
        ok(share <= 0.015);
        if (alarms[i].test == stats_psi_of_scores && m >= 200)
            ok(share >= 0.005);
    }
}

static void sees_what_has_moved(void)
{
    static double a[STATS_BINS], b[STATS_BINS];

    stats_random_init(&source, 18);
    for (int i = 0; i < 1000; i++) {
        a[stats_bin(even())]++;
        b[stats_bin(0.9 * even())]++;
    }
    ok(stats_psi_of_scores(a, b, &usual).drifted && ks_of_scores(a, b, &usual).drifted &&
       categories(a, b, &usual).drifted);
}

TEST_MAIN(ks_agrees_with_scipy, ks_knows_ties, chi_square_agrees_with_scipy, rare_categories_are_counted_together,
          psi_is_what_it_is_by_hand, too_few_rows_give_no_verdict, options_move_the_threshold,
          cuts_make_bins_of_equally_many, does_not_cry_wolf, sees_what_has_moved)

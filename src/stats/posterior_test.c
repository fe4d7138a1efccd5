#include "stats/posterior.h"

#include "stats/near.h"
#include "stats/random.h"

#include "base/test.h"

#include <string.h>

/* A share of two cells has a beta posterior: Jeffreys' interval, but for the prior's other half. */
static void a_simulated_share_is_jeffreys(void)
{
    struct stats_confusion c = {90, 10, 0, 0};
    struct stats_draws how = {.level = 0.95, .seed = 1, .count = 10000};
    struct stats_interval simulated = stats_metric_interval(&c, stats_precision, &how),
                          exact = stats_jeffreys(90, 100, 0.95);

    ok(near(simulated.low, exact.low, 0.004) && near(simulated.high, exact.high, 0.004));
    ok(simulated.value == 0.9 && simulated.n == 100 && simulated.k == 90);
}

static void the_same_seed_gives_the_same_bounds(void)
{
    struct stats_confusion c = {30, 5, 8, 200};
    struct stats_draws how = {.level = 0.95, .seed = 9};
    struct stats_interval a = stats_metric_interval(&c, stats_mcc, &how),
                          b = stats_metric_interval(&c, stats_mcc, &how);

    ok(memcmp(&a, &b, sizeof a) == 0 && a.low < a.value && a.value < a.high);
}

static void an_undefined_figure_stays_so(void)
{
    struct stats_confusion none = {0}, no_yes = {.tn = 9, .fn = 1};
    struct stats_draws how = {.level = 0.95};

    ok(isnan(stats_metric_interval(&none, stats_f1, &how).low));
    ok(isnan(stats_metric_interval(&no_yes, stats_precision, &how).value));
    ok(isnan(stats_cost_interval(&none, 1, 1, &how).high));
}

static double f2(const struct stats_confusion *c)
{
    return stats_f_beta(c, 2);
}

static double cost(const struct stats_confusion *c)
{
    return stats_cost(c, 1, 5);
}

enum { WORLDS = 500, DRAWS = 400 };

static struct stats_confusion drawn_of(const struct stats_confusion *truth, double n, struct stats_random *random)
{
    struct stats_confusion c;
    double left = n, share = 1;

    c.tp = stats_random_binomial(random, left, truth->tp / share);
    left -= c.tp, share -= truth->tp;
    c.fp = stats_random_binomial(random, left, truth->fp / share);
    left -= c.fp, share -= truth->fp;
    c.fn = stats_random_binomial(random, left, fmin(truth->fn / share, 1));
    c.tn = left - c.fn;
    return c;
}

/* In worlds of known shares, how often does the interval have the truth? */
static void covers_what_it_says(void)
{
    static const struct {
        const char *name;
        stats_metric *metric;
    } figures[] = {{"F2", f2}, {"F1", stats_f1}, {"MCC", stats_mcc}, {"balanced accuracy", stats_balanced_accuracy}};
    static const struct {
        double n;
        struct stats_confusion truth;
    } worlds[] = {{100, {0.4, 0.05, 0.1, 0.45}}, {400, {0.1, 0.02, 0.03, 0.85}}, {60, {0.3, 0.1, 0.05, 0.55}}};
    struct stats_random random;

    stats_random_init(&random, 5);
    for (size_t f = 0; f < sizeof figures / sizeof *figures; f++) {
        double sum = 0;

        for (size_t w = 0; w < sizeof worlds / sizeof *worlds; w++)
            for (int i = 0; i < WORLDS; i++) {
                struct stats_confusion c = drawn_of(&worlds[w].truth, worlds[w].n, &random);
                struct stats_draws how = {.level = 0.95, .seed = (uint64_t)i, .count = DRAWS};
                struct stats_interval got = stats_metric_interval(&c, figures[f].metric, &how);
                double truth = figures[f].metric(&worlds[w].truth);

                sum += got.low <= truth && truth <= got.high;
            }
        printf("# %s is covered %.4f\n", figures[f].name, sum / WORLDS / 3);
        ok(sum / WORLDS / 3 > 0.935 && sum / WORLDS / 3 < 0.965);
    }
}

static void a_cost_is_covered(void)
{
    struct stats_confusion truth = {0.2, 0.1, 0.06, 0.64};
    struct stats_random random;
    double sum = 0;

    stats_random_init(&random, 6);
    for (int i = 0; i < WORLDS; i++) {
        struct stats_confusion c = drawn_of(&truth, 200, &random);
        struct stats_draws how = {.level = 0.95, .seed = (uint64_t)i, .count = DRAWS};
        struct stats_interval got = stats_cost_interval(&c, 1, 5, &how);

        sum += got.low <= 200 * cost(&truth) && 200 * cost(&truth) <= got.high;
        if (i == 0)
            ok(got.value == c.fp + 5 * c.fn);
    }
    printf("# a cost is covered %.4f\n", sum / WORLDS);
    ok(sum / WORLDS > 0.93 && sum / WORLDS < 0.97);
}

static void f_beta_takes_its_beta(void)
{
    struct stats_confusion c = {30, 5, 8, 200};
    struct stats_draws how = {.level = 0.95, .seed = 3};
    struct stats_interval a = stats_f_beta_interval(&c, 2, &how), b = stats_metric_interval(&c, f2, &how);

    ok(memcmp(&a, &b, sizeof a) == 0);
}

TEST_MAIN(a_simulated_share_is_jeffreys, the_same_seed_gives_the_same_bounds, an_undefined_figure_stays_so,
          covers_what_it_says, a_cost_is_covered, f_beta_takes_its_beta)

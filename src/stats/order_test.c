#include "stats/order.h"

#include "stats/near.h"
#include "stats/special.h"

#include "../../test/stats/fixtures.h"
#include "base/test.h"

static void agrees_with_numpy_and_scipy(void)
{
    for (size_t i = 0; i < sizeof quantile_rows / sizeof *quantile_rows; i++) {
        struct stats_quantile q =
            stats_quantile(order_values, quantile_rows[i].count, quantile_rows[i].share, quantile_rows[i].level);

        ok(near(q.value, quantile_rows[i].value, 1e-9));
        ok(q.low == quantile_rows[i].low && q.high == quantile_rows[i].high);
        ok(q.coverage >= quantile_rows[i].level && q.coverage < 1);
    }
}

/* The share of all outcomes for which ranks low and high have the quantile between them, summed outcome by outcome. */
static void its_coverage_is_what_it_says(void)
{
    static double ranks[40];

    for (int i = 0; i < 40; i++)
        ranks[i] = i + 1;
    for (size_t n = 1; n <= 40; n += 3) {
        struct stats_quantile q = stats_quantile(ranks, n, 0.5, 0.95);
        double sum = 0;

        for (int below = 0; below <= (int)n; below++) /* so many values lie below the median */
            if (q.low <= below && below < q.high)
                sum +=
                    exp(lgamma((double)n + 1) - lgamma(below + 1) - lgamma((double)n - below + 1) - (double)n * log(2));
        ok(near(q.coverage, sum, 1e-10));
        ok(sum >= 0.95 || (q.low == 1 && q.high == (double)n));
    }
}

static void few_values_say_how_little_they_cover(void)
{
    static const double values[] = {1, 2, 5};
    struct stats_quantile q = stats_quantile(values, 3, 0.5, 0.95), none = stats_quantile(values, 0, 0.5, 0.95);

    ok(q.value == 2 && q.low == 1 && q.high == 5 && near(q.coverage, 0.75, 1e-12) && q.n == 3);
    ok(isnan(none.value) && isnan(none.low) && none.n == 0);
    ok(stats_quantile(values, 1, 0.5, 0.95).value == 1 && stats_quantile(values, 1, 0.5, 0.95).coverage == 0);
}

static void sorts(void)
{
    double values[] = {3, -1, 2, 2};

    stats_sort(values, 4);
    ok(values[0] == -1 && values[1] == 2 && values[2] == 2 && values[3] == 3);
    stats_sort(NULL, 0);
}

TEST_MAIN(agrees_with_numpy_and_scipy, its_coverage_is_what_it_says, few_values_say_how_little_they_cover, sorts)

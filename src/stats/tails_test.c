#include "stats/tails.h"

#include "stats/near.h"
#include "stats/order.h"
#include "stats/random.h"

#include "base/test.h"

static void bounds_are_those_of_all_that_was_drawn(void)
{
    static const double levels[] = {0.95, 0.99, 0.8, 0.5};
    static double all[STATS_DRAWS_DEFAULT];

    for (int i = 0; i < 4; i++) {
        struct stats_draws how = {.level = levels[i]};
        struct stats_random random;
        struct stats_tails tails;
        double low, high;
        int rank;

        stats_random_init(&random, (uint64_t)i);
        stats_tails_init(&tails, &how);
        for (int j = 0; j < tails.draws; j++) {
            all[j] = stats_random_normal(&random);
            stats_tails_add(&tails, all[j]);
        }
        stats_tails_bounds(&tails, &low, &high);
        stats_sort(all, (size_t)tails.draws);
        rank = (int)round(tails.draws * (1 - levels[i]) / 2);
        ok(low == all[rank - 1] && high == all[tails.draws - rank]);
    }
}

static void what_is_undefined_is_left_out(void)
{
    struct stats_draws how = {.level = 0.95, .count = 100};
    struct stats_tails tails;
    double low, high;

    stats_tails_init(&tails, &how);
    stats_tails_bounds(&tails, &low, &high);
    ok(isnan(low) && isnan(high));
    stats_tails_add(&tails, (double)NAN);
    stats_tails_add(&tails, 3);
    stats_tails_bounds(&tails, &low, &high);
    ok(low == 3 && high == 3 && tails.seen == 1);
}

TEST_MAIN(bounds_are_those_of_all_that_was_drawn, what_is_undefined_is_left_out)

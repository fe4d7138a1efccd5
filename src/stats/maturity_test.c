#include "stats/maturity.h"

#include "stats/near.h"
#include "stats/random.h"

#include "../../test/stats/fixtures.h"
#include "base/test.h"

static struct stats_delay rows[1000];
static struct stats_arrival steps[1000];

static void agrees_with_scipy(void)
{
    size_t n = sizeof arrival_delays / sizeof *arrival_delays, count, at = 0;

    for (size_t i = 0; i < n; i++)
        rows[i] = (struct stats_delay){arrival_delays[n - 1 - i], arrival_came[n - 1 - i], !arrival_came[n - 1 - i]};
    count = stats_arrivals(rows, n, 0.95, steps);
    for (size_t i = 0; i < sizeof arrival_rows / sizeof *arrival_rows; i++) {
        if (arrival_rows[i].came == 0)
            continue;
        ok(at < count && steps[at].after == arrival_rows[i].after && steps[at].at_risk == arrival_rows[i].at_risk);
        ok(near(steps[at].share, arrival_rows[i].share, 1e-9) && near(steps[at].low, arrival_rows[i].low, 1e-9) &&
           near(steps[at].high, arrival_rows[i].high, 1e-9));
        at++;
    }
    ok(at == count);
}

static void counts_stand_for_rows(void)
{
    struct stats_delay grouped[] = {{5, 3, 0}, {1, 2, 1}, {5, 1, 2}, {9, 0, 4}};

    ok(stats_arrivals(grouped, 4, 0.95, steps) == 2);
    ok(near(steps[0].share, 2.0 / 13, 1e-12) && near(steps[1].share, 1 - 11.0 / 13 * 0.6, 1e-12));
    ok(stats_arrived(steps, 2, 0.5).share == 0 && stats_arrived(steps, 2, 1).share == steps[0].share);
    ok(stats_arrived(steps, 2, 4.9).share == steps[0].share && stats_arrived(steps, 2, 100).share == steps[1].share);
}

static void says_how_likely_a_label_is_still_to_come(void)
{
    struct stats_delay delays[] = {{1, 50, 0}, {10, 25, 0}, {20, 0, 25}};
    size_t count = stats_arrivals(delays, 3, 0.95, steps);

    ok(near(stats_still_to_come(steps, count, 0), 0.75, 1e-12));
    ok(near(stats_still_to_come(steps, count, 5), 0.5, 1e-12));
    ok(stats_still_to_come(steps, count, 15) == 0 && isnan(stats_still_to_come(steps, 0, 3)));
}

static void all_that_came_is_all(void)
{
    struct stats_delay delays[] = {{1, 5, 0}, {2, 5, 0}};
    size_t count = stats_arrivals(delays, 2, 0.95, steps);

    ok(count == 2 && steps[1].share == 1 && steps[1].high == 1 && steps[1].low == steps[0].low);
    ok(stats_still_to_come(steps, count, 3) == 0 && stats_arrivals(delays, 0, 0.95, steps) == 0);
}

/* Rows of all ages, labels after an exponential delay, one in five never: the naive share would count the young as
 * never. */
static void what_is_young_does_not_count_against_it(void)
{
    struct stats_random random;
    double covered = 0, naive = 0;
    int worlds = 500;

    stats_random_init(&random, 4);
    for (int world = 0; world < worlds; world++) {
        struct stats_arrival at;
        double came = 0;

        for (int i = 0; i < 300; i++) {
            double age = 3 * stats_random_unit(&random), delay = -log(stats_random_unit(&random));
            bool comes = stats_random_unit(&random) < 0.8 && delay <= age;

            rows[i] = (struct stats_delay){comes ? delay : age, comes, !comes};
            came += comes && delay <= 1;
        }
        at = stats_arrived(steps, stats_arrivals(rows, 300, 0.95, steps), 1);
        covered += at.low <= 0.8 * (1 - exp(-1)) && 0.8 * (1 - exp(-1)) <= at.high;
        naive += came / 300 / worlds;
    }
    printf("# the share after 1 is covered %.3f; naive %.3f, in truth %.3f\n", covered / worlds, naive,
           0.8 * (1 - exp(-1)));
    ok(covered / worlds > 0.93 && covered / worlds < 0.97);
}

TEST_MAIN(agrees_with_scipy, counts_stand_for_rows, says_how_likely_a_label_is_still_to_come, all_that_came_is_all,
          what_is_young_does_not_count_against_it)

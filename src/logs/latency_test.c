#include "logs/latency.h"

#include <math.h>

#include "base/rand.h"
#include "base/test.h"

static void a_percentile_is_within_a_hundredth(void)
{
    static struct latency latency, one;

    ok(latency_quantile(&latency, 0.5) == 0);
    for (int64_t us = 1; us <= 2000000; us += us / 3 + 1) {
        memset(&one, 0, sizeof one);
        latency_add(&one, us);
        ok(fabs(latency_quantile(&one, 0.5) - (double)us) <= 0.0101 * (double)us);
    }
    for (int i = 1; i <= 1000; i++)
        latency_add(&latency, i * 1000);
    ok(latency_count(&latency) == 1000);
    ok(fabs(latency_quantile(&latency, 0.5) - 500000) < 5100);
    ok(fabs(latency_quantile(&latency, 0.95) - 950000) < 9600);
    ok(fabs(latency_quantile(&latency, 0.99) - 990000) < 10000);
    ok(latency_quantile(&latency, 0) <= 1010 && latency_quantile(&latency, 1) >= 990000);
}

static void what_is_out_of_range_is_counted_at_the_end(void)
{
    struct latency latency = {0};

    latency_add(&latency, -5);
    latency_add(&latency, 0);
    latency_add(&latency, INT64_MAX);
    ok(latency_count(&latency) == 3);
    ok(latency.counts[0] == 2 && latency.counts[LATENCY_BUCKETS - 1] == 1);
}

/* What is kept by the minute comes to the same as if it had been counted at once. */
static void parts_come_to_the_whole(void)
{
    static struct latency whole, sum, minute; /* large for a stack */

    rand_replace(60);
    for (int part = 0; part < 20; part++) {
        BUF_AUTO bytes = {0};

        memset(&minute, 0, sizeof minute);
        buf_init(&bytes, LATENCY_BYTES_MAX);
        for (int i = 0; i < 500; i++) {
            int64_t us = (int64_t)exp(rand_unit() * 20);

            latency_add(&minute, us);
            latency_add(&whole, us);
        }
        latency_encode(&minute, &bytes);
        ok(buf_ok(&bytes) && latency_merge_encoded(&sum, buf_str(&bytes)));
    }
    ok(memcmp(&whole, &sum, sizeof whole) == 0);
    latency_merge(&sum, &whole);
    ok(latency_count(&sum) == 2 * latency_count(&whole));
}

static void what_is_no_histogram_is_refused(void)
{
    struct latency latency = {0};

    ok(latency_merge_encoded(&latency, STR("")));
    ok(!latency_merge_encoded(&latency, STR("\x05")));
    ok(!latency_merge_encoded(&latency, STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")));
    ok(!latency_merge_encoded(&latency, STR("\xb4\x08\x01"))); /* bucket 1076 */
    ok(latency_merge_encoded(&latency, STR("\xb3\x08\x01")));
    ok(latency_count(&latency) == 1);
}

TEST_MAIN(a_percentile_is_within_a_hundredth, what_is_out_of_range_is_counted_at_the_end, parts_come_to_the_whole,
          what_is_no_histogram_is_refused)

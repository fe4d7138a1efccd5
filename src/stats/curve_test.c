#include "stats/curve.h"

#include "stats/near.h"
#include "stats/random.h"
#include "stats/special.h"

#include "../../test/stats/fixtures.h"
#include "base/test.h"

#include <stdbool.h>
#include <string.h>

static struct stats_scores scores;
static struct stats_confusion curve[STATS_EDGES];
static struct stats_row rows[1000];

static void take(const double *score, const unsigned char *label, size_t count)
{
    memset(&scores, 0, sizeof scores);
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct stats_row){score[i], label[i]};
        (label[i] ? scores.positive : scores.negative)[stats_bin(score[i])]++;
    }
}

static void a_score_has_a_bin_and_a_threshold_an_edge(void)
{
    ok(stats_bin(0) == 0 && stats_bin(1) == 1023 && stats_bin(-1) == 0 && stats_bin(2) == 1023);
    ok(stats_bin(0.5) == 512 && stats_bin(0.4999999) == 511 && stats_bin((double)NAN) == 0);
    ok(stats_edge(0) == 0 && stats_edge(1) == 1024 && stats_edge(0.65) == 666 && stats_edge(-3) == 0);
    ok(stats_threshold_of(512) == 0.5 && stats_bin_centre(0) == 0.5 / 1024);
}

static void ranks_as_scikit_learn_does(void)
{
    for (size_t i = 0; i < sizeof ranked_rows / sizeof *ranked_rows; i++) {
        take(ranked_rows[i].scores, ranked_rows[i].labels, ranked_rows[i].count);
        stats_rows_sort(rows, ranked_rows[i].count);
        ok(near(stats_auc_of_rows(rows, ranked_rows[i].count), ranked_rows[i].auc, 1e-9));
        ok(near(stats_average_precision_of_rows(rows, ranked_rows[i].count), ranked_rows[i].average_precision, 1e-9));
        ok(near(stats_auc(&scores, 0.95).value, ranked_rows[i].auc_of_bins, 1e-9));
        ok(near(stats_average_precision(&scores), ranked_rows[i].average_precision_of_bins, 1e-9));
    }
}

/* With 20 of each label or more, half the interval on the logit scale is z sd / (A (1 - A)). */
static void the_variance_of_an_area_is_delongs(void)
{
    int seen = 0;

    for (size_t i = 0; i < sizeof ranked_rows / sizeof *ranked_rows; i++) {
        struct stats_interval area;
        double half, a;

        take(ranked_rows[i].scores, ranked_rows[i].labels, ranked_rows[i].count);
        area = stats_auc(&scores, 0.95);
        a = area.value;
        half = (log(area.high / (1 - area.high)) - log(area.low / (1 - area.low))) / 2;
        seen++;
        ok(near(pow(half / 1.959963984540054 * a * (1 - a), 2) / ranked_rows[i].auc_variance_of_bins, 1, 1e-9));
    }
    ok(seen == 3);
}

static void each_edge_has_the_confusion_of_its_rows(void)
{
    int wrong = 0;

    take(score_1, label_1, sizeof label_1);
    stats_curve(&scores, curve);
    for (int edge = 0; edge < STATS_EDGES; edge++) {
        struct stats_confusion c = {0}, at = stats_confusion_at(&scores, edge);

        for (size_t i = 0; i < sizeof label_1; i++)
            if (score_1[i] >= stats_threshold_of(edge))
                (*(label_1[i] ? &c.tp : &c.fp))++;
            else
                (*(label_1[i] ? &c.fn : &c.tn))++;
        wrong += memcmp(&c, &curve[edge], sizeof c) != 0 || memcmp(&c, &at, sizeof c) != 0;
    }
    ok(wrong == 0);
    ok(curve[1024].tp == 0 && curve[1024].fp == 0 && curve[0].fn == 0 && curve[0].tn == 0);
}

static void finds_the_best_threshold(void)
{
    int f1, cheap;

    memset(&scores, 0, sizeof scores);
    scores.negative[100] = 900, scores.negative[400] = 50, scores.negative[700] = 5;
    scores.positive[400] = 5, scores.positive[600] = 60, scores.positive[900] = 35;
    stats_curve(&scores, curve);
    f1 = stats_best_edge(curve, stats_f1);
    cheap = stats_cheapest_edge(curve, 1, 1000);
    ok(f1 == (401 + 600) / 2);    /* the middle of (400, 600] */
    ok(cheap == (101 + 400) / 2); /* a miss is dear: take the five at 400, too */
    ok(stats_cost(&curve[cheap], 1, 1000) == 55);
    ok(stats_cheapest_edge(curve, 1000, 1) == (701 + 900) / 2);
    memset(&scores, 0, sizeof scores);
    scores.negative[300] = 7; /* F1 is 0 up to there: no threshold is best */
    stats_curve(&scores, curve);
    ok(stats_best_edge(curve, stats_f1) == -1 && stats_cheapest_edge(curve, 1, 1) == (301 + 1024) / 2);
    memset(&scores, 0, sizeof scores);
    stats_curve(&scores, curve);
    ok(stats_best_edge(curve, stats_f1) == -1 && stats_cheapest_edge(curve, 1, 1) == -1);
}

static void an_area_needs_both_labels(void)
{
    memset(&scores, 0, sizeof scores);
    scores.positive[5] = 3;
    ok(isnan(stats_auc(&scores, 0.95).value) && isnan(stats_auc(&scores, 0.95).low));
    ok(stats_average_precision(&scores) == 1);
    ok(isnan(stats_auc_of_rows(rows, 0)) && isnan(stats_average_precision_of_rows(rows, 0)));
    scores.negative[4] = 4;
    ok(stats_auc(&scores, 0.95).value == 1 && stats_auc(&scores, 0.95).high == 1);
    ok(stats_auc(&scores, 0.95).low > 0.4 && stats_auc(&scores, 0.95).low < 0.9);
}

static void suffix_sums_end_in_zero(void)
{
    static double bins[STATS_BINS], sums[STATS_EDGES];

    bins[0] = 1, bins[1023] = 2;
    stats_suffix_sums(bins, sums);
    ok(sums[0] == 3 && sums[1] == 2 && sums[1023] == 2 && sums[1024] == 0 && stats_total(bins) == 3);
}

/* Two normal classes `apart`; the true area is Phi(apart / sqrt 2).  How often does the interval have it? */
static double area_coverage(int negatives, int positives, double apart, int rounds)
{
    double truth = stats_normal_cdf(apart / sqrt(2)), sum = 0;
    struct stats_random random;

    stats_random_init(&random, (uint64_t)(negatives * 1000 + positives));
    for (int round_ = 0; round_ < rounds; round_++) {
        struct stats_interval area;

        memset(&scores, 0, sizeof scores);
        for (int i = 0; i < negatives + positives; i++) {
            bool positive = i >= negatives;
            double score = stats_normal_cdf((stats_random_normal(&random) + (positive ? apart : 0) - apart / 2) / 1.5);

            (positive ? scores.positive : scores.negative)[stats_bin(score)]++;
        }
        area = stats_auc(&scores, 0.95);
        sum += area.low <= truth && truth <= area.high;
    }
    return sum / rounds;
}

static void an_area_is_covered(void)
{
    static const struct {
        int negatives, positives;
        double apart;
    } worlds[] = {{10, 10, 1}, {10, 10, 2.5}, {100, 12, 2}, {25, 25, 1}, {25, 25, 2.5}, {200, 40, 2}, {300, 300, 0.5}};

    for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++) {
        double share = area_coverage(worlds[i].negatives, worlds[i].positives, worlds[i].apart, 2000);

        printf("# an area of %.3f, %d and %d labels, is covered %.4f\n", stats_normal_cdf(worlds[i].apart / sqrt(2)),
               worlds[i].negatives, worlds[i].positives, share);
        ok(share > 0.93 && share < 0.985);
    }
}

TEST_MAIN(a_score_has_a_bin_and_a_threshold_an_edge, ranks_as_scikit_learn_does, the_variance_of_an_area_is_delongs,
          each_edge_has_the_confusion_of_its_rows, finds_the_best_threshold, an_area_needs_both_labels,
          suffix_sums_end_in_zero, an_area_is_covered)

#include "stats/advice.h"

#include "stats/adjust.h"
#include "stats/near.h"
#include "stats/random.h"

#include "base/test.h"

#include <stdbool.h>
#include <string.h>

static struct stats_scores scores, truth;
static struct stats_random source;

static double taken(const struct stats_advice *advice, int from, int to)
{
    double sum = 0;

    for (int i = 0; i < advice->strata; i++)
        sum += advice->rows[i].first >= from && advice->rows[i].first < to ? advice->rows[i].take : 0;
    return sum;
}

static void precision_asks_only_about_what_was_decided(void)
{
    struct stats_advice got;

    memset(&scores, 0, sizeof scores);
    for (int i = 0; i < STATS_BINS; i++)
        scores.unknown[i] = 5;
    got = stats_advise(&scores, 512, STATS_TARGET_PRECISION, 200, 0.95);
    ok(taken(&got, 512, 1024) == 200 && taken(&got, 0, 512) == 0);
    ok(got.half_after < got.half_now && got.value > 0.7 && got.value < 0.8);
    /* Uncertain ones more than those that are nearly sure. */
    ok(taken(&got, 512, 700) > 1.3 * taken(&got, 836, 1024));
}

static void recall_asks_on_both_sides(void)
{
    struct stats_advice got;

    memset(&scores, 0, sizeof scores);
    for (int i = 0; i < STATS_BINS; i++)
        scores.unknown[i] = i < 512 ? 50 : 5;
    got = stats_advise(&scores, 512, STATS_TARGET_RECALL, 300, 0.95);
    ok(taken(&got, 0, 512) > 150 && taken(&got, 0, 512) + taken(&got, 512, 1024) == 300);
    got = stats_advise(&scores, 512, STATS_TARGET_F1, 300, 0.95);
    ok(taken(&got, 0, 512) > 50 && taken(&got, 512, 1024) > 5);
}

static void never_asks_for_more_than_there_are(void)
{
    struct stats_advice got;
    int wrong = 0;

    memset(&scores, 0, sizeof scores);
    scores.unknown[800] = 4, scores.positive[800] = 90, scores.unknown[600] = 7, scores.negative[600] = 3;
    got = stats_advise(&scores, 512, STATS_TARGET_PRECISION, 1000, 0.95);
    for (int i = 0; i < got.strata; i++)
        wrong += got.rows[i].take > got.rows[i].unlabelled;
    ok(wrong == 0 && taken(&got, 0, 1024) == 11);
}

static void nothing_to_ask_about_is_no_advice(void)
{
    struct stats_advice got;

    memset(&scores, 0, sizeof scores);
    got = stats_advise(&scores, 512, STATS_TARGET_RECALL, 10, 0.95);
    ok(got.strata == 0 && isnan(got.half_now) && isnan(got.half_after));
    scores.unknown[5] = 9; /* nothing is decided */
    got = stats_advise(&scores, 512, STATS_TARGET_PRECISION, 10, 0.95);
    ok(isnan(got.half_now) && taken(&got, 0, 1024) == 0);
}

/* No way to move one label from a stratum to another makes the variance less. */
static double half_of(const struct stats_advice *advice, const struct stats_scores *before, int from, int to);

static void the_split_is_the_best(void)
{
    struct stats_advice got;
    int wrong = 0;

    memset(&scores, 0, sizeof scores);
    stats_random_init(&source, 5);
    for (int i = 0; i < STATS_BINS; i++)
        scores.unknown[i] = floor(8 * stats_random_unit(&source)), scores.positive[i] = i % 31 == 0;
    got = stats_advise(&scores, 400, STATS_TARGET_RECALL, 150, 0.95);
    for (int from = 0; from < got.strata; from++)
        for (int to = 0; to < got.strata; to++)
            if (from != to && got.rows[from].take > 0 && got.rows[to].take < got.rows[to].unlabelled)
                wrong += half_of(&got, &scores, from, to) < got.half_after - 1e-12;
    ok(near(half_of(&got, &scores, 0, 0), got.half_after, 1e-9) && wrong == 0);
}

/* The half width worked out anew from the rows, after a label was moved. */
static double half_of(const struct stats_advice *advice, const struct stats_scores *before, int from, int to)
{
    double tp = 0, fn = 0, sum = 0, positives, recall;

    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < advice->strata; i++) {
            double n = 0, labelled = 0, positive = 0, mean = 0, share, slope, takes;

            for (int bin = advice->rows[i].first; bin < advice->rows[i].end; bin++) {
                double here = before->unknown[bin] + before->negative[bin] + before->positive[bin];

                n += here;
                mean += here * stats_bin_centre(bin);
                labelled += before->negative[bin] + before->positive[bin];
                positive += before->positive[bin];
            }
            share = (positive + mean / n) / (labelled + 1);
            if (pass == 0) {
                *(advice->rows[i].first >= 400 ? &tp : &fn) += positive + (n - labelled) * share;
                continue;
            }
            positives = tp + fn;
            slope = (advice->rows[i].first >= 400 ? fn : tp) / positives / positives;
            takes = advice->rows[i].take - (i == from) + (i == to);
            sum += slope * slope * n * n * share * (1 - share) * (1 / fmax(labelled + takes, 0.5) - 1 / n);
        }
    recall = tp / (tp + fn);
    return 1.959963984540054 * sqrt(sum + recall * (1 - recall) / (tp + fn));
}

static void label(int first, int end, double count)
{
    double left = 0;

    for (int i = first; i < end; i++)
        left += scores.unknown[i];
    for (int i = first; i < end; i++) { /* at random among the rows of the range */
        double part = 0, rows = scores.unknown[i];

        for (int row = 0; row < (int)rows; row++, left--)
            if (stats_random_unit(&source) * left < count - part)
                part++;
        for (int row = 0; row < (int)part; row++) {
            bool positive = stats_random_unit(&source) * (truth.positive[i] + truth.negative[i]) < truth.positive[i];

            (positive ? truth.positive : truth.negative)[i]--;
            (positive ? scores.positive : scores.negative)[i]++;
            scores.unknown[i]--;
        }
        count -= part;
    }
}

/* Scores that mean what they say. */
static void make(double a, double b)
{
    memset(&scores, 0, sizeof scores);
    memset(&truth, 0, sizeof truth);
    for (int i = 0; i < 5000; i++) {
        double score = stats_random_beta(&source, a, b);

        scores.unknown[stats_bin(score)]++;
        (stats_random_unit(&source) < score ? truth.positive : truth.negative)[stats_bin(score)]++;
    }
}

static double half_by_adjustment(int edge, enum stats_target target)
{
    struct stats_draws how = {.level = 0.95, .seed = stats_random_next(&source), .count = 500};
    struct stats_adjusted after = stats_adjust(&scores, edge, &how);
    struct stats_interval figure = target == STATS_TARGET_RECALL ? after.recall : after.precision;

    return (figure.high - figure.low) / 2;
}

/* 300 labels by advice against 300 of any: the interval is about as narrow as was said, and narrower. */
static void advice_narrows_the_interval_as_it_says(void)
{
    static const struct {
        double a, b;
        int edge;
        enum stats_target target;
    } worlds[] = {{0.2, 1.5, 500, STATS_TARGET_RECALL},
                  {0.2, 1.5, 500, STATS_TARGET_PRECISION},
                  {0.4, 0.8, 700, STATS_TARGET_PRECISION}};

    stats_random_init(&source, 6);
    for (size_t w = 0; w < sizeof worlds / sizeof *worlds; w++) {
        double by_advice = 0, by_chance = 0, said = 0, rounds = 40;

        for (int i = 0; i < (int)rounds; i++) {
            struct stats_advice got;

            make(worlds[w].a, worlds[w].b);
            got = stats_advise(&scores, worlds[w].edge, worlds[w].target, 300, 0.95);
            for (int s = 0; s < got.strata; s++)
                label(got.rows[s].first, got.rows[s].end, got.rows[s].take);
            by_advice += half_by_adjustment(worlds[w].edge, worlds[w].target) / rounds;
            said += got.half_after / rounds;
            make(worlds[w].a, worlds[w].b);
            label(0, STATS_BINS, 300);
            by_chance += half_by_adjustment(worlds[w].edge, worlds[w].target) / rounds;
        }
        printf("# half the interval of %s: %.4f by advice (%.4f was said), %.4f by chance\n",
               worlds[w].target == STATS_TARGET_RECALL ? "recall" : "precision", by_advice, said, by_chance);
        ok(by_advice < by_chance && fabs(by_advice / said - 1) < 0.25);
    }
}

TEST_MAIN(precision_asks_only_about_what_was_decided, recall_asks_on_both_sides, never_asks_for_more_than_there_are,
          nothing_to_ask_about_is_no_advice, the_split_is_the_best, advice_narrows_the_interval_as_it_says)

#include "stats/calibration.h"

#include "stats/near.h"
#include "stats/random.h"

#include "../../test/stats/fixtures.h"
#include "base/test.h"

#include <string.h>

static struct stats_scores scores;
static struct stats_calibration calibration;

static void take(int set, struct stats_moments ret[2])
{
    memset(&scores, 0, sizeof scores);
    memset(ret, 0, 2 * sizeof *ret);
    for (size_t i = 0; i < ranked_rows[set].count; i++) {
        double score = ranked_rows[set].scores[i];
        int label = ranked_rows[set].labels[i];

        (label ? scores.positive : scores.negative)[stats_bin(score)]++;
        ret[label].n++;
        ret[label].sum += score;
        ret[label].sum_squares += score * score;
    }
}

static void agrees_with_scikit_learn(void)
{
    for (size_t i = 0; i < sizeof reliability_rows / sizeof *reliability_rows; i++) {
        struct stats_moments moments[2];
        struct stats_reliability rows[STATS_RELIABILITY_BINS_MAX];
        int count;

        take(reliability_rows[i].set, moments);
        ok(near(stats_brier(&moments[0], &moments[1]), ranked_rows[reliability_rows[i].set].brier, 1e-9));
        ok(near(stats_brier_of_bins(&scores), reliability_rows[i].brier_of_bins, 1e-9));
        count = stats_reliability_by_width(&scores, 8, 0.95, rows);
        ok(count == reliability_rows[i].count);
        for (int j = 0; j < count && j < 8; j++)
            ok(near(rows[j].positive.value, reliability_rows[i].share[j], 1e-9) &&
               near(rows[j].mean_score, reliability_rows[i].mean[j], 1e-9));
    }
}

static void rows_by_count_have_about_equally_many(void)
{
    struct stats_moments moments[2];
    struct stats_reliability rows[STATS_RELIABILITY_BINS_MAX];
    double n = 0;
    int count;

    take(1, moments);
    count = stats_reliability_by_count(&scores, 10, 0.95, rows);
    ok(count == 10 && rows[0].low == 0 && rows[9].high == 1);
    for (int i = 0; i < count; i++) {
        ok(rows[i].n >= 24 && rows[i].n <= 36 && (i == 0 || rows[i].low == rows[i - 1].high));
        n += rows[i].n;
    }
    ok(n == 300);
    memset(&scores, 0, sizeof scores);
    ok(stats_reliability_by_count(&scores, 10, 0.95, rows) == 0 && isnan(stats_calibration_error(rows, 0)));
    scores.positive[7] = 30; /* all in one */
    ok(stats_reliability_by_count(&scores, 10, 0.95, rows) == 1 && rows[0].n == 30);
}

static void the_error_is_the_mean_distance(void)
{
    const struct stats_reliability rows[] = {{.n = 30, .mean_score = 0.2, .positive = {.value = 0.3}},
                                             {.n = 10, .mean_score = 0.9, .positive = {.value = 0.7}}};

    ok(near(stats_calibration_error(rows, 2), 0.125, 1e-12));
}

static void isotonic_agrees_with_scikit_learn(void)
{
    for (size_t i = 0; i < sizeof isotonic_rows / sizeof *isotonic_rows; i++) {
        double fitted[24];
        int wrong = 0;

        stats_isotonic(isotonic_rows[i].values, isotonic_rows[i].weights, fitted, isotonic_rows[i].count);
        for (int j = 0; j < isotonic_rows[i].count; j++)
            wrong += !near(fitted[j], isotonic_rows[i].fitted[j], 1e-9);
        ok(wrong == 0);
    }
}

static void isotonic_fills_gaps(void)
{
    const double values[] = {9, 1, 9, 9, 4, 9}, weights[] = {0, 2, 0, 0, 1, 0}, none[6] = {0};
    double fitted[6];

    stats_isotonic(values, weights, fitted, 6);
    ok(fitted[0] == 1 && fitted[1] == 1 && near(fitted[2], 2, 1e-12) && near(fitted[3], 3, 1e-12) && fitted[5] == 4);
    stats_isotonic(values, none, fitted, 6);
    ok(memcmp(fitted, values, sizeof values) == 0);
}

/* Rows of uniform scores whose truth is P(positive) = score^power. */
static void make(double n, double power, uint64_t seed)
{
    struct stats_random random;

    memset(&scores, 0, sizeof scores);
    stats_random_init(&random, seed);
    for (int i = 0; i < (int)n; i++) {
        double score = stats_random_unit(&random);

        (stats_random_unit(&random) < pow(score, power) ? scores.positive : scores.negative)[stats_bin(score)]++;
    }
}

static void learns_what_a_score_means(void)
{
    ARENA_AUTO scratch = {0};
    double worst = 0, last = -1;
    int falls = 0;

    make(20000, 3, 1);
    stats_calibrate(&scores, 1, &scratch, &calibration);
    for (int i = 0; i < STATS_BINS; i++) {
        worst = fmax(worst, fabs(calibration.share[i] - pow(stats_bin_centre(i), 3)));
        falls += calibration.share[i] < last;
        last = calibration.share[i];
    }
    printf("# score^3: the error was %.4f, is %.4f; at worst %.4f off\n", calibration.error_before,
           calibration.error_after, worst);
    ok(calibration.is_learnt && falls == 0 && worst < 0.12);
    ok(calibration.error_before > 0.2 && calibration.error_after < 0.03);
}

/* A score that means what it says must be left alone most times: what is learnt from it is noise. */
static void leaves_a_good_score_alone(void)
{
    int left = 0;

    for (uint64_t seed = 1; seed <= 40; seed++) {
        ARENA_AUTO scratch = {0};

        make(500, 1, seed);
        stats_calibrate(&scores, seed, &scratch, &calibration);
        left += !calibration.is_learnt;
    }
    printf("# of 40 good scores %d are left alone\n", left);
    ok(left >= 20);
    ok(near(calibration.share[1023], calibration.is_learnt ? calibration.share[1023] : 1023.5 / 1024, 0));
}

static void learns_nothing_from_few_labels_or_one_kind(void)
{
    ARENA_AUTO scratch = {0};

    make(40, 3, 1);
    stats_calibrate(&scores, 1, &scratch, &calibration);
    ok(!calibration.is_learnt && isnan(calibration.error_before) && calibration.share[0] == 0.5 / 1024);
    make(400, 3, 1);
    memset(scores.positive, 0, sizeof scores.positive);
    stats_calibrate(&scores, 1, &scratch, &calibration);
    ok(!calibration.is_learnt);
}

TEST_MAIN(agrees_with_scikit_learn, rows_by_count_have_about_equally_many, the_error_is_the_mean_distance,
          isotonic_agrees_with_scikit_learn, isotonic_fills_gaps, learns_what_a_score_means, leaves_a_good_score_alone,
          learns_nothing_from_few_labels_or_one_kind)

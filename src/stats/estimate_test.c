#include "stats/estimate.h"

#include "stats/near.h"
#include "stats/random.h"

#include "base/test.h"

#include <string.h>

static struct stats_scores reference, window;
static struct stats_calibration calibration;
static struct stats_confusion curve[STATS_EDGES];
static double scores[STATS_BINS];
static struct stats_random source;

/* A model's scores and truths: a share of positives of score^power; `spread` < 1 moves the scores to the ends. */
struct world {
    const char *name;
    double power, spread;
    int reference_n, window_n;
};

static void make(const struct world *world, int n, struct stats_scores *ret)
{
    memset(ret, 0, sizeof *ret);
    for (int i = 0; i < n; i++) {
        double score = stats_random_beta(&source, world->spread, world->spread);
        bool positive = stats_random_unit(&source) < pow(score, world->power);

        (positive ? ret->positive : ret->negative)[stats_bin(score)]++;
    }
}

static void forget_labels(void)
{
    for (int i = 0; i < STATS_BINS; i++)
        scores[i] = window.negative[i] + window.positive[i];
}

static void sums_what_scores_promise(void)
{
    struct stats_calibration plain;

    memset(scores, 0, sizeof scores);
    for (int i = 0; i < STATS_BINS; i++)
        plain.share[i] = stats_bin_centre(i);
    plain.share[900] = 0.75, plain.share[100] = 0.25;
    scores[900] = 8, scores[100] = 40;
    stats_estimate_curve(&plain, scores, curve);
    ok(near(curve[512].tp, 6, 1e-12) && near(curve[512].fp, 2, 1e-12));
    ok(near(curve[512].fn, 10, 1e-12) && near(curve[512].tn, 30, 1e-12));
    ok(near(curve[0].tp, 16, 1e-12) && curve[1024].tp == 0 && near(curve[1024].tn, 32, 1e-12));
}

static struct stats_estimate estimate(int edge, struct stats_confusion known, int draws)
{
    ARENA_AUTO scratch = {0};
    struct stats_estimate ret;
    struct stats_estimate_of of = {&reference, &calibration, scores, known, edge};
    struct stats_draws how = {.level = 0.95, .seed = stats_random_next(&source), .count = draws};

    stats_calibrate(&reference, 3, &scratch, &calibration);
    stats_estimate_at(&of, &how, &scratch, &ret);
    return ret;
}

static void the_estimate_at_an_edge_is_that_of_the_curve(void)
{
    struct world world = {"", 2, 0.5, 1000, 700};
    struct stats_estimate got;

    stats_random_init(&source, 1);
    make(&world, world.reference_n, &reference);
    make(&world, world.window_n, &window);
    forget_labels();
    got = estimate(600, (struct stats_confusion){0}, 500);
    stats_estimate_curve(&calibration, scores, curve);
    ok(near(got.expected.tp, curve[600].tp, 1e-9) && near(got.expected.fp, curve[600].fp, 1e-9));
    ok(near(got.expected.fn, curve[600].fn, 1e-9) && near(got.expected.tn, curve[600].tn, 1e-9));
    ok(near(got.precision.value, stats_precision(&curve[600]), 1e-9) && got.precision.n == 700);
    ok(got.precision.low < got.precision.value && got.precision.value < got.precision.high);
}

/* What has its label is known, and narrows the interval to nothing when it is all. */
static void what_is_known_is_not_estimated(void)
{
    struct stats_confusion known = {40, 10, 5, 45};
    struct stats_estimate got;

    memset(scores, 0, sizeof scores);
    got = estimate(600, known, 200);
    ok(got.precision.value == 0.8 && got.precision.low == 0.8 && got.precision.high == 0.8 &&
       got.accuracy.value == 0.85);
}

static void nothing_to_decide_is_undefined(void)
{
    struct stats_estimate got;

    memset(scores, 0, sizeof scores);
    got = estimate(600, (struct stats_confusion){0}, 200);
    ok(isnan(got.precision.value) && isnan(got.precision.low) && isnan(got.recall.value) && got.precision.n == 0);
}

enum { WORLDS = 100 };

static void holds_when_the_labels_come(const struct world *world, int edge)
{
    double in[3] = {0}, off[3] = {0}, width[3] = {0};

    for (int w = 0; w < WORLDS; w++) {
        struct stats_confusion truth;
        struct stats_estimate got;

        make(world, world->reference_n, &reference);
        make(world, world->window_n, &window);
        forget_labels();
        got = estimate(edge, (struct stats_confusion){0}, 200);
        truth = stats_confusion_at(&window, edge);
        const struct stats_interval *figures[] = {&got.precision, &got.recall, &got.f1};
        double truths[] = {stats_precision(&truth), stats_recall(&truth), stats_f1(&truth)};

        for (int f = 0; f < 3; f++) {
            in[f] += (figures[f]->low <= truths[f] && truths[f] <= figures[f]->high) / (double)WORLDS;
            off[f] += (figures[f]->value - truths[f]) / WORLDS;
            width[f] += (figures[f]->high - figures[f]->low) / WORLDS;
        }
    }
    for (int f = 0; f < 3; f++) {
        printf("# %s at %d: %s holds in %.3f, is off by %.4f on the mean, %.3f wide\n", world->name, edge,
               f == 0   ? "precision"
               : f == 1 ? "recall"
                        : "F1",
               in[f], off[f], width[f]);
        ok(in[f] >= 0.86);
        ok(fabs(off[f]) < 0.2 * width[f]);
    }
}

static void intervals_hold(void)
{
    static const struct world worlds[] = {
        {"score^3, 500 for 500", 3, 0.5, 500, 500},
        {"score^3, 2000 for 500", 3, 0.5, 2000, 500},
        {"score^0.5, 1000 for 1000", 0.5, 0.4, 1000, 1000},
        {"a good score, 1000 for 500", 1, 0.2, 1000, 500},
    };

    stats_random_init(&source, 7);
    for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++) {
        holds_when_the_labels_come(&worlds[i], 512);
        holds_when_the_labels_come(&worlds[i], 850);
    }
}

TEST_MAIN(sums_what_scores_promise, the_estimate_at_an_edge_is_that_of_the_curve, what_is_known_is_not_estimated,
          nothing_to_decide_is_undefined, intervals_hold)

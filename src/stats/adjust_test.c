#include "stats/adjust.h"

#include "stats/near.h"
#include "stats/random.h"

#include "base/test.h"

#include <stdbool.h>
#include <string.h>

static struct stats_scores scores;
static struct stats_random source;

/*
 * Scores of a model and the truth P(positive) = score^power; of those from the edge on a share `above` has its label,
 * of the others `below`, more of those whose score is high.
 */
struct world {
    const char *name;
    double power, spread;
    int n, edge;
    double above, below;
};

static void make(const struct world *world)
{
    memset(&scores, 0, sizeof scores);
    for (int i = 0; i < world->n; i++) {
        double score = stats_random_beta(&source, world->spread, world->spread);
        bool positive = stats_random_unit(&source) < pow(score, world->power);
        int bin = stats_bin(score);
        double share = bin >= world->edge ? world->above : world->below * (0.25 + 1.5 * score);

        if (stats_random_unit(&source) < share)
            (positive ? scores.positive : scores.negative)[bin]++;
        else
            scores.unknown[bin]++;
    }
}

/* What precision and recall are in the world, by many rows of it. */
static void truth_of(const struct world *world, double *ret_precision, double *ret_recall)
{
    struct stats_confusion c = {0};

    for (int i = 0; i < 200000; i++) {
        double score = stats_random_beta(&source, world->spread, world->spread), share = pow(score, world->power);
        bool said = stats_bin(score) >= world->edge;

        *(said ? &c.tp : &c.fn) += share;
        *(said ? &c.fp : &c.tn) += 1 - share;
    }
    *ret_precision = stats_precision(&c);
    *ret_recall = stats_recall(&c);
}

static void with_every_label_it_is_the_plain_figure(void)
{
    struct world world = {"", 1, 0.5, 800, 600, 1, 1e9};
    struct stats_draws how = {.level = 0.95, .seed = 1};
    struct stats_confusion plain;
    struct stats_interval precision, recall;
    struct stats_adjusted got;

    stats_random_init(&source, 1);
    make(&world);
    plain = stats_confusion_at(&scores, 600);
    precision = stats_wilson(plain.tp, plain.tp + plain.fp, 0.95);
    recall = stats_wilson(plain.tp, plain.tp + plain.fn, 0.95);
    got = stats_adjust(&scores, 600, &how);
    ok(memcmp(&got.precision, &precision, sizeof precision) == 0 && memcmp(&got.recall, &recall, sizeof recall) == 0);
    ok(near(got.expected.tp, plain.tp, 1e-9) && near(got.expected.fn, plain.fn, 1e-9));
    ok(near(got.expected.fp, plain.fp, 1e-9) && near(got.expected.tn, plain.tn, 1e-9));
}

/* By hand: two strata, of which one is checked twice as often. */
static void what_labels_say_is_said_of_the_stratum(void)
{
    struct stats_draws how = {.level = 0.95, .seed = 1};
    struct stats_adjusted got;

    memset(&scores, 0, sizeof scores);
    scores.positive[900] = 45, scores.negative[900] = 5, scores.unknown[900] = 50;
    scores.positive[600] = 15, scores.negative[600] = 10, scores.unknown[600] = 75;
    scores.positive[100] = 1, scores.negative[100] = 39, scores.unknown[100] = 360;
    got = stats_adjust(&scores, 512, &how);
    ok(got.strata == 3 && near(got.expected.tp, 90 + 60, 1e-9) && near(got.expected.fn, 10, 1e-9));
    ok(near(got.precision.value, 0.75, 1e-12) && near(got.recall.value, 150.0 / 160, 1e-12));
    ok(got.precision.n == 75 && got.precision.k == 60 && got.recall.n == 115 && got.recall.k == 61);
    ok(got.precision.low < 0.75 && got.precision.low > 0.6 && got.recall.low < 0.9 && got.recall.high > 0.95);
}

static void a_side_without_labels_tells_nothing(void)
{
    struct stats_draws how = {.level = 0.95, .seed = 1};
    struct stats_adjusted got;

    memset(&scores, 0, sizeof scores);
    scores.positive[900] = 45, scores.negative[900] = 5, scores.unknown[100] = 1000;
    got = stats_adjust(&scores, 512, &how);
    ok(near(got.precision.value, 0.9, 1e-12) && isnan(got.recall.value) && isnan(got.recall.low));
    memset(&scores, 0, sizeof scores);
    got = stats_adjust(&scores, 512, &how);
    ok(isnan(got.precision.value) && isnan(got.recall.value) && got.strata == 0);
    scores.unknown[900] = 3, scores.negative[100] = 3;
    got = stats_adjust(&scores, 512, &how);
    ok(isnan(got.precision.value) && isnan(got.recall.value));
}

enum { WORLDS = 150 };

static void covers_what_the_plain_figure_misses(void)
{
    static const struct world worlds[] = {
        {"half and a twentieth", 2, 0.5, 3000, 600, 0.5, 0.05},
        {"all and a tenth", 1, 0.3, 1500, 700, 1, 0.1},
        {"a fifth and a fiftieth", 1.5, 0.4, 10000, 512, 0.2, 0.02},
        {"a third of all", 1, 0.5, 600, 512, 0.33, 0.33},
        {"overconfident scores, a tenth", 0.3, 0.15, 4000, 700, 0.5, 0.1},
        {"timid scores, a tenth", 4, 3, 4000, 700, 0.5, 0.05},
        {"rare positives", 6, 0.5, 5000, 800, 0.6, 0.1},
    };

    stats_random_init(&source, 11);
    for (size_t w = 0; w < sizeof worlds / sizeof *worlds; w++) {
        double precision, recall, in_precision = 0, in_recall = 0, plain = 0, width = 0, off = 0;

        truth_of(&worlds[w], &precision, &recall);
        for (int i = 0; i < WORLDS; i++) {
            struct stats_draws how = {.level = 0.95, .seed = stats_random_next(&source), .count = 300};
            struct stats_adjusted got;
            struct stats_confusion c;
            struct stats_interval naive;

            make(&worlds[w]);
            got = stats_adjust(&scores, worlds[w].edge, &how);
            c = stats_confusion_at(&scores, worlds[w].edge);
            naive = stats_wilson(c.tp, c.tp + c.fn, 0.95);
            in_precision += got.precision.low <= precision && precision <= got.precision.high;
            in_recall += got.recall.low <= recall && recall <= got.recall.high;
            width += (got.recall.high - got.recall.low) / WORLDS;
            off += (got.recall.value - recall) / WORLDS;
            plain += naive.low <= recall && recall <= naive.high;
        }
        printf("# %s labelled: precision is covered %.3f, recall %.3f (%.3f wide, %.4f off; plain %.3f)\n",
               worlds[w].name, in_precision / WORLDS, in_recall / WORLDS, width, off, plain / WORLDS);
        ok(in_precision / WORLDS > 0.9 && in_recall / WORLDS > 0.9);
        ok(fabs(off) < 0.2 * width);
    }
}

TEST_MAIN(with_every_label_it_is_the_plain_figure, what_labels_say_is_said_of_the_stratum,
          a_side_without_labels_tells_nothing, covers_what_the_plain_figure_misses)

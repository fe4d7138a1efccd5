#include "stats/strata.h"

#include "stats/near.h"

#include "base/test.h"

#include <stdbool.h>
#include <string.h>

static struct stats_scores scores;
static struct stats_stratum strata[STATS_STRATA_MAX];

/* Every bin is in one stratum of its side, and the counts are those of its bins. */
static bool parts_all(int count, int edge)
{
    int seen[STATS_BINS] = {0}, wrong = 0;

    for (int s = 0; s < count; s++) {
        double n = 0, labelled = 0;

        wrong += strata[s].first < edge && strata[s].end > edge;
        for (int i = strata[s].first; i < strata[s].end; i++) {
            seen[i]++;
            n += scores.negative[i] + scores.positive[i] + scores.unknown[i];
            labelled += scores.negative[i] + scores.positive[i];
        }
        wrong += n != strata[s].n || labelled != strata[s].labelled;
    }
    for (int i = 0; i < STATS_BINS; i++)
        wrong += seen[i] != 1;
    return wrong == 0;
}

static void strata_part_the_scores_at_the_edge(void)
{
    static const int edges[] = {1, 300, 512, 1000, 1023};

    memset(&scores, 0, sizeof scores);
    for (int i = 0; i < STATS_BINS; i++) {
        scores.unknown[i] = i % 7;
        scores.negative[i] = i % 13 == 0;
        scores.positive[i] = i % 17 == 0 ? 2 : 0;
    }
    for (int e = 0; e < 5; e++) {
        int by_labels = stats_strata_by_labels(&scores, edges[e], 5, strata), by_scores;

        ok(by_labels > 1 && parts_all(by_labels, edges[e]));
        by_scores = stats_strata_by_scores(&scores, edges[e], strata);
        ok(by_scores > 1 && parts_all(by_scores, edges[e]));
    }
}

static void each_has_labels_enough(void)
{
    int count, wrong = 0;

    memset(&scores, 0, sizeof scores);
    for (int i = 0; i < STATS_BINS; i++) {
        scores.unknown[i] = 10;
        scores.negative[i] = i > 500 && i < 600;
    }
    count = stats_strata_by_labels(&scores, 512, 20, strata);
    for (int i = 0; i < count; i++)
        wrong += strata[i].labelled < 20 && strata[i].first >= 512;
    ok(count == 5 && wrong == 0 && parts_all(count, 512)); /* 88 labels above: four; 11 below: one */
    ok(strata[4].labelled == 11 && strata[4].first == 0 && strata[4].end == 512);
}

static void an_empty_side_has_none(void)
{
    memset(&scores, 0, sizeof scores);
    ok(stats_strata_by_scores(&scores, 512, strata) == 0);
    scores.unknown[700] = 5;
    ok(stats_strata_by_scores(&scores, 512, strata) == 1 && strata[0].n == 5);
    ok(stats_strata_by_scores(&scores, 0, strata) == 1 && stats_strata_by_scores(&scores, 1024, strata) == 1);
}

TEST_MAIN(strata_part_the_scores_at_the_edge, each_has_labels_enough, an_empty_side_has_none)

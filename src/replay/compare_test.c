#include "replay/compare.h"

#include "base/test.h"
#include "replay/paired.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The judge of this test: an answer is a text of rows, "KEY SCORE LABEL;", decided at the threshold. */
static bool decide(void *ctx, const struct replay_answer *asked, struct arena *arena, struct replay_rows *ret)
{
    str answer = asked->answer, rest = answer, row, key, score, label;

    (void)ctx;
    if (!str_starts(answer, STR("\"")))
        return false;
    rest = (str){answer.at + 1, answer.len - 2};
    *ret = (struct replay_rows){arena_new(arena, struct replay_row, 16), 0};
    while (str_cut(rest, ';', &row, &rest) && ret->count < 16) {
        (void)str_cut(row, ' ', &key, &score);
        (void)str_cut(score, ' ', &score, &label);
        double number = (score.at[0] - '0') / 10.0;
        ret->at[ret->count] =
            (struct replay_row){.key = key,
                                .position = ret->count,
                                .score = number,
                                .decision = number >= (isnan(asked->threshold) ? 0.5 : asked->threshold)};
        ret->count++;
    }
    return true;
}

/* Of a row whose key ends in y or n it is known. */
static void labels(void *ctx, const struct replay_answer *asked, struct replay_rows *rows)
{
    (void)ctx;
    ok(str_eq(asked->function, STR("f")) && str_eq(asked->request_id, STR("r")));
    for (int i = 0; i < rows->count; i++) {
        char last = rows->at[i].key.len ? rows->at[i].key.at[rows->at[i].key.len - 1] : ' ';
        rows->at[i].label = last == 'y' ? 1 : last == 'n' ? 0 : (double)NAN;
    }
}

static const struct replay_judge judge = {.decide = decide, .labels = labels};
static struct arena kept;

static struct replay_verdict compare(const char *before, const char *after, double threshold)
{
    struct replay_pair pair = {.function = STR("f"),
                               .request_id = STR("r"),
                               .event = STR("{}"),
                               .before = {.answer = str_of(before)},
                               .after = {.answer = str_of(after)},
                               .tolerance = 1e-9,
                               .threshold = threshold};
    struct replay_verdict ret;
    ARENA_AUTO scratch = {0};

    pair.before.is_error = strstr(before, "errorType") != NULL;
    pair.after.is_error = strstr(after, "errorType") != NULL;
    replay_compare(&judge, &pair, &scratch, &kept, &ret);
    return ret;
}

static void answers_are_compared_as_json(void)
{
    struct replay_verdict v =
        compare("{\"a\": 0.1, \"b\": [1]}", "{\"b\": [1], \"a\": 0.10000000000000001}", (double)NAN);
    ok(v.counts.compared == 1 && v.counts.same == 1 && v.changes_count == 0 && v.counts.decisions == 0);
    v = compare("{\"a\": 1}", "{\"a\": 2}", (double)NAN);
    ok(v.counts.differ == 1 && v.changes_count == 1 && v.changes[0].kind == REPLAY_ANSWER);
    ok(str_eq(v.changes[0].words, STR("at `a`: was 1, is 2")));
    v = compare("NaN", "NaN", (double)NAN);
    ok(v.counts.same == 1);
    v = compare("[NaN]", "[NaN ]", (double)NAN);
    ok(v.counts.differ == 1 && v.changes_count == 1);
    arena_free(&kept);
}

/* A tree of "[[],[],..." takes eighty times as much as its text. */
static void large_answers_are_compared_as_bytes(void)
{
    char *large = calloc(1, REPLAY_TREE_BYTES_MAX + 2);

    memset(large, ' ', REPLAY_TREE_BYTES_MAX + 1);
    memcpy(large, "[]", 2);
    struct replay_verdict v = compare(large, large, (double)NAN);
    ok(v.counts.same == 1);
    v = compare("[]", large, (double)NAN);
    ok(v.counts.differ == 1 && str_starts(v.changes[0].words, STR("the bytes differ")));
    free(large);
    arena_free(&kept);
}

static void errors_are_no_answers(void)
{
    static const char error[] = "{\"errorType\": \"ValueError\", \"errorMessage\": \"no\"}";
    struct replay_verdict v = compare("1", error, (double)NAN);
    ok(v.counts.failed == 1 && v.counts.compared == 0 && v.changes[0].kind == REPLAY_FAILED);
    ok(str_eq(v.changes[0].words, STR("ValueError: no")));
    v = compare(error, "1", (double)NAN);
    ok(v.counts.mended == 1 && v.counts.compared == 0 && v.changes[0].kind == REPLAY_MENDED);
    v = compare(error, error, (double)NAN);
    ok(v.counts.failed_both == 1 && v.changes_count == 0);
    v = compare("1", "{\"errorType\": ", (double)NAN); /* no JSON at all */
    ok(v.counts.failed == 1 && v.changes[0].words.len == 0);
    arena_free(&kept);
}

static void rows_belong_together_by_their_keys(void)
{
    struct replay_verdict v = compare("\"a 9;by 4;cn 6;d 1;\"", "\"d 1;cn 4;by 6;e 7;\"", (double)NAN);
    ok(v.counts.decisions == 5 && v.counts.changed == 4 && v.counts.gone == 1 && v.counts.fresh == 1);
    ok(v.counts.labelled == 2 && v.counts.joint_101 == 1 && v.counts.joint_010 == 1);
    ok(v.changes_count == 4 && str_eq(v.changes[0].key, STR("a")) && !v.changes[0].has_after);
    ok(str_eq(v.changes[1].key, STR("by")) && v.changes[1].position == 1 && v.changes[1].label >= 1 &&
       !v.changes[1].before.decision && v.changes[1].after.decision && v.changes[1].after.score > 0.59);
    ok(str_eq(v.changes[3].key, STR("e")) && !v.changes[3].has_before && isnan(v.changes[3].label));
    v = compare("\"a 9;a 4;\"", "\"a 4;a 4;a 4;\"", (double)NAN); /* a key comes twice: by place */
    ok(v.counts.decisions == 3 && v.counts.changed == 2 && v.counts.fresh == 1);
    v = compare("\"a 9;by 4;\"", "\"a 8;by 3;\"", (double)NAN);
    ok(v.counts.changed == 0 && v.changes_count == 0 && v.counts.differ == 1 && v.counts.joint_100 == 1);
    v = compare("\"a 9;by 4;\"", "\"a 8;by 3;\"", 0.85); /* another threshold, for both */
    ok(v.counts.changed == 1);
    arena_free(&kept);
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

/* 100 rows.  Expected values: the ratio's delta method worked by hand from the same table. */
static void precision_and_recall_are_of_the_same_rows(void)
{
    const struct replay_counts counts = {.joint_000 = 40,
                                         .joint_001 = 2,
                                         .joint_010 = 6,
                                         .joint_011 = 4,
                                         .joint_100 = 5,
                                         .joint_101 = 3,
                                         .joint_110 = 4,
                                         .joint_111 = 36};
    struct paired precision, recall;
    double before, after, variance;

    paired_precision(&counts, &precision);
    paired_recall(&counts, &recall);
    ok(near(precision.before.value, 40.0 / 50) && near(precision.after.value, 39.0 / 45));
    ok(near(recall.before.value, 40.0 / 48) && near(recall.after.value, 39.0 / 48));
    ok(near(recall.before.n, 48) && near(recall.before.k, 40) && recall.before.low < 40.0 / 48);
    /* Recall: b = 4 lost, c = 3 won of n = 48: McNemar's difference and its variance (b + c - (b - c)^2 / n) / n^2. */
    ok(near(recall.difference.value, -1.0 / 48));
    variance = (7.0 - 1.0 / 48) / (48.0 * 48.0);
    ok(near(recall.difference.high - recall.difference.low, 2 * 1.959963984540054 * sqrt(variance)));
    before = precision.before.value, after = precision.after.value;
    variance = 2 * pow(-after / 45, 2) + 6 * pow(before / 50, 2) + 4 * pow(-after / 45 + before / 50, 2) +
               3 * pow((1 - after) / 45, 2) + 4 * pow((1 - before) / 50, 2) +
               36 * pow((1 - after) / 45 - (1 - before) / 50, 2);
    ok(near(precision.difference.value, after - before));
    ok(near(precision.difference.high - precision.difference.low, 2 * 1.959963984540054 * sqrt(variance)));
}

static void nothing_known_has_no_value(void)
{
    const struct replay_counts none = {0}, no_yes = {.joint_000 = 3, .joint_100 = 2};
    struct paired paired;

    paired_precision(&none, &paired);
    ok(isnan(paired.before.value) && isnan(paired.difference.value) && isnan(paired.difference.low));
    paired_precision(&no_yes, &paired);
    ok(isnan(paired.after.value) && isnan(paired.difference.value));
    paired_recall(&no_yes, &paired);
    ok(near(paired.after.value, 0) && near(paired.difference.value, 0));
}

TEST_MAIN(answers_are_compared_as_json, large_answers_are_compared_as_bytes, errors_are_no_answers,
          rows_belong_together_by_their_keys, precision_and_recall_are_of_the_same_rows, nothing_known_has_no_value)

#include "stats/confusion.h"

#include "stats/near.h"

#include "../../test/stats/fixtures.h"
#include "base/test.h"

static void agrees_with_scikit_learn(void)
{
    for (size_t i = 0; i < sizeof confusion_rows / sizeof *confusion_rows; i++) {
        struct stats_confusion c = {confusion_rows[i].tp, confusion_rows[i].fp, confusion_rows[i].fn,
                                    confusion_rows[i].tn};

        ok(near(stats_precision(&c), confusion_rows[i].precision, 1e-9));
        ok(near(stats_recall(&c), confusion_rows[i].recall, 1e-9));
        ok(near(stats_f1(&c), confusion_rows[i].f1, 1e-9));
        ok(near(stats_f_beta(&c, 2), confusion_rows[i].f2, 1e-9));
        ok(near(stats_accuracy(&c), confusion_rows[i].accuracy, 1e-9));
        ok(near(stats_specificity(&c), confusion_rows[i].specificity, 1e-9));
        ok(near(stats_npv(&c), confusion_rows[i].npv, 1e-9));
        ok(near(stats_balanced_accuracy(&c), confusion_rows[i].balanced, 1e-9));
        ok(near(stats_mcc(&c), confusion_rows[i].mcc, 1e-9));
    }
}

static void what_has_no_denominator_is_undefined(void)
{
    struct stats_confusion none = {0}, only_negatives = {.tn = 5};

    ok(isnan(stats_precision(&none)) && isnan(stats_f1(&none)) && isnan(stats_accuracy(&none)) &&
       isnan(stats_mcc(&none)));
    ok(isnan(stats_precision(&only_negatives)) && isnan(stats_recall(&only_negatives)));
    ok(isnan(stats_f1(&only_negatives)) && isnan(stats_balanced_accuracy(&only_negatives)));
    ok(stats_accuracy(&only_negatives) == 1 && stats_specificity(&only_negatives) == 1);
    ok(stats_decided_share(&only_negatives) == 0 && stats_prevalence(&only_negatives) == 0);
}

static void counts_what_mistakes_cost(void)
{
    struct stats_confusion a = {3, 2, 1, 4}, b = {1, 1, 1, 1}, sum = stats_confusion_sum(&a, &b);

    ok(stats_cost(&a, 1.5, 10) == 13);
    ok(sum.tp == 4 && sum.fp == 3 && sum.fn == 2 && sum.tn == 5);
}

TEST_MAIN(agrees_with_scikit_learn, what_has_no_denominator_is_undefined, counts_what_mistakes_cost)

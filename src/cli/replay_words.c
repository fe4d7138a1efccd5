/* The words of a replay's result: "12 of 5,000 decisions change", the rows, and what it would mean for precision. */
#include <math.h>
#include <stdio.h>

#include "cli/output.h"
#include "cli/replay.h"
#include "codec/json_read.h"

enum { GROUPED_MAX = 32, CELL_MAX = 160 };

static long long number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* 5000 -> "5,000" */
static const char *grouped(long long count, char ret[GROUPED_MAX])
{
    char digits[GROUPED_MAX];
    int len = snprintf(digits, sizeof digits, "%lld", count), at = 0;

    for (int i = 0; i < len && at < GROUPED_MAX - 2; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            ret[at++] = ',';
        ret[at++] = digits[i];
    }
    ret[at] = '\0';
    return ret;
}

bool replay_differs(const json_t *result)
{
    bool by_decisions = number(result, "decisions") > 0;

    return number(result, by_decisions ? "changed" : "differ") > 0 || number(result, "failed") > 0 ||
           number(result, "mended") > 0;
}

static void tell_summary(FILE *to, const json_t *result, int indent)
{
    bool by_decisions = number(result, "decisions") > 0;
    long long changed = number(result, by_decisions ? "changed" : "differ");
    long long all = number(result, by_decisions ? "decisions" : "compared");
    double share = all ? 100.0 * (double)changed / (double)all : 0;
    char left[GROUPED_MAX], right[GROUPED_MAX];

    if (number(result, "calls") == 0) {
        fprintf(to, "%*sNo call of this function is on record: there is nothing to compare.\n", indent, "");
        return;
    }
    fprintf(to, "%*s%s of %s %s change%s", indent, "", changed ? grouped(changed, left) : "None", grouped(all, right),
            by_decisions ? "decisions" : "answers", changed == 1 || !changed ? "s" : "");
    if (changed)
        fprintf(to, share >= 10 ? " (%.0f %%)" : " (%.2g %%)", share);
    fprintf(to, "%s\n",
            json_array_size(json_object_get(result, "rows")) == 0 ? "."
            : by_decisions                                        ? ": here they are, the labelled ones first."
                                                                  : ": here they are.");
}

/* A line each for what has happened at least once. */
static void tell_counts(FILE *to, const json_t *result, int indent)
{
    static const struct {
        const char *name, *one, *more;
    } rows[] = {
        {"failed", "call that was answered ends in an error now", "calls that were answered end in an error now"},
        {"mended", "call that ended in an error is answered now", "calls that ended in an error are answered now"},
        {"failed_both", "call ends in an error with both", "calls end in an error with both"},
        {"cut", "call was left out: its event is not on record whole",
         "calls were left out: their events are not on record whole"},
        {"output_cut", "call was left out: its answer is not on record whole",
         "calls were left out: their answers are not on record whole"},
        {"gone", "row is in the answer before only", "rows are in the answer before only"},
        {"fresh", "row is in the answer after only", "rows are in the answer after only"},
    };
    char count[GROUPED_MAX];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        long long n = number(result, rows[i].name);
        if (n > 0)
            fprintf(to, "%*s%s %s.\n", indent, "", grouped(n, count), n == 1 ? rows[i].one : rows[i].more);
    }
}

static const char *decision_word(const json_t *decision)
{
    return json_is_null(decision) || !decision ? "-" : json_is_true(decision) ? "yes" : "no";
}

static void score_word(const json_t *score, char ret[16])
{
    if (json_is_number(score))
        (void)snprintf(ret, 16, "%.4f", json_number_value(score));
    else
        (void)snprintf(ret, 16, "-");
}

static const char *label_word(const json_t *label)
{
    return !json_is_number(label) ? "?" : json_number_value(label) >= 0.5 ? "yes" : "no";
}

/* Right before and wrong after, or the other way round; nothing where the truth is unknown. */
static const char *verdict_word(const json_t *row)
{
    const json_t *label = json_object_get(row, "label");
    bool after = json_is_true(json_object_get(row, "decision_after"));

    if (!json_is_number(label))
        return "";
    return after == (json_number_value(label) >= 0.5) ? "better" : "worse";
}

static void tell_decision(FILE *to, const json_t *row, int indent)
{
    const json_t *named = json_object_get(row, "items");
    ARENA_AUTO arena = {0};
    str items = json_is_object(named) ? json_compact(named, &arena) : json_text(named);
    char before[16], after[16];

    if (items.len > CELL_MAX)
        items.len = CELL_MAX;
    score_word(json_object_get(row, "score_before"), before);
    score_word(json_object_get(row, "score_after"), after);
    fprintf(to, "%*s%-4s -> %-4s  %-7s -> %-7s  truth %-3s  %-6s  " STR_FMT "  " STR_FMT " %lld\n", indent, "",
            decision_word(json_object_get(row, "decision_before")),
            decision_word(json_object_get(row, "decision_after")), before, after,
            label_word(json_object_get(row, "label")), verdict_word(row), STR_ARG(items),
            STR_ARG(json_text(json_object_get(row, "request_id"))), number(row, "position"));
}

static void tell_rows(FILE *to, const json_t *result, int indent)
{
    const json_t *rows = json_object_get(result, "rows"), *row;
    bool by_decisions = number(result, "decisions") > 0;
    long long shown = (long long)json_array_size(rows);
    long long all =
        number(result, by_decisions ? "changed" : "differ") + number(result, "failed") + number(result, "mended");
    char count[GROUPED_MAX];
    size_t i;

    json_array_foreach (rows, i, row) {
        str kind = json_text(json_object_get(row, "kind"));

        if (str_eq(kind, STR("decision")))
            tell_decision(to, row, indent + 2);
        else
            fprintf(to, "%*s%-8.*s " STR_FMT "  " STR_FMT "\n", indent + 2, "", STR_ARG(kind),
                    STR_ARG(json_text(json_object_get(row, "request_id"))),
                    STR_ARG(json_text(json_object_get(row, "words"))));
    }
    if (shown > 0 && shown < all)
        fprintf(to, "%*s... and %s more (--rows COUNT)\n", indent + 2, "", grouped(all - shown, count));
}

static double real(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static void tell_paired(FILE *to, const json_t *result, const char *name, int indent)
{
    const json_t *paired = json_object_get(result, name);
    const json_t *before = json_object_get(paired, "before"), *after = json_object_get(paired, "after"),
                 *difference = json_object_get(paired, "difference");
    char left[GROUPED_MAX], right[GROUPED_MAX];

    if (number(before, "n") == 0 || number(after, "n") == 0)
        return;
    fprintf(to, "%*s%s would go from %.3f (%.3f-%.3f, n %s) to %.3f (%.3f-%.3f, n %s): %+.3f (%+.3f to %+.3f)\n",
            indent, "", name[0] == 'p' ? "Precision" : "Recall", real(before, "value"), real(before, "low"),
            real(before, "high"), grouped(number(before, "n"), left), real(after, "value"), real(after, "low"),
            real(after, "high"), grouped(number(after, "n"), right), real(difference, "value"), real(difference, "low"),
            real(difference, "high"));
}

void replay_print(FILE *to, const json_t *result, int indent)
{
    char left[GROUPED_MAX], right[GROUPED_MAX];

    tell_summary(to, result, indent);
    tell_rows(to, result, indent);
    tell_counts(to, result, indent);
    if (number(result, "decisions") == 0)
        return;
    fprintf(to, "%*sThe truth is known of %s of %s decisions.\n", indent, "", grouped(number(result, "labelled"), left),
            grouped(number(result, "decisions"), right));
    tell_paired(to, result, "precision", indent);
    tell_paired(to, result, "recall", indent);
}

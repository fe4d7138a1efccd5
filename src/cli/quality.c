/*
 * quality: how right a function is: its figures, each with an interval, what it is of, and the share that is labelled.
 *
 * All numbers are the server's (GET /v1/quality/NAME); what is not known is said in words or as a dash, never as 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "codec/arn.h"
#include "codec/json_read.h"
#include "codec/url.h"

enum { QUERY_BYTES_MAX = 4096, NUMBER_CHARS = 32, CELL_CHARS = 64, KEY_WIDTH_MAX = 40 };

static const char *const asked[] = {"from",    "to",    "by",     "threshold", "version",
                                    "segment", "alias", "source", "as_of",     NULL};
static const char *const by_names[] = {"hour", "day", "version", "segment", "alias", "source", NULL};

/* -- cells -----------------------------------------------------------------------------------------------------------
 */

/* 1234567 -> "1,234,567" */
static const char *count_text(double count, char ret[NUMBER_CHARS])
{
    char digits[NUMBER_CHARS];
    int len = snprintf(digits, sizeof digits, "%.0f", count), at = 0;

    for (int i = 0; i < len && at < NUMBER_CHARS - 2; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            ret[at++] = ',';
        ret[at++] = digits[i];
    }
    ret[at] = '\0';
    return ret;
}

static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

/* "1,234 of 2,000 (61.7 %)" */
static const char *labelled_text(const json_t *group, char ret[CELL_CHARS])
{
    char labelled[NUMBER_CHARS], n[NUMBER_CHARS];

    if (number(group, "n") > 0)
        (void)snprintf(ret, CELL_CHARS, "%s of %s (%.1f %%)", count_text(number(group, "labelled"), labelled),
                       count_text(number(group, "n"), n), 100 * number(group, "labelled_share"));
    else
        (void)snprintf(ret, CELL_CHARS, "-");
    return ret;
}

/* "0.912 (0.884 to 0.933)" */
static const char *interval_text(const json_t *figure, char ret[CELL_CHARS])
{
    if (json_is_number(json_object_get(figure, "value")))
        (void)snprintf(ret, CELL_CHARS, "%.3f (%.3f to %.3f)", number(figure, "value"), number(figure, "low"),
                       number(figure, "high"));
    else
        (void)snprintf(ret, CELL_CHARS, "-");
    return ret;
}

/* "375 of 412", of a proportion; else of how many it is. */
static const char *of_text(const json_t *figure, bool is_proportion, char ret[CELL_CHARS])
{
    char k[NUMBER_CHARS], n[NUMBER_CHARS];

    if (is_proportion)
        (void)snprintf(ret, CELL_CHARS, "%s of %s", count_text(number(figure, "k"), k),
                       count_text(number(figure, "n"), n));
    else
        (void)snprintf(ret, CELL_CHARS, "%s", count_text(number(figure, "n"), n));
    return ret;
}

/* "2026-11-24 10:00", of a member in ISO 8601 */
static const char *moment_text(const json_t *object, const char *name, char ret[CELL_CHARS])
{
    const char *iso = json_string_value(json_object_get(object, name));

    (void)snprintf(ret, CELL_CHARS, "%.10s %.5s", iso ? iso : "?", iso && strlen(iso) > 11 ? iso + 11 : "");
    return ret;
}

/* -- the whole -------------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *name, *title;
    bool is_proportion;
} figures[] = {
    {"precision", "precision", true},
    {"recall", "recall", true},
    {"f1", "F1", false},
    {"specificity", "specificity", true},
    {"accuracy", "accuracy", true},
    {"prevalence", "prevalence", true},
    {"auc", "AUC", false},
};

static void print_figures(const json_t *answer)
{
    char labelled[CELL_CHARS];

    (void)labelled_text(answer, labelled);
    printf("%-18s  %-24s  %-18s  %s\n", "", "VALUE (95 %)", "N", "LABELLED");
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        const json_t *figure = json_object_get(answer, figures[i].name);
        char interval[CELL_CHARS], of[CELL_CHARS];

        printf("%-18s  %-24s  %-18s  %s\n", figures[i].title, interval_text(figure, interval),
               of_text(figure, figures[i].is_proportion, of), labelled);
    }
    if (json_is_number(json_object_get(answer, "average_precision")))
        printf("%-18s  %.3f\n", "average precision", number(answer, "average_precision"));
    if (json_is_number(json_object_get(answer, "brier")))
        printf("%-18s  %.4f\n", "Brier", number(answer, "brier"));
}

static void print_confusion(const json_t *answer)
{
    const json_t *confusion = json_object_get(answer, "confusion");
    char text[4][NUMBER_CHARS];

    printf("\n%-18s  %12s  %12s  %12s\n", "", "RIGHT", "WRONG", "NOT LABELLED");
    printf("%-18s  %12s  %12s  %12s\n", "decided positive", count_text(number(confusion, "tp"), text[0]),
           count_text(number(confusion, "fp"), text[1]), count_text(number(confusion, "unlabelled_positive"), text[2]));
    printf("%-18s  %12s  %12s  %12s\n", "decided negative", count_text(number(confusion, "tn"), text[0]),
           count_text(number(confusion, "fn"), text[1]), count_text(number(confusion, "unlabelled_negative"), text[2]));
    if (number(answer, "undecided") > 0)
        printf("%s rows of answers were no decision (no score, or none from 0 to 1).\n",
               count_text(number(answer, "undecided"), text[3]));
}

static void print_head(const json_t *answer)
{
    const json_t *threshold = json_object_get(answer, "threshold");
    char from[CELL_CHARS], to[CELL_CHARS];

    printf("%s  %s to %s UTC, ", json_string_value(json_object_get(answer, "function")),
           moment_text(answer, "from", from), moment_text(answer, "to", to));
    if (json_object_get(threshold, "value"))
        printf("had the threshold been %.9g%s", number(threshold, "value"),
               number(threshold, "value") == number(threshold, "asked")
                   ? ""
                   : " (the edge of a bin; --exact counts row by row)");
    else
        printf("as it was decided");
    for (size_t i = 4; asked[i]; i++) {
        const json_t *value = json_object_get(answer, asked[i]);

        if (value)
            printf(", %s %s", strcmp(asked[i], "as_of") == 0 ? "as of" : asked[i], json_string_value(value));
    }
    puts("\n");
}

static void print_marks(const json_t *answer)
{
    const json_t *marks = json_object_get(answer, "marks"), *mark;
    char moment[CELL_CHARS];
    size_t i;

    if (json_array_size(marks))
        putchar('\n');
    json_array_foreach (marks, i, mark)
        printf("%s  %s\n", moment_text(mark, "time", moment), json_string_value(json_object_get(mark, "text")));
}

/* -- groups ----------------------------------------------------------------------------------------------------------
 */

/* "2026-11-24", "2026-11-24T10:00"; versions and segments as they are. */
static int key_chars(const char *by)
{
    return strcmp(by, "day") == 0 ? 10 : strcmp(by, "hour") == 0 ? 16 : KEY_WIDTH_MAX;
}

static void print_group(const json_t *group, int width, int chars)
{
    const json_t *precision = json_object_get(group, "precision"), *recall = json_object_get(group, "recall");
    char labelled[CELL_CHARS], interval[2][CELL_CHARS], of[2][CELL_CHARS];
    const char *key = json_string_value(json_object_get(group, "key"));

    printf("%-*.*s  %-26s  %-22s  %-14s  %-22s  %s\n", width, chars, *key ? key : "(none)",
           labelled_text(group, labelled), interval_text(precision, interval[0]), of_text(precision, true, of[0]),
           interval_text(recall, interval[1]), of_text(recall, true, of[1]));
}

static void print_groups(const json_t *answer, const char *by)
{
    const json_t *groups = json_object_get(answer, "groups"), *group;
    int width = (int)strlen("SEGMENT"), chars = key_chars(by);
    size_t i;

    json_array_foreach (groups, i, group) {
        int len = (int)json_string_length(json_object_get(group, "key"));

        len = len > chars ? chars : len;
        width = len > width ? len : width;
    }
    printf("%-*s  %-26s  %-22s  %-14s  %-22s  %s\n", width, by, "LABELLED", "PRECISION (95 %)", "N", "RECALL (95 %)",
           "N");
    json_array_foreach (groups, i, group)
        print_group(group, width, chars);
}

/* -- the command -----------------------------------------------------------------------------------------------------
 */

static void tell_unlabelled(const json_t *answer)
{
    char n[NUMBER_CHARS];

    say("Nothing of it is labelled yet: of %s decisions it is not known whether they were right, so there is no "
        "precision and no\nrecall. Say what turned out to be true: sculler label truth.csv, or POST /v1/labels.",
        count_text(number(answer, "n"), n));
}

static void print_quality(const json_t *answer, const char *by)
{
    if (number(answer, "n") + number(answer, "undecided") <= 0) {
        char from[CELL_CHARS], to[CELL_CHARS];

        say("No decision of %s is known in that time (%s to %s UTC). Its decisions are kept once it has monitor "
            "settings, or they\nare sent to POST /v1/predictions.",
            json_string_value(json_object_get(answer, "function")), moment_text(answer, "from", from),
            moment_text(answer, "to", to));
        return;
    }
    print_head(answer);
    if (by) {
        print_groups(answer, by);
    } else {
        print_figures(answer);
        print_confusion(answer);
    }
    print_marks(answer);
    if (number(answer, "labelled") <= 0)
        tell_unlabelled(answer);
}

MUST_USE static bool make_query(const struct arguments *arguments, struct buf *query, struct err *err)
{
    for (int i = 0; asked[i]; i++) {
        const char *value = option_text(arguments, strcmp(asked[i], "as_of") == 0 ? "as-of" : asked[i]);

        if (!value)
            continue;
        buf_printf(query, "%s%s=", query->len ? "&" : "?", asked[i]);
        url_encode(query, str_of(value));
    }
    if (option_flag(arguments, "exact"))
        buf_add(query, STR("&exact=true"));
    buf_add_char(query, '\0');
    return buf_ok(query) || err_set(err, ERR_LIMIT, "the command line is too long");
}

static const char *check(const struct arguments *arguments)
{
    const char *by = option_text(arguments, "by"), *threshold = option_text(arguments, "threshold");
    char *end = NULL;
    double value;
    int i = 0;

    if (!arn_is_name(str_of(arguments->operands[0])))
        return "that is no name of a function";
    while (by && by_names[i] && strcmp(by, by_names[i]) != 0)
        i++;
    if (by && !by_names[i])
        return "--by takes hour, day, version, segment, alias or source";
    value = threshold ? strtod(threshold, &end) : 0;
    if (threshold && (end == threshold || *end || !(value >= 0 && value <= 1)))
        return "--threshold takes a number from 0 to 1";
    if (option_flag(arguments, "exact") && !threshold)
        return "--exact is of a --threshold";
    return NULL;
}

static int quality(struct session *session, const struct arguments *arguments, const char *query)
{
    json_auto_t *answer = NULL;
    struct err err = {0};

    if (!session_json(session, "sculler", "GET",
                      session_path(session, "/v1/quality/%s%s", arguments->operands[0], query), NULL, &answer, &err))
        return session_failed(session, "quality", &err);
    if (option_flag(arguments, "json"))
        print_json(answer);
    else
        print_quality(answer, option_text(arguments, "by"));
    return EXIT_OK;
}

static int quality_run(const struct arguments *arguments)
{
    const char *why = check(arguments);
    struct session session;
    struct err err = {0};
    BUF_AUTO query = {0};
    int status;

    buf_init(&query, QUERY_BYTES_MAX);
    if (why || !make_query(arguments, &query, &err))
        return command_usage_error(&quality_command, why ? why : err.text);
    if (!session_open(arguments, &session, &err)) {
        say_error("quality", err.text);
        return EXIT_NO_SERVER;
    }
    status = quality(&session, arguments, query.at);
    session_close(&session);
    return status;
}

static const struct option quality_options[] = {
    {"from", "TIME", "2026-11-24, 2026-11-24T10:00Z, seconds since 1970, or -7d; default: 14 days before the end"},
    {"to", "TIME", "default: now"},
    {"by", "WHAT", "hour, day, version, segment, alias or source: a row each"},
    {"threshold", "NUMBER", "what another threshold would have decided"},
    {"exact", NULL, "row by row, and not by the nearest of 1,024 steps (4 million rows at most)"},
    {"version", "NUMBER", "of this one only"},
    {"alias", "NAME", "of calls by this one only"},
    {"segment", "NAME", "of this one only"},
    {"source", "NAME", "live, posted, history, shadow; default: all but shadow"},
    {"as-of", "TIME", "what was known of the truth then"},
    {0},
};

const struct command quality_command = {
    .name = "quality",
    .summary = "How right a function's decisions are, and how sure that is",
    .usage = "FUNCTION [options]",
    .text = "  sculler quality budget_expense_matcher --from -7d --by day\n"
            "  sculler quality budget_expense_matcher --threshold 0.6     had that been the threshold\n"
            "  sculler quality budget_expense_matcher --by segment --json | jq '.groups[].precision'\n\n"
            "Beside each figure: its interval (95 %), of how many it is, and how much of the window is labelled.\n",
    .options = quality_options,
    .operands_min = 1,
    .operands_max = 1,
    .run = quality_run,
};

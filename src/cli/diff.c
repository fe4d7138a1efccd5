/*
 * diff: what would version B have said to the calls that are on record, where A (or whoever answered them) said what it
 * said?
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "cli/commands.h"
#include "cli/functions.h"
#include "cli/output.h"
#include "cli/replay.h"
#include "cli/session.h"
#include "codec/json_read.h"

struct diff {
    struct replay_wish wish;
    long long rows;
    bool detach;
    const char *show; /* id of one that was begun before */
};

MUST_USE static bool read_count(const struct arguments *arguments, const char *name, long long max, long long *ret,
                                struct err *err)
{
    const char *text = option_text(arguments, name);

    return !text || str_to_int(str_of(text), 1, max, ret) ||
           err_set(err, ERR_INVALID, "--%s takes a number, 1 to %lld", name, max);
}

MUST_USE static bool read_real(const struct arguments *arguments, const char *name, double max, double *ret,
                               struct err *err)
{
    const char *text = option_text(arguments, name);
    char *end = NULL;

    if (!text)
        return true;
    *ret = strtod(text, &end);
    return (end != text && *end == '\0' && *ret >= 0 && *ret <= max) ||
           err_set(err, ERR_INVALID, "--%s takes a number, 0 to %g", name, max);
}

MUST_USE static bool read_diff(const struct arguments *arguments, struct diff *ret, struct err *err)
{
    *ret = (struct diff){
        .wish = {.last = REPLAY_CALLS_DEFAULT, .threshold = -1, .tolerance = -1},
        .rows = REPLAY_ROWS_SHOWN_DEFAULT,
        .detach = option_flag(arguments, "detach"),
        .show = option_text(arguments, "show"),
    };
    if (ret->show ? arguments->operands_count > 0 : arguments->operands_count < 2)
        return err_set(err, ERR_INVALID, ret->show ? "--show ID takes no versions" : "which two versions?");
    if (!ret->show) {
        ret->wish.against = str_of(arguments->operands[0]);
        ret->wish.version = str_of(arguments->operands[1]);
    }
    return read_count(arguments, "replay", REPLAY_CALLS_MAX, &ret->wish.last, err) &&
           read_count(arguments, "rows", REPLAY_CHANGES_MAX, &ret->rows, err) &&
           read_count(arguments, "concurrency", REPLAY_CONCURRENCY_MAX, &ret->wish.concurrency, err) &&
           read_real(arguments, "rate", REPLAY_RATE_MAX, &ret->wish.rate, err) &&
           read_real(arguments, "threshold", 1, &ret->wish.threshold, err) &&
           read_real(arguments, "tolerance", 1, &ret->wish.tolerance, err);
}

/* Who has one function need not name it. */
MUST_USE static bool find_function(struct session *session, const struct arguments *arguments, str *ret,
                                   struct err *err)
{
    json_auto_t *all = NULL;

    if (arguments->operands_count > 2) {
        *ret = str_of(arguments->operands[2]);
        return true;
    }
    if (!functions_list(session, &all, err))
        return false;
    if (json_array_size(all) != 1)
        return err_set(err, ERR_INVALID, "there are %zu functions: name one behind the versions (sculler ls)",
                       json_array_size(all));
    *ret = arena_copy(&session->arena, json_text(json_object_get(json_array_get(all, 0), "FunctionName")));
    return true;
}

static int tell(const struct arguments *arguments, const json_t *result)
{
    if (option_flag(arguments, "json"))
        print_json(result);
    else
        replay_print(stdout, result, 0);
    return replay_differs(result) ? EXIT_DIFFERS : EXIT_OK;
}

static int diff(struct session *session, const struct arguments *arguments, struct diff *diff)
{
    json_auto_t *result = NULL;
    struct err err = {0};
    str id;

    if (diff->show) {
        if (!replay_follow(session, str_of(diff->show), diff->rows, &result, &err))
            return session_failed(session, "diff", &err);
        return tell(arguments, result);
    }
    if (!find_function(session, arguments, &diff->wish.function, &err) ||
        !replay_begin(session, &diff->wish, &id, &err))
        return session_failed(session, "diff", &err);
    if (diff->detach) {
        printf(STR_FMT "\n", STR_ARG(id));
        return EXIT_OK;
    }
    if (!replay_follow(session, id, diff->rows, &result, &err))
        return session_failed(session, "diff", &err);
    return tell(arguments, result);
}

static int diff_run(const struct arguments *arguments)
{
    struct session session;
    struct diff wanted;
    struct err err = {0};
    int status;

    if (!read_diff(arguments, &wanted, &err))
        return command_usage_error(&diff_command, err.text);
    if (!session_open(arguments, &session, &err)) {
        say_error("diff", err.text);
        return EXIT_NO_SERVER;
    }
    status = diff(&session, arguments, &wanted);
    session_close(&session);
    return status;
}

static const struct option diff_options[] = {
    {"replay", "COUNT", "the last COUNT calls on record; default: 1000", 'n'},
    {"rows", "COUNT", "of what changes, show so many; default: 20"},
    {"rate", "NUMBER", "calls a second at most; default: 200"},
    {"concurrency", "COUNT", "calls at once at most; default: 1"},
    {"threshold", "NUMBER", "decide both by this threshold, instead of each version's own"},
    {"tolerance", "NUMBER", "how much numbers may differ, as a share; default: 1e-9"},
    {"detach", NULL, "print the replay's id and do not wait for it"},
    {"show", "ID", "the result of a replay that was begun before"},
    {0},
};

const struct command diff_command = {
    .name = "diff",
    .summary = "Run calls on record through another version, and show what changes",
    .usage = "A B [FUNCTION] [options]",
    .text = "  sculler diff 6 7 --replay 5000\n"
            "  sculler diff live 7 budget_expense_matcher --threshold 0.6\n"
            "  sculler diff recorded live     what was answered then, and what live says now\n\n"
            "A and B are versions or aliases; what A has answered already is taken from the record. The function "
            "really runs, at\n"
            "low priority: live calls go first. Its handler can tell by "
            "context.client_context.custom[\"sculler_source\"].\n"
            "Exit status 5: something changes.\n",
    .options = diff_options,
    .operands_max = 3,
    .run = diff_run,
};

/* rollback: the alias `live` goes back to the version published before the one it points to. */
#include <limits.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/functions.h"
#include "cli/output.h"
#include "cli/publish.h"
#include "cli/session.h"
#include "cli/verdict.h"
#include "codec/json_read.h"

/* The one function there is, when none is named. */
MUST_USE static bool choose_function(struct session *session, const struct arguments *arguments, str *ret,
                                     struct err *err)
{
    json_auto_t *functions = NULL;

    if (arguments->operands_count) {
        *ret = str_of(arguments->operands[0]);
        return true;
    }
    if (!functions_list(session, &functions, err))
        return false;
    if (json_array_size(functions) != 1)
        return err_set(err, ERR_INVALID, "there are %zu functions; say which: sculler rollback FUNCTION",
                       json_array_size(functions));
    *ret = arena_copy(&session->arena, json_text(json_object_get(json_array_get(functions, 0), "FunctionName")));
    return true;
}

/* The one that was asked for, if it is there; else, where another client made the alias and no history is kept, the
 * highest published version below the live one. */
MUST_USE static bool choose_version(struct session *session, str function, str live, const char *asked, str *ret,
                                    struct err *err)
{
    json_auto_t *versions = NULL;
    long long below = 0, best = 0, wanted = 0;
    json_t *version;
    size_t i;

    if (!versions_list(session, function, &versions, err))
        return false;
    if (asked && !str_to_int(str_of(asked), 1, LLONG_MAX, &wanted))
        return err_set(err, ERR_INVALID, "--to takes the number of a version, not '%s'", asked);
    (void)str_to_int(live, 0, LLONG_MAX, &below);
    json_array_foreach (versions, i, version) {
        long long number = 0;

        (void)str_to_int(json_text(json_object_get(version, "Version")), 0, LLONG_MAX, &number);
        if (asked ? number == wanted : number < below && number > best)
            best = number;
    }
    if (best == 0 && asked)
        return err_set(err, ERR_NOT_FOUND, STR_FMT " has no version %s; `sculler ls --json` lists them",
                       STR_ARG(function), asked);
    if (best == 0)
        return err_set(err, ERR_NOT_FOUND, STR_FMT " has no version before " STR_FMT ", which is live",
                       STR_ARG(function), STR_ARG(live));
    *ret = arena_printf(&session->arena, "%lld", best);
    return true;
}

MUST_USE static bool roll_back(struct session *session, const struct arguments *arguments, str *ret_function,
                               str *ret_from, str *ret_to, struct err *err)
{
    const char *asked = option_text(arguments, "to");
    struct live now;
    str failed;

    if (!choose_function(session, arguments, ret_function, err) || !live_read(session, *ret_function, &now, err))
        return false;
    *ret_from = now.version;
    if (!now.version.len)
        return err_set(err, ERR_NOT_FOUND, "nothing of " STR_FMT " is live; `sculler ls` lists what there is",
                       STR_ARG(*ret_function));
    if (!asked && now.knows_before && !now.before.len)
        return err_set(err, ERR_NOT_FOUND,
                       "no version of " STR_FMT " was live before " STR_FMT "; --to NUMBER goes to any that is there",
                       STR_ARG(*ret_function), STR_ARG(now.version));
    if (!asked && now.knows_before)
        return live_move_back(session, *ret_function, &now, ret_to, err);
    if (!choose_version(session, *ret_function, now.version, asked, ret_to, err) ||
        !verdict_failed(session, *ret_function, &failed, err))
        return false;
    if (verdict_has(failed, *ret_to))
        say("Version " STR_FMT " failed its proof when it was deployed; it is live all the same.", STR_ARG(*ret_to));
    return live_move(session, *ret_function, &now, *ret_to, err);
}

static int rollback_run(const struct arguments *arguments)
{
    struct session session;
    struct err err = {0};
    str function, from, to;
    int status = EXIT_OK;

    if (!session_open(arguments, &session, &err)) {
        say_error("rollback", err.text);
        return EXIT_NO_SERVER;
    }
    if (!roll_back(&session, arguments, &function, &from, &to, &err)) {
        status = session_failed(&session, "rollback", &err);
    } else if (option_flag(arguments, "json")) {
        json_auto_t *result = json_pack("{s:s%, s:s%, s:s%}", "function", function.at, function.len, "from", from.at,
                                        from.len, "to", to.at, to.len);
        print_json(result);
    } else {
        printf(STR_FMT " live: version " STR_FMT " -> " STR_FMT "\n", STR_ARG(function), STR_ARG(from), STR_ARG(to));
    }
    session_close(&session);
    return status;
}

static const struct option rollback_options[] = {
    {"to", "VERSION", "the version to make live; default: the one before"},
    {0},
};

const struct command rollback_command = {
    .name = "rollback",
    .summary = "Make the version before the live one live again",
    .usage = "[FUNCTION] [--to VERSION]",
    .text = "  sculler rollback budget_expense_matcher\n  sculler rollback budget_expense_matcher --to 7     also "
            "forwards\n\n"
            "Takes effect with the next call; calls under way end in the version they began in.\n",
    .options = rollback_options,
    .operands_max = 1,
    .run = rollback_run,
};

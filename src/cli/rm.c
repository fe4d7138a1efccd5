/* rm: a function goes, with its versions and aliases, and the URL that deploy made for it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/endpoint.h"
#include "cli/functions.h"
#include "cli/output.h"
#include "cli/session.h"
#include "codec/arn.h"
#include "codec/json_read.h"

enum { ANSWER_CHARS_MAX = 16 };

/* On a terminal it is asked; elsewhere nobody could answer. */
MUST_USE static bool confirm(const struct arguments *arguments, str function, const json_t *versions, struct err *err)
{
    char answer[ANSWER_CHARS_MAX] = "";
    size_t count = json_array_size(versions);

    if (option_flag(arguments, "yes"))
        return true;
    if (!isatty(STDIN_FILENO))
        return err_set(err, ERR_INVALID,
                       "this deletes " STR_FMT " with its %zu version%s and its URL for good; say --yes",
                       STR_ARG(function), count, count == 1 ? "" : "s");
    fprintf(stderr, "Delete " STR_FMT " with its %zu version%s and its URL, for good? [y/N] ", STR_ARG(function), count,
            count == 1 ? "" : "s");
    fflush(stderr);
    if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
        return true;
    return err_set(err, ERR_CONFLICT, "nothing is deleted");
}

MUST_USE static bool remove_function(struct session *session, const struct arguments *arguments, str function,
                                     size_t *ret_versions, bool *ret_url, struct err *err)
{
    json_auto_t *versions = NULL, *done = NULL;

    if (!arn_is_name(function))
        return err_set(err, ERR_INVALID,
                       "'" STR_FMT "' is no name of a function; a function goes with all its versions",
                       STR_ARG(function));
    if (!versions_list(session, function, &versions, err) || !confirm(arguments, function, versions, err))
        return false;
    *ret_versions = json_array_size(versions);
    /* The URL first: what is interrupted between leaves a function, which can be removed again. */
    return endpoint_remove(session, function, ret_url, err) &&
           session_json(session, "lambda", "DELETE",
                        session_path(session, "/2015-03-31/functions/" STR_FMT, STR_ARG(function)), NULL, &done, err);
}

static int rm_run(const struct arguments *arguments)
{
    str function = str_of(arguments->operands[0]);
    struct session session;
    struct err err = {0};
    size_t versions = 0;
    bool url = false;
    int status = EXIT_OK;

    if (!session_open(arguments, &session, &err)) {
        say_error("rm", err.text);
        return EXIT_NO_SERVER;
    }
    if (!remove_function(&session, arguments, function, &versions, &url, &err)) {
        status = session_failed(&session, "rm", &err);
        if (err.code == ERR_NOT_FOUND)
            say("`sculler ls` lists what there is.");
    } else if (option_flag(arguments, "json")) {
        json_auto_t *result = json_pack("{s:s%, s:I, s:b}", "function", function.at, function.len, "versions",
                                        (json_int_t)versions, "url", url);
        print_json(result);
    } else {
        say(STR_FMT " is deleted: %zu version%s%s.", STR_ARG(function), versions, versions == 1 ? "" : "s",
            url ? " and its URL" : "");
    }
    session_close(&session);
    return status;
}

static const struct option rm_options[] = {
    {"yes", NULL, "do not ask", 'y'},
    {0},
};

const struct command rm_command = {
    .name = "rm",
    .summary = "Delete a function, with its versions and its URL",
    .usage = "FUNCTION [--yes]",
    .text = "  sculler rm iris\n\n"
            "Deletes its versions and aliases, and the resource of the API that `sculler deploy` made. What was logged "
            "stays.\nIt asks first; where nobody can answer it wants --yes.\n",
    .options = rm_options,
    .operands_min = 1,
    .operands_max = 1,
    .run = rm_run,
};

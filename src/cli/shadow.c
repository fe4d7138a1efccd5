/* shadow: live calls of an alias, copied to a second version: set, told, ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/publish.h"
#include "cli/session.h"
#include "codec/json_read.h"

static long long number(const json_t *shadow, const char *name)
{
    return json_integer_value(json_object_get(shadow, name));
}

static void print_shadow(const json_t *shadow)
{
    str function = json_text(json_object_get(shadow, "function")),
        version = json_text(json_object_get(shadow, "version"));

    printf("%.6g %% of the calls of " STR_FMT ":" STR_FMT " are copied to version " STR_FMT ", since " STR_FMT "\n",
           100 * json_number_value(json_object_get(shadow, "share")), STR_ARG(function),
           STR_ARG(json_text(json_object_get(shadow, "alias"))), STR_ARG(version),
           STR_ARG(json_text(json_object_get(shadow, "set"))));
    printf("  %lld seen, %lld copied, %lld answered, %lld failed, %lld dropped, since " STR_FMT "\n",
           number(shadow, "seen"), number(shadow, "copied"), number(shadow, "answered"), number(shadow, "failed"),
           number(shadow, "dropped"), STR_ARG(json_text(json_object_get(shadow, "counted_since"))));
    printf("  Its answers: sculler logs " STR_FMT " --source shadow\n", STR_ARG(function));
}

/* The request's body; NULL when nothing is to be set. */
MUST_USE static bool make_body(const struct arguments *arguments, json_t **ret, struct err *err)
{
    const char *share = option_text(arguments, "share"), *alias = option_text(arguments, "alias");
    char *end = NULL;
    double value = share ? strtod(share, &end) : 1;

    *ret = NULL;
    if (share && (end == share || *end != '\0' || !(value > 0 && value <= 1)))
        return err_set(err, ERR_INVALID, "--share takes a number, more than 0 and 1 at most");
    if (arguments->operands_count < 2)
        return true;
    *ret = json_pack("{s:s, s:s, s:f}", "version", arguments->operands[1], "alias", alias ? alias : LIVE_ALIAS, "share",
                     value);
    return true;
}

static int shadow(struct session *session, const struct arguments *arguments, json_t *body)
{
    bool off = option_flag(arguments, "off");
    json_auto_t *result = NULL;
    struct err err = {0};

    if (!session_json(session, "sculler",
                      off    ? "DELETE"
                      : body ? "PUT"
                             : "GET",
                      session_path(session, "/v1/functions/%s/shadow", arguments->operands[0]), body, &result, &err))
        return session_failed(session, "shadow", &err);
    if (off)
        say("%s has no shadow any more.", arguments->operands[0]);
    else if (option_flag(arguments, "json"))
        print_json(result);
    else
        print_shadow(result);
    return EXIT_OK;
}

static int shadow_run(const struct arguments *arguments)
{
    struct session session;
    struct err err = {0};
    json_t *body;
    int status;

    if (option_flag(arguments, "off") && arguments->operands_count > 1)
        return command_usage_error(&shadow_command, "--off takes no version");
    if (!make_body(arguments, &body, &err))
        return command_usage_error(&shadow_command, err.text);
    if (!session_open(arguments, &session, &err)) {
        json_decref(body);
        say_error("shadow", err.text);
        return EXIT_NO_SERVER;
    }
    status = shadow(&session, arguments, body);
    session_close(&session);
    return status;
}

static const struct option shadow_options[] = {
    {"share", "NUMBER", "of the calls, more than 0 and 1 at most; default: 1"},
    {"alias", "NAME", "whose calls; default: " LIVE_ALIAS},
    {"off", NULL, "end it"},
    {0},
};

const struct command shadow_command = {
    .name = "shadow",
    .summary = "Copy live calls to a second version, whose answers nobody gets",
    .usage = "FUNCTION [VERSION] [options]",
    .text = "  sculler shadow budget_expense_matcher 7 --share 0.5\n"
            "  sculler shadow budget_expense_matcher          what it has done so far\n"
            "  sculler shadow budget_expense_matcher --off\n\n"
            "The copy is made when the live answer has left, at low priority, and is dropped when there is no room for "
            "long.\n"
            "The function really runs; its handler can tell by context.client_context.custom[\"sculler_source\"].\n",
    .options = shadow_options,
    .operands_min = 1,
    .operands_max = 2,
    .run = shadow_run,
};

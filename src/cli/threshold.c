/* threshold: what a score must reach to count as positive: told, set, rolled back; of an alias, so without a deploy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/publish.h"
#include "cli/session.h"
#include "codec/arn.h"
#include "codec/json_read.h"
#include "codec/url.h"

enum { ALIAS_BYTES_MAX = 1024 };

static const char *alias_of(const struct arguments *arguments)
{
    const char *alias = option_text(arguments, "alias");

    return alias ? alias : LIVE_ALIAS;
}

static void print_one(const json_t *one)
{
    const char *set = json_string_value(json_object_get(one, "set_at"));
    str note = json_text(json_object_get(one, "note"));

    set = set ? set : "?";
    printf("%-6lld  %-9.9g  %.10s %.5s  %-20s  " STR_FMT, (long long)json_integer_value(json_object_get(one, "number")),
           json_number_value(json_object_get(one, "threshold")), set, strlen(set) > 11 ? set + 11 : "",
           json_string_value(json_object_get(one, "by")), STR_ARG(note));
    if (json_object_get(one, "restores"))
        printf("%s(back to number %lld)", note.len ? " " : "",
               (long long)json_integer_value(json_object_get(one, "restores")));
    putchar('\n');
}

static void print_table(const json_t *answer, bool history)
{
    const json_t *all = json_object_get(answer, "history");
    const json_t *one;
    size_t i;

    printf("%-6s  %-9s  %-16s  %-20s  %s\n", "NUMBER", "THRESHOLD", "SET (UTC)", "BY", "NOTE");
    if (!history) {
        print_one(answer);
        return;
    }
    json_array_foreach (all, i, one)
        print_one(one);
}

static void tell_none(const struct arguments *arguments)
{
    const char *name = arguments->operands[0], *alias = alias_of(arguments);

    say("No threshold was set for %s%s%s: the function's own decides, or 0.5. `sculler threshold %s 0.6` sets one.",
        *alias ? alias : "calls without an alias", " of ", name, name);
}

/* "/v1/functions/NAME/threshold…" */
static str path_of(struct session *session, const struct arguments *arguments, const char *end)
{
    return session_path(session, "/v1/functions/%s/threshold%s", arguments->operands[0], end);
}

MUST_USE static bool ask(struct session *session, const struct arguments *arguments, json_t **ret, struct err *err)
{
    BUF_AUTO query = {0};

    buf_init(&query, ALIAS_BYTES_MAX);
    buf_add(&query, STR("?alias="));
    url_encode(&query, str_of(alias_of(arguments)));
    if (!buf_ok(&query))
        return err_set(err, ERR_INVALID, "--alias is too long");
    return session_json(session, "sculler", "GET",
                        path_of(session, arguments, arena_cstr(&session->arena, buf_str(&query))), NULL, ret, err);
}

MUST_USE static bool change(struct session *session, const struct arguments *arguments, const double *value,
                            json_t **ret, struct err *err)
{
    const char *note = option_text(arguments, "note");
    json_t *body = json_pack("{s:s, s:s}", "alias", alias_of(arguments), "note", note ? note : "");

    if (!body)
        return err_set(err, ERR_INVALID, "--alias or --note is no text in UTF-8");
    if (value)
        json_object_set_new(body, "threshold", json_real(*value));
    return session_json(session, "sculler", value ? "PUT" : "POST",
                        path_of(session, arguments, value ? "" : "/rollback"), body, ret, err);
}

static int threshold(struct session *session, const struct arguments *arguments, const double *value)
{
    bool changes = value || option_flag(arguments, "rollback");
    json_auto_t *answer = NULL;
    struct err err = {0};

    if (!(changes ? change(session, arguments, value, &answer, &err) : ask(session, arguments, &answer, &err)))
        return session_failed(session, "threshold", &err);
    if (option_flag(arguments, "json"))
        print_json(answer);
    else if (json_integer_value(json_object_get(answer, "number")) == 0)
        tell_none(arguments);
    else
        print_table(answer, option_flag(arguments, "history"));
    return EXIT_OK;
}

/* What makes no sense, or NULL. */
static const char *check(const struct arguments *arguments, double *ret_value)
{
    bool history = option_flag(arguments, "history"), rollback = option_flag(arguments, "rollback");
    const char *value = arguments->operands_count > 1 ? arguments->operands[1] : NULL;
    char *end;

    if (!arn_is_name(str_of(arguments->operands[0])))
        return "that is no name of a function";
    if ((value != NULL) + history + rollback > 1)
        return "a value, --rollback and --history: one of them at a time";
    if (option_text(arguments, "note") && !value && !rollback)
        return "--note is of a threshold that is set or rolled back";
    if (!value)
        return NULL;
    *ret_value = strtod(value, &end);
    return end == value || *end || !(*ret_value >= 0 && *ret_value <= 1) ? "a threshold is a number from 0 to 1" : NULL;
}

static int threshold_run(const struct arguments *arguments)
{
    struct session session;
    struct err err = {0};
    double value = 0;
    const char *why = check(arguments, &value);
    int status;

    if (why)
        return command_usage_error(&threshold_command, why);
    if (!session_open(arguments, &session, &err)) {
        say_error("threshold", err.text);
        return EXIT_NO_SERVER;
    }
    status = threshold(&session, arguments, arguments->operands_count > 1 ? &value : NULL);
    session_close(&session);
    return status;
}

static const struct option threshold_options[] = {
    {"alias", "NAME", "whose; default: " LIVE_ALIAS},
    {"note", "TEXT", "why, for the history"},
    {"rollback", NULL, "to what had been set before; once more: further back"},
    {"history", NULL, "all that were set, the newest first"},
    {0},
};

const struct command threshold_command = {
    .name = "threshold",
    .summary = "Tell, set or roll back what a score must reach, without a deploy",
    .usage = "FUNCTION [VALUE] [options]",
    .text = "  sculler threshold budget_expense_matcher\n"
            "  sculler threshold budget_expense_matcher 0.6 --note \"fewer complaints\"\n"
            "  sculler threshold budget_expense_matcher --rollback\n\n"
            "It holds for calls from now on; the handler is told it as context.threshold. What another one would do:\n"
            "sculler quality FUNCTION --threshold 0.6\n",
    .options = threshold_options,
    .operands_min = 1,
    .operands_max = 2,
    .run = threshold_run,
};

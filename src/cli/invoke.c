/* invoke: one call of a function; its answer on standard output, its log on standard error. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/fault.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/publish.h"
#include "cli/session.h"
#include "codec/arn.h"
#include "codec/json_read.h"
#include "codec/url.h"

enum { EVENT_BYTES_MAX = 64 * 1024 * 1024, TARGET_BYTES_MAX = 2048 };

/* The server would refuse it in AWS's words, which tell little: a shell's quotes are what goes wrong mostly. */
MUST_USE static bool check_event(const char *where, str event, struct err *err)
{
    json_auto_t *value = NULL;

    if (event.len == 0 || json_valid(event, NULL) || json_parse(event, &value, err))
        return true;
    return err_wrap(err, "the event is not JSON: %.100s", strcmp(where, "-") == 0 ? "standard input" : where);
}

/* What the command line says the event is; `{}` when it says nothing. */
MUST_USE static bool read_event(const struct arguments *arguments, struct session *session, str *ret, struct err *err)
{
    const char *text = option_text(arguments, "event"), *path = option_text(arguments, "event-file");

    if (arguments->operands_count > 1)
        path = "-";
    if (text && path)
        return err_set(err, ERR_INVALID, "the event is given twice");
    if (path && !file_read(path, EVENT_BYTES_MAX, &session->arena, ret, err))
        return false;
    if (!path)
        *ret = text ? str_of(text) : STR("{}");
    return check_event(path ? path : "--event", *ret, err);
}

/* Who names no version means what is live, if anything is. */
MUST_USE static bool choose_qualifier(struct session *session, const struct arguments *arguments, const char **ret,
                                      struct err *err)
{
    str function = str_of(arguments->operands[0]), live = STR("");

    *ret = option_text(arguments, "qualifier");
    if (*ret || memchr(function.at, ':', function.len))
        return true;
    if (!arn_is_name(function)) /* the server says it better */
        return true;
    if (!live_version(session, function, &live, err))
        return false;
    *ret = live.len ? LIVE_ALIAS : NULL;
    return true;
}

MUST_USE static bool call_function(struct session *session, const struct arguments *arguments, const char *qualifier,
                                   str event, struct http_result *ret, struct err *err)
{
    BUF_AUTO path = {0}, query = {0};
    struct http_header headers[] = {
        {STR("Content-Type"), STR("application/json")},
        {STR("X-Amz-Log-Type"), STR("Tail")}, /* also for what is said of a failure */
    };

    buf_init(&path, TARGET_BYTES_MAX);
    buf_init(&query, TARGET_BYTES_MAX);
    buf_add(&path, STR("/2015-03-31/functions/"));
    url_encode(&path, str_of(arguments->operands[0]));
    buf_add(&path, STR("/invocations"));
    if (qualifier) {
        buf_add(&query, STR("Qualifier="));
        url_encode(&query, str_of(qualifier));
    }
    if (!buf_ok(&path) || !buf_ok(&query))
        return err_set(err, ERR_LIMIT, "the function's name is too long");
    struct session_call call = {.service = "lambda",
                                .method = "POST",
                                .path = arena_copy(&session->arena, buf_str(&path)),
                                .query = arena_copy(&session->arena, buf_str(&query)),
                                .headers = headers,
                                .headers_count = 2,
                                .body = event};
    return session_call(session, &call, ret, err);
}

static void print_tail(str log)
{
    str line;

    while (log.len) {
        (void)str_cut(log, '\n', &line, &log);
        print_log_line(stderr, "", line);
    }
}

static void tell_version(const struct arguments *arguments, const char *qualifier, const struct http_result *answer)
{
    str version = http_result_header(answer, STR("X-Amz-Executed-Version"));
    bool by_name = qualifier && !str_eq(version, str_of(qualifier));

    if (!option_flag(arguments, "json") && version.len)
        say("Version " STR_FMT "%s%s%s ran.", STR_ARG(version), by_name ? " (" : "", by_name ? qualifier : "",
            by_name ? ")" : "");
}

/* The function may be there, and only this version of it not. */
static void tell_what_there_is(struct session *session, const struct arguments *arguments, const char *qualifier)
{
    str name, version;
    bool has_version = str_cut(str_of(arguments->operands[0]), ':', &name, &version) || qualifier;
    json_auto_t *function = NULL;
    struct err ignored;

    if (has_version && arn_is_name(name) &&
        session_json(session, "lambda", "GET",
                     session_path(session, "/2015-03-31/functions/" STR_FMT "/configuration", STR_ARG(name)), NULL,
                     &function, &ignored))
        say(STR_FMT " has no version or alias '" STR_FMT "'; `sculler ls " STR_FMT "` lists its versions.",
            STR_ARG(name), STR_ARG(version.len ? version : str_of(qualifier ? qualifier : "")), STR_ARG(name));
    else
        say("`sculler ls` lists what there is.");
}

static int tell(struct session *session, const struct arguments *arguments, const char *qualifier,
                const struct http_result *answer)
{
    str fault = http_result_header(answer, STR("X-Amz-Function-Error"));
    struct err err = {0};

    if (answer->status >= 300) {
        json_auto_t *none = NULL;

        if (session_answer_json(answer, &none, &err))
            (void)err_set(&err, ERR_SYSTEM, "the server answered with status %d", answer->status);
        int status = session_failed(session, "invoke", &err);
        if (err.code == ERR_NOT_FOUND)
            tell_what_there_is(session, arguments, qualifier);
        return status;
    }
    str log = session_log(session, answer);
    if (option_flag(arguments, "tail"))
        print_tail(log);
    tell_version(arguments, qualifier, answer);
    if (option_flag(arguments, "json")) {
        str version = http_result_header(answer, STR("X-Amz-Executed-Version"));
        printf("{\"status\":%d,\"version\":\"" STR_FMT "\",\"function_error\":%s,\"answer\":", answer->status,
               STR_ARG(version), fault.len ? "true" : "false");
    }
    fwrite(answer->body.at, 1, answer->body.len, stdout);
    puts(option_flag(arguments, "json") ? "}" : "");
    if (!fault.len)
        return EXIT_OK;
    if (!option_flag(arguments, "tail"))
        say_notes(log);
    str id = http_result_header(answer, STR("x-amzn-RequestId"));
    say("sculler invoke: the function ended in an error; its log: sculler logs --request " STR_FMT, STR_ARG(id));
    return EXIT_FUNCTION;
}

static int invoke_run(const struct arguments *arguments)
{
    struct session session;
    struct http_result answer;
    const char *qualifier = NULL;
    struct err err = {0};
    str event;
    int status;

    if (arguments->operands_count > 1 && strcmp(arguments->operands[1], "-") != 0)
        return command_usage_error(&invoke_command, "the event is --event JSON, --event-file FILE, or - for "
                                                    "standard input");
    if (!session_open(arguments, &session, &err)) {
        say_error("invoke", err.text);
        return EXIT_NO_SERVER;
    }
    if (read_event(arguments, &session, &event, &err) && choose_qualifier(&session, arguments, &qualifier, &err) &&
        call_function(&session, arguments, qualifier, event, &answer, &err))
        status = tell(&session, arguments, qualifier, &answer);
    else
        status = session_failed(&session, "invoke", &err);
    session_close(&session);
    return status;
}

static const struct option invoke_options[] = {
    {"qualifier", "NAME", "a version or an alias; default: live, else $LATEST", 'q'},
    {"event", "JSON", "the event; default: {}", 'e'},
    {"event-file", "FILE", "the event, from a file"},
    {"tail", NULL, "the end of its log, on standard error"},
    {0},
};

const struct command invoke_command = {
    .name = "invoke",
    .summary = "Call a function and print its answer",
    .usage = "FUNCTION[:QUALIFIER] [--event JSON | --event-file FILE | -] [options]",
    .text = "  sculler invoke budget_expense_matcher --event '{\"budgets\": []}'\n"
            "  sculler invoke budget_expense_matcher:live --event-file events/one.json --tail\n"
            "  sculler invoke budget_expense_matcher -q 3 - < event.json\n\n"
            "Exit status 4 when the function ran and ended in an error; its answer is then the error.\n",
    .options = invoke_options,
    .operands_min = 1,
    .operands_max = 2,
    .run = invoke_run,
};

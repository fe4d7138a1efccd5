/* ls: the functions of a server: which version is live, how many there are, and where each answers. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/endpoint.h"
#include "cli/functions.h"
#include "cli/output.h"
#include "cli/publish.h"
#include "cli/session.h"
#include "cli/verdict.h"
#include "codec/arn.h"
#include "codec/json_read.h"

enum { FAILED_LOOKED_MAX = 50 };

/* Those that the server could not make ready: "$LATEST" and numbers.  A list does not say it (nor does AWS's), so each
 * is asked for, up to the newest FAILED_LOOKED_MAX. */
MUST_USE static bool find_failed(struct session *session, str name, const json_t *numbers, json_t **ret,
                                 struct err *err)
{
    json_auto_t *failed = json_array();
    size_t count = json_array_size(numbers), first = count > FAILED_LOOKED_MAX ? count - FAILED_LOOKED_MAX : 0;

    for (size_t i = first; i <= count; i++) {
        str version = i < count ? json_text(json_array_get(numbers, i)) : STR("$LATEST");
        json_auto_t *now = NULL;

        if (!session_json(session, "lambda", "GET",
                          session_path(session, "/2015-03-31/functions/" STR_FMT "/configuration?Qualifier=" STR_FMT,
                                       STR_ARG(name), STR_ARG(version)),
                          NULL, &now, err))
            return false;
        if (str_eq(json_text(json_object_get(now, "State")), STR("Failed")) ||
            str_eq(json_text(json_object_get(now, "LastUpdateStatus")), STR("Failed")))
            json_array_append_new(failed, json_stringn(version.at, version.len));
    }
    *ret = json_incref(failed);
    return true;
}

/* {function, live, versions: [...], failed: [...], runtime, memory_mb, modified, url} */
MUST_USE static bool describe(struct session *session, const json_t *function, const json_t *urls, json_t **ret,
                              struct err *err)
{
    json_auto_t *versions = NULL, *numbers = json_array(), *failed = NULL;
    str name = json_text(json_object_get(function, "FunctionName")), live;
    json_t *version, *url = json_object_get(urls, arena_cstr(&session->arena, name));
    size_t i;

    if (!live_version(session, name, &live, err) || !versions_list(session, name, &versions, err))
        return false;
    json_array_foreach (versions, i, version)
        json_array_append(numbers, json_object_get(version, "Version"));
    if (!find_failed(session, name, numbers, &failed, err))
        return false;
    *ret =
        json_pack("{s:s%, s:o, s:O, s:O, s:O, s:O, s:O, s:o}", "function", name.at, name.len, "live",
                  live.len ? json_stringn(live.at, live.len) : json_null(), "versions", numbers, "failed", failed,
                  "runtime", json_object_get(function, "Runtime"), "memory_mb", json_object_get(function, "MemorySize"),
                  "modified", json_object_get(function, "LastModified"), "url", url ? json_incref(url) : json_null());
    return *ret || err_set(err, ERR_SYSTEM, "the server's list of functions is not understood");
}

MUST_USE static bool collect(struct session *session, json_t **ret, struct err *err)
{
    json_auto_t *functions = NULL, *urls = NULL, *rows = json_array();
    json_t *function;
    size_t i;

    if (!functions_list(session, &functions, err) || !endpoint_list(session, &urls, err))
        return false;
    json_array_foreach (functions, i, function) {
        json_t *row;

        if (!describe(session, function, urls, &row, err))
            return false;
        json_array_append_new(rows, row);
    }
    *ret = json_incref(rows);
    return true;
}

/* "12", or "12, 3 failed" */
static void count_versions(const json_t *row, char *ret, size_t size)
{
    size_t failed = json_array_size(json_object_get(row, "failed"));
    int len = snprintf(ret, size, "%zu", json_array_size(json_object_get(row, "versions")));

    if (failed)
        (void)snprintf(ret + len, size - (size_t)len, ", %zu failed", failed);
}

static void print_table(const json_t *rows)
{
    json_t *row;
    size_t i;
    int widest = (int)strlen("FUNCTION");

    json_array_foreach (rows, i, row) {
        int len = (int)json_string_length(json_object_get(row, "function"));
        widest = len > widest ? len : widest;
    }
    printf("%-*s  %-5s  %-14s  %-16s  %s\n", widest, "FUNCTION", "LIVE", "VERSIONS", "MODIFIED", "URL");
    json_array_foreach (rows, i, row) {
        str live = json_text(json_object_get(row, "live")), url = json_text(json_object_get(row, "url"));

        char versions[32];

        count_versions(row, versions, sizeof versions);
        printf("%-*s  %-5.*s  %-14s  %-16.16s  " STR_FMT "\n", widest,
               json_string_value(json_object_get(row, "function")), live.len ? (int)live.len : 1,
               live.len ? live.at : "-", versions, json_string_value(json_object_get(row, "modified")), STR_ARG(url));
    }
}

/* -- the versions of one --------------------------------------------------------------------------------------------
 */

/* What deploy knows of them: where `live` points and did, and what failed its proof. */
struct verdicts {
    struct live live;
    str refused;
    json_t *failed;
};

static const char *state_of(const struct verdicts *verdicts, str version)
{
    json_t *each;
    size_t i;

    json_array_foreach (verdicts->failed, i, each)
        if (str_eq(json_text(each), version))
            return "not ready"; /* the server could not unpack it, or so */
    if (str_eq(verdicts->live.version, version))
        return "live";
    if (verdict_has(verdicts->refused, version))
        return "failed";
    return verdict_has(verdicts->live.before, version) ? "was live" : "";
}

static json_t *version_row(const struct verdicts *verdicts, const json_t *version)
{
    str number = json_text(json_object_get(version, "Version"));

    return json_pack("{s:s%, s:s, s:O, s:O, s:O, s:O}", "version", number.at, number.len, "state",
                     state_of(verdicts, number), "modified", json_object_get(version, "LastModified"), "memory_mb",
                     json_object_get(version, "MemorySize"), "timeout_s", json_object_get(version, "Timeout"),
                     "code_sha256", json_object_get(version, "CodeSha256"));
}

MUST_USE static bool collect_versions(struct session *session, str name, json_t **ret, struct err *err)
{
    json_auto_t *versions = NULL, *numbers = json_array(), *failed = NULL, *rows = json_array();
    struct verdicts verdicts = {0};

    if (!versions_list(session, name, &versions, err) || !live_read(session, name, &verdicts.live, err) ||
        !verdict_failed(session, name, &verdicts.refused, err))
        return false;
    for (size_t i = 0; i < json_array_size(versions); i++)
        json_array_append(numbers, json_object_get(json_array_get(versions, i), "Version"));
    if (!find_failed(session, name, numbers, &failed, err))
        return false;
    verdicts.failed = failed;
    for (size_t i = json_array_size(versions); i > 0; i--) {
        json_t *row = version_row(&verdicts, json_array_get(versions, i - 1));

        if (!row)
            return err_set(err, ERR_SYSTEM, "the server's list of versions is not understood");
        json_array_append_new(rows, row);
    }
    *ret = json_incref(rows);
    return true;
}

static void print_versions(const json_t *rows)
{
    json_t *row;
    size_t i;

    printf("%-8s  %-9s  %-16s  %-8s  %s\n", "VERSION", "STATE", "MODIFIED", "MEMORY", "TIMEOUT");
    json_array_foreach (rows, i, row) {
        char memory[24];

        (void)snprintf(memory, sizeof memory, "%lld MB",
                       (long long)json_integer_value(json_object_get(row, "memory_mb")));
        printf("%-8s  %-9s  %-16.16s  %-8s  %lld s\n", json_string_value(json_object_get(row, "version")),
               json_string_value(json_object_get(row, "state")), json_string_value(json_object_get(row, "modified")),
               memory, (long long)json_integer_value(json_object_get(row, "timeout_s")));
    }
}

static int ls_run(const struct arguments *arguments)
{
    struct session session;
    struct err err = {0};
    json_auto_t *rows = NULL;
    int status = EXIT_OK;

    if (!session_open(arguments, &session, &err)) {
        say_error("ls", err.text);
        return EXIT_NO_SERVER;
    }
    str name = str_of(arguments->operands_count ? arguments->operands[0] : "");
    if (name.len && !arn_is_name(name)) {
        session_close(&session);
        return command_usage_error(&ls_command, "that is no name of a function");
    }
    if (!(name.len ? collect_versions(&session, name, &rows, &err) : collect(&session, &rows, &err)))
        status = session_failed(&session, "ls", &err);
    else if (option_flag(arguments, "json"))
        print_json(rows);
    else if (json_array_size(rows) == 0)
        say(name.len ? "No version of it is published yet."
                     : "There is no function yet: sculler deploy DIR makes one.");
    else if (name.len)
        print_versions(rows);
    else
        print_table(rows);
    session_close(&session);
    return status;
}

const struct command ls_command = {
    .name = "ls",
    .summary = "List the functions, which version is live, and where they answer",
    .usage = "[FUNCTION] [--json]",
    .text = "  sculler ls\n  sculler ls --json | jq -r '.[].url'\n"
            "  sculler ls budget_expense_matcher     its versions, the newest first\n\n"
            "A version's state: live; was live, and can be gone back to; failed: it was refused by a deploy; not "
            "ready: the "
            "server\ncould not unpack it.\n",
    .operands_max = 1,
    .run = ls_run,
};

/* ls: the functions of a server: which version is live, how many there are, and where each answers. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/endpoint.h"
#include "cli/functions.h"
#include "cli/output.h"
#include "cli/publish.h"
#include "cli/session.h"
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
    if (!collect(&session, &rows, &err))
        status = session_failed(&session, "ls", &err);
    else if (option_flag(arguments, "json"))
        print_json(rows);
    else if (json_array_size(rows) == 0)
        say("There is no function yet: sculler deploy DIR makes one.");
    else
        print_table(rows);
    session_close(&session);
    return status;
}

const struct command ls_command = {
    .name = "ls",
    .summary = "List the functions, which version is live, and where they answer",
    .usage = "[--json]",
    .text = "  sculler ls\n  sculler ls --json | jq -r '.[].url'\n",
    .run = ls_run,
};

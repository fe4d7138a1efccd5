#include "cli/publish.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/output.h"
#include "cli/send.h"
#include "codec/arn.h"
#include "codec/json_read.h"

enum {
    WAIT_MS = 300 * 1000,
    POLL_MS = 50,
    TELL_AFTER_MS = 3000, /* where no line can be written over: once, when it takes long */
};

#define FUNCTIONS "/2015-03-31/functions/"

static str function_path(struct session *session, str function, const char *rest)
{
    return session_path(session, FUNCTIONS STR_FMT "%s", STR_ARG(function), rest);
}

/* Not found is no failure here: *ret is then NULL. */
MUST_USE static bool get_maybe(struct session *session, str path, json_t **ret, struct err *err)
{
    struct err why = {0};

    *ret = NULL;
    if (session_json(session, "lambda", "GET", path, NULL, ret, &why) || why.code == ERR_NOT_FOUND)
        return true;
    *err = why;
    return false;
}

#define HISTORY_MARK "live before:"

bool live_read(struct session *session, str function, struct live *ret, struct err *err)
{
    json_auto_t *alias = NULL;

    if (!get_maybe(session, function_path(session, function, "/aliases/" LIVE_ALIAS), &alias, err))
        return false;
    str description = arena_copy(&session->arena, json_text(json_object_get(alias, "Description")));
    *ret = (struct live){
        .version = arena_copy(&session->arena, json_text(json_object_get(alias, "FunctionVersion"))),
        .knows_before = str_starts(description, STR(HISTORY_MARK)),
    };
    if (ret->knows_before)
        ret->before = str_from(description, strlen(HISTORY_MARK " "));
    return true;
}

bool live_version(struct session *session, str function, str *ret, struct err *err)
{
    struct live live;

    if (!live_read(session, function, &live, err))
        return false;
    *ret = live.version;
    return true;
}

MUST_USE static bool live_write(struct session *session, str function, const struct live *live, bool exists,
                                struct err *err)
{
    json_auto_t *done = NULL;
    str description = arena_printf(&session->arena, HISTORY_MARK " " STR_FMT, STR_ARG(live->before));
    json_t *body = json_pack("{s:s%, s:s%}", "FunctionVersion", live->version.at, live->version.len, "Description",
                             description.at, description.len);

    if (exists)
        return session_json(session, "lambda", "PUT", function_path(session, function, "/aliases/" LIVE_ALIAS), body,
                            &done, err);
    json_object_set_new(body, "Name", json_string(LIVE_ALIAS));
    return session_json(session, "lambda", "POST", function_path(session, function, "/aliases"), body, &done, err);
}

/* The list without what is past LIVE_BEFORE_MAX. */
static str history_bounded(str list)
{
    int count = 0;

    for (size_t i = 0; i < list.len; i++)
        if (list.at[i] == ' ' && ++count == LIVE_BEFORE_MAX)
            return (str){list.at, i};
    return list;
}

bool live_move(struct session *session, str function, const struct live *now, str version, struct err *err)
{
    struct live next = {.version = version};

    if (now->version.len)
        next.before = history_bounded(
            arena_printf(&session->arena, STR_FMT " " STR_FMT, STR_ARG(now->version), STR_ARG(now->before)));
    return live_write(session, function, &next, now->version.len > 0, err);
}

bool live_move_back(struct session *session, str function, const struct live *now, str *ret_version, struct err *err)
{
    struct live next = {0};

    (void)str_cut(now->before, ' ', &next.version, &next.before);
    if (!live_write(session, function, &next, true, err))
        return false;
    *ret_version = next.version;
    return true;
}

static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

/* Until the function is neither Pending nor InProgress.  A failure is told with the server's reason. */
MUST_USE static bool wait_ready(struct session *session, str function, const char *query, struct err *err)
{
    int64_t start_us = clock_steady_us(), end_us = start_us + WAIT_MS * 1000LL;
    bool told = false;

    for (;;) {
        json_auto_t *now = NULL;

        if (!session_json(session, "lambda", "GET",
                          session_path(session, FUNCTIONS STR_FMT "/configuration%s", STR_ARG(function), query), NULL,
                          &now, err))
            return false;
        str state = json_text(json_object_get(now, "State"));
        str update = json_text(json_object_get(now, "LastUpdateStatus"));
        if (str_eq(state, STR("Failed")) || str_eq(update, STR("Failed"))) {
            str reason = json_text(
                json_object_get(now, str_eq(state, STR("Failed")) ? "StateReason" : "LastUpdateStatusReason"));
            return session_refused(err, ERR_SYSTEM, "the server could not make it ready: ", reason);
        }
        if (!str_eq(state, STR("Pending")) && !str_eq(update, STR("InProgress")))
            return true;
        if (clock_steady_us() > end_us)
            return err_set(err, ERR_TIMEOUT, "the function was not ready within %d s", WAIT_MS / 1000);
        int64_t waited_us = clock_steady_us() - start_us;
        say_waiting("publish", "the server unpacks and compiles it  %lld s", (long long)waited_us / 1000000);
        if (!told && waited_us > TELL_AFTER_MS * 1000LL)
            told = say_once_waiting("publish", "the server unpacks it and compiles its Python, once for this version");
        pause_ms(POLL_MS);
    }
}

MUST_USE static bool tell_newest_layer(struct session *session, str text, struct err *err)
{
    json_auto_t *list = NULL;
    str name, rest;

    (void)str_cut(text, ':', &name, &rest);
    if (!arn_is_name(name))
        return err_set(err, ERR_INVALID, "layers: '" STR_FMT "' should be an ARN or NAME:VERSION", STR_ARG(text));
    if (!session_json(session, "lambda", "GET",
                      session_path(session, "/2018-10-31/layers/" STR_FMT "/versions?MaxItems=1", STR_ARG(name)), NULL,
                      &list, err))
        return false;
    json_int_t newest =
        json_integer_value(json_object_get(json_array_get(json_object_get(list, "LayerVersions"), 0), "Version"));
    if (newest == 0)
        return err_set(err, ERR_INVALID,
                       "layers: '" STR_FMT
                       "' should be NAME:VERSION; there is no layer of that name (sculler layer ls)",
                       STR_ARG(text));
    return err_set(err, ERR_INVALID, "layers: '" STR_FMT "' should be NAME:VERSION; the newest is " STR_FMT ":%lld",
                   STR_ARG(text), STR_ARG(name), (long long)newest);
}

bool publish_check_layers(struct session *session, const struct project *project, struct err *err)
{
    json_t *each;
    size_t i;

    json_array_foreach (project->layers, i, each) {
        str text = json_text(each), name, number;
        long long ignored;

        if (str_starts(text, STR("arn:")))
            continue;
        if (!str_cut(text, ':', &name, &number) || !str_to_int(number, 1, LLONG_MAX, &ignored) || !arn_is_name(name))
            return tell_newest_layer(session, text, err);
    }
    return true;
}

/* "shared:3" is a layer of this account. */
static json_t *layers_of(const struct session *session, const struct project *project)
{
    json_t *list = json_array(), *each;
    size_t i;

    json_array_foreach (project->layers, i, each) {
        str text = json_text(each);

        json_array_append_new(list,
                              str_starts(text, STR("arn:"))
                                  ? json_incref(each)
                                  : json_sprintf("arn:aws:lambda:" STR_FMT ":" STR_FMT ":layer:" STR_FMT,
                                                 STR_ARG(session->region), STR_ARG(session->account), STR_ARG(text)));
    }
    return list;
}

static json_t *settings_of(const struct session *session, const struct project *project)
{
    return json_pack("{s:s%, s:s%, s:I, s:I, s:{s:O}, s:o}", "Runtime", project->runtime.at, project->runtime.len,
                     "Handler", project->handler.at, project->handler.len, "MemorySize", (json_int_t)project->memory_mb,
                     "Timeout", (json_int_t)project->timeout_s, "Environment", "Variables", project->environment,
                     "Layers", layers_of(session, project));
}

static bool same_layers(const json_t *wanted, const json_t *have)
{
    size_t i;
    json_t *arn;

    json_array_foreach (wanted, i, arn)
        if (!json_equal(arn, json_object_get(json_array_get(have, i), "Arn")))
            return false;
    return json_array_size(wanted) == json_array_size(have);
}

/* Is that what the function has? */
static bool same_settings(const struct session *session, const struct project *project, const json_t *function)
{
    json_auto_t *wanted = settings_of(session, project);
    json_t *have = json_object_get(json_object_get(function, "Environment"), "Variables");

    for (int i = 0; i < 4; i++) {
        const char *name = (const char *const[]){"Runtime", "Handler", "MemorySize", "Timeout"}[i];

        if (!json_equal(json_object_get(wanted, name), json_object_get(function, name)))
            return false;
    }
    if (!same_layers(json_object_get(wanted, "Layers"), json_object_get(function, "Layers")))
        return false;
    return have ? json_equal(have, project->environment) : json_object_size(project->environment) == 0;
}

static bool same_code(const struct package *package, const json_t *function)
{
    return str_eq(json_text(json_object_get(function, "CodeSha256")), str_of(package->code_sha256));
}

MUST_USE static bool create(struct session *session, const struct project *project, const struct package *package,
                            struct err *err)
{
    json_auto_t *settings = settings_of(session, project), *done = NULL;

    json_object_set_new(settings, "FunctionName", json_stringn(project->name.at, project->name.len));
    json_object_set_new(settings, "Role",
                        json_sprintf("arn:aws:iam::" STR_FMT ":role/sculler", STR_ARG(session->account)));
    struct package_target target = {"POST", STR("/2015-03-31/functions"), "Code", settings};
    return package_send(session, package, &target, &done, err) && wait_ready(session, project->name, "", err);
}

MUST_USE static bool update(struct session *session, const struct project *project, const struct package *package,
                            const json_t *function, struct err *err)
{
    struct package_target target = {"PUT", function_path(session, project->name, "/code"), NULL, NULL};
    json_auto_t *sent = NULL, *done = NULL;

    if (!same_code(package, function) &&
        !(package_send(session, package, &target, &sent, err) && wait_ready(session, project->name, "", err)))
        return false;
    if (same_settings(session, project, function))
        return true;
    return session_json(session, "lambda", "PUT", function_path(session, project->name, "/configuration"),
                        settings_of(session, project), &done, err) &&
           wait_ready(session, project->name, "", err);
}

MUST_USE static bool publish(struct session *session, const struct project *project, const struct package *package,
                             str *ret_version, struct err *err)
{
    json_auto_t *version = NULL;
    json_t *body = json_pack("{s:s}", "CodeSha256", package->code_sha256);

    if (!session_json(session, "lambda", "POST", function_path(session, project->name, "/versions"), body, &version,
                      err))
        return false;
    *ret_version = arena_copy(&session->arena, json_text(json_object_get(version, "Version")));
    const char *query =
        arena_cstr(&session->arena, arena_printf(&session->arena, "?Qualifier=" STR_FMT, STR_ARG(*ret_version)));
    return wait_ready(session, project->name, query, err);
}

bool publish_version(struct session *session, const struct project *project, const struct package *package,
                     str version_before, struct published *ret, struct err *err)
{
    json_auto_t *latest = NULL, *live = NULL;
    struct published done = {.version_before = version_before};

    if (version_before.len &&
        !get_maybe(session, function_path(session, project->name, "/configuration?Qualifier=" LIVE_ALIAS), &live, err))
        return false;
    if (live && same_code(package, live) && same_settings(session, project, live)) {
        done.version = version_before;
        *ret = done;
        return true;
    }
    if (!get_maybe(session, function_path(session, project->name, "/configuration"), &latest, err))
        return false;
    done.created = !latest;
    done.changed = true;
    if (!(latest ? update(session, project, package, latest, err) : create(session, project, package, err)) ||
        !publish(session, project, package, &done.version, err))
        return false;
    *ret = done;
    return true;
}

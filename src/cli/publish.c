#include "cli/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli/files.h"
#include "codec/base64.h"
#include "codec/json_read.h"
#include "codec/json_write.h"

/*
 * The zip goes as AWS's API takes it, in base64 inside the JSON body, in memory: twice the package and a third.
 * Larger ones than PACKAGE_BYTES_MAX would need S3, as with AWS.
 */
enum {
    PACKAGE_BYTES_MAX = 300 * 1024 * 1024,
    BODY_BYTES_MAX = PACKAGE_BYTES_MAX / 3 * 4 + 1024 * 1024,
    UPLOAD_MS = 600 * 1000,
    WAIT_MS = 300 * 1000,
    POLL_MS = 50,
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
    int64_t end_us = clock_steady_us() + WAIT_MS * 1000LL;

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
            return err_set(err, ERR_SYSTEM, "the server could not make it ready: " STR_FMT, STR_ARG(reason));
        }
        if (!str_eq(state, STR("Pending")) && !str_eq(update, STR("InProgress")))
            return true;
        if (clock_steady_us() > end_us)
            return err_set(err, ERR_TIMEOUT, "the function was not ready within %d s", WAIT_MS / 1000);
        pause_ms(POLL_MS);
    }
}

static json_t *settings_of(const struct project *project)
{
    return json_pack("{s:s%, s:s%, s:I, s:I, s:{s:O}}", "Runtime", project->runtime.at, project->runtime.len, "Handler",
                     project->handler.at, project->handler.len, "MemorySize", (json_int_t)project->memory_mb, "Timeout",
                     (json_int_t)project->timeout_s, "Environment", "Variables", project->environment);
}

/* Is that what the function has? */
static bool same_settings(const struct project *project, const json_t *function)
{
    json_auto_t *wanted = settings_of(project);
    json_t *have = json_object_get(json_object_get(function, "Environment"), "Variables");

    for (int i = 0; i < 4; i++) {
        const char *name = (const char *const[]){"Runtime", "Handler", "MemorySize", "Timeout"}[i];

        if (!json_equal(json_object_get(wanted, name), json_object_get(function, name)))
            return false;
    }
    return have ? json_equal(have, project->environment) : json_object_size(project->environment) == 0;
}

static bool same_code(const struct package *package, const json_t *function)
{
    return str_eq(json_text(json_object_get(function, "CodeSha256")), str_of(package->code_sha256));
}

/* Sends the zip: to CreateFunction with the settings around it, or alone to UpdateFunctionCode. */
MUST_USE static bool send_code(struct session *session, const char *method, str path, const struct package *package,
                               const char *code_open, const json_t *rest, const char *code_close, struct err *err)
{
    BUF_AUTO body = {0};
    struct arena zip_arena = {0};
    struct http_header type = {STR("Content-Type"), STR("application/json")};
    struct http_result answer;
    json_auto_t *done = NULL;
    str zip;

    bool sent = file_read(package->path, PACKAGE_BYTES_MAX, &zip_arena, &zip, err);
    if (sent) {
        str settings = json_compact(rest, &session->arena);

        buf_init(&body, BODY_BYTES_MAX);
        buf_add(&body, str_of(code_open));
        base64_encode(&body, zip);
        buf_add(&body, str_of(code_close));
        if (settings.len > 2) { /* not {} */
            buf_add_char(&body, ',');
            buf_add(&body, str_from(settings, 1));
        } else {
            buf_add_char(&body, '}');
        }
    }
    arena_free(&zip_arena);
    if (!sent)
        return false;
    if (!buf_ok(&body))
        return err_set(err, ERR_LIMIT, "the package and its settings are too large to send");
    struct session_call call = {.service = "lambda",
                                .method = method,
                                .path = path,
                                .headers = &type,
                                .headers_count = 1,
                                .body = buf_str(&body),
                                .timeout_ms = UPLOAD_MS};
    return session_call(session, &call, &answer, err) && session_answer_json(&answer, &done, err);
}

MUST_USE static bool create(struct session *session, const struct project *project, const struct package *package,
                            struct err *err)
{
    json_auto_t *settings = settings_of(project);

    json_object_set_new(settings, "FunctionName", json_stringn(project->name.at, project->name.len));
    json_object_set_new(settings, "Role",
                        json_sprintf("arn:aws:iam::" STR_FMT ":role/sculler", STR_ARG(session->account)));
    return send_code(session, "POST", STR("/2015-03-31/functions"), package, "{\"Code\":{\"ZipFile\":\"", settings,
                     "\"}", err) &&
           wait_ready(session, project->name, "", err);
}

MUST_USE static bool update(struct session *session, const struct project *project, const struct package *package,
                            const json_t *function, struct err *err)
{
    json_auto_t *nothing = json_object(), *done = NULL;

    if (!same_code(package, function) && !(send_code(session, "PUT", function_path(session, project->name, "/code"),
                                                     package, "{\"ZipFile\":\"", nothing, "\"", err) &&
                                           wait_ready(session, project->name, "", err)))
        return false;
    if (same_settings(project, function))
        return true;
    return session_json(session, "lambda", "PUT", function_path(session, project->name, "/configuration"),
                        settings_of(project), &done, err) &&
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

    if (package->zip_bytes > PACKAGE_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "the package is %lld MB zipped; by this way %d MB can be sent",
                       (long long)package->zip_bytes / 1000000, PACKAGE_BYTES_MAX / 1000000);
    if (version_before.len &&
        !get_maybe(session, function_path(session, project->name, "/configuration?Qualifier=" LIVE_ALIAS), &live, err))
        return false;
    if (live && same_code(package, live) && same_settings(project, live)) {
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

/*
 * deploy: a folder goes live.  load -> install -> package -> publish -> prove -> alias -> endpoint; whatever fails,
 * what was live stays live.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cli/commands.h"
#include "cli/endpoint.h"
#include "cli/install.h"
#include "cli/output.h"
#include "cli/package.h"
#include "cli/project.h"
#include "cli/prove.h"
#include "cli/publish.h"
#include "cli/replay.h"
#include "cli/session.h"
#include "cli/verdict.h"
#include "cli/watch.h"
#include "codec/json_read.h"

enum { MEMORY_STEP_MB = 128 };

/* The seconds since `*since`, which becomes now. */
static double lap(int64_t *since)
{
    int64_t now = clock_steady_us();
    double seconds = (double)(now - *since) / 1e6;

    *since = now;
    return seconds;
}

/* Would AWS take it?  Told, not enforced: the machine is the user's. */
static void tell_limits(const struct package *package)
{
    if (package->zip_bytes > AWS_ZIP_BYTES_MAX)
        say("    AWS would not take it directly: %.1f of %.1f MB zipped; from S3 only",
            (double)package->zip_bytes / 1e6, AWS_ZIP_BYTES_MAX / 1e6);
    if (package->bytes >= AWS_UNZIPPED_BYTES_MAX)
        say("    AWS would not run it: %.1f of %.1f MB unzipped", (double)package->bytes / 1e6,
            AWS_UNZIPPED_BYTES_MAX / 1e6);
}

/* Here a worker shares what its template imported; on AWS each counts whole, and is killed past MemorySize. */
static void tell_memory(const struct project *project, const struct proof *proof)
{
    if (proof->memory_mb > project->memory_mb)
        say("    AWS would not run it: the handler with its imports takes %lld MB, and memory is %lld.\n"
            "    Say `memory = %lld` or more in [tool.sculler].",
            proof->memory_mb, project->memory_mb, (proof->memory_mb / MEMORY_STEP_MB + 1) * MEMORY_STEP_MB);
}

MUST_USE static bool make_package(struct session *session, const struct project *project, struct package *ret,
                                  struct err *err)
{
    struct installed installed;
    int64_t since = clock_steady_us();
    char unzipped[16], zipped[16];

    if (project->requirements.len)
        say_waiting("install", "requirements for " STR_FMT ", once for this list", STR_ARG(project->runtime));
    if (!install_requirements(project, &session->arena, &installed, err))
        return false;
    if (installed.dir)
        say_step("install", "requirements for " STR_FMT "%s  %.1f s", STR_ARG(project->runtime),
                 installed.cached ? " (cached)" : "", lap(&since));
    say_waiting("package", "%s", project->dir);
    if (!package_make(project, &installed, &session->arena, ret, err))
        return false;
    say_step("package", "%s in %d files, %s zipped%s  %.1f s", human_bytes(ret->bytes, unzipped), ret->files,
             human_bytes(ret->zip_bytes, zipped), ret->cached ? " (cached)" : "", lap(&since));
    tell_limits(ret);
    return true;
}

/* Code that was refused stays in $LATEST, as on AWS after an update: to take it back would be a third update, and the
 * next deploy replaces it anyway. */
static void tell_latest(const struct project *project)
{
    say("Without a qualifier boto3 gets $LATEST, which is the failed code: call " STR_FMT ":" LIVE_ALIAS
        " (`sculler invoke` does).",
        STR_ARG(project->name));
}

/* Before it goes live: what would it say to the calls that are on record?  Told; a call that was answered and is not
 * any more is a reason to stop. */
MUST_USE static bool replay_recorded(struct session *session, const struct project *project, const struct live *now,
                                     str version, long long last, struct err *err)
{
    const struct replay_wish wish = {.function = project->name,
                                     .version = version,
                                     .against = now->version,
                                     .last = last,
                                     .threshold = -1,
                                     .tolerance = -1};
    json_auto_t *result = NULL;
    str id;

    if (last == 0 || now->version.len == 0 || str_eq(now->version, version))
        return true;
    if (!replay_begin(session, &wish, &id, err) || !replay_follow(session, id, REPLAY_ROWS_SHOWN_DEFAULT, &result, err))
        return false;
    replay_print(stderr, result, 4);
    say("    All of it: sculler diff --show " STR_FMT, STR_ARG(id));
    long long failed = json_integer_value(json_object_get(result, "failed"));
    return failed == 0 ||
           err_set(err, ERR_INVALID,
                   "%lld call%s on record that version %.20s answered end%s in an error (deploy without "
                   "--replay if that is meant)",
                   failed, failed == 1 ? "" : "s", arena_cstr(&session->arena, now->version), failed == 1 ? "s" : "");
}

MUST_USE static bool prove(struct session *session, const struct project *project, const struct samples *samples,
                           const struct published *published, long long replay, struct live *ret_now, struct proof *ret,
                           struct err *err)
{
    return prove_version(session, project, samples, published->version, ret, err) &&
           live_read(session, project->name, ret_now, err) &&
           replay_recorded(session, project, ret_now, published->version, replay, err);
}

MUST_USE static bool go_live(struct session *session, const struct project *project, const struct samples *samples,
                             long long replay, struct published *published, struct err *err)
{
    struct live now;
    struct proof proof;

    if (!prove(session, project, samples, published, replay, &now, &proof, err)) {
        char what[64];

        snprintf(what, sizeof what, "version " STR_FMT " is not live", STR_ARG(published->version));
        published->refused = true;
        verdict_mark_failed(session, project->name, published->version);
        return err_wrap(err, "%s", what);
    }
    if (proof.events)
        say_step("prove", "%d sample event%s, %lld MB of memory at most  %.1f s", proof.events,
                 proof.events == 1 ? "" : "s", proof.memory_mb, proof.seconds);
    else
        say("    Nothing more was asked of it before it goes live: there is no sample event in %s/events.",
            project->dir);
    tell_memory(project, &proof);
    if (!live_move(session, project->name, &now, published->version, err))
        return false;
    verdict_clear(session, project->name, published->version);
    if (now.version.len)
        say_step("live", "version " STR_FMT " -> " STR_FMT "   undo: sculler rollback " STR_FMT, STR_ARG(now.version),
                 STR_ARG(published->version), STR_ARG(project->name));
    else
        say_step("live", "version " STR_FMT, STR_ARG(published->version));
    return true;
}

MUST_USE static bool deploy(struct session *session, const struct project *project, const struct samples *samples,
                            long long replay, struct published *ret, str *ret_url, struct err *err)
{
    struct package package;
    int64_t since;

    say(STR_FMT " -> " LIVE_ALIAS " @ %s   " STR_FMT ", " STR_FMT ", %lld MB", STR_ARG(project->name),
        session->endpoint, STR_ARG(project->runtime), STR_ARG(project->handler), project->memory_mb);
    /* Asked first: whether there is a server should be known before minutes are spent on a package. */
    if (!live_version(session, project->name, &ret->version_before, err) ||
        !publish_check_layers(session, project, err) || !make_package(session, project, &package, err))
        return false;
    since = clock_steady_us();
    if (!publish_version(session, project, &package, ret->version_before, ret, err))
        return false;
    if (ret->changed)
        say_step("publish", "version " STR_FMT "  %.1f s", STR_ARG(ret->version), lap(&since));
    if (!watch_version(session, project, ret->version, err))
        return false;
    if (ret->changed) {
        if (!go_live(session, project, samples, replay, ret, err))
            return false;
    } else {
        say_step("unchanged", "version " STR_FMT " is live with this code and these settings", STR_ARG(ret->version));
    }
    return endpoint_make(session, project->name, ret_url, err);
}

static void print_result(const struct arguments *arguments, const struct project *project,
                         const struct published *published, str url)
{
    if (!option_flag(arguments, "json")) {
        printf(STR_FMT "\n", STR_ARG(url));
        return;
    }
    json_auto_t *result =
        json_pack("{s:s%, s:s%, s:b, s:s%}", "function", project->name.at, project->name.len, "version",
                  published->version.at, published->version.len, "changed", published->changed, "url", url.at, url.len);
    print_json(result);
}

static int deploy_project(struct session *session, const struct arguments *arguments, const struct project *project)
{
    struct samples *samples = arena_new(&session->arena, struct samples, 1);
    struct published published = {0};
    const char *replay = option_text(arguments, "replay");
    long long last = 0;
    struct err err = {0};
    int status = EXIT_OK;
    str url;

    if (replay && !str_to_int(str_of(replay), 1, REPLAY_CALLS_MAX, &last)) {
        err_set(&err, ERR_INVALID, "--replay takes a number of calls, 1 to %d", REPLAY_CALLS_MAX);
        return command_usage_error(&deploy_command, err.text);
    }

    if (!samples_load(project->dir, &session->arena, samples, &err))
        return session_failed(session, "deploy", &err);
    if (deploy(session, project, samples, last, &published, &url, &err))
        print_result(arguments, project, &published, url);
    else
        status = session_failed(session, "deploy", &err);
    if (status != EXIT_OK && published.version_before.len)
        say("Version " STR_FMT " stays live.", STR_ARG(published.version_before));
    if (published.refused)
        tell_latest(project);
    samples_done(samples);
    return status;
}

static int deploy_run(const struct arguments *arguments)
{
    struct session session;
    struct project project;
    struct err err = {0};
    int status;

    if (!session_open(arguments, &session, &err)) {
        say_error("deploy", err.text);
        return EXIT_NO_SERVER;
    }
    if (project_load(arguments->operands[0], &session.arena, &project, &err)) {
        status = deploy_project(&session, arguments, &project);
        project_done(&project);
    } else {
        status = session_failed(&session, "deploy", &err);
    }
    session_close(&session);
    return status;
}

static const struct option deploy_options[] = {
    {"replay", "COUNT", "before it goes live, show what it says otherwise to the last COUNT calls on record"},
    {0},
};

const struct command deploy_command = {
    .name = "deploy",
    .summary = "Package a folder, publish it as a new version, and make it live",
    .usage = "DIR [options]",
    .text = "  sculler deploy examples/budget_expense_matcher\n\n"
            "DIR holds main.py with handler(event, context), and requirements.txt when it needs packages. What else "
            "there is\n"
            "to say goes under [tool.sculler] in pyproject.toml, or into sculler.toml; these are the defaults:\n\n"
            "  name = \"the folder's\"    runtime = \"python3.11\"   handler = \"main.handler\"\n"
            "  memory = 1024            timeout = 30             env = {}\n"
            "  layers = []              each an ARN, or NAME:VERSION of this server's (sculler layer publish)\n\n"
            "What a function may ask of Sculler, and AWS has no word for, is kept as a variable SCULLER_...:\n\n"
#define SETTING(kind, name, default_, min, max, help) "  " #name "\n      " help "\n"
#include "codec/settings.def"
#undef SETTING
            "\n"
            "The new version is imported, and answers its sample events, events/X.json with events/X.expected.json, "
            "before\nit goes live.\n"
            "Files named in .scullerignore stay out of the package. Prints the URL at which the function answers.\n",
    .options = deploy_options,
    .operands_min = 1,
    .operands_max = 1,
    .run = deploy_run,
};

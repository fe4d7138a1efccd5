/*
 * layer: what several functions share, published once.  A zip goes as it is.  A folder becomes one: laid out as AWS
 * wants it (python/, lib/, bin/ ... at its top) it is packed as it is; else it is Python code, with requirements.txt
 * when it needs packages, and all of it goes under python/.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/functions.h"
#include "cli/install.h"
#include "cli/output.h"
#include "cli/package.h"
#include "cli/send.h"
#include "cli/session.h"
#include "codec/arn.h"
#include "codec/json_read.h"

enum { REQUIREMENTS_BYTES_MAX = 1024 * 1024 };

static bool has(struct arena *arena, const char *dir, const char *name)
{
    return access(arena_cstr(arena, arena_printf(arena, "%s/%s", dir, name)), R_OK) == 0;
}

/* As /opt shall look? */
static bool is_laid_out(struct arena *arena, const char *dir)
{
    static const char *const tops[] = {"python", "lib", "bin", "extensions", "nodejs"};

    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++)
        if (has(arena, dir, tops[i]))
            return true;
    return false;
}

MUST_USE static bool pack_folder(const struct arguments *arguments, struct arena *arena, struct package *ret,
                                 str *ret_runtime, struct err *err)
{
    const char *dir = arguments->operands[2], *python = option_text(arguments, "python");
    bool laid_out = is_laid_out(arena, dir);
    struct project project = {.dir = dir, .prefix = laid_out ? "" : "python/"};
    struct installed installed = {.key = STR("")};

    project.python = str_of(python ? python : "3.11");
    project.runtime = arena_printf(arena, "python" STR_FMT, STR_ARG(project.python));
    if (!laid_out && has(arena, dir, "requirements.txt")) {
        if (!file_read(arena_cstr(arena, arena_printf(arena, "%s/requirements.txt", dir)), REQUIREMENTS_BYTES_MAX,
                       arena, &project.requirements, err))
            return false;
        say_waiting("install", "requirements for " STR_FMT, STR_ARG(project.runtime));
        if (!install_requirements(&project, arena, &installed, err))
            return false;
        *ret_runtime = project.runtime; /* wheels are for one Python */
    }
    say_waiting("package", "%s", dir);
    return package_make(&project, &installed, arena, ret, err);
}

/* ret_runtime: untouched when it is for any. */
MUST_USE static bool pack(const struct arguments *arguments, struct session *session, struct package *ret,
                          str *ret_runtime, struct err *err)
{
    char unzipped[16], zipped[16];
    struct stat info;

    if (stat(arguments->operands[2], &info) != 0)
        return err_sys(err, "%s", arguments->operands[2]);
    if (!S_ISDIR(info.st_mode))
        return package_of_zip(arguments->operands[2], ret, err);
    if (!pack_folder(arguments, &session->arena, ret, ret_runtime, err))
        return false;
    say_step("package", "%s in %d files, %s zipped%s", human_bytes(ret->bytes, unzipped), ret->files,
             human_bytes(ret->zip_bytes, zipped), ret->cached ? " (cached)" : "");
    return true;
}

/* The newest version, when its code is the same: *ret is else NULL. */
MUST_USE static bool find_same(struct session *session, const char *name, const struct package *package, json_t **ret,
                               struct err *err)
{
    json_auto_t *list = NULL, *newest = NULL;

    *ret = NULL;
    if (!session_json(session, "lambda", "GET",
                      session_path(session, "/2018-10-31/layers/%s/versions?MaxItems=1", name), NULL, &list, err))
        return false;
    json_int_t version =
        json_integer_value(json_object_get(json_array_get(json_object_get(list, "LayerVersions"), 0), "Version"));
    if (version == 0)
        return true;
    if (!session_json(session, "lambda", "GET",
                      session_path(session, "/2018-10-31/layers/%s/versions/%lld", name, (long long)version), NULL,
                      &newest, err))
        return false;
    if (str_eq(json_text(json_object_get(json_object_get(newest, "Content"), "CodeSha256")),
               str_of(package->code_sha256)))
        *ret = json_incref(newest);
    return true;
}

static json_t *describe(const struct arguments *arguments, str runtime)
{
    const char *description = option_text(arguments, "description"), *python = option_text(arguments, "python");
    json_t *rest = json_object();

    if (description)
        json_object_set_new(rest, "Description", json_string(description));
    if (python)
        json_object_set_new(rest, "CompatibleRuntimes", json_pack("[o]", json_sprintf("python%s", python)));
    else if (runtime.len)
        json_object_set_new(rest, "CompatibleRuntimes", json_pack("[s%]", runtime.at, runtime.len));
    return rest;
}

MUST_USE static bool publish(const struct arguments *arguments, struct session *session, json_t **ret, struct err *err)
{
    const char *name = arguments->operands[1];
    json_auto_t *rest = NULL;
    struct package package = {0};
    str runtime = STR("");

    if (!arn_is_name(str_of(name)))
        return err_set(err, ERR_INVALID, "'%s' is no name for a layer: letters, digits, - and _", name);
    if (!pack(arguments, session, &package, &runtime, err) || !find_same(session, name, &package, ret, err))
        return false;
    if (*ret) {
        say_step("unchanged", "version %lld has this code",
                 (long long)json_integer_value(json_object_get(*ret, "Version")));
        return true;
    }
    rest = describe(arguments, runtime);
    struct package_target target = {"POST", session_path(session, "/2018-10-31/layers/%s/versions", name), "Content",
                                    rest};
    if (!package_send(session, &package, &target, ret, err))
        return false;
    say_step("publish", "version %lld", (long long)json_integer_value(json_object_get(*ret, "Version")));
    return true;
}

MUST_USE static bool publish_run(const struct arguments *arguments, struct session *session, struct err *err)
{
    json_auto_t *made = NULL;

    if (!publish(arguments, session, &made, err))
        return false;
    if (option_flag(arguments, "json"))
        print_json(made);
    else
        puts(json_string_value(json_object_get(made, "LayerVersionArn")));
    return true;
}

/* -- ls, rm -------------------------------------------------------------------------------------------------------- */

/* [{layer, version, created, runtimes, description, arn}]: of each layer the newest version, or all of one. */
MUST_USE static bool list_layers(struct session *session, const char *name, json_t **ret, struct err *err)
{
    json_auto_t *found = json_array(), *rows = json_array();
    json_t *item;
    size_t i;

    if (!(name ? pages_read(session, session_path(session, "/2018-10-31/layers/%s/versions", name), "LayerVersions",
                            found, err)
               : pages_read(session, STR("/2018-10-31/layers"), "Layers", found, err)))
        return false;
    json_array_foreach (found, i, item) {
        json_t *version = name ? item : json_object_get(item, "LatestMatchingVersion"),
               *runtimes = json_object_get(version, "CompatibleRuntimes");

        json_array_append_new(
            rows,
            json_pack("{s:o, s:O, s:O, s:o, s:O, s:O}", "layer",
                      name ? json_string(name) : json_incref(json_object_get(item, "LayerName")), "version",
                      json_object_get(version, "Version"), "created", json_object_get(version, "CreatedDate"),
                      "runtimes", runtimes ? json_incref(runtimes) : json_array(), "description",
                      json_object_get(version, "Description"), "arn", json_object_get(version, "LayerVersionArn")));
    }
    *ret = json_incref(rows);
    return true;
}

static void print_layers(const json_t *rows)
{
    size_t i;
    json_t *row;

    json_array_foreach (rows, i, row)
        printf("%s:%lld  %-16.16s  %s\n", json_string_value(json_object_get(row, "layer")),
               (long long)json_integer_value(json_object_get(row, "version")),
               json_string_value(json_object_get(row, "created")),
               json_string_value(json_object_get(row, "description")));
}

MUST_USE static bool ls_run(const struct arguments *arguments, struct session *session, struct err *err)
{
    const char *name = arguments->operands_count > 1 ? arguments->operands[1] : NULL;
    json_auto_t *rows = NULL;

    if (name && !arn_is_name(str_of(name)))
        return err_set(err, ERR_INVALID, "'%s' is no name of a layer", name);
    if (!list_layers(session, name, &rows, err))
        return false;
    if (option_flag(arguments, "json"))
        print_json(rows);
    else if (json_array_size(rows) == 0)
        say("There is no such layer: sculler layer publish NAME FOLDER makes one.");
    else
        print_layers(rows);
    return true;
}

MUST_USE static bool rm_run(const struct arguments *arguments, struct session *session, struct err *err)
{
    str name, number;
    long long version;
    json_auto_t *done = NULL;

    if (!str_cut(str_of(arguments->operands[1]), ':', &name, &number) || !arn_is_name(name) ||
        !str_to_int(number, 1, INT64_MAX, &version))
        return err_set(err, ERR_INVALID, "'%s' should be NAME:VERSION, as `sculler layer ls NAME` shows them",
                       arguments->operands[1]);
    str path = session_path(session, "/2018-10-31/layers/" STR_FMT "/versions/%lld", STR_ARG(name), (long long)version);
    if (!session_json(session, "lambda", "GET", path, NULL, &done, err)) /* deleting what is not there is no error */
        return false;
    json_auto_t *gone = NULL;
    if (!session_json(session, "lambda", "DELETE", path, NULL, &gone, err))
        return false;
    say("Deleted. Functions that have it keep it.");
    return true;
}

/* -- which --------------------------------------------------------------------------------------------------------- */

static const struct layer_verb {
    const char *name;
    int operands_min, operands_max; /* the verb among them */
    bool (*run)(const struct arguments *arguments, struct session *session, struct err *err);
} verbs[] = {
    {"publish", 3, 3, publish_run},
    {"ls", 1, 2, ls_run},
    {"rm", 2, 2, rm_run},
};

static const struct layer_verb *find_verb(const struct arguments *arguments)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(arguments->operands[0], verbs[i].name) == 0 && arguments->operands_count >= verbs[i].operands_min &&
            arguments->operands_count <= verbs[i].operands_max)
            return &verbs[i];
    return NULL;
}

static int layer_run(const struct arguments *arguments)
{
    const struct layer_verb *verb = find_verb(arguments);
    struct session session;
    struct err err = {0};
    int status = EXIT_OK;

    if (!verb)
        return command_usage_error(&layer_command, "that cannot be done with a layer");
    if (!session_open(arguments, &session, &err)) {
        say_error("layer", err.text);
        return EXIT_NO_SERVER;
    }
    if (!verb->run(arguments, &session, &err))
        status = session_failed(&session, "layer", &err);
    session_close(&session);
    return status;
}

static const struct option layer_options[] = {
    {"description", "TEXT", "what is in it", 'd'},
    {"python", "X.Y", "the Python that it is for; default: 3.11 for what is installed, else any"},
    {0},
};

const struct command layer_command = {
    .name = "layer",
    .summary = "Publish, list and delete layers: what several functions share",
    .usage = "publish NAME FOLDER|ZIP | ls [NAME] | rm NAME:VERSION",
    .text =
        "  sculler layer publish science layers/science      with a requirements.txt in that folder\n"
        "  sculler layer publish shared build/shared.zip\n"
        "  sculler layer ls science                          its versions\n"
        "  sculler layer rm science:1                        functions that have it keep it\n\n"
        "A folder with python/, lib/ or bin/ at its top is taken as it is, and seen at /opt. Any other holds Python\n"
        "code and goes under python/, from where a handler imports it; requirements.txt in it is installed beside.\n"
        "Prints the version's ARN: put it, or NAME:VERSION, under layers in a function's [tool.sculler].\n"
        "Nothing is published when the newest version has the same code.\n",
    .options = layer_options,
    .operands_min = 1,
    .operands_max = 3,
    .run = layer_run,
};

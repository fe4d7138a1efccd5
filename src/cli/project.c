#include "cli/project.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/files.h"
#include "cli/options.h"
#include "codec/arn.h"
#include "codec/json_read.h"
#include "codec/settings.h"
#include "codec/toml.h"

enum {
    FILE_BYTES_MAX = 1024 * 1024,
    NAME_CHARS_MAX = 64,
    MEMORY_MB_MIN = 128,
    MEMORY_MB_MAX = 10240,
    TIMEOUT_S_MAX = 900,
    LAYERS_MAX = 5,
    NAMES_BYTES_MAX = 200,
    NAME_DISTANCE_MAX = 2, /* letters that may differ in a name that is misspelt */
};

enum kind { KIND_TEXT, KIND_NUMBER, KIND_SECONDS, KIND_TEXTS, KIND_LIST, KIND_SETTING, KIND_TABLE };

/* The keys of [tool.sculler]; those of settings.def become variables SCULLER_... */
static const struct key {
    const char *name;
    enum kind kind;
    size_t offset;
    long long min, max; /* of a number, or of a text's length; of a setting, min is its id */
} keys[] = {
    {"name", KIND_TEXT, offsetof(struct project, name), 1, NAME_CHARS_MAX},
    {"handler", KIND_TEXT, offsetof(struct project, handler), 3, 128},
    {"python", KIND_TEXT, offsetof(struct project, python), 3, 8},
    {"runtime", KIND_TEXT, offsetof(struct project, runtime), 1, 16},
    {"memory", KIND_NUMBER, offsetof(struct project, memory_mb), MEMORY_MB_MIN, MEMORY_MB_MAX},
    {"timeout", KIND_SECONDS, offsetof(struct project, timeout_s), 1, TIMEOUT_S_MAX},
    {"env", KIND_TEXTS, offsetof(struct project, environment), 0, 0},
    {"layers", KIND_LIST, offsetof(struct project, layers), 0, LAYERS_MAX},
#define SETTING(kind, name, default_, min, max, help) \
    {#name, KIND_SETTING, offsetof(struct project, settings), SETTING_ID_##name, 0},
#include "codec/settings.def"
#undef SETTING
    {"monitor", KIND_TABLE, offsetof(struct project, monitor), 0, 0}, /* checked by the server, which reads it */
};

static str dir_file(struct arena *arena, const char *dir, const char *name)
{
    return arena_printf(arena, "%s/%s", dir, name);
}

static bool is_file(struct arena *arena, const char *dir, const char *name)
{
    return access(arena_cstr(arena, dir_file(arena, dir, name)), R_OK) == 0;
}

MUST_USE static bool load_toml(const char *dir, const char *name, struct arena *arena, json_t **ret, struct err *err)
{
    BUF_AUTO json = {0};
    str text;

    buf_init(&json, 4 * FILE_BYTES_MAX);
    if (!file_read(arena_cstr(arena, dir_file(arena, dir, name)), FILE_BYTES_MAX, arena, &text, err))
        return false;
    if (!toml_to_json(text, &json, err))
        return err_wrap(err, "%s", name);
    return json_parse(buf_str(&json), ret, err);
}

MUST_USE static bool store_number(const struct key *key, long long number, void *place, struct err *err)
{
    if (number < key->min || number > key->max)
        return err_set(err, ERR_INVALID, "%s is %lld; it may be %lld to %lld", key->name, number, key->min, key->max);
    *(long long *)place = number;
    return true;
}

/* 30, or "30s". */
MUST_USE static bool store_seconds(const struct key *key, const json_t *value, void *place, struct err *err)
{
    str text = json_text(value);
    long long number;

    if (json_is_integer(value))
        return store_number(key, json_integer_value(value), place, err);
    if (!str_ends(text, STR("s")) || !str_to_int((str){text.at, text.len - 1}, 0, LLONG_MAX, &number))
        return err_set(err, ERR_INVALID, "%s must be seconds: 30 or \"30s\"", key->name);
    return store_number(key, number, place, err);
}

MUST_USE static bool store_texts(const struct key *key, json_t *value, void *place, struct err *err)
{
    const char *name;
    json_t *text;

    if (!json_is_object(value))
        return err_set(err, ERR_INVALID, "%s must be a table of texts", key->name);
    json_object_foreach (value, name, text)
        if (!json_is_string(text))
            return err_set(err, ERR_INVALID, "%s.%s must be a text, in quotes", key->name, name);
    json_decref(*(json_t **)place);
    *(json_t **)place = json_incref(value);
    return true;
}

MUST_USE static bool store_list(const struct key *key, json_t *value, void *place, struct err *err)
{
    json_t *text;
    size_t i;

    if (!json_is_array(value) || (long long)json_array_size(value) > key->max)
        return err_set(err, ERR_INVALID, "%s must be a list of at most %lld texts", key->name, key->max);
    json_array_foreach (value, i, text)
        if (!json_is_string(text))
            return err_set(err, ERR_INVALID, "%s[%zu] must be a text, in quotes", key->name, i);
    json_decref(*(json_t **)place);
    *(json_t **)place = json_incref(value);
    return true;
}

/* batch_max = 8 -> SCULLER_BATCH_MAX=8; a table or a list is its JSON. */
MUST_USE static bool store_setting(const struct key *key, const json_t *value, struct arena *arena, json_t *settings,
                                   struct err *err)
{
    str text = json_is_string(value) ? json_text(value) : json_compact(value, arena);
    enum setting_id id = (enum setting_id)key->min;
    char name[SETTING_NAME_CHARS_MAX];
    int ignored = 0;

    if (json_is_real(value) || json_is_null(value))
        return err_set(err, ERR_INVALID, "%s must be a text, a whole number, true, false, or a table", key->name);
    if (!setting_parse(id, text, &ignored, err))
        return false;
    json_object_set_new(settings, setting_variable(id, name), json_stringn(text.at, text.len));
    return true;
}

MUST_USE static bool store(const struct key *key, json_t *value, struct arena *arena, struct project *project,
                           struct err *err)
{
    void *place = (char *)project + key->offset;

    switch (key->kind) {
    case KIND_TEXT:
        if (!json_is_string(value) || (long long)json_string_length(value) < key->min ||
            (long long)json_string_length(value) > key->max)
            return err_set(err, ERR_INVALID, "%s must be a text of %lld to %lld characters", key->name, key->min,
                           key->max);
        *(str *)place = arena_copy(arena, json_text(value));
        return true;
    case KIND_NUMBER:
        if (!json_is_integer(value))
            return err_set(err, ERR_INVALID, "%s must be a whole number", key->name);
        return store_number(key, json_integer_value(value), place, err);
    case KIND_SECONDS:
        return store_seconds(key, value, place, err);
    case KIND_TEXTS:
        return store_texts(key, value, place, err);
    case KIND_LIST:
        return store_list(key, value, place, err);
    case KIND_SETTING:
        return store_setting(key, value, arena, project->settings, err);
    case KIND_TABLE:
        if (!json_is_object(value))
            return err_set(err, ERR_INVALID, "%s must be a table", key->name);
        json_decref(*(json_t **)place);
        *(json_t **)place = json_incref(value);
        return true;
    }
    return false;
}

static const struct key *find_key(const char *name)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static bool unknown_key(const char *name, struct err *err)
{
    const char *near = NULL;
    BUF_AUTO names = {0};
    int best = 3;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        int distance = edit_distance(name, keys[i].name);

        if (distance < best) {
            best = distance;
            near = keys[i].name;
        }
    }
    if (near)
        return err_set(err, ERR_INVALID, "there is no key '%s'; did you mean '%s'?", name, near);
    buf_init(&names, NAMES_BYTES_MAX);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        buf_printf(&names, "%s%s", i ? ", " : "", keys[i].name);
    return err_set(err, ERR_INVALID, "there is no key '%s'; there are " STR_FMT, name, STR_ARG(buf_str(&names)));
}

MUST_USE static bool read_table(json_t *table, struct arena *arena, struct project *project, struct err *err)
{
    const char *name;
    json_t *value;

    json_object_foreach (table, name, value) {
        const struct key *key = find_key(name);

        if (!(key ? store(key, value, arena, project, err) : unknown_key(name, err)))
            return false;
    }
    return true;
}

/* requirements.txt, else [project] dependencies. */
MUST_USE static bool read_requirements(json_t *pyproject, struct arena *arena, struct project *project, struct err *err)
{
    json_t *lines = json_object_get(json_object_get(pyproject, "project"), "dependencies"), *line;
    BUF_AUTO text = {0};
    size_t i;

    if (is_file(arena, project->dir, "requirements.txt"))
        return file_read(arena_cstr(arena, dir_file(arena, project->dir, "requirements.txt")), FILE_BYTES_MAX, arena,
                         &project->requirements, err);
    buf_init(&text, FILE_BYTES_MAX);
    json_array_foreach (lines, i, line) {
        buf_add(&text, json_text(line));
        buf_add_char(&text, '\n');
    }
    project->requirements = arena_copy(arena, buf_str(&text));
    return true;
}

/* "budget matcher" -> "budget-matcher" */
static str name_of_folder(const char *dir, struct arena *arena)
{
    char path[PATH_MAX], *name;

    if (!realpath(dir, path))
        return STR("function");
    name = strrchr(path, '/') + 1;
    for (char *c = name; *c; c++)
        if (!arn_is_name((str){c, 1}))
            *c = '-';
    return arena_copy(arena, str_of(*name ? name : "function"));
}

/* [tool.scullr] would be ignored without a word, and the function be deployed otherwise than its owner believes. */
MUST_USE static bool check_spelling(json_t *tools, struct err *err)
{
    const char *name;
    json_t *table;

    json_object_foreach (tools, name, table)
        if (edit_distance(name, "sculler") <= NAME_DISTANCE_MAX)
            return err_set(err, ERR_INVALID, "[tool.%s] is not read; did you mean [tool.sculler]?", name);
    return true;
}

MUST_USE static bool read_settings(struct arena *arena, struct project *project, struct err *err)
{
    json_auto_t *pyproject = NULL, *own = NULL;
    json_t *table = NULL;
    const char *file = "pyproject.toml";

    if (is_file(arena, project->dir, file)) {
        if (!load_toml(project->dir, file, arena, &pyproject, err))
            return false;
        json_t *tools = json_object_get(pyproject, "tool");
        table = json_object_get(tools, "sculler");
        if (!table && !check_spelling(tools, err))
            return err_wrap(err, "%s", file);
    }
    if (table && is_file(arena, project->dir, "sculler.toml"))
        return err_set(err, ERR_INVALID, "there are both sculler.toml and [tool.sculler] in pyproject.toml; keep one");
    if (!table && is_file(arena, project->dir, "sculler.toml")) {
        file = "sculler.toml";
        if (!load_toml(project->dir, file, arena, &own, err))
            return false;
        table = own;
    }
    if (!read_table(table, arena, project, err))
        return err_wrap(err, "%s", file);
    return read_requirements(pyproject, arena, project, err);
}

/* `python` and `runtime` are two spellings of one thing. */
MUST_USE static bool settle_runtime(struct arena *arena, struct project *project, struct err *err)
{
    if (!project->runtime.len)
        project->runtime = arena_printf(arena, "python" STR_FMT, STR_ARG(project->python));
    if (!str_starts(project->runtime, STR("python3.")))
        return err_set(err, ERR_INVALID, "the runtime " STR_FMT " is none that can be deployed; say python3.11 or so",
                       STR_ARG(project->runtime));
    project->python = str_from(project->runtime, strlen("python"));
    return true;
}

/* main.handler is main.py's: is the file there?  Better said now than by a crash at the first call. */
MUST_USE static bool check_handler(struct arena *arena, const struct project *project, struct err *err)
{
    size_t dot = project->handler.len;

    while (dot > 0 && project->handler.at[dot - 1] != '.')
        dot--;
    if (dot < 2)
        return err_set(err, ERR_INVALID, "the handler " STR_FMT " should be MODULE.FUNCTION",
                       STR_ARG(project->handler));
    const char *module = arena_cstr(arena, (str){project->handler.at, dot - 1});
    char *path = (char *)arena_cstr(arena, arena_printf(arena, "%s.py", module));
    for (char *c = path; c < path + dot - 1; c++)
        if (*c == '.')
            *c = '/';
    if (!is_file(arena, project->dir, path))
        return err_set(err, ERR_NOT_FOUND,
                       "%s/%s is not there, but the handler is " STR_FMT
                       "; name another with `handler = \"MODULE.FUNCTION\"` in sculler.toml",
                       project->dir, path, STR_ARG(project->handler));
    return true;
}

bool project_load(const char *dir, struct arena *arena, struct project *ret, struct err *err)
{
    struct project project = {
        .dir = dir,
        .prefix = "",
        .name = name_of_folder(dir, arena),
        .handler = STR("main.handler"),
        .python = STR("3.11"),
        .memory_mb = 1024,
        .timeout_s = 30,
        .environment = json_object(),
        .settings = json_object(),
        .layers = json_array(),
    };
    struct stat info;
    bool done;

    if (stat(dir, &info) != 0)
        done = err_sys(err, "%s", dir);
    else if (!S_ISDIR(info.st_mode))
        done = err_set(err, ERR_INVALID, "%s is no folder; `sculler deploy` takes the folder of a function", dir);
    else
        done = read_settings(arena, &project, err) && settle_runtime(arena, &project, err) &&
               check_handler(arena, &project, err);
    if (done && !arn_is_name(project.name))
        done = err_set(err, ERR_INVALID, "'" STR_FMT "' is no name for a function: letters, digits, - and _",
                       STR_ARG(project.name));
    if (done) {
        json_object_update(project.environment, project.settings);
        *ret = project;
    } else {
        project_done(&project);
    }
    return done;
}

void project_done(struct project *project)
{
    json_decref(project->environment);
    json_decref(project->settings);
    json_decref(project->layers);
    json_decref(project->monitor);
    project->environment = project->settings = project->layers = NULL;
}

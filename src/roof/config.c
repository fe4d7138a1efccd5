#include "roof/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "codec/json_read.h"
#include "codec/json_write.h"
#include "codec/toml.h"

/*
 * One table made from config.def drives everything: a setting is found by name, its text (whatever it came
 * from) is parsed by kind, checked against its bounds, and stored at its offset with its origin beside it.
 */

enum kind { KIND_TEXT, KIND_INT, KIND_BOOL };

enum { CONFIG_FILE_BYTES_MAX = 1024 * 1024, NAME_BYTES_MAX = 64 };

struct setting {
    enum kind kind;
    const char *name;
    size_t offset;
    const char *default_text; /* TEXT */
    int64_t default_number;   /* INT, BOOL */
    int64_t min, max;
    const char *unit, *help;
};

#define TEXT_DEFAULT(d) .default_text = (d)
#define INT_DEFAULT(d) .default_number = (d)
#define BOOL_DEFAULT(d) .default_number = (d)
#define SETTING(kind_, name_, default_, min_, max_, unit_, help_) \
    {.kind = KIND_##kind_,                                        \
     .name = #name_,                                              \
     .offset = offsetof(struct config, name_),                    \
     kind_##_DEFAULT(default_),                                   \
     .min = (min_),                                               \
     .max = (max_),                                               \
     .unit = (unit_),                                             \
     .help = (help_)},
static const struct setting settings[] = {
#include "roof/config.def"
};
#undef SETTING

enum { SETTINGS_COUNT = sizeof settings / sizeof *settings };

/* Where each value came from; filled by config_load, read by config_print: one process has one config. */
static const char *origins[SETTINGS_COUNT];

static int setting_find(str name)
{
    for (int i = 0; i < SETTINGS_COUNT; i++) {
        const char *own = settings[i].name;
        size_t len = strlen(own);
        bool same = len == name.len;

        for (size_t c = 0; same && c < len; c++)
            same = own[c] == (name.at[c] == '-' ? '_' : name.at[c]);
        if (same)
            return i;
    }
    return -1;
}

static bool bool_parse(str text, bool *ret)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"on", true},   {"true", true},   {"yes", true}, {"1", true},
                 {"off", false}, {"false", false}, {"no", false}, {"0", false}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eq_nocase(text, str_of(words[i].word))) {
            *ret = words[i].value;
            return true;
        }
    return false;
}

MUST_USE static bool setting_store(struct config *config, int index, str text, const char *origin, struct err *err)
{
    const struct setting *setting = &settings[index];
    void *place = (char *)config + setting->offset;
    long long number;
    bool flag;

    switch (setting->kind) {
    case KIND_TEXT:
        if ((int64_t)text.len < setting->min || (int64_t)text.len > setting->max)
            return err_set(err, ERR_INVALID, "%s (%s): its length must be %lld to %lld", setting->name, origin,
                           (long long)setting->min, (long long)setting->max);
        *(const char **)place = arena_cstr(&config->arena, text);
        break;
    case KIND_INT:
        if (!str_to_int(text, setting->min, setting->max, &number))
            return err_set(err, ERR_INVALID, "%s (%s): '" STR_FMT "' is not a whole number from %lld to %lld",
                           setting->name, origin, STR_ARG(text), (long long)setting->min, (long long)setting->max);
        *(int64_t *)place = number;
        break;
    case KIND_BOOL:
        if (!bool_parse(text, &flag))
            return err_set(err, ERR_INVALID, "%s (%s): say on or off, not '" STR_FMT "'", setting->name, origin,
                           STR_ARG(text));
        *(bool *)place = flag;
        break;
    }
    origins[index] = origin;
    return true;
}

static void load_defaults(struct config *config)
{
    for (int i = 0; i < SETTINGS_COUNT; i++) {
        void *place = (char *)config + settings[i].offset;

        if (settings[i].kind == KIND_TEXT)
            *(const char **)place = settings[i].default_text;
        else if (settings[i].kind == KIND_INT)
            *(int64_t *)place = settings[i].default_number;
        else
            *(bool *)place = settings[i].default_number != 0;
        origins[i] = "default";
    }
}

/* The text of a TOML scalar, as a flag would give it. */
static str scalar_text(struct config *config, const json_t *value)
{
    if (json_is_string(value))
        return (str){json_string_value(value), json_string_length(value)};
    if (json_is_integer(value))
        return arena_printf(&config->arena, "%lld", (long long)json_integer_value(value));
    if (json_is_boolean(value))
        return json_is_true(value) ? STR("true") : STR("false");
    return STR("(neither text, whole number nor boolean)");
}

MUST_USE static bool read_whole(const char *path, struct buf *out, struct err *err)
{
    FILE *file = fopen(path, "re");
    char piece[4096];
    size_t len;

    if (!file)
        return err_sys(err, "%s", path);
    while ((len = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add(out, (str){piece, len});
    fclose(file);
    return buf_ok(out) || err_set(err, ERR_LIMIT, "%s is larger than %d bytes", path, CONFIG_FILE_BYTES_MAX);
}

MUST_USE static bool load_file(struct config *config, const char *path, struct err *err)
{
    BUF_AUTO text = {0}, json = {0};
    const char *key;
    json_t *value;

    buf_init(&text, CONFIG_FILE_BYTES_MAX);
    buf_init(&json, 4 * CONFIG_FILE_BYTES_MAX);
    if (!read_whole(path, &text, err))
        return false;
    if (!toml_to_json(buf_str(&text), &json, err))
        return err_wrap(err, "%s", path);
    json_auto_t *root = json_loadb(json.at, json.len, 0, NULL);
    const char *origin = arena_cstr(&config->arena, arena_printf(&config->arena, "file %s", path));
    json_object_foreach (root, key, value) {
        int index = setting_find(str_of(key));

        if (index < 0)
            return err_set(err, ERR_INVALID, "%s: there is no setting '%s'; `sculler config` lists them", path, key);
        if (!setting_store(config, index, scalar_text(config, value), origin, err))
            return false;
    }
    return true;
}

MUST_USE static bool load_environment(struct config *config, struct err *err)
{
    for (int i = 0; i < SETTINGS_COUNT; i++) {
        char name[NAME_BYTES_MAX] = "SCULLER_";
        size_t len = strlen(name);

        for (const char *c = settings[i].name; *c && len + 1 < sizeof name; c++)
            name[len++] = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
        const char *value = getenv(name);
        if (value &&
            !setting_store(config, i, str_of(value),
                           arena_cstr(&config->arena, arena_printf(&config->arena, "environment %s", name)), err))
            return false;
    }
    return true;
}

/* --name VALUE, --name=VALUE; --config was taken before, --json and --help are the command's. */
MUST_USE static bool load_flags(struct config *config, int argc, char **argv, struct err *err)
{
    for (int i = 0; i < argc; i++) {
        str flag = str_of(argv[i]), name, value;

        if (str_eq(flag, STR("--json")))
            continue;
        if (!str_starts(flag, STR("--")))
            return err_set(err, ERR_INVALID, "'%s' is not understood here; see `sculler server --help`", argv[i]);
        bool joined = str_cut(str_from(flag, 2), '=', &name, &value);
        if (!joined && i + 1 >= argc)
            return err_set(err, ERR_INVALID, "%s needs a value", argv[i]);
        if (!joined)
            value = str_of(argv[++i]);
        if (str_eq(name, STR("config")))
            continue;
        int index = setting_find(name);
        if (index < 0)
            return err_set(err, ERR_INVALID, "there is no setting --" STR_FMT "; see `sculler server --help`",
                           STR_ARG(name));
        if (!setting_store(config, index, value,
                           arena_cstr(&config->arena, arena_printf(&config->arena, "flag --" STR_FMT, STR_ARG(name))),
                           err))
            return false;
    }
    return true;
}

/* The file that was asked for; else the usual one when it is there; else NULL. */
static const char *config_path(struct config *config, int argc, char **argv)
{
    const char *home = getenv("XDG_CONFIG_HOME"), *asked = getenv("SCULLER_CONFIG");
    str path;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            return argv[i + 1];
        if (strncmp(argv[i], "--config=", strlen("--config=")) == 0)
            return argv[i] + strlen("--config=");
    }
    if (asked)
        return asked;
    if (geteuid() == 0)
        path = STR("/etc/sculler/config.toml");
    else if (home && *home)
        path = arena_printf(&config->arena, "%s/sculler/config.toml", home);
    else
        path = arena_printf(&config->arena, "%s/.config/sculler/config.toml", getenv("HOME") ? getenv("HOME") : "");
    const char *usual = arena_cstr(&config->arena, path);
    return access(usual, R_OK) == 0 ? usual : NULL;
}

static void default_state(struct config *config)
{
    const char *home = getenv("XDG_STATE_HOME");
    str path;

    if (*config->state)
        return;
    if (home && *home)
        path = arena_printf(&config->arena, "%s/sculler", home);
    else if (geteuid() == 0)
        path = STR("/var/lib/sculler");
    else
        path = arena_printf(&config->arena, "%s/.local/state/sculler", getenv("HOME") ? getenv("HOME") : "");
    config->state = arena_cstr(&config->arena, path);
    config->state_is_default = true;
}

bool config_load(int argc, char **argv, struct config *ret, struct err *err)
{
    struct config config = {0};
    const char *path = config_path(&config, argc, argv);

    load_defaults(&config);
    if ((path && !load_file(&config, path, err)) || !load_environment(&config, err) ||
        !load_flags(&config, argc, argv, err)) {
        config_done(&config);
        return false;
    }
    default_state(&config);
    config.file = path;
    *ret = config;
    return true;
}

void config_done(struct config *config)
{
    arena_free(&config->arena);
}

static void value_print(const struct config *config, const struct setting *setting, char *ret, size_t size)
{
    const void *place = (const char *)config + setting->offset;

    if (setting->kind == KIND_TEXT)
        snprintf(ret, size, "%s", *(const char *const *)place);
    else if (setting->kind == KIND_INT)
        snprintf(ret, size, "%lld", (long long)*(const int64_t *)place);
    else
        snprintf(ret, size, "%s", *(const bool *)place ? "on" : "off");
}

void config_print(const struct config *config, bool json)
{
    BUF_AUTO out = {0};
    struct jw w;
    char value[1024];

    buf_init(&out, CONFIG_FILE_BYTES_MAX);
    jw_init(&w, &out);
    jw_object(&w);
    for (int i = 0; i < SETTINGS_COUNT; i++) {
        value_print(config, &settings[i], value, sizeof value);
        if (!json)
            printf("%-20s = %-24s # %s\n", settings[i].name, value, origins[i]);
        jw_object_key(&w, settings[i].name);
        jw_str(&w, "value", str_of(value));
        jw_str(&w, "origin", str_of(origins[i]));
        jw_object_end(&w);
    }
    jw_object_end(&w);
    if (json)
        printf(STR_FMT "\n", STR_ARG(buf_str(&out)));
}

void config_print_help(void)
{
    printf("Usage: sculler server [--config FILE] [--SETTING VALUE ...]\n\n"
           "Runs the server in the foreground; Ctrl-C ends it cleanly. Settings come from a TOML file, from\n"
           "the environment (SCULLER_NAME) and from flags, the later wins; `sculler config` shows each with its "
           "origin.\n\n");
    for (int i = 0; i < SETTINGS_COUNT; i++) {
        char value[256];
        const struct setting *s = &settings[i];

        if (s->kind == KIND_TEXT)
            snprintf(value, sizeof value, "%s", *s->default_text ? s->default_text : "-");
        else if (s->kind == KIND_BOOL)
            snprintf(value, sizeof value, "%s", s->default_number ? "on" : "off");
        else
            snprintf(value, sizeof value, "%lld%s%s", (long long)s->default_number, *s->unit ? " " : "", s->unit);
        printf("  --%-20s %s (default: %s)\n", s->name, s->help, value);
    }
}

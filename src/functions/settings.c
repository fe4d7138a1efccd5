/*
 * The list of settings as a table of rows, each read by its kind.  A name that is no setting is refused like a bad
 * value: a misspelt one would otherwise be ignored without a word, on a function that then behaves otherwise than its
 * owner believes.
 */
#include "functions/settings.h"

#include "cell/keeper.h"

#include "codec/json_read.h"

#include "base/buf.h"

#include <stddef.h>

#define PREFIX STR("SCULLER_")

enum kind { KIND_INT, KIND_BOOL, KIND_WORD, KIND_JSON };

static const struct setting {
    const char *name; /* as in settings.def: "batch_max" */
    enum kind kind;
    size_t offset;
    int number; /* the defaults */
    const char *text;
    int min, max;
    const char *help;
} settings[] = {
#define DEFAULT_INT(value) .number = (value)
#define DEFAULT_BOOL(value) .number = (value)
#define DEFAULT_WORD(value) .number = (value)
#define DEFAULT_JSON(value) .text = (value)
#define SETTING(kind_, name_, default_, min_, max_, help_) \
    {.name = #name_,                                       \
     .kind = KIND_##kind_,                                 \
     .offset = offsetof(struct function_settings, name_),  \
     DEFAULT_##kind_(default_),                            \
     .min = (min_),                                        \
     .max = (max_),                                        \
     .help = (help_)},
#include "codec/settings.def"
#undef SETTING
#undef DEFAULT_INT
#undef DEFAULT_BOOL
#undef DEFAULT_WORD
#undef DEFAULT_JSON
};

enum { SETTINGS_COUNT = sizeof settings / sizeof *settings, NAME_CHARS_MAX = 64, WORDS_TEXT_MAX = 200 };

/* -- one value ----------------------------------------------------------------------------------------------------- */

static void set_number(const struct setting *setting, int number, struct function_settings *ret)
{
    void *place = (char *)ret + setting->offset;

    if (setting->kind == KIND_BOOL)
        *(bool *)place = number != 0;
    else
        *(int *)place = number;
}

static void set_text(const struct setting *setting, str text, struct function_settings *ret)
{
    *(str *)(void *)((char *)ret + setting->offset) = text;
}

static void set_default(const struct setting *setting, struct function_settings *ret)
{
    if (setting->kind == KIND_JSON)
        set_text(setting, str_of(setting->text), ret);
    else
        set_number(setting, setting->number, ret);
}

/* "none|egress|host: what its code may reach" -> "none|egress|host" */
static str words_of(const struct setting *setting)
{
    str words, help;

    (void)str_cut(str_of(setting->help), ':', &words, &help);
    return words;
}

/* -1: none of them */
static int word_index(str words, str word)
{
    str one, rest = words;

    for (int i = 0; rest.len > 0; i++) {
        if (!str_cut(rest, '|', &one, &rest))
            rest = STR("");
        if (str_eq(one, word))
            return i;
    }
    return -1;
}

static bool read_value(const struct setting *setting, str value, struct function_settings *ret)
{
    long long number = -1;

    switch (setting->kind) {
    case KIND_INT:
        if (!str_to_int(value, setting->min, setting->max, &number))
            return false;
        break;
    case KIND_BOOL:
        number = word_index(STR("false|true"), value);
        break;
    case KIND_WORD:
        number = word_index(words_of(setting), value);
        break;
    case KIND_JSON:
        if (value.len > (size_t)setting->max || (value.len > 0 && !json_valid(value, NULL)))
            return false;
        set_text(setting, value, ret);
        return true;
    }
    if (number < 0)
        return false;
    set_number(setting, (int)number, ret);
    return true;
}

/* -- in words ------------------------------------------------------------------------------------------------------ */

static const char *upper(const char *name, char ret[NAME_CHARS_MAX])
{
    size_t i = 0;

    for (; name[i] && i < NAME_CHARS_MAX - 1; i++)
        ret[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i]);
    ret[i] = '\0';
    return ret;
}

static bool refuse_value(const struct setting *setting, str value, struct err *err)
{
    char name[NAME_CHARS_MAX];
    str shown = {value.at, value.len < 40 ? value.len : 40}, words = words_of(setting);

    upper(setting->name, name);
    switch (setting->kind) {
    case KIND_INT:
        return err_set(err, ERR_INVALID, "SCULLER_%s is '" STR_FMT "'; it may be a whole number from %d to %d (%s)",
                       name, STR_ARG(shown), setting->min, setting->max, setting->help);
    case KIND_BOOL:
        return err_set(err, ERR_INVALID, "SCULLER_%s is '" STR_FMT "'; it may be true or false (%s)", name,
                       STR_ARG(shown), setting->help);
    case KIND_WORD:
        return err_set(err, ERR_INVALID, "SCULLER_%s is '" STR_FMT "'; it may be one of " STR_FMT, name, STR_ARG(shown),
                       STR_ARG(words));
    case KIND_JSON:
        break;
    }
    return err_set(err, ERR_INVALID, "SCULLER_%s is '" STR_FMT "'; it may be a JSON document of at most %d bytes (%s)",
                   name, STR_ARG(shown), setting->max, setting->help);
}

static bool refuse_name(str name, struct err *err)
{
    str shown = {name.at, name.len < 40 ? name.len : 40};
    char one[NAME_CHARS_MAX];
    BUF_AUTO all = {0};

    buf_init(&all, WORDS_TEXT_MAX);
    for (int i = 0; i < SETTINGS_COUNT; i++)
        buf_printf(&all, "%s%s", i ? ", " : "", upper(settings[i].name, one));
    return err_set(err, ERR_INVALID, STR_FMT " is no setting of Sculler; behind SCULLER_ there may be " STR_FMT,
                   STR_ARG(shown), STR_ARG(buf_str(&all)));
}

/* -- all of them --------------------------------------------------------------------------------------------------- */

static const struct setting *find(str name)
{
    char one[NAME_CHARS_MAX];

    for (int i = 0; i < SETTINGS_COUNT; i++)
        if (str_eq(str_from(name, PREFIX.len), str_of(upper(settings[i].name, one))))
            return &settings[i];
    return NULL;
}

static bool read_one(str word, struct function_settings *ret, struct err *err)
{
    const struct setting *setting;
    str name, value;

    if (!str_starts(word, PREFIX) || !str_cut(word, '=', &name, &value))
        return true;
    setting = find(name);
    if (!setting)
        return refuse_name(name, err);
    return read_value(setting, value, ret) || refuse_value(setting, value, err);
}

bool settings_read(const str *environment, int count, struct function_settings *ret, struct err *err)
{
    struct err later;
    bool good = true;

    for (int i = 0; i < SETTINGS_COUNT; i++)
        set_default(&settings[i], ret);
    for (int i = 0; i < count; i++)
        if (!read_one(environment[i], ret, good ? err : &later))
            good = false;
    return good;
}

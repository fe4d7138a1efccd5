/*
 * A name that is no setting is refused like a bad value: a misspelt one would otherwise be ignored without a word, on a
 * function that then behaves otherwise than its owner believes.
 */
#include "codec/settings.h"

#include "codec/json_read.h"

#include "base/buf.h"

#include <stdio.h>

enum { NAMES_BYTES_MAX = 200, SHOWN_CHARS_MAX = 40 };

static const struct setting {
    const char *name; /* as in settings.def: "batch_max" */
    enum setting_kind kind;
    int min, max;
    const char *help;
} settings[] = {
#define SETTING(kind, name, default_, min, max, help) {#name, SETTING_KIND_##kind, (min), (max), (help)},
#include "codec/settings.def"
#undef SETTING
};

/* -- values -------------------------------------------------------------------------------------------------------- */

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

static bool read_value(const struct setting *setting, str value, int *ret)
{
    long long number = -1;

    switch (setting->kind) {
    case SETTING_KIND_INT:
        if (!str_to_int(value, setting->min, setting->max, &number))
            return false;
        break;
    case SETTING_KIND_BOOL:
        number = word_index(STR("false|true"), value);
        break;
    case SETTING_KIND_WORD:
        number = word_index(words_of(setting), value);
        break;
    case SETTING_KIND_JSON:
        return value.len <= (size_t)setting->max && (value.len == 0 || json_valid(value, NULL));
    }
    if (number < 0)
        return false;
    *ret = (int)number;
    return true;
}

/* -- in words ------------------------------------------------------------------------------------------------------ */

static void write_range(const struct setting *setting, struct buf *out)
{
    str words = words_of(setting);

    switch (setting->kind) {
    case SETTING_KIND_INT:
        buf_printf(out, "a whole number from %d to %d (%s)", setting->min, setting->max, setting->help);
        return;
    case SETTING_KIND_BOOL:
        buf_printf(out, "true or false (%s)", setting->help);
        return;
    case SETTING_KIND_WORD:
        buf_printf(out, "one of " STR_FMT, STR_ARG(words));
        return;
    case SETTING_KIND_JSON:
        buf_printf(out, "a JSON document of at most %d bytes (%s)", setting->max, setting->help);
        return;
    }
}

bool setting_parse(enum setting_id id, str value, int *ret_number, struct err *err)
{
    str shown = {value.at, value.len < SHOWN_CHARS_MAX ? value.len : SHOWN_CHARS_MAX};
    char name[SETTING_NAME_CHARS_MAX];
    BUF_AUTO range = {0};

    if (read_value(&settings[id], value, ret_number))
        return true;
    buf_init(&range, NAMES_BYTES_MAX);
    write_range(&settings[id], &range);
    return err_set(err, ERR_INVALID, "%s is '" STR_FMT "'; it may be " STR_FMT, setting_variable(id, name),
                   STR_ARG(shown), STR_ARG(buf_str(&range)));
}

/* -- names --------------------------------------------------------------------------------------------------------- */

const char *setting_variable(enum setting_id id, char ret[SETTING_NAME_CHARS_MAX])
{
    (void)snprintf(ret, SETTING_NAME_CHARS_MAX, SETTING_PREFIX "%s", settings[id].name);
    for (char *c = ret; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    return ret;
}

enum setting_kind setting_kind_of(enum setting_id id)
{
    return settings[id].kind;
}

bool setting_find(str variable, enum setting_id *ret, struct err *err)
{
    str shown = {variable.at, variable.len < SHOWN_CHARS_MAX ? variable.len : SHOWN_CHARS_MAX};
    char one[SETTING_NAME_CHARS_MAX];
    BUF_AUTO names = {0};

    buf_init(&names, NAMES_BYTES_MAX);
    for (int i = 0; i < SETTINGS_COUNT; i++) {
        const char *name = setting_variable((enum setting_id)i, one);

        if (str_eq(variable, str_of(name))) {
            *ret = (enum setting_id)i;
            return true;
        }
        buf_printf(&names, "%s%s", i ? ", " : "", name + strlen(SETTING_PREFIX));
    }
    return err_set(err, ERR_INVALID,
                   STR_FMT " is no setting of Sculler; behind " SETTING_PREFIX " there may be " STR_FMT, STR_ARG(shown),
                   STR_ARG(buf_str(&names)));
}

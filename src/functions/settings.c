/* From variables to the struct: codec/settings.h knows names and values, here is where each is kept and its default. */
#include "functions/settings.h"

#include "cell/keeper.h"

#include "codec/settings.h"

#include <stddef.h>

static const struct place {
    size_t offset;
    int number; /* the defaults */
    const char *text;
} places[SETTINGS_COUNT] = {
#define DEFAULT_INT(value) .number = (value)
#define DEFAULT_BOOL(value) .number = (value)
#define DEFAULT_WORD(value) .number = (value)
#define DEFAULT_JSON(value) .text = (value)
#define SETTING(kind, name, default_, min, max, help) \
    {.offset = offsetof(struct function_settings, name), DEFAULT_##kind(default_)},
#include "codec/settings.def"
#undef SETTING
#undef DEFAULT_INT
#undef DEFAULT_BOOL
#undef DEFAULT_WORD
#undef DEFAULT_JSON
};

static void keep(enum setting_id id, int number, str text, struct function_settings *ret)
{
    void *place = (char *)ret + places[id].offset;

    switch (setting_kind_of(id)) {
    case SETTING_KIND_BOOL:
        *(bool *)place = number != 0;
        return;
    case SETTING_KIND_INT:
    case SETTING_KIND_WORD:
        *(int *)place = number;
        return;
    case SETTING_KIND_JSON:
        *(str *)place = text;
        return;
    }
}

static bool read_one(str word, struct function_settings *ret, struct err *err)
{
    enum setting_id id = SETTINGS_COUNT;
    int number = 0;
    str name, value;

    if (!str_starts(word, STR(SETTING_PREFIX)) || !str_cut(word, '=', &name, &value))
        return true;
    if (!setting_find(name, &id, err) || !setting_parse(id, value, &number, err))
        return false;
    keep(id, number, value, ret);
    return true;
}

bool settings_read(const str *environment, int count, struct function_settings *ret, struct err *err)
{
    struct err later;
    bool good = true;

    for (int i = 0; i < SETTINGS_COUNT; i++)
        keep((enum setting_id)i, places[i].number, str_of(places[i].text), ret);
    for (int i = 0; i < count; i++)
        if (!read_one(environment[i], ret, good ? err : &later))
            good = false;
    return good;
}

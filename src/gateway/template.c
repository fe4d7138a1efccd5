#include "gateway/template.h"

static str trimmed(str text)
{
    while (text.len && strchr(" \t\r\n", text.at[0]))
        text = str_from(text, 1);
    while (text.len && strchr(" \t\r\n", text.at[text.len - 1]))
        text.len--;
    return text;
}

enum template_kind template_kind(str text)
{
    static const char *const passing[] = {"", "$input.json('$')", "$input.json(\"$\")", "$input.body"};
    str core = trimmed(text);

    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (str_eq(core, str_of(passing[i])))
            return TEMPLATE_PASSES;
    if (memchr(text.at, '$', text.len) || memchr(text.at, '#', text.len))
        return TEMPLATE_NEEDS_VTL;
    return TEMPLATE_CONSTANT;
}

const struct api_pair *template_for(const struct api_pair *templates, int count, str media_type)
{
    const struct api_pair *fallback = NULL;

    for (int i = 0; i < count; i++) {
        if (str_eq_nocase(templates[i].name, media_type))
            return &templates[i];
        if (str_eq(templates[i].name, STR("$default")))
            fallback = &templates[i];
    }
    return fallback;
}

#include "gateway/media.h"

str media_type_of(str value)
{
    str type, rest;

    str_cut(value, ',', &type, &rest);
    str_cut(type, ';', &type, &rest);
    while (type.len && (type.at[0] == ' ' || type.at[0] == '\t'))
        type = str_from(type, 1);
    while (type.len && (type.at[type.len - 1] == ' ' || type.at[type.len - 1] == '\t'))
        type.len--;
    return type;
}

/* A wildcard that the client sends is no wildcard: only the configured one is. */
static bool fits(str configured, str type)
{
    str head = configured;

    if (str_eq(configured, STR("*/*")))
        return type.len > 0;
    if (str_ends(configured, STR("/*")) && !str_starts(configured, STR("*"))) {
        head.len--; /* "image/" */
        return type.len > head.len && str_eq_nocase((str){type.at, head.len}, head);
    }
    return str_eq_nocase(configured, type);
}

bool media_is_binary(const struct api_stage *stage, str header_value)
{
    str type = media_type_of(header_value);

    for (int i = 0; i < stage->binary_types_count; i++)
        if (fits(stage->binary_types[i].name, type))
            return true;
    return false;
}

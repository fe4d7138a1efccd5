/*
 * template: mapping templates, as far as they go without VTL: none, constant text, and the spellings that pass the
 * body. A template that needs the language is refused when it is used, in words.
 */
#pragma once

#include "apis/apis.h"

enum template_kind {
    TEMPLATE_PASSES,   /* empty, or $input.json('$') and its like: what comes in goes out */
    TEMPLATE_CONSTANT, /* no reference, no directive: itself */
    TEMPLATE_NEEDS_VTL,
};

enum template_kind template_kind(str text);

/* The template for a media type, else `$default`; NULL: none. */
const struct api_pair *template_for(const struct api_pair *templates, int count, str media_type);

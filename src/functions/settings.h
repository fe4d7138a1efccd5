/*
 * settings: what a function asks of Sculler beyond AWS's fields, read from its environment variables SCULLER_...;
 * the list, with meanings and units, is codec/settings.def.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

struct function_settings {
#define SETTING_INT(name) int name;
#define SETTING_BOOL(name) bool name;
#define SETTING_WORD(name) int name;
#define SETTING_JSON(name) str name;
#define SETTING(kind, name, default_, min, max, help) SETTING_##kind(name)
#include "codec/settings.def"
#undef SETTING
#undef SETTING_INT
#undef SETTING_BOOL
#undef SETTING_WORD
#undef SETTING_JSON
};

/* environment: "KEY=VALUE" words; those that do not begin with SCULLER_ are not looked at.  False: one is not
 * understood, or no setting; err says which (the first), and what it may be; ret then holds its default, and all others
 * are read.  Texts borrow from `environment`. */
MUST_USE bool settings_read(const str *environment, int count, struct function_settings *ret, struct err *err);

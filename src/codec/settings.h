/*
 * settings: the list of settings.def as one that can be asked: which there are, and what a value means.  For the
 * server, which reads them from a function's environment (functions/settings.h), and for the CLI, which puts them
 * there.
 */
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

#define SETTING_PREFIX "SCULLER_"

enum setting_kind { SETTING_KIND_INT, SETTING_KIND_BOOL, SETTING_KIND_WORD, SETTING_KIND_JSON };

enum setting_id {
#define SETTING(kind, name, default_, min, max, help) SETTING_ID_##name,
#include "codec/settings.def"
#undef SETTING
    SETTINGS_COUNT
};

enum { SETTING_NAME_CHARS_MAX = 64 };

/* variable: "SCULLER_BATCH_MAX".  False: there is none of this name; err lists those that are. */
MUST_USE bool setting_find(str variable, enum setting_id *ret, struct err *err);
/* ret_number: an INT's value, a BOOL's 0 or 1, a WORD's index; untouched for JSON, which is checked only.  False: it is
 * none of what it may be; err says what that is. */
MUST_USE bool setting_parse(enum setting_id id, str value, int *ret_number, struct err *err);
enum setting_kind setting_kind_of(enum setting_id id);
/* "SCULLER_BATCH_MAX" */
const char *setting_variable(enum setting_id id, char ret[SETTING_NAME_CHARS_MAX]);

/*
 * config: the settings of `sculler server`, and where each came from.
 *
 * TOML file, then environment (SCULLER_NAME), then flag (--name), the later wins; each value remembers its
 * origin, which `sculler config` prints.  The rows are in config.def.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"

struct config {
    struct arena arena; /* all texts live here */
    const char *file;   /* that was read; NULL: none */
    bool state_is_default;
#define TEXT(name) const char *name;
#define INT(name) int64_t name;
#define BOOL(name) bool name;
#define SETTING(kind, name, default_, min, max, unit, help) kind(name)
#include "roof/config.def"
#undef SETTING
#undef TEXT
#undef INT
#undef BOOL
};

/* argv: what follows `sculler server` or `sculler config`.  `file`: --config FILE, else SCULLER_CONFIG, else the
 * usual place when it exists.  ERR_INVALID: an unknown or impossible setting, with its origin named. */
MUST_USE bool config_load(int argc, char **argv, struct config *ret, struct err *err);
void config_done(struct config *config);
void config_print_help(void);
void config_print(const struct config *config, bool json); /* value and origin, a line each */

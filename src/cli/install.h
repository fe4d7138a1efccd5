/*
 * install: requirement lines -> a folder with the packages, for the target, by the user's own uv or pip.  Kept in
 * $XDG_CACHE_HOME/sculler by the hash of what was asked for, so an unchanged list costs nothing.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "cli/project.h"

struct installed {
    const char *dir; /* NULL: nothing was required */
    str key;         /* names its contents */
    bool cached;
};

MUST_USE bool install_requirements(const struct project *project, struct arena *arena, struct installed *ret,
                                   struct err *err);
const char *cache_dir(struct arena *arena);

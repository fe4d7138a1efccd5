/*
 * project: what a folder says about the function in it: [tool.sculler] of pyproject.toml, else sculler.toml, else
 * nothing but its name and main.py.  Never written by us.
 */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"

struct project {
    const char *dir;
    const char *prefix; /* of names in the zip; "" but for layers */
    str name, handler;
    str python;  /* "3.11" */
    str runtime; /* "python3.11" */
    long long memory_mb, timeout_s;
    json_t *environment; /* an object of texts, SCULLER_... of `settings` among them; the project's */
    json_t *settings;    /* the keys of codec/settings.def, as variables */
    json_t *layers;      /* a list of texts: ARNs, or NAME:VERSION */
    json_t *monitor;     /* [tool.sculler.monitor], or NULL */
    str requirements;    /* requirement lines, empty: none */
};

/* ERR_INVALID: the file, the key and what it should be. */
MUST_USE bool project_load(const char *dir, struct arena *arena, struct project *ret, struct err *err);
void project_done(struct project *project);

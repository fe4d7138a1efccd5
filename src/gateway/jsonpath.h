/* jsonpath: the dotted paths that parameter mappings use: `a.b[0].c`, no wildcards, no filters.  Pure. */
#pragma once

#include "base/arena.h"
#include "base/str.h"

/* Texts as they are, everything else as JSON.  Nothing there, or no JSON: empty. */
str jsonpath_text(str json, str path, struct arena *arena);

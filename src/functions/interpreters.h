/*
 * interpreters: which Pythons are on this machine, and which runtimes AWS knows by name.
 *
 * Looked for once, at the start: each candidate is asked for its version and prefix (bounded in time), the first of
 * a version wins.  Constant afterwards, so any thread may read it.
 */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

struct interpreter {
    str runtime; /* "python3.11": AWS's name for it */
    str path;    /* absolute, no symlink */
    str prefix;  /* what it needs beside /usr, or empty */
    str version; /* "3.11.7" */
};

struct interpreters;

/* search: folders of executables joined by ':', empty: $PATH, then the usual places. */
struct interpreters *interpreters_find(str search);
/* The same, with what was kept of an earlier search in the file `known`: who has not changed since is not asked again,
 * and a start saves some 100 ms.  again: for a program that may see less than the one that searched (it has dropped its
 * privilege): those that were found stay, in their order, where it cannot look. */
struct interpreters *interpreters_find_known(str search, const char *known, bool again);
/* Writes that file, when there is something new. */
MUST_USE bool interpreters_keep(const struct interpreters *interpreters, const char *known, struct err *err);
void interpreters_free(struct interpreters *interpreters);
const struct interpreter *interpreter_for(const struct interpreters *interpreters, str runtime); /* NULL: not here */
/* "python3.9, python3.11": those that are here, for an error or `doctor`. */
str interpreters_words(const struct interpreters *interpreters, struct arena *arena);
int interpreters_count(const struct interpreters *interpreters);
const struct interpreter *interpreters_at(const struct interpreters *interpreters, int index);

/* AWS's names. */
enum runtime_standing { RUNTIME_UNKNOWN, RUNTIME_CURRENT, RUNTIME_RETIRED };
enum runtime_standing runtime_standing(str name);
extern const char *const runtime_values[]; /* all of them, current first; NULL ends */
str runtime_names(void);                   /* "[nodejs20.x, python3.14, ...]", as AWS's message lists them */

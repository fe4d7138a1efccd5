/*
 * landlock: a second layer behind the mounts, where the kernel has it: what a process may do with files, and whom it
 * may signal or speak to.  It cannot be taken off, holds for all that the process starts, and forbids every mount call.
 */
#pragma once

#include "base/err.h"

/* What may be written below, besides reading and running all that is mounted. */
struct landlock_rule {
    const char *path;                              /* NULL ends a list */
    enum { LANDLOCK_FILES, LANDLOCK_DEVICES } may; /* all but nodes; or what is there, as it is */
};

enum { LANDLOCK_RULES_MAX = 4, LANDLOCK_ABI_SCOPE = 6 /* the first that keeps signals to its own */ };

/* 0: the kernel has none (5.13 is the first that may). */
int landlock_abi(void);
MUST_USE bool landlock_enter(const struct landlock_rule *rules, struct err *err); /* without Landlock: true */

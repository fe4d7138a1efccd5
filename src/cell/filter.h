/*
 * filter: which system calls code in a cell may make (seccomp), out of the table in syscalls.def.
 *
 * Made once, by the keeper at its start, with libseccomp, and kept as programs of the kernel's language: pid 1 of a
 * cell only loads one.  A filter is never taken off, holds for all that a process starts, and needs no_new_privs.
 */
#pragma once

#include "base/err.h"

enum filter {
    FILTER_PLAIN,    /* of our own programs; nothing of what a worker seals itself with */
    FILTER_TEMPLATE, /* and setns into a mount namespace, capset, seccomp, Landlock */
    FILTERS,
};

enum {
    FILTER_ALLOWED_MAX = 110,
    FILTER_KNOWS = 450, /* the last number that the table has an opinion about; the same on all architectures */
};

MUST_USE bool filter_prepare(struct err *err);
MUST_USE bool filter_load(enum filter filter, struct err *err);

/* What the table says of a call whose arguments are all of no use, for tests and for people. */
enum { FILTER_PASSES = 0 };                         /* else: an errno */
int filter_verdict(enum filter filter, int number); /* of this architecture */
int filter_allowed_count(enum filter filter);

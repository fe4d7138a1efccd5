/*
 * cell_kind: what may run in a cell, as one table.
 *
 * A row says all that tells one kind of cell from another, so a new kind is a value in keeper.h, a row here and
 * whoever starts it.  cell.c and cell_root.c read rows and never ask for a kind.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cell/keeper.h"
#include "cell/landlock.h"

enum {
    CELL_ARGUMENTS_MAX = 12,
    CELL_VARIABLES_MAX = 3,
    CELL_MOUNTS_MAX = 2,
};

/* A file or folder of the host, bound read-only. */
struct cell_mount {
    size_t source; /* offset of its path in struct cell_host */
    const char *target;
};

struct cell_kind_row {
    const char *name;
    bool has_network;      /* options.network counts; else none */
    bool forks_workers;    /* it may let forks of it into mount namespaces, and layers are seen */
    bool has_own_uid;      /* outside: one that no other live cell has; else that of the packages' writers */
    bool has_control;      /* options.control_fd becomes its KEEPER_FD */
    bool runs_interpreter; /* options.interpreter must be named */
    bool writes_package;   /* the tree is made if need be, and given to who writes it; else it is read-only */
    const char *package;   /* where the package's tree is */
    struct cell_mount mounts[CELL_MOUNTS_MAX];
    struct landlock_rule may_write[LANDLOCK_RULES_MAX + 1];
    const char *folder; /* working directory */
    /* "@interpreter", "@bytes" and "@files" are filled in from the options. */
    const char *arguments[CELL_ARGUMENTS_MAX];
    const char *environment[CELL_VARIABLES_MAX + 1];
};

const struct cell_kind_row *cell_kind_row(enum cell_kind kind); /* NULL: there is no such kind */

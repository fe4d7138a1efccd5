/*
 * cell_root: the file system that a cell sees, as one table, and the two steps of making it.
 *
 * 1. cell_root_open clones the host's trees into detached, read-only mounts.  A privileged keeper does it before
 *    it clones the cell, since only it may walk through private folders (a home, the state); else pid 1 does.
 * 2. cell_root_enter, in pid 1: a fresh tmpfs, the trees moved into it, made files, layers, /tmp, /proc, pivot_root.
 *
 * No tenant byte is in the tree while it is built, and every source is named before the first mount.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "cell/cell.h"
#include "cell/cell_kind.h"

enum { CELL_TREES_MAX = 45 };

struct cell_tree {
    char target[256];
    char link[64]; /* not empty: a symbolic link of the host, made again */
    int fd;        /* of a detached mount, or -1 */
    bool is_file;
};

struct cell_root {
    struct cell_tree trees[CELL_TREES_MAX];
    int count;
};

MUST_USE bool cell_root_open(const struct cell_host *host, const struct cell_kind_row *kind,
                             const struct cell_options *options, struct cell_root *ret, struct err *err);
void cell_root_close(struct cell_root *root);
/* ret_note: empty, or what the kernel did not give. */
MUST_USE bool cell_root_enter(const struct cell_root *root, const struct cell_kind_row *kind,
                              const struct cell_options *options, char ret_note[static 200], struct err *err);

/*
 * cell: one process tree behind walls of its own.  Used by the keeper only.
 *
 * cell_start clones pid 1 of the cell into new namespaces and writes its user map; everything else (mounts,
 * dropping of privilege, exec) is done by that pid 1, so a cell that takes long to build holds nobody up.  It waits for
 * cell_let_go: cgroup and network are given to it before.  It tells what happened in fixed-size reports.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "cell/keeper.h"

/* What the keeper found out about its host, once, at its start. */
struct cell_host {
    char packages[4096]; /* absolute */
    char guest[4096];    /* absolute: bootstrap.py and the extension */
    char self[4096];     /* absolute: our own executable */
    int proc;            /* its /proc */
    bool privileged;     /* may map other users and clone mounts: each cell gets a uid of its own */
};

/* Descriptors that go into the cell: -1 where there is none. */
struct cell_fds {
    int control, output;
};

enum cell_report_kind {
    CELL_REPORT_FAILED = 1, /* it could not be built: text */
    CELL_REPORT_NOTE,       /* built without something: text */
    CELL_REPORT_NAMESPACES, /* with two descriptors: the template's user and mount namespaces */
    CELL_REPORT_STATUS,     /* what was exec'ed ended: status as waitpid gives it */
};

struct cell_report {
    uint32_t kind;
    int32_t status;
    char text[248];
};

struct cell_started {
    pid_t pid1;
    int reports; /* seqpacket: cell_read_report */
    int go;      /* cell_let_go */
};

MUST_USE bool cell_start(const struct cell_host *host, const struct cell_options *options, uint32_t cell,
                         const struct cell_fds *fds, struct cell_started *ret, struct err *err);
MUST_USE bool cell_let_go(struct cell_started *started, struct err *err);
/* False: there is none now.  ret_fds: -1 but for CELL_REPORT_NAMESPACES; the caller's to close. */
bool cell_read_report(int reports, struct cell_report *ret, int ret_fds[static 2]);

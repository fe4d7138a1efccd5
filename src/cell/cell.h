/*
 * cell: one process tree behind walls of its own.  Used by the keeper only.
 *
 * cell_start clones pid 1 of the cell into new namespaces and writes its user map; everything else (mounts,
 * dropping of privilege, exec) is done by that pid 1, so a cell that takes long to build holds nobody up.
 * It tells what happened in fixed-size reports over a pipe, read by cell_read_report.
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
    bool privileged;     /* may map other users and clone mounts: each cell gets a uid of its own */
};

/* Descriptors that go into the cell: -1 where there is none. */
struct cell_fds {
    int control, output;
};

enum cell_report_kind {
    CELL_REPORT_FAILED = 1, /* it could not be built: text */
    CELL_REPORT_NOTE,       /* built without something: text */
    CELL_REPORT_STATUS,     /* what was exec'ed ended: status as waitpid gives it */
};

struct cell_report {
    uint32_t kind;
    int32_t status;
    char text[248];
};

/* Returns pid 1 of the new cell and the reading end of its reports, or -1 and err. */
pid_t cell_start(const struct cell_host *host, const struct cell_options *options, uint32_t cell,
                 const struct cell_fds *fds, int *ret_reports, struct err *err);
bool cell_read_report(int reports, struct cell_report *ret); /* false: none there now */

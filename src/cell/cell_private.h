/* cell_private: what pid 1 of a cell (cell.c) hands to the process that becomes the program (launcher.c). */
#pragma once

#include "cell/cell.h"
#include "cell/cell_kind.h"
#include "cell/cell_root.h"

enum {
    CELL_UID = 993, /* sbx_user1051 inside */
    CELL_GID = 990,
    CELL_TMP_INODES_PER_MB = 256,
    CELL_BUILD_FAILED = 125, /* exit status; the reason is in a report */
};

struct pid1 {
    const struct cell_host *host;
    const struct cell_options *options;
    const struct cell_kind_row *kind;
    struct cell_root root; /* filled by a privileged keeper */
    struct cell_fds fds;
    int reports;
    int go;   /* one byte comes when the maps are written, and cgroup and network are there */
    int proc; /* the host's /proc, which knows us when the cell has none; closed before the program runs */
};

/* fds: two of them, or NULL. */
void cell_report(int reports, enum cell_report_kind kind, int status, const char *text, const int *fds);
NORETURN void launcher_main(struct pid1 *self);
/* Empties all capability sets, but for `kept`, which then lives on through exec; no new privileges, no dump. */
MUST_USE bool launcher_drop(uint64_t kept, struct err *err);

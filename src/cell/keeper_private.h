/*
 * keeper_private: what the server's side of the keeper (keeper.c) and the keeper's own (keeper_main.c) agree on.
 *
 * One message, one size, one seqpacket.  A receiver looks its type up in its table of accepted messages and
 * drops the line on anything else: nothing is parsed, nothing has a length of its own.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "cell/keeper.h"

enum {
    KEEPER_FD = 3, /* the keeper's end of the line, and the first descriptor of what a cell runs */
    KEEPER_CELLS_MAX = 1024,
    KEEPER_TEXT_BYTES = 256,
    KEEPER_NOTES_BYTES = 1024,
    KEEPER_LINE_BYTES = 1024 * 1024, /* asked of the kernel: a hundred starts at once are two hundred messages */
};

enum keeper_message_type {
    /* server -> keeper */
    KEEPER_START_CELL = 1, /* cell, options, has_*; SCM_RIGHTS: [control] [output] */
    KEEPER_KILL_CELL,      /* cell */
    KEEPER_REMOVE_PACKAGE, /* cell (the number of the task), options.package */
    KEEPER_ADMIT_WORKER,   /* cell, worker, admission; SCM_RIGHTS: gate */
    KEEPER_END_WORKER,     /* cell, worker, keep_tmp */
    KEEPER_RENEW,          /* the last one of this server: end all cells, begin anew from the binary on disk */
    /* keeper -> server */
    KEEPER_ENDED,          /* cell, status, end.out_of_memory; text when status is -1 */
    KEEPER_NOTE,           /* text: something the kernel did not give */
    KEEPER_WORKER_REFUSED, /* cell, worker, text: its gate was closed */
    KEEPER_WORKER_ENDED,   /* cell, worker, end */
};

struct keeper_message {
    uint32_t type; /* enum keeper_message_type */
    uint32_t cell;
    int32_t status;
    uint32_t worker;
    uint8_t has_control, has_output, keep_tmp, padding;
    struct cell_options options;
    struct worker_options admission;
    struct worker_end end;
    char text[KEEPER_TEXT_BYTES];
};

pid_t keeper_pid(const struct keeper *keeper); /* for tests */

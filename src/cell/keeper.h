/*
 * keeper: the one process with privilege, and the server's line to it.
 *
 * Started by the server as `sculler keeper` (exec of itself) before the server drops its own privilege.  It
 * answers fixed-size messages over a seqpacket socket and parses nothing else: no names, no JSON, no paths but
 * those it was given at its start.  What it builds is a cell: user, mount, pid, IPC and UTS namespaces, a root of
 * read-only binds, /var/task, a /tmp of its own, pid 1 of ours that reaps.  Killing the cell kills all in it.
 */
#pragma once

#include <stdint.h>
#include <uv.h>

#include "base/err.h"

enum cell_kind {
    CELL_TEMPLATE, /* runs the interpreter with the guest: control socket is descriptor 3, output is 1 and 2 */
    CELL_UNPACKER, /* runs `sculler unpack`: zip is descriptor 3, the tree appears in /out, words on 1 and 2 */
    CELL_COMPILER, /* runs the interpreter to write bytecode beside the sources in /out; words on 1 and 2 */
};

struct cell_options {
    enum cell_kind kind;
    char package[72];      /* name of a folder under <state>/packages: hex of SHA-256 */
    char interpreter[200]; /* absolute path, CELL_TEMPLATE and CELL_COMPILER */
    char prefix[200];      /* what the interpreter needs beside /usr (bound read-only), or empty */
    uint32_t tmp_mb;       /* size of /tmp */
    uint32_t memory_mb;    /* a place for cgroups, which come with the next issue */
    uint64_t unpacked_bytes_max, unpacked_files_max; /* CELL_UNPACKER: argv of the unpacker */
    int control_fd;                                  /* descriptor 3 of the process, or -1; stays the caller's */
    int output_fd;                                   /* 1 and 2 of the process; stays the caller's */
};

struct keeper;
typedef void cell_on_exit(void *ctx, int status); /* as waitpid gives it; on the loop, once */

/* state_dir: the keeper may open <state_dir>/packages and nothing else of it. */
MUST_USE bool keeper_start(uv_loop_t *loop, const char *state_dir, struct keeper **ret, struct err *err);
/* Returns a cell id > 0, or 0 and err.  A cell that cannot be built comes as on_exit with status -1 and its
 * reason in keeper_last_error(). */
MUST_USE uint32_t keeper_start_cell(struct keeper *keeper, const struct cell_options *options, cell_on_exit *on_exit,
                                    void *ctx, struct err *err);
void keeper_kill_cell(struct keeper *keeper, uint32_t cell); /* also when the line is full: then a little later */
/* Deletes <state>/packages/<package>, of which a cell's uid owns the tree.  on_exit (or NULL): 0 when it is gone.
 * Returns as keeper_start_cell does.  The caller knows that no cell uses it. */
MUST_USE uint32_t keeper_remove_package(struct keeper *keeper, const char *package, cell_on_exit *on_exit, void *ctx,
                                        struct err *err);
void keeper_drop_cell(struct keeper *keeper, uint32_t cell); /* kills it; its on_exit never comes */
const char *keeper_last_error(const struct keeper *keeper);
const char *keeper_note(const struct keeper *keeper); /* what the kernel does not give to cells, or "" */
void keeper_on_lost(struct keeper *keeper, void (*on_lost)(void *ctx), void *ctx); /* the keeper died */
void keeper_stop(struct keeper *keeper);                                           /* ends all cells, waits for none */

/* argv[0] is the word that chose them: `keeper STATE_DIR`, `unpack BYTES_MAX FILES_MAX`. */
int keeper_main(int argc, char **argv); /* the other side: descriptor 3 is the line */
int unpack_main(int argc, char **argv); /* inside a cell: descriptor 3 is the zip; returns: */

enum unpack_status {
    UNPACK_DONE,
    UNPACK_REFUSED, /* the zip is to blame, and its words are on descriptor 1 */
    UNPACK_BROKEN,  /* the machine is: disk, memory */
};

/*
 * keeper: the one process with privilege, and the server's line to it.
 *
 * Started by the server as `sculler keeper` (exec of itself) before the server drops its own privilege.  It
 * answers fixed-size messages over a seqpacket socket and parses nothing else: no names, no JSON, no paths but
 * those it was given at its start.  What it builds is a cell: user, mount, pid, IPC and UTS namespaces, a root of
 * read-only binds, /var/task, a /tmp of its own, pid 1 of ours that reaps.  Killing the cell kills all in it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/err.h"

enum cell_kind {
    CELL_TEMPLATE, /* runs the interpreter with the guest: control socket is descriptor 3, output is 1 and 2 */
    CELL_UNPACKER, /* runs `sculler unpack`: zip is descriptor 3, the tree appears in /out, words on 1 and 2 */
    CELL_COMPILER, /* runs the interpreter to write bytecode beside the sources in /out; words on 1 and 2 */
};

enum cell_network {
    CELL_NETWORK_NONE,   /* a loopback of its own, and nothing on it */
    CELL_NETWORK_EGRESS, /* a namespace of its own, an uplink by pasta; see api_port */
    CELL_NETWORK_HOST,   /* the host's, loopback included: opt-in */
};

/* What a cgroup may use; 0: no limit.  What the host's cgroups cannot give is told once, in keeper_note(). */
struct cell_limits {
    uint64_t memory_bytes; /* with swap: none beyond it */
    uint32_t pids_max;     /* processes and threads */
    uint32_t cpu_weight;   /* 1..10000, as cgroup v2's cpu.weight; 100 is the kernel's own */
    uint32_t cpu_quota_us; /* of CPU time in each 100 ms; 100000 is one core */
};

enum { CELL_LAYERS_MAX = 5, CELL_PACKAGE_BYTES = 72 };

struct cell_options {
    enum cell_kind kind;
    char package[CELL_PACKAGE_BYTES];                 /* name of a folder under <state>/packages: hex of SHA-256 */
    char layers[CELL_LAYERS_MAX][CELL_PACKAGE_BYTES]; /* the same, seen at /opt; a later one covers; "" ends */
    enum cell_network network;                        /* of a kind that may have one */
    uint16_t api_port;         /* EGRESS: this TCP port of the host's loopback is at the cell's 127.0.0.1 too; or 0 */
    struct cell_limits limits; /* of all in the cell together: a template and its workers */
    struct cell_limits own;    /* of what is in no worker's group: the template */
    char interpreter[200];     /* absolute path, CELL_TEMPLATE and CELL_COMPILER */
    char prefix[200];          /* what the interpreter needs beside /usr (bound read-only), or empty */
    uint32_t tmp_mb;           /* size of /tmp, of each worker's too unless it says otherwise */
    bool refuses_new_code; /* memory that was writable never becomes executable (PR_SET_MDWE): ends most exploits, and
                              JIT compilers such as numba */
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
/*
 * Workers: processes of a template's cell that get a cgroup and a /tmp of their own (the order: cell/README.md).
 *
 * The server makes a gate (a seqpacket pair, SO_PASSCRED set on the keeper's end before anything is sent on it), gives
 * one end to the template with the request to fork and the other to the keeper with keeper_admit_worker().  The fresh
 * worker sends one byte; the kernel attests its pid with it; the keeper moves that process to the worker's cgroup and
 * answers with one byte and, by SCM_RIGHTS, the mount namespace that the worker enters.  Then the gate is closed.
 */
struct worker_options {
    struct cell_limits limits;
    uint32_t tmp_mb;
    bool takes_all;  /* it is its cell's only one: with it all that its import left running moves to its group */
    uint32_t tmp_of; /* 0: a fresh /tmp; else an ended worker of this cell whose /tmp was kept for this one */
    int gate_fd;     /* stays the caller's */
};

struct worker_end {
    bool was_admitted;       /* its hello came */
    bool out_of_memory;      /* the kernel killed one of its processes for its memory limit */
    uint32_t memory_peak_kb; /* its cgroup's; 0: unknown */
    uint64_t cpu_us;         /* its cgroup's; 0: unknown */
};
typedef void worker_on_end(void *ctx, const struct worker_end *end);

/* `worker` is the caller's number, > 0 and new in this cell. */
MUST_USE bool keeper_admit_worker(struct keeper *keeper, uint32_t cell, uint32_t worker,
                                  const struct worker_options *options, struct err *err);
/* Kills whatever is left of it, strays included, takes its cgroup away and tells its figures: on_end comes exactly
 * once, on the loop, also when cell or keeper are gone first (its figures are then not known), before the cell's
 * on_exit. keep_tmp: its /tmp waits for a successor (tmp_of) until the cell ends, or until what is kept in this cell is
 * more than the worker's limit of memory: then what was kept longest goes. */
void keeper_end_worker(struct keeper *keeper, uint32_t cell, uint32_t worker, bool keep_tmp, worker_on_end *on_end,
                       void *ctx);
void keeper_drop_cell(struct keeper *keeper, uint32_t cell); /* kills it; its on_exit never comes */
const char *keeper_last_error(const struct keeper *keeper);
/* In on_exit: the kernel killed a process of that cell, and of no worker of it, for its `own` limit of memory. */
bool keeper_was_out_of_memory(const struct keeper *keeper);
const char *keeper_note(const struct keeper *keeper); /* what the kernel does not give to cells, or "" */
void keeper_on_lost(struct keeper *keeper, void (*on_lost)(void *ctx), void *ctx); /* the keeper died */
/* For the program that takes this process's place by exec: the keeper ends all cells and begins anew, too, from the
 * binary on disk.  The descriptor of its line and what keeper_adopt() needs go over; `keeper` is of no use any more. */
int keeper_hand_on(struct keeper *keeper, pid_t *ret_pid, uint32_t *ret_cells);
struct keeper *keeper_adopt(uv_loop_t *loop, int fd, pid_t pid, uint32_t cells);
void keeper_stop(struct keeper *keeper); /* ends all cells, waits for none */

/* argv[0] is the word that chose them: `keeper STATE_DIR`, `unpack BYTES_MAX FILES_MAX`. */
int keeper_main(int argc, char **argv); /* the other side: descriptor 3 is the line */
int unpack_main(int argc, char **argv); /* inside a cell: descriptor 3 is the zip; returns: */

enum unpack_status {
    UNPACK_DONE,
    UNPACK_REFUSED, /* the zip is to blame, and its words are on descriptor 1 */
    UNPACK_BROKEN,  /* the machine is: disk, memory */
};

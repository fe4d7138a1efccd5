/*
 * keeper_cells: the cells that live, as the keeper's process sees them.
 *
 *   cells_start -> clone, maps, cgroup -> network (a helper; EGRESS, NONE) -> let go -> ... -> pid 1 ends -> cells_reap
 *
 * A cell owns its workers (admission.c), their stock of mount namespaces and its uplink; all go with it.  Its cgroup
 * may outlive it by some milliseconds and is tried again until it is gone.
 */
#pragma once

#include "cell/cell.h"
#include "cell/cgroup.h"
#include "cell/keeper_loop.h"
#include "cell/stock.h"

struct keeper_message;

struct keeper_cell {
    LIST_ENTRY(keeper_cell) next;
    uint32_t number;
    pid_t pid1, network_helper; /* 0: none */
    uint64_t pid_namespace;     /* its inode */
    struct cell_started started;
    struct watch reports, network;
    bool is_killed;
    char failure[256]; /* why we ended it ourselves, or "" */
    /* its workers */
    LIST_HEAD(, keeper_worker) workers;
    struct stock_place place;
    struct watch stock_line;
    uint32_t tmp_mb, stock_mb; /* of a worker's /tmp; of what the helper at work makes */
    struct stock_item stock[STOCK_BATCH_MAX + STOCK_READY];
    int stock_count;
};

struct keeper_state {
    struct cell_host host;
    struct cgroup_host *cgroups;
    LIST_HEAD(, keeper_cell) cells;
    int cells_count;
};

extern struct keeper_state keeper;

/* To the server; does not return when it is gone. */
void keeper_tell(const struct keeper_message *message);
void keeper_tell_note(const char *text);

struct keeper_cell *cells_find(uint32_t number);
void cells_start(const struct keeper_message *message, const struct cell_fds *fds);
void cells_kill(struct keeper_cell *cell);
void cells_hear(struct keeper_cell *cell); /* what it has reported so far */
bool cells_reap(pid_t pid, int status);    /* false: it is nobody's */
void cells_kill_all(void);                 /* the server is gone: nobody is told */

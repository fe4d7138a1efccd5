/*
 * cgroup: what a group of processes may use, on any shape of host, behind these few verbs.  Used by the keeper only.
 *
 * Four back ends, found out once: v2 (memory, cpu and pids are among cgroup.controllers of where we may write), v1,
 * hybrid (limits through v1's files, tracking and killing through the v2 directory) and none (every verb succeeds and
 * does nothing, memory and CPU read as 0).  What a host cannot give is told in words once, never silently left out.
 *
 * Layout:  <root>/sculler-<keeper's pid>/cell-<n>/{template, uplink, worker-<m> ...}.  A cell's limits stand on
 * cell-<n>, so a bad template gains nothing by keeping its children; a worker's on its own; that of all cells together
 * on our root. Leftovers of keepers that are no more are swept away at open.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "cell/keeper.h"

enum cgroup_backend { CGROUP_NONE, CGROUP_V1, CGROUP_HYBRID, CGROUP_V2, CGROUP_BACKENDS };

struct cgroup_host;

/* One group: a name below the host's root.  A value; nothing to free. */
struct cgroup {
    uint32_t cell, worker; /* worker 0: the template's */
};

/* As a worker: the program at the host's end of the cell's network. */
#define CGROUP_UPLINK UINT32_MAX

struct cgroup_figures {
    bool out_of_memory;
    uint64_t memory_peak_bytes, cpu_us;
};

/* Never fails: the worst host is CGROUP_NONE.  ret_note: empty, or what is missing and why, in words. */
struct cgroup_host *cgroup_open(char ret_note[static 200]);
void cgroup_close(struct cgroup_host *host); /* kills what is left and removes our root */
enum cgroup_backend cgroup_backend(const struct cgroup_host *host);
const char *cgroup_backend_name(enum cgroup_backend backend); /* "none", "v1", "hybrid", "v2" */

MUST_USE bool cgroup_make_cell(struct cgroup_host *host, uint32_t cell, const struct cell_limits *limits,
                               struct err *err);
MUST_USE bool cgroup_make_worker(struct cgroup_host *host, struct cgroup group, const struct cell_limits *limits,
                                 struct err *err);
MUST_USE bool cgroup_attach(struct cgroup_host *host, struct cgroup group, pid_t pid, struct err *err);
/* All of the cell's own group but one process: to `group`, with what they fork meanwhile. */
MUST_USE bool cgroup_attach_rest(struct cgroup_host *host, struct cgroup group, pid_t but, struct err *err);
/*
 * A process that is moved after a pause waits for a grace period of RCU: 8 to 11 ms here, and 60 us when the last move
 * was less than some 10 ms ago (percpu_down_write of cgroup_threadgroup_rwsem).  This moves ourselves to where we are,
 * for who does so every CGROUP_WARM_MS while workers are likely to start.
 */
void cgroup_keep_warm(struct cgroup_host *host);
enum { CGROUP_WARM_MS = 8 };
void cgroup_figures(struct cgroup_host *host, struct cgroup group, struct cgroup_figures *ret);
/* SIGKILL to all in it, those that fork meanwhile included; does not wait for them to be gone. */
void cgroup_kill(struct cgroup_host *host, struct cgroup group);
void cgroup_kill_cell(struct cgroup_host *host, uint32_t cell);
bool cgroup_is_empty(struct cgroup_host *host, struct cgroup group);
/* Removes it; false: something in it is not dead yet, try again a little later. */
bool cgroup_remove(struct cgroup_host *host, struct cgroup group);
bool cgroup_remove_cell(struct cgroup_host *host, uint32_t cell); /* with all its groups */

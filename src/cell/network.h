/*
 * network: the uplink of a cell that asked for egress.  Used by the keeper only.
 *
 * The cell has a network namespace of its own; pasta (package passt) is the uplink: a process of the host in user
 * space, no bridge, no veth, no address of its own.  What must not be reached has no route: the host's loopback,
 * 169.254.0.0/16 and fe80::/10 (metadata services) are blackholed in the cell's namespace, before anything of a tenant
 * runs, by us, who alone hold CAP_NET_ADMIN there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

/* Is there a pasta to use?  Else `ret_note` says in words what to install. */
bool network_has_uplink(char ret_note[static 200]);

/*
 * Brings up `lo`, the uplink and the blackholes in the network namespace of `pid1` (a child of ours that waits for us;
 * its user namespace owns it).  api_port: a TCP port of the host's loopback that the cell reaches at its own
 * 127.0.0.1, or 0.  Blocks until it is up (tens of milliseconds, bounded by NETWORK_UP_MS).  *ret_uplink: pid of
 * pasta, a child of the caller, which ends it (network_stop) when the cell is gone, and reaps it.
 */
MUST_USE bool network_start(pid_t pid1, uint16_t api_port, pid_t *ret_uplink, struct err *err);
/* Only `lo`: CELL_NETWORK_NONE. */
MUST_USE bool network_start_none(pid_t pid1, struct err *err);
void network_stop(pid_t uplink);

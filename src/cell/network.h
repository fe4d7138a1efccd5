/*
 * network: the uplink of a cell that asked for egress.  Used by the keeper only.
 *
 * The cell has a network namespace of its own; pasta (package passt) is the uplink: a process of the host in user
 * space, no bridge, no veth, no address of its own.  What must not be reached has no route: the host's loopback,
 * 169.254.0.0/16 and fe80::/10 (metadata services) are refused in the cell's namespace, before anything of a tenant
 * runs, by us, who alone hold CAP_NET_ADMIN there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

enum { NETWORK_RESOLVER_BYTES = 1024 };

/* Is there a pasta to use?  Else `ret_note` says in words what to install. */
bool network_has_uplink(char ret_note[static 200]);

/*
 * What stands in /etc/resolv.conf of a cell with egress, if not the host's own: true, and the text.  A resolver on the
 * host's loopback (systemd-resolved, NetworkManager) is out of the cell's reach; then it is whom that one asks.
 */
bool network_resolver(char ret_text[static NETWORK_RESOLVER_BYTES]);

/*
 * Brings up `lo`, the uplink and the refusals in the network namespace of `pid1` (a child of ours that waits for us;
 * its user namespace, whose map is written, owns it).  api_port: a TCP port of the host's loopback that the cell
 * reaches at its own 127.0.0.1, or 0.  Blocks until it is up (tens of milliseconds, bounded by NETWORK_UP_MS).
 * *ret_uplink: pid of pasta, a child of the caller, which ends it (network_stop) when the cell is gone; it dies with
 * its parent.
 */
MUST_USE bool network_start(pid_t pid1, uint16_t api_port, pid_t *ret_uplink, struct err *err);
/* Only `lo`: CELL_NETWORK_NONE. */
MUST_USE bool network_start_none(pid_t pid1, struct err *err);
void network_stop(pid_t uplink); /* kills and reaps it; 0: nothing to do */

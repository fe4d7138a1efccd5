/* network_private: what network.c (namespaces, pasta) asks of network_link.c (netlink). */
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/* Both act on the network namespace that the calling process is in. */
MUST_USE bool network_link_lo_up(struct err *err);
/* Rules, which stand before every route, more exact ones included. */
MUST_USE bool network_link_refuse_all(struct err *err);
/* Has the host (the caller's namespace) a default route, by which pasta would find its address and interface? */
bool network_link_has_default_route(void);

/* port_owner: which process listens at a TCP port, for the one error message that needs it. */
#pragma once

#include <stdbool.h>

/* "python3 (pid 4711)"; false when /proc does not show it (another user's, another namespace). */
bool port_owner_find(int port, char *ret, int ret_bytes);

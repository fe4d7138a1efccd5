/*
 * helper: a child of the keeper that does one thing and is gone, for work that would hold the keeper up or that needs
 * namespaces from which nobody comes back.
 *
 * It holds only the descriptors that it was given: a copy of another cell's gate or line in it would keep an end of
 * file from whoever waits for one.  It dies with the keeper.
 */
#pragma once

#include <sys/types.h>

enum { HELPER_FDS_MAX = 64 };

pid_t helper_fork(const int *kept, int count); /* as fork; 0, 1, 2 are kept, and -1 is no descriptor */
void helper_close_others(const int *kept, int count);

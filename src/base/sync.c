#include "base/sync.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void stop_unless(int result, const char *what)
{
    if (result == 0)
        return;
    fprintf(stderr, "the disk refused an fsync of %s (%s): stopping, so that nothing is acknowledged after it\n", what,
            strerror(errno));
    abort();
}

void sync_or_stop(int fd, const char *what)
{
    int result;

    do
        result = fsync(fd);
    while (result < 0 && errno == EINTR);
    stop_unless(result, what);
}

void sync_data_or_stop(int fd, const char *what)
{
    int result;

    do
        result = fdatasync(fd);
    while (result < 0 && errno == EINTR);
    stop_unless(result, what);
}

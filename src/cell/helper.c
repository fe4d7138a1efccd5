/* See helper.h. */
#include "cell/helper.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

void helper_close_others(const int *kept, int count)
{
    int sorted[HELPER_FDS_MAX], next = STDERR_FILENO + 1;

    for (int i = 0; i < count; i++)
        sorted[i] = kept[i];
    qsort(sorted, (size_t)count, sizeof *sorted, compare);
    for (int i = 0; i < count; i++) {
        if (sorted[i] > next)
            (void)syscall(SYS_close_range, (unsigned)next, (unsigned)sorted[i] - 1, 0U);
        if (sorted[i] >= next)
            next = sorted[i] + 1;
    }
    (void)syscall(SYS_close_range, (unsigned)next, ~0U, 0U);
}

pid_t helper_fork(const int *kept, int count)
{
    pid_t keeper = getpid(), pid = fork();

    if (pid != 0)
        return pid;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != keeper)
        _exit(1);
    helper_close_others(kept, count);
    return 0;
}

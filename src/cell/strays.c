/* See strays.h. */
#include "cell/strays.h"

#include "base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ROUNDS_MAX = 4 }; /* of one call: those who fork meanwhile are found by the next */

static bool is_in(int proc, int pid, const struct stat *mounts)
{
    char path[32];
    struct stat st;

    (void)snprintf(path, sizeof path, "%d/ns/mnt", pid);
    return fstatat(proc, path, &st, 0) == 0 && st.st_ino == mounts->st_ino && st.st_dev == mounts->st_dev;
}

/* First a handle on it, then the question: the signal goes to the process that the answer was about, or to nobody. */
static bool kill_if_in(int proc, int pid, const struct stat *mounts)
{
    FD_AUTO process = is_in(proc, pid, mounts) ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

    return process >= 0 && is_in(proc, pid, mounts) && syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0) == 0;
}

static int kill_listed(int proc, const struct stat *mounts)
{
    int fd = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), count = 0;
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        int pid = (int)strtol(entry->d_name, NULL, 10);
        count += pid > 0 && kill_if_in(proc, pid, mounts);
    }
    if (folder)
        closedir(folder);
    else
        fd_close(&fd);
    return count;
}

int strays_kill(int proc, int mounts)
{
    struct stat st;
    int all = 0, count = 1;

    if (mounts < 0 || fstat(mounts, &st) < 0)
        return 0;
    for (int round = 0; round < ROUNDS_MAX && count > 0; round++)
        all += count = kill_listed(proc, &st);
    return all;
}

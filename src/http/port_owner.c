/*
 * /proc/net/tcp{,6} names the socket (an inode) that listens at the port; the process is the one among whose
 * descriptors that socket is.  Slow, and only asked when a start has failed already.
 */
#include "http/port_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LISTEN_STATE = 0x0A, PATH_BYTES = 300 };

static bool find_inode_in(const char *table, int port, unsigned long *ret)
{
    FILE *file = fopen(table, "re");
    char line[512];
    bool found = false;

    if (!file)
        return false;
    while (!found && fgets(line, sizeof line, file)) {
        unsigned line_port, state;
        unsigned long inode;

        found =
            sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %lu", &line_port, &state, &inode) == 3 &&
            (int)line_port == port && state == LISTEN_STATE && inode != 0;
        if (found)
            *ret = inode;
    }
    fclose(file);
    return found;
}

static bool has_socket(const char *pid, unsigned long inode)
{
    char path[PATH_BYTES], wanted[64], link[64];
    DIR *fds;
    bool found = false;

    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    fds = opendir(path);
    if (!fds)
        return false;
    for (struct dirent *entry; !found && (entry = readdir(fds));) {
        ssize_t len = readlinkat(dirfd(fds), entry->d_name, link, sizeof link - 1);

        found = len > 0 && (size_t)len == strlen(wanted) && memcmp(link, wanted, (size_t)len) == 0;
    }
    closedir(fds);
    return found;
}

static void name_process(const char *pid, char *ret, int ret_bytes)
{
    char path[PATH_BYTES], name[64] = "a process";
    FILE *file;

    snprintf(path, sizeof path, "/proc/%s/comm", pid);
    file = fopen(path, "re");
    if (file) {
        if (fgets(name, sizeof name, file))
            name[strcspn(name, "\n")] = '\0';
        fclose(file);
    }
    snprintf(ret, (size_t)ret_bytes, "%s (pid %s)", name, pid);
}

bool port_owner_find(int port, char *ret, int ret_bytes)
{
    unsigned long inode;
    DIR *processes;
    bool found = false;

    if (!find_inode_in("/proc/net/tcp", port, &inode) && !find_inode_in("/proc/net/tcp6", port, &inode))
        return false;
    processes = opendir("/proc");
    if (!processes)
        return false;
    for (struct dirent *entry; !found && (entry = readdir(processes));) {
        found = isdigit((unsigned char)entry->d_name[0]) && has_socket(entry->d_name, inode);
        if (found)
            name_process(entry->d_name, ret, ret_bytes);
    }
    closedir(processes);
    return found;
}

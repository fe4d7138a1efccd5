/*
 * cgroup_file: the files of a cgroup file system, by directory descriptor, group and name.
 *
 * Killing one by one is for kernels before 5.14 and for v1; pids are read and then signalled, and between the two a
 * pid could in theory be another's.  A pidfd would not help: it, too, is opened by the number that was read.
 */
#include "base/fd.h"
#include "cell/cgroup_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    DEPTH_MAX = 8,     /* of groups below one that is killed or removed; ours are 3 deep */
    KILLED_MAX = 2048, /* of one group in one round; there are many */
};

static bool join(char *ret, const char *group, const char *file)
{
    int len = snprintf(ret, CGROUP_PATH_MAX, "%s%s%s", group, group[0] && file[0] ? "/" : "", file);

    return len >= 0 && len < CGROUP_PATH_MAX;
}

static int open_file(int at, const char *group, const char *file, int flags)
{
    char path[CGROUP_PATH_MAX];

    if (!join(path, group, file)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return openat(at, path, flags | O_CLOEXEC);
}

int cgroup_open_folder(int at, const char *path)
{
    return openat(at, path[0] ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

bool cgroup_write(int at, const char *group, const char *file, const char *text)
{
    FD_AUTO fd = open_file(at, group, file, O_WRONLY);

    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

bool cgroup_read(int at, const char *group, const char *file, char *ret, size_t size)
{
    FD_AUTO fd = open_file(at, group, file, O_RDONLY);
    ssize_t len = fd < 0 ? -1 : read(fd, ret, size - 1);

    ret[len > 0 ? len : 0] = '\0';
    return len >= 0;
}

bool cgroup_has(int at, const char *group, const char *file)
{
    char path[CGROUP_PATH_MAX];

    return join(path, group, file) && faccessat(at, path, F_OK, 0) == 0;
}

bool cgroup_read_number(int at, const char *group, const char *file, uint64_t *ret)
{
    char text[32], *end;
    uint64_t number;

    if (!cgroup_read(at, group, file, text, sizeof text))
        return false;
    number = strtoull(text, &end, 10);
    if (end == text)
        return false;
    *ret = number;
    return true;
}

bool cgroup_read_key(int at, const char *group, const char *file, const char *key, uint64_t *ret)
{
    char text[2048];
    size_t len = strlen(key);

    if (!cgroup_read(at, group, file, text, sizeof text))
        return false;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, len) == 0 && line[len] == ' ') {
            *ret = strtoull(line + len, NULL, 10);
            return true;
        }
    }
    return false;
}

/* The next group directly below an open folder, or NULL. */
static const char *next_group(DIR *folder)
{
    const struct dirent *entry;

    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            return entry->d_name;
    }
    return NULL;
}

static void close_folder(DIR **folder)
{
    if (*folder)
        closedir(*folder);
}

static DIR *open_groups(int at, const char *group)
{
    int fd = cgroup_open_folder(at, group);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);

    if (!folder)
        fd_close(&fd);
    return folder;
}

size_t cgroup_list(int at, const char *group, pid_t *ret, size_t max)
{
    int fd = open_file(at, group, "cgroup.procs", O_RDONLY), pid;
    FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
    size_t count = 0;

    if (!file) {
        fd_close(&fd);
        return 0;
    }
    while (count < max && fscanf(file, "%d", &pid) == 1) {
        if (pid > 0) /* 0: it is in a pid namespace that we cannot see into */
            ret[count++] = pid;
    }
    (void)fclose(file);
    return count;
}

static size_t kill_processes(int at, const char *group)
{
    pid_t pids[KILLED_MAX];
    size_t count = cgroup_list(at, group, pids, KILLED_MAX);

    for (size_t i = 0; i < count; i++)
        (void)kill(pids[i], SIGKILL);
    return count;
}

static size_t kill_below(int at, const char *group, int depth)
{
    CLEANUP(close_folder) DIR *folder = open_groups(at, group);
    size_t count = kill_processes(at, group);
    const char *name;

    while (folder && depth < DEPTH_MAX && (name = next_group(folder)) != NULL)
        count += kill_below(dirfd(folder), name, depth + 1);
    return count;
}

size_t cgroup_kill_tree(int at, const char *group)
{
    return kill_below(at, group, 0);
}

bool cgroup_kill_at_once(int at, const char *group)
{
    return cgroup_write(at, group, "cgroup.kill", "1");
}

static bool remove_below(int at, const char *group, int depth)
{
    CLEANUP(close_folder) DIR *folder = open_groups(at, group);
    const char *name;

    if (!folder)
        return errno == ENOENT;
    while (depth < DEPTH_MAX && (name = next_group(folder)) != NULL) {
        if (!remove_below(dirfd(folder), name, depth + 1))
            return false;
    }
    return unlinkat(at, group, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

bool cgroup_remove_tree(int at, const char *group)
{
    return remove_below(at, group, 0);
}

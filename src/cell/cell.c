/*
 * cell: see cell.h.  The order in which a cell comes to be:
 *
 *   keeper:    open trees (if privileged) -> clone -> write maps -> cgroup, network (keeper_cells.c) -> let go
 *   pid 1:     wait -> become the cell's user -> [open trees] -> enter root -> limits -> fork -> drop privilege
 *              -> reap until the child ends -> report its status
 *   launcher:  see launcher.c: walls around the program, exec
 *
 * A raw clone(2) is a fork: pid 1 stays single-threaded C without another exec, so the host's binary is never
 * what a tenant can reach (it is not dumpable).
 */
#include "cell/cell.h"

#include "base/fd.h"
#include "base/str.h"
#include "cell/cell_private.h"
#include "cell/filter.h"
#include "cell/helper.h"
#include "cell/keeper_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum {
    HOST_UID_WRITERS = 100000, /* who owns the packages: nothing of a tenant runs as this */
    HOST_UID_FIRST = 100001,   /* a cell's own: this plus its number, so that two live cells never share one */
    HOST_UIDS = 60000,
    FILES_OPEN_MAX = 1024,
    PROCESSES_MAX =
        8192, /* of a cell, where no cgroup says less: by uid, from Linux 5.14 on by user namespace and uid */
    SIGNALS_WAITING_MAX = 4096,
    STACK_BYTES = 8 * 1024 * 1024,
    MEMLOCK_BYTES = 64 * 1024,
};

/* When the host is out of memory the kernel looks for its victim in cells first, and they cannot have that changed: who
 * sets it with CAP_SYS_RESOURCE, as the keeper does, also sets the least that they may ask for. */
#define OOM_SCORE_OF_CELLS "500"

static const int namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;

void cell_report(int reports, enum cell_report_kind kind, int status, const char *text, const int *fds)
{
    struct cell_report r = {.kind = kind, .status = status};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = {0};
    struct iovec iov = {&r, sizeof r};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    (void)snprintf(r.text, sizeof r.text, "%s", text);
    if (fds) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        control.align =
            (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(2 * sizeof(int))};
        memcpy(CMSG_DATA(&control.align), fds, 2 * sizeof(int));
    }
    (void)sendmsg(reports, &message, MSG_NOSIGNAL);
}

bool cell_read_report(int reports, struct cell_report *ret, int ret_fds[static 2])
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec iov = {ret, sizeof *ret};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t len = recvmsg(reports, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    struct cmsghdr *rights = len > 0 ? CMSG_FIRSTHDR(&message) : NULL;

    ret_fds[0] = ret_fds[1] = -1;
    if (rights && rights->cmsg_type == SCM_RIGHTS && rights->cmsg_len == CMSG_LEN(2 * sizeof(int)))
        memcpy(ret_fds, CMSG_DATA(rights), 2 * sizeof(int));
    if (len != (ssize_t)sizeof *ret)
        return false;
    ret->text[sizeof ret->text - 1] = '\0';
    return true;
}

/* The user inside.  Its old uid is not mapped, so it keeps its capabilities over the new namespace. */
static bool become_user(struct err *err)
{
    if (setresgid(CELL_GID, CELL_GID, CELL_GID) < 0 || setresuid(CELL_UID, CELL_UID, CELL_UID) < 0)
        return err_sys(err, "becoming the cell's user");
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) /* after setresuid, which clears it */
        return err_sys(err, "PDEATHSIG");
    return true;
}

static bool set_limits(struct err *err)
{
    const struct {
        __rlimit_resource_t what;
        rlim_t value;
    } limits[] = {
        {RLIMIT_CORE, 0},
        {RLIMIT_NOFILE, FILES_OPEN_MAX},
        {RLIMIT_NPROC, PROCESSES_MAX},
        {RLIMIT_SIGPENDING, SIGNALS_WAITING_MAX},
        {RLIMIT_STACK, STACK_BYTES},
        {RLIMIT_MEMLOCK, MEMLOCK_BYTES},
        {RLIMIT_MSGQUEUE, 0},
    };

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit old, limit = {limits[i].value, limits[i].value};
        if (getrlimit(limits[i].what, &old) == 0 && limit.rlim_max > old.rlim_max)
            limit.rlim_cur = limit.rlim_max = old.rlim_max;
        if (setrlimit(limits[i].what, &limit) < 0)
            return err_sys(err, "setrlimit %d", (int)limits[i].what);
    }
    umask(022);
    return true;
}

/*
 * How many namespaces may be made in the cell's user namespace, those below it included: one user namespace, which the
 * launcher of a template makes, and mount namespaces for as many workers as there can be.  A filter keeps programs
 * from trying; this holds should one find a way past it.
 */
static void limit_namespaces(const struct pid1 *self)
{
    static const struct {
        const char *file, *count;
    } limits[] = {
        {"sys/user/max_net_namespaces", "0"},    {"sys/user/max_ipc_namespaces", "0"},
        {"sys/user/max_uts_namespaces", "0"},    {"sys/user/max_pid_namespaces", "0"},
        {"sys/user/max_cgroup_namespaces", "0"}, {"sys/user/max_time_namespaces", "0"},
        {"sys/user/max_user_namespaces", "1"},   {"sys/user/max_mnt_namespaces", "1024"},
    };

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        FD_AUTO fd = openat(self->proc, limits[i].file, O_WRONLY | O_CLOEXEC);
        size_t len = strlen(limits[i].count);
        if (fd < 0 || write(fd, limits[i].count, len) != (ssize_t)len)
            cell_report(self->reports, CELL_REPORT_NOTE, 0, "cells do not count namespaces: /proc/sys is read-only",
                        NULL);
        if (fd < 0)
            return;
    }
}

static bool enter(struct pid1 *self, struct err *err)
{
    char note[200], go;

    if (read(self->go, &go, 1) != 1)
        return err_set(err, ERR_SYSTEM, "the keeper gave up");
    close(self->go);
    (void)unshare(CLONE_NEWCGROUP); /* where it was put is its root; an old kernel shows the host's path */
    if (!become_user(err))
        return false;
    if (!self->host->privileged && !cell_root_open(self->host, self->kind, self->options, &self->root, err))
        return false;
    if (!cell_root_enter(&self->root, self->kind, self->options, note, err))
        return false;
    cell_root_close(&self->root);
    if (note[0])
        cell_report(self->reports, CELL_REPORT_NOTE, 0, note, NULL);
    if (sethostname("sculler", strlen("sculler")) < 0)
        return err_sys(err, "sethostname");
    limit_namespaces(self);
    return set_limits(err);
}

static NORETURN void give_up(const struct pid1 *self, const char *why)
{
    cell_report(self->reports, CELL_REPORT_FAILED, -1, why, NULL);
    _exit(CELL_BUILD_FAILED);
}

/* Whatever ends in the cell is reaped; when the child ends, so does pid 1, and the kernel kills the rest. */
static NORETURN void reap(const struct pid1 *self, pid_t child)
{
    int status = 0;
    struct err err = {0};

    syscall(SYS_close_range, 3U, (unsigned)self->reports - 1, 0U);
    syscall(SYS_close_range, (unsigned)self->reports + 1, ~0U, 0U);
    if (!launcher_drop(0, &err) || !filter_load(FILTER_PLAIN, &err))
        give_up(self, err.text);
    for (;;) {
        pid_t pid = waitpid(-1, &status, 0);
        if (pid == child || (pid < 0 && errno == ECHILD))
            break;
    }
    cell_report(self->reports, CELL_REPORT_STATUS, status, "", NULL);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* Descriptors of other cells, and of the keeper's own business, are not for here. */
static void keep_own_fds(const struct pid1 *self)
{
    int kept[CELL_TREES_MAX + 5], count = 0;

    for (int i = 0; i < self->root.count; i++)
        kept[count++] = self->root.trees[i].fd;
    kept[count++] = self->fds.control;
    kept[count++] = self->fds.output;
    kept[count++] = self->reports;
    kept[count++] = self->go;
    kept[count++] = self->proc;
    helper_close_others(kept, count);
}

static NORETURN void pid1_main(struct pid1 *self)
{
    struct err err = {0};
    sigset_t none;
    pid_t child;

    keep_own_fds(self);
    self->reports = fcntl(self->reports, F_DUPFD_CLOEXEC, KEEPER_FD + 1);
    for (int signal_number = 1; signal_number < NSIG; signal_number++)
        (void)signal(signal_number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (!enter(self, &err))
        give_up(self, err.text);
    child = fork();
    if (child == 0)
        launcher_main(self);
    if (child < 0)
        give_up(self, "fork");
    reap(self, child);
}

/* The keeper's side. */

static bool write_of(pid_t pid, const char *file, const char *text, struct err *err)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);

    FD_AUTO fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        return err_sys(err, "writing %s", path);
    return true;
}

static unsigned host_uid(const struct cell_host *host, const struct cell_kind_row *kind, uint32_t cell, unsigned own)
{
    if (!host->privileged)
        return own;
    return kind->has_own_uid ? HOST_UID_FIRST + cell % HOST_UIDS : HOST_UID_WRITERS;
}

static bool write_maps(pid_t pid, const struct cell_host *host, const struct cell_kind_row *kind, uint32_t cell,
                       struct err *err)
{
    char uids[64], gids[64];

    (void)snprintf(uids, sizeof uids, "%d %u 1", CELL_UID, host_uid(host, kind, cell, geteuid()));
    (void)snprintf(gids, sizeof gids, "%d %u 1", CELL_GID, host_uid(host, kind, cell, getegid()));
    return write_of(pid, "setgroups", "deny", err) && write_of(pid, "gid_map", gids, err) &&
           write_of(pid, "uid_map", uids, err);
}

/* The folder that a writer fills: made by the keeper, owned by who the writer is outside. */
static bool make_out(const struct cell_host *host, const struct cell_options *options, struct err *err)
{
    FD_AUTO packages = open(host->packages, O_PATH | O_CLOEXEC | O_DIRECTORY);
    FD_AUTO package = openat(packages, options->package, O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);

    if (package < 0)
        return err_sys(err, "package %s", options->package);
    if (mkdirat(package, "tree", 0755) < 0 && errno != EEXIST)
        return err_sys(err, "package %s", options->package);
    if (!host->privileged)
        return true;

    FD_AUTO tree = openat(package, "tree", O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);

    if (tree < 0 || fchown(tree, HOST_UID_WRITERS, HOST_UID_WRITERS) < 0)
        return err_sys(err, "owner of package %s", options->package);
    return true;
}

static bool is_package(const char name[static CELL_PACKAGE_BYTES])
{
    size_t len = strnlen(name, CELL_PACKAGE_BYTES);
    const char *allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.";

    return len > 0 && len < CELL_PACKAGE_BYTES && name[0] != '.' && strspn(name, allowed) == len;
}

static bool is_path(const char *path, size_t size)
{
    return path[0] == '/' && strnlen(path, size) < size && !strstr(path, "/..");
}

static bool check_options(const struct cell_kind_row *kind, const struct cell_options *options, struct err *err)
{
    if (!kind)
        return err_set(err, ERR_INVALID, "no such kind of cell");
    if (!is_package(options->package))
        return err_set(err, ERR_INVALID, "not the name of a package");
    for (int i = 0; i < CELL_LAYERS_MAX && options->layers[i][0]; i++) {
        if (!is_package(options->layers[i]))
            return err_set(err, ERR_INVALID, "not the name of a layer's package");
    }
    if (kind->runs_interpreter && !is_path(options->interpreter, sizeof options->interpreter))
        return err_set(err, ERR_INVALID, "the interpreter needs an absolute path");
    if (options->prefix[0] && !is_path(options->prefix, sizeof options->prefix))
        return err_set(err, ERR_INVALID, "the prefix needs an absolute path");
    return true;
}

bool cell_let_go(struct cell_started *started, struct err *err)
{
    bool done = write(started->go, "", 1) == 1 || err_sys(err, "starting pid 1");

    fd_close(&started->go);
    return done;
}

/* fds: reports (ours, the cell's), go (the cell's, ours). */
static bool open_lines(int fds[static 4], struct err *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return err_sys(err, "a line to the cell");
    if (pipe2(fds + 2, O_CLOEXEC) == 0)
        return true;
    close(fds[0]), close(fds[1]);
    return err_sys(err, "pipe");
}

static pid_t clone_pid1(struct pid1 *pid1)
{
    bool has_hosts = pid1->kind->has_network && pid1->options->network == CELL_NETWORK_HOST;
    pid_t pid = (pid_t)syscall(SYS_clone, namespaces | (has_hosts ? 0 : CLONE_NEWNET) | SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        pid1_main(pid1);
    return pid;
}

bool cell_start(const struct cell_host *host, const struct cell_options *options, uint32_t cell,
                const struct cell_fds *fds, struct cell_started *ret, struct err *err)
{
    const struct cell_kind_row *kind = cell_kind_row(options->kind);
    struct pid1 pid1 = {.host = host, .options = options, .kind = kind, .fds = *fds, .proc = host->proc};
    struct err ignored;
    int lines[4];
    pid_t pid;

    if (!check_options(kind, options, err))
        return false;
    if (!kind->has_control)
        pid1.fds.control = -1;
    if (kind->writes_package && !make_out(host, options, err))
        return false;
    if (host->privileged && !cell_root_open(host, kind, options, &pid1.root, err))
        return false;
    if (!open_lines(lines, err)) {
        cell_root_close(&pid1.root);
        return false;
    }
    pid1.reports = lines[1];
    pid1.go = lines[2];
    pid = clone_pid1(&pid1);
    cell_root_close(&pid1.root);
    close(lines[1]), close(lines[2]);
    if (pid > 0)
        (void)write_of(pid, "oom_score_adj", OOM_SCORE_OF_CELLS, &ignored);
    if (pid < 0 ? !err_sys(err, "cloning a %s's namespaces", kind->name) : !write_maps(pid, host, kind, cell, err)) {
        if (pid > 0)
            kill(pid, SIGKILL), waitpid(pid, NULL, 0);
        close(lines[0]), close(lines[3]);
        return false;
    }
    *ret = (struct cell_started){.pid1 = pid, .reports = lines[0], .go = lines[3]};
    return true;
}

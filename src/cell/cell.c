/*
 * cell: see cell.h.  The order in which a cell comes to be:
 *
 *   keeper:  open trees (if privileged) -> clone -> write maps -> let go
 *   pid 1:   wait for maps -> become the cell's user -> [open trees] -> enter root -> limits -> drop privilege
 *            -> fork -> reap until the child ends -> report its status
 *   child:   new session, descriptors, exec
 *
 * A raw clone(2) is a fork: pid 1 stays single-threaded C without another exec, so the host's binary is never
 * what a tenant can reach (it is not dumpable).  Cgroups belong between clone and the maps, Landlock and seccomp
 * at the end of drop_privilege: they come with the next issue.
 */
#include "cell/cell.h"

#include "base/fd.h"
#include "base/str.h"
#include "cell/cell_kind.h"
#include "cell/cell_root.h"
#include "cell/keeper_private.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum {
    CELL_UID = 993, /* sbx_user1051 inside */
    CELL_GID = 990,
    HOST_UID_WRITERS = 100000, /* who owns the packages: nothing of a tenant runs as this */
    HOST_UID_FIRST = 100001,   /* a cell's own: this plus its number, so that two live cells never share one */
    HOST_UIDS = 60000,
    FILES_OPEN_MAX = 1024,
    MEMLOCK_BYTES = 64 * 1024,
    BUILD_FAILED = 125,
};

static const int namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;

struct pid1 {
    const struct cell_host *host;
    const struct cell_options *options;
    const struct cell_kind_row *kind;
    struct cell_root root; /* filled by a privileged keeper */
    struct cell_fds fds;
    int reports;
    int go; /* one byte comes when the maps are written */
};

static void report(int reports, enum cell_report_kind kind, int status, const char *text)
{
    struct cell_report r = {.kind = kind, .status = status};

    (void)snprintf(r.text, sizeof r.text, "%s", text);
    (void)!write(reports, &r, sizeof r);
}

bool cell_read_report(int reports, struct cell_report *ret)
{
    return read(reports, ret, sizeof *ret) == (ssize_t)sizeof *ret && (ret->text[sizeof ret->text - 1] = '\0', true);
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

static bool drop_privilege(struct err *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    if (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
                                     SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                                     SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED) < 0)
        return err_sys(err, "securebits");
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
        if (prctl(PR_CAPBSET_DROP, cap) < 0)
            return err_sys(err, "dropping capability %d", cap);
    }
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, none) < 0)
        return err_sys(err, "capset");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(err, "no_new_privs");
    if (prctl(PR_SET_DUMPABLE, 0) < 0)
        return err_sys(err, "dumpable");
    return true;
}

static bool enter(struct pid1 *self, struct err *err)
{
    char note[200], go;

    if (read(self->go, &go, 1) != 1)
        return err_set(err, ERR_SYSTEM, "the keeper gave up");
    close(self->go);
    if (!become_user(err))
        return false;
    if (!self->host->privileged && !cell_root_open(self->host, self->kind, self->options, &self->root, err))
        return false;
    if (!cell_root_enter(&self->root, self->options, note, err))
        return false;
    cell_root_close(&self->root);
    if (note[0])
        report(self->reports, CELL_REPORT_NOTE, 0, note);
    if (sethostname("sculler", strlen("sculler")) < 0)
        return err_sys(err, "sethostname");
    return set_limits(err) && drop_privilege(err);
}

/* Descriptors 0, 1, 2 and KEEPER_FD as the kind wants them; `reports` lives on until exec closes it. */
static bool arrange_fds(struct pid1 *self, struct err *err)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int control = fcntl(self->fds.control, F_DUPFD_CLOEXEC, 10);
    int output = fcntl(self->fds.output, F_DUPFD_CLOEXEC, 10);

    self->reports = fcntl(self->reports, F_DUPFD_CLOEXEC, 10);
    if (null < 0 || self->reports < 0)
        return err_sys(err, "/dev/null");
    dup2(null, 0);
    dup2(output >= 0 ? output : null, 1);
    dup2(output >= 0 ? output : null, 2);
    close(KEEPER_FD);
    if (control >= 0)
        dup2(control, KEEPER_FD);
    syscall(SYS_close_range, (unsigned)KEEPER_FD + 1, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    return true;
}

static const char *fill_argument(const char *word, const struct cell_options *options, char number[static 24])
{
    bool bytes = strcmp(word, "@bytes") == 0;

    if (strcmp(word, "@interpreter") == 0)
        return options->interpreter;
    if (!bytes && strcmp(word, "@files") != 0)
        return word;
    (void)snprintf(number, 24, "%llu",
                   (unsigned long long)(bytes ? options->unpacked_bytes_max : options->unpacked_files_max));
    return number;
}

static NORETURN void run_child(struct pid1 *self)
{
    const char *arguments[CELL_ARGUMENTS_MAX + 1] = {0};
    char numbers[CELL_ARGUMENTS_MAX][24], text[200];
    struct err err = {0};

    for (int i = 0; i < CELL_ARGUMENTS_MAX && self->kind->arguments[i]; i++)
        arguments[i] = fill_argument(self->kind->arguments[i], self->options, numbers[i]);
    setsid();
    if (!arrange_fds(self, &err)) {
        report(self->reports, CELL_REPORT_FAILED, -1, err.text);
        _exit(BUILD_FAILED);
    }
    if (chdir(self->kind->folder) == 0)
        execve(arguments[0], (char **)arguments, (char **)self->kind->environment);
    (void)snprintf(text, sizeof text, "cannot run %s: %s", arguments[0], strerror(errno));
    report(self->reports, CELL_REPORT_FAILED, -1, text);
    _exit(BUILD_FAILED);
}

/* Whatever ends in the cell is reaped; when the child ends, so does pid 1, and the kernel kills the rest. */
static NORETURN void reap(const struct pid1 *self, pid_t child)
{
    int status = 0;

    syscall(SYS_close_range, 3U, (unsigned)self->reports - 1, 0U);
    syscall(SYS_close_range, (unsigned)self->reports + 1, ~0U, 0U);
    for (;;) {
        pid_t pid = waitpid(-1, &status, 0);
        if (pid == child || (pid < 0 && errno == ECHILD))
            break;
    }
    report(self->reports, CELL_REPORT_STATUS, status, "");
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static NORETURN void pid1_main(struct pid1 *self)
{
    struct err err = {0};
    sigset_t none;
    pid_t child;

    self->reports = fcntl(self->reports, F_DUPFD_CLOEXEC, KEEPER_FD + 1);
    for (int signal_number = 1; signal_number < NSIG; signal_number++)
        (void)signal(signal_number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (!enter(self, &err)) {
        report(self->reports, CELL_REPORT_FAILED, -1, err.text);
        _exit(BUILD_FAILED);
    }
    child = fork();
    if (child == 0)
        run_child(self);
    if (child < 0) {
        report(self->reports, CELL_REPORT_FAILED, -1, "fork");
        _exit(BUILD_FAILED);
    }
    reap(self, child);
}

/* The keeper's side. */

static bool write_map(pid_t pid, const char *file, const char *text, struct err *err)
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
    return write_map(pid, "setgroups", "deny", err) && write_map(pid, "gid_map", gids, err) &&
           write_map(pid, "uid_map", uids, err);
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

static bool check_options(const struct cell_kind_row *kind, const struct cell_options *options, struct err *err)
{
    const char *name = options->package;
    size_t len = strnlen(name, sizeof options->package);
    const char *allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.";

    if (!kind)
        return err_set(err, ERR_INVALID, "no such kind of cell");
    if (len == 0 || len == sizeof options->package || name[0] == '.' || strspn(name, allowed) != len)
        return err_set(err, ERR_INVALID, "not the name of a package");
    if (kind->runs_interpreter && options->interpreter[0] != '/')
        return err_set(err, ERR_INVALID, "the interpreter needs an absolute path");
    if (options->prefix[0] && (options->prefix[0] != '/' || strstr(options->prefix, "/..")))
        return err_set(err, ERR_INVALID, "the prefix needs an absolute path");
    return true;
}

static bool let_go(pid_t pid, int go, const struct pid1 *pid1, uint32_t cell, struct err *err)
{
    if (!write_maps(pid, pid1->host, pid1->kind, cell, err))
        return false;
    if (write(go, "", 1) != 1)
        return err_sys(err, "starting pid 1");
    return true;
}

pid_t cell_start(const struct cell_host *host, const struct cell_options *options, uint32_t cell,
                 const struct cell_fds *fds, int *ret_reports, struct err *err)
{
    const struct cell_kind_row *kind = cell_kind_row(options->kind);
    struct pid1 pid1 = {.host = host, .options = options, .kind = kind, .fds = *fds};
    int reports[2], go[2];
    pid_t pid;

    if (!check_options(kind, options, err))
        return -1;
    if (!kind->has_control)
        pid1.fds.control = -1;
    if (kind->writes_package && !make_out(host, options, err))
        return -1;
    if (host->privileged && !cell_root_open(host, kind, options, &pid1.root, err))
        return -1;
    if (pipe2(reports, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(go, O_CLOEXEC) < 0) {
        (void)err_sys(err, "pipe");
        cell_root_close(&pid1.root);
        return -1;
    }
    pid1.reports = reports[1];
    pid1.go = go[0];
    pid = (pid_t)syscall(SYS_clone, namespaces | (kind->has_network ? 0 : CLONE_NEWNET) | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        close(go[1]), pid1_main(&pid1);
    cell_root_close(&pid1.root);
    close(reports[1]), close(go[0]);
    if (pid < 0 ? !err_sys(err, "cloning a %s's namespaces", kind->name) : !let_go(pid, go[1], &pid1, cell, err)) {
        if (pid > 0)
            kill(pid, SIGKILL), waitpid(pid, NULL, 0);
        close(reports[0]), close(go[1]);
        return -1;
    }
    close(go[1]);
    *ret_reports = reports[0];
    return pid;
}

/*
 * keeper_main: the keeper's process.
 *
 * Single-threaded, no loop library, no parser: it waits for the line to the server, for SIGCHLD, for what its cells
 * report and for workers at their gates.  A message is accepted when its type is in the table and its size is right.
 * When the server goes (end of the line, or PDEATHSIG), so do all cells: each pid 1 has PDEATHSIG on the keeper, and a
 * pid namespace dies with its pid 1.
 */
#include "cell/keeper.h"

#include "base/fd.h"
#include "base/str.h"
#include "cell/admission.h"
#include "cell/filter.h"
#include "cell/helper.h"
#include "cell/keeper_cells.h"
#include "cell/keeper_private.h"
#include "cell/landlock.h"
#include "cell/network.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#ifndef SCULLER_GUEST_DIR
#define SCULLER_GUEST_DIR "/usr/local/lib/sculler/guest" /* meson says where it was installed */
#endif

enum { REMOVALS_MAX = 64 };

/* A package that a child takes away. */
static struct removal {
    pid_t pid; /* 0: free */
    uint32_t number;
} removals[REMOVALS_MAX];

static bool has_server = true, is_renewed;

void keeper_tell(const struct keeper_message *message)
{
    if (has_server && send(KEEPER_FD, message, sizeof *message, MSG_NOSIGNAL) < 0)
        has_server = false; /* the line tells the same in the next turn */
}

void keeper_tell_note(const char *text)
{
    struct keeper_message message = {.type = KEEPER_NOTE};

    (void)snprintf(message.text, sizeof message.text, "%s", text);
    keeper_tell(&message);
}

static void tell_ended(uint32_t number, int status, const char *text)
{
    struct keeper_message message = {.type = KEEPER_ENDED, .cell = number, .status = status};

    (void)snprintf(message.text, sizeof message.text, "%s", text);
    keeper_tell(&message);
}

/* What comes with a message. */
struct message_fds {
    struct cell_fds cell;
    int gate;
};

static void on_start(const struct keeper_message *message, struct message_fds *fds)
{
    cells_start(message, &fds->cell);
}

static void on_kill(const struct keeper_message *message, struct message_fds *fds)
{
    struct keeper_cell *cell = cells_find(message->cell);

    (void)fds;
    if (cell)
        cells_kill(cell);
}

static void on_admit(const struct keeper_message *message, struct message_fds *fds)
{
    struct keeper_cell *cell = cells_find(message->cell);

    if (cell)
        admission_admit(cell, message, fd_take(&fds->gate));
}

/* A cell that is gone has told its end, and with it that of its workers. */
static void on_end(const struct keeper_message *message, struct message_fds *fds)
{
    struct keeper_cell *cell = cells_find(message->cell);

    (void)fds;
    if (cell)
        admission_end(cell, message->worker, message->keep_tmp != 0);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static struct removal *find_removal(pid_t pid)
{
    for (int i = 0; i < REMOVALS_MAX; i++) {
        if (removals[i].pid == pid)
            return &removals[i];
    }
    return NULL;
}

/* A package's tree belongs to the unpacker's uid, so only we can take it away.  Off in a child: it may be large.
 * Nothing in packages/ can change while we walk: no process that writes there lives longer than its cell. */
static void on_remove(const struct keeper_message *message, struct message_fds *fds)
{
    struct removal *removal = find_removal(0);
    const char *name = message->options.package, *packages = keeper.host.packages;
    char path[PATH_MAX + sizeof message->options.package + 2];

    (void)fds;
    if (!removal) {
        tell_ended(message->cell, -1, "too many packages are being removed, try again");
        return;
    }
    if (!name[0] || name[0] == '.' || strchr(name, '/')) {
        tell_ended(message->cell, -1, "not the name of a package");
        return;
    }
    /* Without FTW_MOUNT: on overlayfs a file may be of another device than its folder, and nothing is mounted here. */
    (void)snprintf(path, sizeof path, "%s/%s", packages, name);
    *removal = (struct removal){helper_fork(NULL, 0), message->cell};
    if (removal->pid == 0)
        _exit(nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT ? 0 : 1);
    if (removal->pid < 0) {
        removal->pid = 0;
        tell_ended(message->cell, -1, "fork");
    }
}

/* The server begins anew: so do we, when what we hold is gone.  What comes on the line meanwhile waits there. */
static void on_renew(const struct keeper_message *message, struct message_fds *fds)
{
    (void)message, (void)fds;
    has_server = false;
    is_renewed = true;
}

/* What we answer to, and the only thing. */
static const struct {
    enum keeper_message_type type;
    void (*handle)(const struct keeper_message *message, struct message_fds *fds);
} accepted[] = {
    {KEEPER_START_CELL, on_start},   {KEEPER_KILL_CELL, on_kill}, {KEEPER_REMOVE_PACKAGE, on_remove},
    {KEEPER_ADMIT_WORKER, on_admit}, {KEEPER_END_WORKER, on_end}, {KEEPER_RENEW, on_renew},
};

static void take_fds(struct msghdr *header, const struct keeper_message *message, struct message_fds *ret)
{
    int fds[2] = {-1, -1}, count = 0, next = 0;
    struct cmsghdr *c = CMSG_FIRSTHDR(header);

    *ret = (struct message_fds){{-1, -1}, -1};
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
        return;
    count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(fds, CMSG_DATA(c), sizeof(int) * (size_t)(count > 2 ? 2 : count));
    if (message->has_control)
        ret->cell.control = fds[next++];
    if (message->has_output)
        ret->cell.output = fds[next++];
    if (message->type == KEEPER_ADMIT_WORKER && next == 0)
        ret->gate = fds[next];
}

static void on_line(struct watch *watch)
{
    struct keeper_message message;
    struct message_fds fds;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec iov = {&message, sizeof message};
    struct msghdr header = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t len = recvmsg(watch->fd, &header, MSG_CMSG_CLOEXEC);

    if (len < 0 && errno == EINTR)
        return;
    if (len != (ssize_t)sizeof message || message.cell == 0) {
        has_server = false;
        return;
    }
    take_fds(&header, &message, &fds);
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        if (accepted[i].type == message.type)
            accepted[i].handle(&message, &fds);
    }
    fd_close(&fds.cell.control);
    fd_close(&fds.cell.output);
    fd_close(&fds.gate);
}

static void on_children(struct watch *watch)
{
    struct signalfd_siginfo info;
    struct removal *removal;
    int status;
    pid_t pid;

    (void)!read(watch->fd, &info, sizeof info);
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        removal = find_removal(pid);
        if (removal) {
            tell_ended(removal->number, status, "");
            removal->pid = 0;
        } else {
            (void)cells_reap(pid, status);
        }
    }
}

/* Another's uid can be mapped, and mounts be cloned, only with privilege in the host's own user namespace. */
static bool is_privileged(void)
{
    unsigned inside, outside, count;
    FILE *map = geteuid() == 0 ? fopen("/proc/self/uid_map", "re") : NULL;
    bool has_range = map && fscanf(map, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 && count > 200000;
    FD_AUTO tree = has_range ? open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC) : -1;

    if (map)
        (void)fclose(map);
    return tree >= 0;
}

static bool find_guest(struct cell_host *host)
{
    const char *named = getenv("SCULLER_GUEST_DIR");
    char beside[PATH_MAX + 8];

    if (named)
        return realpath(named, host->guest) != NULL;
    (void)snprintf(beside, sizeof beside, "%.*s/guest", (int)(strrchr(host->self, '/') - host->self), host->self);
    return realpath(beside, host->guest) || realpath(SCULLER_GUEST_DIR, host->guest);
}

static bool find_host(const char *state_dir, struct cell_host *host)
{
    char packages[PATH_MAX];

    (void)snprintf(packages, sizeof packages, "%s/packages", state_dir);
    host->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (host->proc < 0 || !realpath(packages, host->packages) || !realpath("/proc/self/exe", host->self))
        return false;
    host->privileged = is_privileged();
    if (host->privileged)
        (void)setgroups(0, NULL);
    if (!find_guest(host))
        (void)snprintf(host->guest, sizeof host->guest, "%s", SCULLER_GUEST_DIR); /* told when a template needs it */
    return true;
}

/* What this host does not give, in words, once.  Without the filter no cell starts: each says why. */
static void look_around(void)
{
    char note[200];
    int abi = landlock_abi();
    struct err err = {0};

    keeper.cgroups = cgroup_open(note);
    if (note[0])
        keeper_tell_note(note);
    if (!network_has_uplink(note))
        keeper_tell_note(note);
    if (abi == 0)
        keeper_tell_note("no Landlock (Linux 5.13, lsm=landlock): workers of one function may signal each other");
    else if (abi < LANDLOCK_ABI_SCOPE)
        keeper_tell_note("Landlock before Linux 6.12: workers of one function may signal each other");
    if (!filter_prepare(&err))
        keeper_tell_note(err.text);
}

static int open_signals(void)
{
    struct rlimit files;
    sigset_t child;

    for (int ignored = SIGHUP; ignored <= SIGQUIT; ignored++)
        (void)signal(ignored, SIG_IGN);          /* Ctrl-C is the server's to handle; it closes our line */
    (void)signal(SIGPIPE, SIG_IGN);              /* a cell may be killed before it is let go */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* some for each worker */
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The binary that we were started from, as it is on disk now, with the same arguments and privilege: a server that has
 * been turned gains nothing by asking for it. */
static int begin_anew(char **argv)
{
    char *arguments[] = {(char[]){"sculler"}, argv[0], argv[1], NULL};

    execve(keeper.host.self, arguments, environ);
    execve("/proc/self/exe", arguments, environ);
    return 1;
}

int keeper_main(int argc, char **argv)
{
    struct watch line, children;
    int signals;

    /* A helper's uplink comes to us when the helper ends before it. */
    if (argc < 2 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ||
        !find_host(argv[1], &keeper.host)) {
        (void)fprintf(stderr, "keeper: it is started by the server, not by hand\n");
        return 2;
    }
    signals = open_signals();
    if (signals < 0 || keeper_loop_open() < 0)
        return 1;
    look_around();
    watch_start(&line, KEEPER_FD, on_line);
    watch_start(&children, signals, on_children);
    while (has_server)
        keeper_loop_turn();
    cells_kill_all();
    cgroup_close(keeper.cgroups);
    return is_renewed ? begin_anew(argv) : 0;
}

/*
 * keeper_main: the keeper's process.
 *
 * Single-threaded, no loop library, no parser: poll on two descriptors, the line to the server and SIGCHLD.  A
 * message is accepted when its type is in the table and its size is right.  When the server goes (end of the
 * line, or PDEATHSIG), so do all cells: each pid 1 has PDEATHSIG on the keeper, and a pid namespace dies with
 * its pid 1.
 */
#include "cell/keeper.h"

#include "base/fd.h"
#include "base/str.h"
#include "cell/cell.h"
#include "cell/keeper_private.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#ifndef SCULLER_GUEST_DIR
#define SCULLER_GUEST_DIR "/usr/local/lib/sculler/guest" /* meson says where it was installed */
#endif

struct child {
    uint32_t cell; /* 0: free */
    pid_t pid;
    int reports; /* -1: a removal, not a cell */
};

static struct cell_host host;
static struct child children[KEEPER_CELLS_MAX];

static void send_message(enum keeper_message_type type, uint32_t cell, int status, const char *text)
{
    struct keeper_message message = {.type = type, .cell = cell, .status = status};

    (void)snprintf(message.text, sizeof message.text, "%s", text);
    if (send(KEEPER_FD, &message, sizeof message, MSG_NOSIGNAL) < 0)
        _exit(1); /* the server is gone */
}

static struct child *find_child(uint32_t cell)
{
    for (int i = 0; i < KEEPER_CELLS_MAX; i++) {
        if (children[i].cell == cell)
            return &children[i];
    }
    return NULL;
}

static void on_start(const struct keeper_message *message, const struct cell_fds *fds)
{
    struct child *child = find_child(0);
    struct err err = {0};

    if (!child) {
        send_message(KEEPER_ENDED, message->cell, -1, "too many cells");
        return;
    }
    child->pid = cell_start(&host, &message->options, message->cell, fds, &child->reports, &err);
    if (child->pid < 0)
        send_message(KEEPER_ENDED, message->cell, -1, err.text);
    else
        child->cell = message->cell;
}

static void on_kill(const struct keeper_message *message, const struct cell_fds *fds)
{
    const struct child *child = message->cell ? find_child(message->cell) : NULL;

    (void)fds;
    if (child)
        kill(child->pid, SIGKILL);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

/* A package's tree belongs to the unpacker's uid, so only we can take it away.  Off in a child: it may be large.
 * Nothing in packages/ can change while we walk: no process that writes there lives longer than its cell. */
static void on_remove(const struct keeper_message *message, const struct cell_fds *fds)
{
    struct child *child = find_child(0);
    const char *name = message->options.package;
    char path[PATH_MAX + sizeof message->options.package + 2];

    (void)fds;
    if (!child || !name[0] || name[0] == '.' || strchr(name, '/')) {
        send_message(KEEPER_ENDED, message->cell, -1, "not the name of a package");
        return;
    }
    (void)snprintf(path, sizeof path, "%s/%s", host.packages, name);
    *child = (struct child){.pid = fork(), .reports = -1};
    if (child->pid == 0)
        _exit(nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 || errno == ENOENT ? 0 : 1);
    if (child->pid < 0)
        send_message(KEEPER_ENDED, message->cell, -1, "fork");
    else
        child->cell = message->cell;
}

/* What we answer to, and the only thing. */
static const struct {
    enum keeper_message_type type;
    void (*handle)(const struct keeper_message *message, const struct cell_fds *fds);
} accepted[] = {
    {KEEPER_START_CELL, on_start},
    {KEEPER_KILL_CELL, on_kill},
    {KEEPER_REMOVE_PACKAGE, on_remove},
};

static void take_fds(struct msghdr *header, const struct keeper_message *message, struct cell_fds *ret)
{
    int fds[2] = {-1, -1}, count = 0, next = 0;
    struct cmsghdr *c = CMSG_FIRSTHDR(header);

    *ret = (struct cell_fds){-1, -1};
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
        return;
    count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(fds, CMSG_DATA(c), sizeof(int) * (size_t)(count > 2 ? 2 : count));
    if (message->has_control)
        ret->control = fds[next++];
    if (message->has_output)
        ret->output = fds[next++];
}

static void on_line(void)
{
    struct keeper_message message;
    struct cell_fds fds;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec iov = {&message, sizeof message};
    struct msghdr header = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t len = recvmsg(KEEPER_FD, &header, MSG_CMSG_CLOEXEC);

    if (len < 0 && errno == EINTR)
        return;
    if (len != (ssize_t)sizeof message || message.cell == 0)
        exit(len == 0 ? 0 : 1);
    take_fds(&header, &message, &fds);
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        if (accepted[i].type == message.type)
            accepted[i].handle(&message, &fds);
    }
    fd_close(&fds.control);
    fd_close(&fds.output);
}

static void child_ended(struct child *child, int status)
{
    struct cell_report report;
    char text[sizeof report.text] = "";

    while (child->reports >= 0 && cell_read_report(child->reports, &report)) {
        if (report.kind == CELL_REPORT_NOTE)
            send_message(KEEPER_NOTE, child->cell, 0, report.text);
        if (report.kind == CELL_REPORT_FAILED)
            memcpy(text, report.text, sizeof text);
        if (report.kind == CELL_REPORT_FAILED || (report.kind == CELL_REPORT_STATUS && !text[0]))
            status = report.status;
    }
    send_message(KEEPER_ENDED, child->cell, status, text);
    if (child->reports >= 0)
        close(child->reports);
    child->cell = 0;
}

static void on_children(int signals)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    (void)!read(signals, &info, sizeof info);
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (int i = 0; i < KEEPER_CELLS_MAX; i++) {
            if (children[i].cell && children[i].pid == pid)
                child_ended(&children[i], status);
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

static bool find_guest(void)
{
    const char *named = getenv("SCULLER_GUEST_DIR");
    char beside[PATH_MAX + 8];

    if (named)
        return realpath(named, host.guest) != NULL;
    (void)snprintf(beside, sizeof beside, "%.*s/guest", (int)(strrchr(host.self, '/') - host.self), host.self);
    return realpath(beside, host.guest) || realpath(SCULLER_GUEST_DIR, host.guest);
}

static bool find_host(const char *state_dir)
{
    char packages[PATH_MAX];

    (void)snprintf(packages, sizeof packages, "%s/packages", state_dir);
    if (!realpath(packages, host.packages) || !realpath("/proc/self/exe", host.self))
        return false;
    host.privileged = is_privileged();
    if (host.privileged)
        (void)setgroups(0, NULL);
    if (!find_guest())
        (void)snprintf(host.guest, sizeof host.guest, "%s", SCULLER_GUEST_DIR); /* told when a template needs it */
    return true;
}

int keeper_main(int argc, char **argv)
{
    sigset_t child;
    int signals;

    if (argc < 2 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || !find_host(argv[1])) {
        (void)fprintf(stderr, "keeper: it is started by the server, not by hand\n");
        return 2;
    }
    for (int ignored = SIGHUP; ignored <= SIGQUIT; ignored++)
        (void)signal(ignored, SIG_IGN); /* Ctrl-C is the server's to handle; it closes our line */
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    for (;;) {
        struct pollfd fds[] = {{.fd = KEEPER_FD, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return 1;
        if (fds[1].revents)
            on_children(signals);
        if (fds[0].revents)
            on_line();
    }
}

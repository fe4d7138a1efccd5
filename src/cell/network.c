/*
 * network: see network.h.  Two short-lived steps, each in a child that enters the cell's namespaces and is gone:
 *
 *   settle   lo, the rules that refuse, no waiting for duplicate addresses; nothing of a tenant runs yet
 *   uplink   becomes pasta
 *
 * How pasta is started is decided by what it does with its privilege (passt(1), isolation.c of passt).  Started by
 * root in the host's own user namespace it becomes nobody, who may enter no cell; started by root of another one it
 * stays.  So our child first enters the *cell's* user namespace, becomes the one user that is mapped there and keeps
 * three capabilities over that namespace by the ambient set.  The host is then at risk by pasta, which parses a
 * tenant's packets, no more than by the tenant: the same uid, the same user namespace, and pasta adds an empty root
 * and a seccomp filter of its own.  An ordinary user's keeper goes the very same way.
 *
 * It gets the namespace as its standard input and tells that it is up through its "pid file", which is a pipe of ours:
 * no path, no polling, no race with the pid, and no rule of AppArmor (Debian confines passt) has a say about these.
 */
#include "cell/network.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "cell/network_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define TUN "/dev/net/tun"
#define OFFLINE_ADDRESS "198.18.0.2" /* RFC 2544: nobody's, so nothing is hidden behind it */
#define OFFLINE_GATEWAY "198.18.0.1"
#define OFFLINE_MAC "02:00:00:00:00:01"

enum {
    ARGUMENTS_MAX = 48,
    WORDS_BYTES = 200,
    TUN_MAJOR = 10,
    TUN_MINOR = 200,
    UPLINK_FILES_MAX = 3072, /* six a connection to the API, so about 500 of a cell; one a connection to the world */
};

static const char *const pastas[] = {"/usr/bin/pasta", "/usr/local/bin/pasta"};

/* A cell's namespaces, and the user that is mapped in the first. */
struct target {
    int user, net;
    unsigned uid, gid, host_uid, host_gid;
};

static const char *find_pasta(void)
{
    for (size_t i = 0; i < sizeof pastas / sizeof *pastas; i++)
        if (access(pastas[i], X_OK) == 0)
            return pastas[i];
    return NULL;
}

/* pasta runs as the cell's user: on most systems that may open the device, since udev makes it 0666. */
static bool is_tun_open_to_all(void)
{
    struct stat st;

    return stat(TUN, &st) == 0 && (st.st_mode & 0006) == 0006;
}

bool network_has_uplink(char ret_note[static 200])
{
    const char *note = "";

    if (!find_pasta())
        note = "there is no pasta on this host: install the package passt (apt-get install passt)";
    else if (access(TUN, F_OK) < 0)
        note = "there is no " TUN " on this host: load the module (modprobe tun)";
    else if (geteuid() != 0 && !is_tun_open_to_all())
        note = TUN " is not open to ordinary users: as root, once: chmod 0666 " TUN;
    (void)snprintf(ret_note, 200, "%s", note);
    return !note[0];
}

/* -- the cell's namespaces ------------------------------------------------------------------------------------- */

static void target_close(struct target *target)
{
    fd_close(&target->user);
    fd_close(&target->net);
}

static int open_of(pid_t pid, const char *name)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Of a map that holds one user: "inside outside 1". */
static bool read_map(pid_t pid, const char *name, unsigned *ret_inside, unsigned *ret_outside)
{
    char text[128];
    FD_AUTO fd = open_of(pid, name);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    text[len > 0 ? len : 0] = '\0';
    return sscanf(text, "%u %u", ret_inside, ret_outside) == 2;
}

static bool target_open(pid_t pid1, struct target *ret, struct err *err)
{
    *ret = (struct target){.user = open_of(pid1, "ns/user"), .net = open_of(pid1, "ns/net")};
    if (ret->user < 0 || ret->net < 0)
        return err_sys(err, "the namespaces of process %d", (int)pid1);
    if (!read_map(pid1, "uid_map", &ret->uid, &ret->host_uid) || !read_map(pid1, "gid_map", &ret->gid, &ret->host_gid))
        return err_set(err, ERR_INVALID, "no user is mapped in the namespace of process %d", (int)pid1);
    return true;
}

/* -- settle ------------------------------------------------------------------------------------------------------ */

static void put(const char *path, const char *value)
{
    FD_AUTO fd = open(path, O_WRONLY | O_CLOEXEC);

    (void)!write(fd, value, strlen(value)); /* a kernel without IPv6 has none */
}

static bool settle_here(const struct target *target, bool refuse, struct err *err)
{
    if (setns(target->user, CLONE_NEWUSER) < 0 || setns(target->net, CLONE_NEWNET) < 0)
        return err_sys(err, "entering the cell's network namespace");
    if (!refuse)
        return network_link_lo_up(err);
    put("/proc/sys/net/ipv6/conf/default/accept_dad", "0"); /* the address is of use at once, not in a second */
    put("/proc/sys/net/ipv6/conf/default/accept_ra", "0");
    return network_link_refuse_all(err) && network_link_lo_up(err);
}

/* In a child, since a process cannot come back from a user namespace. */
static bool settle(const struct target *target, bool refuse, struct err *err)
{
    int answer[2], status;
    struct err told = {0};
    pid_t child;

    if (pipe2(answer, O_CLOEXEC) < 0)
        return err_sys(err, "pipe");
    child = fork();
    if (child == 0) {
        bool done = settle_here(target, refuse, &told);
        (void)!write(answer[1], &told, done ? 0 : sizeof told);
        _exit(done ? 0 : 1);
    }
    close(answer[1]);
    if (child < 0 || waitpid(child, &status, 0) != child) {
        close(answer[0]);
        return err_sys(err, "a child for the cell's network");
    }
    if (status != 0 && read(answer[0], &told, sizeof told) == (ssize_t)sizeof told)
        *err = told;
    else if (status != 0)
        (void)err_set(err, ERR_SYSTEM, "settling the cell's network: status %d", status);
    close(answer[0]);
    return status == 0;
}

bool network_start_none(pid_t pid1, struct err *err)
{
    struct target target;
    bool done = target_open(pid1, &target, err) && settle(&target, false, err);

    target_close(&target);
    return done;
}

/* -- uplink ------------------------------------------------------------------------------------------------------ */

/* For this process and those it becomes: a device node that the cell's user may open. */
static bool show_tun(void)
{
    if (is_tun_open_to_all() || geteuid() != 0)
        return true;
    umask(0);
    return unshare(CLONE_NEWNS) == 0 && mount("", "/", "", MS_REC | MS_SLAVE, NULL) == 0 &&
           mount("tun", "/dev/net", "tmpfs", MS_NOSUID | MS_NOEXEC, "size=0,nr_inodes=4,mode=0755") == 0 &&
           mknod(TUN, S_IFCHR | 0666, makedev(TUN_MAJOR, TUN_MINOR)) == 0;
}

static bool keep_capabilities(void)
{
    static const int kept[] = {CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_NET_BIND_SERVICE};
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    bool done;

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        data[0].permitted |= 1U << kept[i];
    data[0].effective = data[0].inheritable = data[0].permitted;
    done = syscall(SYS_capset, &header, data) == 0;
    for (size_t i = 0; done && i < sizeof kept / sizeof *kept; i++)
        done = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, kept[i], 0, 0) == 0;
    return done;
}

/* pasta takes all that it may have, and a cell could take all of the server's connections by it. */
static void limit_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max > UPLINK_FILES_MAX) {
        files.rlim_cur = files.rlim_max = UPLINK_FILES_MAX;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static bool enter_uplink(const struct target *target, pid_t parent, int ready, int words)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    put("/proc/self/oom_score_adj", "0"); /* not the keeper's */
    limit_files();
    if (!show_tun() || setns(target->user, CLONE_NEWUSER) < 0 || setresgid(target->gid, target->gid, target->gid) < 0 ||
        setresuid(target->uid, target->uid, target->uid) < 0 || !keep_capabilities())
        return false;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) /* after setresuid, which clears it */
        return false;
    return setsid() > 0 && chdir("/") == 0 && dup2(target->net, 0) == 0 && dup2(ready, 1) == 1 && dup2(words, 2) == 2 &&
           syscall(SYS_close_range, 3U, ~0U, 0U) == 0;
}

static void choose_arguments(uint16_t api_port, char port[static 8], const char *ret[static ARGUMENTS_MAX])
{
    static const char *const always[] = {"pasta",
                                         "--foreground",
                                         "--quiet",
                                         "--config-net",
                                         "--ns-ifname",
                                         "eth0",
                                         "--no-map-gw",
                                         "--no-dhcp",
                                         "--no-dhcpv6",
                                         "--no-ra",
                                         "--netns-only",
                                         "--netns",
                                         "/proc/self/fd/0",
                                         "--no-netns-quit",
                                         "--pid",
                                         "/proc/self/fd/1",
                                         "-t",
                                         "none",
                                         "-u",
                                         "none",
                                         "-U",
                                         "none"};
    static const char *const offline[] = {
        "-4", "-i", "lo", "-a", OFFLINE_ADDRESS, "-n", "24", "-g", OFFLINE_GATEWAY, "-M", OFFLINE_MAC};
    int count = 0;

    static_assert(sizeof always / sizeof *always + sizeof offline / sizeof *offline + 3 <= ARGUMENTS_MAX,
                  "and a port, and the end");
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        ret[count++] = always[i];
    for (size_t i = 0; !network_link_has_default_route() && i < sizeof offline / sizeof *offline; i++)
        ret[count++] = offline[i];
    (void)snprintf(port, 8, "%u", (unsigned)api_port);
    ret[count++] = "-T";
    ret[count++] = api_port ? port : "none";
    ret[count] = NULL;
}

static NORETURN void run_uplink(const struct target *target, uint16_t api_port, pid_t parent, int ready, int words)
{
    const char *arguments[ARGUMENTS_MAX];
    char *nothing[] = {NULL}, port[8];

    choose_arguments(api_port, port, arguments);
    if (enter_uplink(target, parent, ready, words))
        (void)execve(find_pasta(), (char **)arguments, nothing);
    dprintf(words, "cannot run it: %s", strerror(errno));
    _exit(1);
}

/* The last line, which says why: those before may tell of a syslog that is not there. */
static const char *last_line(char *text)
{
    char *line;

    for (size_t len = strlen(text); len > 0 && text[len - 1] == '\n'; len--)
        text[len - 1] = '\0';
    line = strrchr(text, '\n');
    return line ? line + 1 : text;
}

/* Waits for its pid on `ready`.  It is not up when it ended or said nothing for too long. */
static bool wait_until_up(int ready, int words, struct err *err)
{
    int64_t until_us = clock_steady_us() + NETWORK_UP_MS * 1000LL;
    struct pollfd fd = {.fd = ready, .events = POLLIN};
    char text[WORDS_BYTES] = "", byte;
    ssize_t len;

    for (;;) {
        int left_ms = (int)((until_us - clock_steady_us()) / 1000);
        int count = left_ms > 0 ? poll(&fd, 1, left_ms) : 0;
        if (count < 0 && errno == EINTR)
            continue;
        if (count == 1 && read(ready, &byte, 1) == 1)
            return true;
        len = read(words, text, sizeof text - 1);
        text[len > 0 ? len : 0] = '\0';
        return count == 0 ? err_set(err, ERR_TIMEOUT, "the cell's uplink is not up after %d ms: pasta: %s",
                                    NETWORK_UP_MS, last_line(text))
                          : err_set(err, ERR_SYSTEM, "the cell's uplink did not start: pasta: %s", last_line(text));
    }
}

static bool start_uplink(const struct target *target, uint16_t api_port, pid_t *ret_uplink, struct err *err)
{
    int ready[2] = {-1, -1}, words[2] = {-1, -1};
    pid_t parent = getpid(), uplink;
    bool up;

    if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(words, O_CLOEXEC | O_NONBLOCK) < 0)
        return err_sys(err, "pipe");
    (void)!fchown(ready[1], target->host_uid, target->host_gid); /* it opens it anew, by /proc/self/fd */
    uplink = fork();
    if (uplink == 0)
        run_uplink(target, api_port, parent, ready[1], words[1]);
    close(ready[1]), close(words[1]);
    up = uplink < 0 ? err_sys(err, "a child for the cell's uplink") : wait_until_up(ready[0], words[0], err);
    close(ready[0]), close(words[0]);
    if (up)
        *ret_uplink = uplink;
    else
        network_stop(uplink);
    return up;
}

bool network_start(pid_t pid1, uint16_t api_port, pid_t *ret_uplink, struct err *err)
{
    char note[200];
    struct target target;
    bool done;

    if (!network_has_uplink(note))
        return err_set(err, ERR_NOT_FOUND, "%s", note);
    done = target_open(pid1, &target, err) && settle(&target, true, err) &&
           start_uplink(&target, api_port, ret_uplink, err);
    target_close(&target);
    return done;
}

void network_stop(pid_t uplink)
{
    if (uplink <= 0)
        return;
    kill(uplink, SIGKILL);
    while (waitpid(uplink, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* -- names ------------------------------------------------------------------------------------------------------- */

/* Does the text of a resolv.conf(5) name a server that a cell can ask? */
static bool has_reachable_server(const char *text)
{
    for (const char *line = text; line; line = strchr(line, '\n')) {
        char server[64];

        line += *line == '\n';
        if (sscanf(line, "nameserver %63s", server) == 1 && strncmp(server, "127.", 4) != 0 &&
            strcmp(server, "::1") != 0)
            return true;
    }
    return false;
}

static bool read_resolver(const char *path, char ret_text[static NETWORK_RESOLVER_BYTES])
{
    FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, ret_text, NETWORK_RESOLVER_BYTES - 1);

    ret_text[len > 0 ? len : 0] = '\0';
    return has_reachable_server(ret_text);
}

/* Who answers on the host's loopback asks others, and writes down whom.  (pasta's own --dns-forward would do for any
 * such server, but the version of Debian 12 does not reach one on loopback without opening the host's loopback.) */
static const char *const behind_loopback[] = {"/run/systemd/resolve/resolv.conf",
                                              "/run/NetworkManager/no-stub-resolv.conf"};

bool network_resolver(char ret_text[static NETWORK_RESOLVER_BYTES])
{
    bool found = false;

    if (read_resolver("/etc/resolv.conf", ret_text))
        return false;
    for (size_t i = 0; !found && i < sizeof behind_loopback / sizeof *behind_loopback; i++)
        found = read_resolver(behind_loopback[i], ret_text);
    return found;
}

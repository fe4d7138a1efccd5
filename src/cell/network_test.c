/*
 * network_test: a cell's network on a host that the test makes: a network namespace with an uplink (a tap device that
 * nobody answers on), two addresses, metadata services on lo, and listeners that say which they are.
 */
#include "cell/network.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

int test_count, test_failures;

enum { API_PORT = 4566, OTHER_PORT = 9000, WEB_PORT = 80, CELL_USER = 993, HOST_USER = 100001, PROBE_MS = 1500 };
#define ABSTRACT "sculler-network-test"

/* What listens on the host.  A probe reads the letter. */
static const struct listener {
    char letter;
    int family;
    const char *address;
    int port;
} listeners[] = {
    {'a', AF_INET, "127.0.0.1", API_PORT},       {'b', AF_INET, "127.0.0.1", OTHER_PORT},
    {'c', AF_INET, "169.254.169.254", WEB_PORT}, {'d', AF_INET, "10.77.0.2", OTHER_PORT},
    {'e', AF_INET, "10.78.0.2", WEB_PORT},       {'f', AF_INET6, "::1", OTHER_PORT},
    {'g', AF_INET, "100.100.100.200", WEB_PORT},
};
enum { LISTENERS = sizeof listeners / sizeof *listeners };

static socklen_t address_of(int family, const char *address, int port, struct sockaddr_storage *ret)
{
    struct sockaddr_in *four = (void *)ret;
    struct sockaddr_in6 *six = (void *)ret;

    memset(ret, 0, sizeof *ret);
    ret->ss_family = (sa_family_t)family;
    if (family == AF_INET) {
        four->sin_port = htons((uint16_t)port);
        (void)inet_pton(family, address, &four->sin_addr);
        return sizeof *four;
    }
    six->sin6_port = htons((uint16_t)port);
    (void)inet_pton(family, address, &six->sin6_addr);
    return sizeof *six;
}

/* -- the host ----------------------------------------------------------------------------------------------------- */

static bool set_address(int line, const char *name, const char *address, const char *mask)
{
    struct ifreq request = {0};
    struct sockaddr_storage at;

    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    (void)address_of(AF_INET, address, 0, &at);
    memcpy(&request.ifr_addr, &at, sizeof request.ifr_addr);
    if (ioctl(line, SIOCSIFADDR, &request) < 0)
        return false;
    (void)address_of(AF_INET, mask, 0, &at);
    memcpy(&request.ifr_netmask, &at, sizeof request.ifr_netmask);
    if (ioctl(line, SIOCSIFNETMASK, &request) < 0)
        return false;
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    return ioctl(line, SIOCSIFFLAGS, &request) == 0;
}

static bool set_default_route(int line)
{
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    struct sockaddr_storage at;

    route.rt_dst.sa_family = route.rt_genmask.sa_family = AF_INET;
    (void)address_of(AF_INET, "10.77.0.1", 0, &at);
    memcpy(&route.rt_gateway, &at, sizeof route.rt_gateway);
    return ioctl(line, SIOCADDRT, &route) == 0;
}

/* The tap device stays while the process lives. */
static bool make_host(bool has_uplink)
{
    struct ifreq tap = {.ifr_name = "up0", .ifr_flags = IFF_TAP | IFF_NO_PI};
    int line, tun;

    if (unshare(CLONE_NEWNET) < 0 || (line = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
        return false;
    tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (!set_address(line, "lo", "127.0.0.1", "255.0.0.0"))
        return false;
    return !has_uplink ||
           (tun >= 0 && ioctl(tun, TUNSETIFF, &tap) == 0 && set_address(line, "up0", "10.77.0.2", "255.255.255.0") &&
            set_default_route(line) && set_address(line, "up0:1", "10.78.0.2", "255.255.255.0") &&
            set_address(line, "lo:1", "169.254.169.254", "255.255.255.255") &&
            set_address(line, "lo:2", "100.100.100.200", "255.255.255.255"));
}

static int listen_abstract(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "\0" ABSTRACT};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (void *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof ABSTRACT)) < 0 ||
        listen(fd, 5) < 0)
        abort();
    return fd;
}

/* Says its letter to whoever comes; in a child that dies with us. */
static void listen_on_host(bool has_uplink)
{
    struct pollfd fds[LISTENERS];

    for (int i = 0; i < LISTENERS; i++) {
        struct sockaddr_storage at;
        socklen_t len = address_of(listeners[i].family, listeners[i].address, listeners[i].port, &at);
        fds[i] = (struct pollfd){.fd = socket(listeners[i].family, SOCK_STREAM | SOCK_CLOEXEC, 0), .events = POLLIN};
        if ((bind(fds[i].fd, (void *)&at, len) < 0 || listen(fds[i].fd, 20) < 0) && has_uplink)
            abort();
    }
    (void)listen_abstract();
    pid_t host = getpid();
    if (fork() != 0)
        return;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != host)
        _exit(0);
    for (;;) {
        (void)poll(fds, LISTENERS, -1);
        for (int i = 0; i < LISTENERS; i++) {
            int peer = fds[i].revents ? accept(fds[i].fd, NULL, NULL) : -1;
            if (peer >= 0)
                (void)!write(peer, &listeners[i].letter, 1), close(peer);
        }
    }
}

/* -- the cell ----------------------------------------------------------------------------------------------------- */

static void write_map(pid_t pid, const char *name, const char *text)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FD_AUTO fd = open(path, O_WRONLY | O_CLOEXEC);
    if (write(fd, text, strlen(text)) < 0)
        abort();
}

/* Its pid 1, which waits to be killed, as the keeper's waits to be let go. */
static pid_t make_cell(void)
{
    int up[2];
    char byte, map[64];
    pid_t pid;

    if (pipe2(up, O_CLOEXEC) < 0 || (pid = fork()) < 0)
        abort();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 || write(up[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    if (read(up[0], &byte, 1) != 1)
        abort();
    (void)snprintf(map, sizeof map, "%d %d 1", CELL_USER, HOST_USER);
    write_map(pid, "setgroups", "deny");
    write_map(pid, "gid_map", map);
    write_map(pid, "uid_map", map);
    close(up[0]), close(up[1]);
    return pid;
}

static void end_cell(pid_t pid)
{
    kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static bool enter(pid_t cell)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/ns/user", (int)cell);
    FD_AUTO user = open(path, O_RDONLY | O_CLOEXEC);
    (void)snprintf(path, sizeof path, "/proc/%d/ns/net", (int)cell);
    FD_AUTO net = open(path, O_RDONLY | O_CLOEXEC);
    return setns(user, CLONE_NEWUSER) == 0 && setns(net, CLONE_NEWNET) == 0;
}

/* The letter of who answers there, '-' if nobody does; exit status of a child inside the cell. */
static char ask(int family, const char *address, int port)
{
    struct timeval limit = {PROBE_MS / 1000, PROBE_MS % 1000 * 1000};
    struct sockaddr_storage at;
    socklen_t len = address_of(family, address, port, &at);
    FD_AUTO fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char letter;

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (void *)&at, len) < 0 || read(fd, &letter, 1) != 1)
        return '-';
    return letter;
}

static char ask_abstract(int family, const char *address, int port)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "\0" ABSTRACT};
    FD_AUTO fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)family, (void)address, (void)port;
    return connect(fd, (void *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof ABSTRACT)) < 0 ? '-'
                                                                                                               : 'x';
}

static char inside(pid_t cell, char (*what)(int, const char *, int), int family, const char *address, int port)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(enter(cell) ? what(family, address, port) : '?');
    (void)waitpid(pid, &status, 0);
    return (char)(WIFEXITED(status) ? WEXITSTATUS(status) : '!');
}

/* Each test is a process with a host of its own. */
static void on_host(bool has_uplink, void (*test)(void))
{
    int counts[2], told[2] = {0};
    bool has_told;
    pid_t pid;

    (void)fflush(stdout);
    if (pipe2(counts, O_CLOEXEC) < 0 || (pid = fork()) < 0)
        abort();
    if (pid == 0) {
        if (!make_host(has_uplink))
            printf("# the test's host cannot be made: %s\n", strerror(errno)), exit(1);
        listen_on_host(has_uplink);
        test();
        (void)fflush(stdout);
        told[0] = test_count, told[1] = test_failures;
        (void)!write(counts[1], told, sizeof told);
        _exit(0);
    }
    close(counts[1]);
    has_told = read(counts[0], told, sizeof told) == (ssize_t)sizeof told;
    close(counts[0]);
    (void)waitpid(pid, NULL, 0);
    if (has_told) { /* it went on counting where we were */
        test_count = told[0];
        test_failures = told[1];
    }
    ok(has_told);
}

static pid_t start(pid_t cell, uint16_t port)
{
    int64_t before = clock_steady_us();
    struct err err = {0};
    pid_t uplink = 0;
    bool up = network_start(cell, port, &uplink, &err);

    ok(up && uplink > 0);
    printf("# network_start: %lld us %s\n", (long long)(clock_steady_us() - before), err.text);
    return uplink;
}

/* -- tests ----------------------------------------------------------------------------------------------------------
 */

static void reaches_the_world_and_nothing_of_the_host_but_the_api(void)
{
    static const struct {
        int family;
        const char *address;
        int port;
        char answers;
    } probes[] = {
        {AF_INET, "127.0.0.1", API_PORT, 'a'},   /* the one port */
        {AF_INET, "127.0.0.1", OTHER_PORT, '-'}, /* the host's loopback */
        {AF_INET, "0.0.0.0", OTHER_PORT, '-'},
        {AF_INET6, "::1", OTHER_PORT, '-'},
        {AF_INET6, "::ffff:127.0.0.1", OTHER_PORT, '-'},
        {AF_INET, "10.77.0.2", OTHER_PORT, '-'},     /* the host's address is the cell's own */
        {AF_INET, "169.254.169.254", WEB_PORT, '-'}, /* metadata services */
        {AF_INET6, "::ffff:169.254.169.254", WEB_PORT, '-'},
        {AF_INET, "100.100.100.200", WEB_PORT, '-'},
        {AF_INET, "10.78.0.2", WEB_PORT, 'e'},   /* what others than we may reach, too */
        {AF_INET, "10.78.0.2", OTHER_PORT, '-'}, /* a port that is bound on loopback only */
    };
    pid_t cell = make_cell(), uplink = start(cell, API_PORT);

    ok(ask(AF_INET, "127.0.0.1", OTHER_PORT) == 'b'); /* the probes themselves work: seen from the host */
    ok(ask(AF_INET, "169.254.169.254", WEB_PORT) == 'c');
    ok(ask(AF_INET, "10.77.0.2", OTHER_PORT) == 'd');
    ok(ask_abstract(0, "", 0) == 'x');
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        char seen = inside(cell, ask, probes[i].family, probes[i].address, probes[i].port);
        ok(seen == probes[i].answers);
        if (seen != probes[i].answers)
            printf("# %s port %d: '%c', not '%c'\n", probes[i].address, probes[i].port, seen, probes[i].answers);
    }
    ok(inside(cell, ask_abstract, 0, "", 0) == '-');
    end_cell(cell);
    network_stop(uplink);
    ok(kill(uplink, 0) < 0 && errno == ESRCH);
}

static void reaches_no_api_that_was_not_named(void)
{
    pid_t cell = make_cell(), uplink = start(cell, 0);

    ok(inside(cell, ask, AF_INET, "127.0.0.1", API_PORT) == '-');
    ok(inside(cell, ask, AF_INET, "10.78.0.2", WEB_PORT) == 'e');
    end_cell(cell);
    network_stop(uplink);
}

static void reaches_the_api_on_a_host_that_is_offline(void)
{
    pid_t cell = make_cell(), uplink = start(cell, API_PORT);

    ok(inside(cell, ask, AF_INET, "127.0.0.1", API_PORT) == 'a');
    ok(inside(cell, ask, AF_INET, "127.0.0.1", OTHER_PORT) == '-');
    ok(inside(cell, ask, AF_INET, "169.254.169.254", WEB_PORT) == '-');
    end_cell(cell);
    network_stop(uplink);
}

static void has_a_loopback_of_its_own_and_nothing_else(void)
{
    struct err err = {0};
    pid_t cell = make_cell();

    ok(network_start_none(cell, &err));
    ok(inside(cell, ask, AF_INET, "127.0.0.1", API_PORT) == '-');
    ok(inside(cell, ask, AF_INET, "10.78.0.2", WEB_PORT) == '-');
    ok(inside(cell, ask, AF_INET, "169.254.169.254", WEB_PORT) == '-');
    end_cell(cell);
}

/* Whoever started it is killed: it goes too, and leaves nobody. */
static void the_uplink_dies_with_its_parent(void)
{
    int line[2];
    pid_t keeper, uplink = 0;

    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* so that an orphan would come to us */
    if (pipe2(line, O_CLOEXEC) < 0 || (keeper = fork()) < 0)
        abort();
    if (keeper == 0) {
        struct err err = {0};
        if (network_start(make_cell(), API_PORT, &uplink, &err) && write(line[1], &uplink, sizeof uplink) > 0)
            pause();
        _exit(1);
    }
    close(line[1]);
    ok(read(line[0], &uplink, sizeof uplink) == (ssize_t)sizeof uplink);
    ok(kill(uplink, 0) == 0);
    kill(keeper, SIGKILL);
    (void)waitpid(keeper, NULL, 0);
    alarm(5);
    ok(uplink > 0 && waitpid(uplink, NULL, 0) == uplink); /* an uplink that lived on would hang here */
    alarm(0);
    close(line[0]);
}

static void says_what_is_wrong_with_a_cell_that_is_gone(void)
{
    struct err err = {0};
    pid_t cell = make_cell(), uplink = 0;

    end_cell(cell);
    ok(!network_start(cell, API_PORT, &uplink, &err) && err.text[0] && uplink == 0);
    ok(!network_start_none(cell, &err));
}

int main(void)
{
    char note[200];

    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* it forks, and each line is to be said once */
    if (geteuid() != 0 || !network_has_uplink(note)) {
        printf("1..0 # SKIP %s\n", geteuid() != 0 ? "the test's host and cell need root" : note);
        return 0;
    }
    on_host(true, reaches_the_world_and_nothing_of_the_host_but_the_api);
    on_host(true, reaches_no_api_that_was_not_named);
    on_host(false, reaches_the_api_on_a_host_that_is_offline);
    on_host(true, has_a_loopback_of_its_own_and_nothing_else);
    on_host(true, the_uplink_dies_with_its_parent);
    on_host(true, says_what_is_wrong_with_a_cell_that_is_gone);
    printf("1..%d\n", test_count);
    return test_failures != 0;
}

/*
 * filter_test: the table of calls against what the kernel really does, inside a cell: every number of this
 * architecture, and of the two foreign ones that an x86-64 kernel takes.  Each call is made by a fork of the template,
 * with arguments that are of no use to anyone, so nothing that passes can do harm.
 */
#include "cell/cell_testing.h"

#include "cell/filter.h"

#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { NUMBERS = 1024, X32_BIT = 0x40000000, CALL_MS = 2000 };

/* -- inside the cell --------------------------------------------------------------------------------------------- */

/* What came of it: 'k' killed by the filter, 'p' passed, 'e' EPERM, 's' ENOSYS, 'o' EOPNOTSUPP, 't' ENOTTY. */
static char letter(int error)
{
    return error == EPERM ? 'e' : error == ENOSYS ? 's' : error == EOPNOTSUPP ? 'o' : error == ENOTTY ? 't' : 'p';
}

static char in_a_child(long (*call)(long number), long number)
{
    int status, error;
    pid_t pid = fork();

    if (pid == 0) {
        alarm(1); /* whatever waits is let through */
        error = call(number) < 0 ? errno : 0;
        _exit(letter(error));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return '?';
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS ? 'k' : 'p'; /* it crashed, or slept: after it was let through */
    return strchr("esot", WEXITSTATUS(status)) ? (char)WEXITSTATUS(status) : 'p'; /* or exit(2) itself */
}

static long call_ours(long number)
{
    if (number == SYS_vfork) { /* a function that returned before its child did would find its stack gone */
        pid_t pid = vfork();
        if (pid == 0)
            _exit(0);
        return pid;
    }
    return syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
}

static long call_x32(long number)
{
    return syscall(number | X32_BIT, -1L, -1L, -1L, -1L, -1L, -1L);
}

/* As a 32-bit program would, from 64-bit code: the kernel looks the number up in the other table. */
static long call_i386(long number)
{
#if defined(__x86_64__)
    long result = number;

    __asm__ volatile("int $0x80" : "+a"(result) : "b"(-1L), "c"(-1L), "d"(-1L) : "memory", "r8", "r9", "r10", "r11");
    errno = result < 0 ? (int)-result : 0;
    return result < 0 ? -1 : result;
#else
    (void)number;
    raise(SIGSYS);
    return -1;
#endif
}

static void sweep(long (*call)(long number), char *ret)
{
    for (long number = 0; number < NUMBERS; number++)
        ret[number] = in_a_child(call, number);
    ret[NUMBERS] = '\0';
}

static void play_ours(int fds[static ASK_FDS], char *ret)
{
    (void)fds;
    sweep(call_ours, ret);
}

static void play_i386(int fds[static ASK_FDS], char *ret)
{
    (void)fds;
    sweep(call_i386, ret);
}

static void play_x32(int fds[static ASK_FDS], char *ret)
{
    (void)fds;
    sweep(call_x32, ret);
}

/* By its arguments: what passes and what does not.  Words of the answer are "name=letter". */
static const struct probe {
    const char *name;
    char wanted;
    long number, arguments[6];
} probes[] = {
    {"unix", 'p', SYS_socket, {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0}},
    {"tcp", 'p', SYS_socket, {AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0}},
    {"tcp6", 'p', SYS_socket, {AF_INET6, SOCK_STREAM, IPPROTO_TCP}},
    {"udp", 'p', SYS_socket, {AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP}},
    {"raw", 'e', SYS_socket, {AF_INET, SOCK_RAW, IPPROTO_ICMP}},
    {"ping", 'e', SYS_socket, {AF_INET, SOCK_DGRAM, IPPROTO_ICMP}},
    {"sctp", 'e', SYS_socket, {AF_INET, SOCK_STREAM, IPPROTO_SCTP}},
    {"mptcp", 'e', SYS_socket, {AF_INET, SOCK_STREAM, 262}},
    {"netlink", 'e', SYS_socket, {AF_NETLINK, SOCK_RAW, 0}},
    {"packet", 'e', SYS_socket, {AF_PACKET, SOCK_RAW, 0}},
    {"alg", 'e', SYS_socket, {AF_ALG, SOCK_SEQPACKET, 0}},
    {"vsock", 'e', SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}},
    {"upper-half", 'e', SYS_socket, {AF_ALG | (1L << 32), SOCK_SEQPACKET, 0}},
    {"pair-unix", 'p', SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, 0}},
    {"pair-tipc", 'e', SYS_socketpair, {AF_TIPC, SOCK_STREAM, 0, 0}},
    {"tcp-ulp", 'e', SYS_setsockopt, {-1, IPPROTO_TCP, 31, 0, 0}},
    {"tcp-ulp-upper", 'e', SYS_setsockopt, {-1, IPPROTO_TCP | (1L << 32), 31 | (1L << 33), 0, 0}},
    {"tcp-nodelay", 'p', SYS_setsockopt, {-1, IPPROTO_TCP, 1, 0, 0}},
    {"isatty", 't', SYS_ioctl, {0, TCGETS, 0}},
    {"sti", 'e', SYS_ioctl, {0, TIOCSTI, 0}},
    {"linux", 'e', SYS_ioctl, {0, TIOCLINUX, 0}},
    {"nonblocking", 'p', SYS_fcntl, {-1, F_SETFL, O_NONBLOCK}},
    {"close-on-exec", 'p', SYS_fcntl, {-1, F_DUPFD_CLOEXEC, 3}},
    {"record-lock", 'p', SYS_fcntl, {-1, F_SETLKW, 0}},
    {"lease", 'e', SYS_fcntl, {-1, F_SETLEASE, F_RDLCK}},
    {"notify", 'e', SYS_fcntl, {-1, F_NOTIFY, 1}},
    {"signal-owner", 'e', SYS_fcntl, {-1, F_SETOWN, 1}},
    {"lease-upper", 'e', SYS_fcntl, {-1, F_SETLEASE | (1L << 32), F_RDLCK}},
    {"readable", 'p', SYS_ioctl, {-1, FIONREAD, 0}},
    {"limit-own", 'p', SYS_prlimit64, {0, 7, 0, 0}},
    {"limit-other", 'e', SYS_prlimit64, {1, 7, 0, 0}},
    {"name", 'p', SYS_prctl, {PR_GET_NAME, 0}},
    {"filter-old-way", 'e', SYS_prctl, {PR_SET_SECCOMP, 2, 0}},
    {"mm", 'e', SYS_prctl, {PR_SET_MM, 1, 0}},
    {"listener", 'e', SYS_seccomp, {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0}},
    {"more-filter", 'p', SYS_seccomp, {SECCOMP_SET_MODE_FILTER, 0, 0}},
    {"enter-mounts", 'p', SYS_setns, {-1, CLONE_NEWNS}},
    {"enter-net", 'e', SYS_setns, {-1, CLONE_NEWNET}},
    {"enter-both", 'e', SYS_setns, {-1, CLONE_NEWNS | CLONE_NEWUSER}},
    {"clone-user", 'e', SYS_clone, {CLONE_NEWUSER | SIGCHLD, 0}},
    {"clone-net", 'e', SYS_clone, {CLONE_NEWNET | SIGCHLD, 0}},
};

static const struct probe *probe_now;

static long call_probe(long number)
{
    const long *a = probe_now->arguments;

    return syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void play_arguments(int fds[static ASK_FDS], char *ret)
{
    size_t len = 0;

    (void)fds;
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        probe_now = &probes[i];
        len += (size_t)snprintf(ret + len, ASK_BYTES - len, " %s=%c ", probes[i].name,
                                in_a_child(call_probe, probes[i].number));
    }
}

static const struct role roles[] = {
    {"ours", play_ours}, {"i386", play_i386}, {"x32", play_x32}, {"arguments", play_arguments}, {NULL, NULL},
};

/* -- outside ----------------------------------------------------------------------------------------------------- */

/* futex has no such operation as -1.  335 and 336 are the kernel's own way back from a uprobe: no filter is asked
 * (Linux 6.11, 6.18), and who makes them from elsewhere is killed. */
static bool is_excused(int number, char seen)
{
    return (number == SYS_futex && seen == 's') || ((number == 335 || number == 336) && seen == 'p');
}

/* A call with rules may give its own errno; with useless arguments no rule matches, so it is refused. */
static void allows_what_the_table_says_and_nothing_else(void)
{
    struct room room;
    char seen[ASK_BYTES];
    int differences = 0, passes = 0;

    room_open(&room);
    (void)snprintf(seen, sizeof seen, "%s", ask_template(&room, "ours"));
    ok(strlen(seen) == NUMBERS);
    for (int number = 0; number < NUMBERS && seen[number]; number++) {
        int verdict = filter_verdict(FILTER_TEMPLATE, number);
        char wanted = verdict == FILTER_PASSES ? 'p' : letter(verdict);
        passes += seen[number] == 'p';
        if (seen[number] != wanted && !is_excused(number, seen[number])) {
            printf("# call %d: the table says %c, the kernel %c\n", number, wanted, seen[number]);
            differences++;
        }
    }
    ok(differences == 0);
    printf("# %d calls of a function pass, of them %d whatever their arguments\n",
           filter_allowed_count(FILTER_TEMPLATE), passes);
    ok(filter_allowed_count(FILTER_TEMPLATE) <= FILTER_ALLOWED_MAX);
    room_close(&room);
}

static void kills_calls_of_foreign_architectures(void)
{
    struct room room;
    const char *const foreign[] = {"i386", "x32"};

    room_open(&room);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        const char *seen = ask_template(&room, foreign[i]);
        ok(strlen(seen) == NUMBERS && strspn(seen, "k") == NUMBERS);
    }
    room_close(&room);
}

static void looks_at_arguments(void)
{
    struct room room;
    char seen[ASK_BYTES], wanted[64];

    room_open(&room);
    (void)snprintf(seen, sizeof seen, "%s", ask_template(&room, "arguments"));
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        (void)snprintf(wanted, sizeof wanted, " %s=%c ", probes[i].name, probes[i].wanted);
        ok(says(seen, wanted));
    }
    room_close(&room);
}

static void (*const tests[])(void) = {
    allows_what_the_table_says_and_nothing_else,
    kills_calls_of_foreign_architectures,
    looks_at_arguments,
};

int main(int argc, char **argv)
{
    return run_tests(argc, argv, roles, tests, sizeof tests / sizeof *tests);
}

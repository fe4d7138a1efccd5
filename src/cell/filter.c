/*
 * filter: see filter.h.
 *
 * An allowlist: a deny-list forgets what the next kernel brings.  Arguments are compared where the kernel reads them
 * whole; an `int` is compared in all 64 bits only to let something *through*, since a set upper half then merely
 * fails to match.  What libseccomp cannot say (a range of numbers, "not equal" in 32 bits) is a prefix in the
 * kernel's own words, before the program that it makes.
 */
#include "cell/filter.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum call_kind { PASSES, HAS_RULES, SEALS, IS_OURS, IS_ANSWERED };

static const struct call {
    const char *name;
    enum call_kind kind;
    int answer; /* IS_ANSWERED: an errno */
} calls[] = {
#define CALL(name) {#name, PASSES, 0},
#define RULED(name) {#name, HAS_RULES, EPERM},
#define SEAL(name) {#name, SEALS, EPERM},
#define OURS(name) {#name, IS_OURS, 0},
#define ANSWER(name, error) {#name, IS_ANSWERED, error},
#include "cell/syscalls.def"
#undef CALL
#undef RULED
#undef SEAL
#undef OURS
#undef ANSWER
};

enum {
    CALLS = sizeof calls / sizeof *calls,
    CONDITIONS_MAX = 3,
    SOCKET_TYPE_MASK = 0xf, /* beside it: SOCK_NONBLOCK, SOCK_CLOEXEC */
    TCP_ULP_OPTION = 31,
};

#define NEW_NAMESPACES \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define IS(argument, value) SCMP_CMP64(argument, SCMP_CMP_EQ, value)
#define MASKED(argument, mask, value) SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, mask, value)
#define STREAM MASKED(1, SOCKET_TYPE_MASK | ~0xffffffffULL, SOCK_STREAM)
#define DATAGRAM MASKED(1, SOCKET_TYPE_MASK | ~0xffffffffULL, SOCK_DGRAM)

/* By which arguments a call passes: one row matches, or it is refused.  answer 0: passes. */
static const struct rule {
    const char *name;
    int answer;
    unsigned count;
    struct scmp_arg_cmp conditions[CONDITIONS_MAX];
} rules[] = {
    {"clone", 0, 1, {MASKED(0, NEW_NAMESPACES, 0)}},
    /* Three families, and of those only what TCP and UDP need: every other protocol is a module to be loaded. */
    {"socket", 0, 1, {IS(0, AF_UNIX)}},
    {"socket", 0, 3, {IS(0, AF_INET), STREAM, IS(2, 0)}},
    {"socket", 0, 3, {IS(0, AF_INET), STREAM, IS(2, IPPROTO_TCP)}},
    {"socket", 0, 3, {IS(0, AF_INET), DATAGRAM, IS(2, 0)}},
    {"socket", 0, 3, {IS(0, AF_INET), DATAGRAM, IS(2, IPPROTO_UDP)}},
    {"socket", 0, 3, {IS(0, AF_INET6), STREAM, IS(2, 0)}},
    {"socket", 0, 3, {IS(0, AF_INET6), STREAM, IS(2, IPPROTO_TCP)}},
    {"socket", 0, 3, {IS(0, AF_INET6), DATAGRAM, IS(2, 0)}},
    {"socket", 0, 3, {IS(0, AF_INET6), DATAGRAM, IS(2, IPPROTO_UDP)}},
    {"socketpair", 0, 1, {IS(0, AF_UNIX)}},
    /* The flags of descriptors (F_DUPFD 0 to F_SETLKW 7), locks, pipes.  Not leases and F_NOTIFY, which tell of, or
     * hold up, who works with a file of the host; nor signals from descriptors. */
    {"fcntl", 0, 1, {MASKED(1, ~7ULL, 0)}},
    {"fcntl", 0, 1, {IS(1, F_DUPFD_CLOEXEC)}},
    {"fcntl", 0, 1, {IS(1, F_OFD_GETLK)}},
    {"fcntl", 0, 1, {IS(1, F_OFD_SETLK)}},
    {"fcntl", 0, 1, {IS(1, F_OFD_SETLKW)}},
    {"fcntl", 0, 1, {IS(1, F_SETPIPE_SZ)}},
    {"fcntl", 0, 1, {IS(1, F_GETPIPE_SZ)}},
    {"ioctl", 0, 1, {IS(1, FIONREAD)}},
    {"ioctl", 0, 1, {IS(1, FIONBIO)}},
    {"ioctl", 0, 1, {IS(1, FIOCLEX)}},
    {"ioctl", 0, 1, {IS(1, FIONCLEX)}},
    {"ioctl", ENOTTY, 1, {IS(1, TCGETS)}}, /* isatty: there is no terminal in a cell */
    {"ioctl", ENOTTY, 1, {IS(1, TIOCGWINSZ)}},
    {"prlimit64", 0, 1, {IS(0, 0)}}, /* its own */
    {"prctl", 0, 1, {IS(0, PR_SET_PDEATHSIG)}},
    {"prctl", 0, 1, {IS(0, PR_GET_DUMPABLE)}},
    {"prctl", 0, 1, {IS(0, PR_SET_DUMPABLE)}},
    {"prctl", 0, 1, {IS(0, PR_SET_NAME)}},
    {"prctl", 0, 1, {IS(0, PR_GET_NAME)}},
    {"prctl", 0, 1, {IS(0, PR_CAPBSET_READ)}},
    {"prctl", 0, 1, {IS(0, PR_SET_NO_NEW_PRIVS)}},
    {"prctl", 0, 1, {IS(0, PR_GET_NO_NEW_PRIVS)}},
    /* Of a template only */
    {"setns", 0, 1, {IS(1, CLONE_NEWNS)}},
    {"capset", 0, 0, {{0}}},
    {"seccomp", 0, 2, {IS(0, SECCOMP_SET_MODE_FILTER), IS(1, 0)}}, /* no listener, which could grant anything */
    {"landlock_create_ruleset", 0, 0, {{0}}},
    {"landlock_add_rule", 0, 0, {{0}}},
    {"landlock_restrict_self", 0, 0, {{0}}},
};

enum { RULES = sizeof rules / sizeof *rules, PROGRAM_MAX = 2048 };

#if defined(__x86_64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOW_HALF(n) args[n] /* of a little-endian number */
#define JUMP(test, value, if_true, if_false) BPF_JUMP(BPF_JMP | test | BPF_K, value, if_true, if_false)
#define REFUSE(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))

/* Falls through to libseccomp's program, which begins by judging the architecture: another's is killed there. */
static const struct sock_filter prefix[] = {
    LOAD(arch),
    JUMP(BPF_JEQ, OUR_ARCHITECTURE, 0, 10),
    LOAD(nr),
    JUMP(BPF_JGE, 0x40000000U, 8, 0), /* x32, or a number below zero */
    JUMP(BPF_JGT, FILTER_KNOWS, 0, 1),
    REFUSE(ENOSYS),
    JUMP(BPF_JEQ, SYS_setsockopt, 0, 5),
    LOAD(LOW_HALF(1)),
    JUMP(BPF_JEQ, IPPROTO_TCP, 0, 3),
    LOAD(LOW_HALF(2)),
    JUMP(BPF_JEQ, TCP_ULP_OPTION, 0, 1), /* would load a protocol's module */
    REFUSE(EPERM),
};

enum { PREFIX = sizeof prefix / sizeof *prefix };

static struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short len;
} programs[FILTERS];

static bool in_filter(enum filter filter, const struct call *call)
{
    return call->kind == SEALS ? filter == FILTER_TEMPLATE : call->kind == IS_OURS ? filter == FILTER_PLAIN : true;
}

static bool add_rules(scmp_filter_ctx made, const struct call *call, int number, struct err *err)
{
    for (const struct rule *rule = rules; rule < rules + RULES; rule++) {
        uint32_t action = rule->answer ? SCMP_ACT_ERRNO(rule->answer) : SCMP_ACT_ALLOW;
        if (strcmp(rule->name, call->name) != 0)
            continue;
        if (seccomp_rule_add_exact_array(made, action, number, rule->count, rule->conditions) < 0)
            return err_set(err, ERR_SYSTEM, "seccomp takes no rule of %s", rule->name);
    }
    return true;
}

static bool add_call(scmp_filter_ctx made, const struct call *call, struct err *err)
{
    int number = seccomp_syscall_resolve_name(call->name);
    uint32_t action = call->answer == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(call->answer);

    if (number == __NR_SCMP_ERROR)
        return err_set(err, ERR_SYSTEM, "seccomp does not know %s: libseccomp 2.5.2 or later is needed", call->name);
    if (number < 0) /* not on this architecture */
        return true;
    if (call->kind == HAS_RULES || call->kind == SEALS)
        return add_rules(made, call, number, err);
    if (seccomp_rule_add_exact_array(made, action, number, 0, NULL) < 0)
        return err_set(err, ERR_SYSTEM, "seccomp takes no rule of %s", call->name);
    return true;
}

static void release(scmp_filter_ctx *made)
{
    if (*made)
        seccomp_release(*made);
}

/* The kernel's words for it, through a file in memory: libseccomp writes to nothing else. */
static bool export(scmp_filter_ctx made, struct program *ret, struct err *err)
{
    FD_AUTO file = memfd_create("filter", MFD_CLOEXEC);
    struct stat st;

    memcpy(ret->code, prefix, sizeof prefix);
    if (file < 0 || seccomp_export_bpf(made, file) < 0 || fstat(file, &st) < 0)
        return err_sys(err, "exporting the filter");
    if ((size_t)st.st_size > sizeof ret->code - sizeof prefix)
        return err_set(err, ERR_LIMIT, "the filter has more than %d instructions", PROGRAM_MAX);
    if (pread(file, ret->code + PREFIX, (size_t)st.st_size, 0) != st.st_size)
        return err_sys(err, "reading the filter");
    ret->len = (unsigned short)(PREFIX + (size_t)st.st_size / sizeof *ret->code);
    return true;
}

static bool prepare(enum filter filter, struct err *err)
{
    CLEANUP(release) scmp_filter_ctx made = seccomp_init(SCMP_ACT_ERRNO(EPERM));

    if (!made)
        return err_set(err, ERR_SYSTEM, "libseccomp does not start");
    if (seccomp_attr_set(made, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) < 0 ||
        seccomp_attr_set(made, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0)
        return err_set(err, ERR_SYSTEM, "libseccomp is too old");
    for (const struct call *call = calls; call < calls + CALLS; call++) {
        if (in_filter(filter, call) && !add_call(made, call, err))
            return false;
    }
    return export(made, &programs[filter], err);
}

bool filter_prepare(struct err *err)
{
    for (int filter = 0; filter < FILTERS; filter++) {
        if (!prepare((enum filter)filter, err))
            return false;
    }
    return true;
}

bool filter_load(enum filter filter, struct err *err)
{
    struct sock_fprog program = {programs[filter].len, programs[filter].code};

    if (program.len == 0)
        return err_set(err, ERR_SYSTEM, "the filter of system calls was not made");
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        return err_sys(err, "the filter of system calls (a kernel with CONFIG_SECCOMP_FILTER is needed)");
    return true;
}

int filter_verdict(enum filter filter, int number)
{
    if (number > FILTER_KNOWS)
        return ENOSYS;
    for (const struct call *call = calls; call < calls + CALLS; call++) {
        if (seccomp_syscall_resolve_name(call->name) != number || !in_filter(filter, call))
            continue;
        for (const struct rule *rule = rules; call->kind == SEALS && rule < rules + RULES; rule++) {
            if (strcmp(rule->name, call->name) == 0 && rule->count == 0)
                return FILTER_PASSES;
        }
        return call->answer;
    }
    return EPERM;
}

int filter_allowed_count(enum filter filter)
{
    int count = 0;

    for (const struct call *call = calls; call < calls + CALLS; call++)
        count += call->kind != IS_ANSWERED && in_filter(filter, call);
    return count;
}

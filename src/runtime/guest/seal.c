/*
 * The order is cell/README's: hello, mount namespace, capabilities, Landlock, seccomp.  Nothing here needs memory or a
 * lock, so it is safe right after a fork.  The filter only takes away what the cell's own filter still allows a
 * template.
 */
#include "runtime/guest/seal.h"

#include "cell/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights and fields that the headers of Debian 12 do not have yet: Linux 6.2, 6.10, 6.12 (landlock(7)). */
#define RIGHT_TRUNCATE (1ULL << 14)
#define RIGHT_IOCTL_DEV (1ULL << 15)
#define RIGHTS_OF_ABI_1 ((1ULL << 13) - 1)

enum {
    ABI_REFER = 2,
    ABI_TRUNCATE = 3,
    ABI_IOCTL_DEV = 5,
    ABI_SCOPE = 6,
    SCOPE_ABSTRACT_SOCKETS = 1,
    SCOPE_SIGNALS = 2,
};

struct ruleset {
    uint64_t fs, net, scoped;
};

static const struct {
    const char *path;
    uint64_t rights;
} beneath[] = {
    {"/", LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR},
    {"/dev", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
                 RIGHT_TRUNCATE | RIGHT_IOCTL_DEV},
    {"/tmp", ~0ULL & ~(uint64_t)(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)},
};

/* True: an answer; *ret_namespace is its descriptor, or -1. */
static bool pass_gate(int gate, int *ret_namespace)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    char word = GATE_HELLO;
    struct iovec iov = {&word, 1};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct pollfd waits = {.fd = gate, .events = POLLIN};
    struct cmsghdr *rights;

    *ret_namespace = -1;
    errno = 0;
    if (send(gate, &word, 1, MSG_NOSIGNAL) != 1 || poll(&waits, 1, GATE_ANSWER_MS) != 1 ||
        recvmsg(gate, &message, MSG_CMSG_CLOEXEC) != 1)
        return false;
    rights = CMSG_FIRSTHDR(&message);
    if (rights && rights->cmsg_type == SCM_RIGHTS && rights->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(ret_namespace, CMSG_DATA(rights), sizeof(int));
    return word == GATE_ENTER ? *ret_namespace >= 0 : word == GATE_STAY;
}

static bool drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    return syscall(SYS_capset, &header, none) == 0;
}

static uint64_t rights_of(long abi)
{
    uint64_t rights = RIGHTS_OF_ABI_1;

    rights |= abi >= ABI_REFER ? LANDLOCK_ACCESS_FS_REFER : 0;
    rights |= abi >= ABI_TRUNCATE ? RIGHT_TRUNCATE : 0;
    return rights | (abi >= ABI_IOCTL_DEV ? RIGHT_IOCTL_DEV : 0);
}

static bool allow_beneath(int ruleset, const char *path, uint64_t rights)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    bool good =
        rule.parent_fd >= 0 && syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;

    close(rule.parent_fd);
    return good;
}

/* A domain of its own keeps a worker out of the template's memory and away from its siblings; where the kernel has no
 * Landlock, not being dumpable does the first of the two. */
static bool enter_domain(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct ruleset attr = {.fs = rights_of(abi), .scoped = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS};
    size_t size = abi >= ABI_SCOPE ? sizeof attr : offsetof(struct ruleset, net);
    int ruleset;

    if (abi <= 0)
        return prctl(PR_SET_DUMPABLE, 0) == 0;
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0)
        return false;
    for (size_t i = 0; i < sizeof beneath / sizeof *beneath; i++) {
        if (!allow_beneath(ruleset, beneath[i].path, beneath[i].rights & attr.fs))
            return false;
    }
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        return false;
    close(ruleset);
    return true;
}

static bool forbid_what_is_left(void)
{
    enum { REFUSE = 4 };
    static const int refused[] = {SYS_setns, SYS_seccomp, SYS_capset};
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused[0], 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused[1], 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused[2], 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};

    _Static_assert(sizeof refused / sizeof *refused == REFUSE - 1, "a jump for each");
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

const char *seal_worker(int gate, bool forked)
{
    int namespace = -1;
    bool passed = gate < 0 || pass_gate(gate, &namespace);

    if (gate >= 0)
        close(gate);
    if (!passed)
        return "it was not let in";
    if (namespace >= 0 && forked && (setns(namespace, CLONE_NEWNS) < 0 || chdir("/var/task") < 0))
        return "it cannot enter its /tmp";
    if (namespace >= 0)
        close(namespace);
    if (!drop_capabilities())
        return "it cannot drop its capabilities";
    /* Who has the cell to itself has nobody to be kept from, but may have children of its import, which a domain would
     * hide and keep from its signals. */
    if (forked && !enter_domain())
        return "Landlock refuses it";
    return forbid_what_is_left() ? NULL : "seccomp refuses it";
}

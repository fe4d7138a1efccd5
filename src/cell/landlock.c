/*
 * landlock: see landlock.h.
 *
 * The kernel's header of the build may be older than the kernel of the run: rights past those of ABI 3 and the fields
 * of later ABIs are written here as the kernel's documentation numbers them ("Landlock: unprivileged access control").
 */
#include "cell/landlock.h"

#include "base/fd.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

enum {
    ABI_REFER = 2,
    ABI_TRUNCATE = 3,
    ABI_NET = 4,
    ABI_IOCTL = 5,
    ABI_SCOPE = 6,
};

#define FIRST_RIGHTS ((1ULL << 13) - 1) /* of ABI 1 */
#define REFER (1ULL << 13)
#define TRUNCATE (1ULL << 14)
#define IOCTL_DEV (1ULL << 15)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)
#define LOOK (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define NODES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)

/* struct landlock_ruleset_attr as it has grown; an older kernel is told of its first fields only. */
struct ruleset {
    uint64_t files, net, scoped;
};

static const struct {
    int abi;
    size_t bytes;
    uint64_t rights;
} grown[] = {
    {ABI_SCOPE, sizeof(struct ruleset), FIRST_RIGHTS | REFER | TRUNCATE | IOCTL_DEV},
    {ABI_IOCTL, offsetof(struct ruleset, scoped), FIRST_RIGHTS | REFER | TRUNCATE | IOCTL_DEV},
    {ABI_NET, offsetof(struct ruleset, scoped), FIRST_RIGHTS | REFER | TRUNCATE},
    {ABI_TRUNCATE, offsetof(struct ruleset, net), FIRST_RIGHTS | REFER | TRUNCATE},
    {ABI_REFER, offsetof(struct ruleset, net), FIRST_RIGHTS | REFER},
    {1, offsetof(struct ruleset, net), FIRST_RIGHTS},
};

/* Of the rights that the ruleset handles. */
static const uint64_t may_rights[] = {
    [LANDLOCK_FILES] = ~(uint64_t)NODES,
    [LANDLOCK_DEVICES] = LOOK | LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE | IOCTL_DEV,
};

int landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return abi > 0 ? (int)abi : 0;
}

static bool add_rule(int ruleset, const char *path, uint64_t rights, struct err *err)
{
    FD_AUTO folder = open(path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr attr = {.allowed_access = rights, .parent_fd = folder};

    if (folder < 0 || syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) < 0)
        return err_sys(err, "Landlock's rule of %s", path);
    return true;
}

bool landlock_enter(const struct landlock_rule *rules, struct err *err)
{
    int abi = landlock_abi();
    size_t row = 0;

    if (abi == 0)
        return true;
    while (grown[row].abi > abi)
        row++;

    struct ruleset attr = {.files = grown[row].rights, .scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL};
    FD_AUTO ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, grown[row].bytes, 0);

    if (ruleset < 0)
        return err_sys(err, "Landlock");
    if (!add_rule(ruleset, "/", LOOK, err))
        return false;
    for (; rules->path; rules++) {
        if (!add_rule(ruleset, rules->path, may_rights[rules->may] & attr.files, err))
            return false;
    }
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        return err_sys(err, "entering Landlock");
    return true;
}

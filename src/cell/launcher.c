/*
 * launcher: pid 1's child, from the fork to the exec of what the cell is for.
 *
 *   session, descriptors -> [template: user and mount namespaces of its own, one user mapped, told to the keeper]
 *   -> capabilities -> Landlock -> seccomp -> exec
 *
 * A template keeps two capabilities, over its own user namespace, which owns mount namespaces and nothing else: with
 * them, and with what its filter leaves, it can do one thing, setns into a mount namespace that the keeper handed to
 * a fork of it.  Rejected: letting the fork mount (it needs the mount calls), a grant by seccomp's user notification
 * (arguments behind pointers change after they were looked at; a "fresh fork" cannot be recognised).
 */
#include "cell/cell_private.h"
#include "cell/filter.h"
#include "cell/keeper_private.h"
#include "cell/landlock.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum {
    FIRST_FREE_FD = 10, /* above what the program gets */
    SET_MDWE = 65,      /* prctl: memory is writable or executable, never both, never one after the other (6.3) */
    MDWE_REFUSE_EXEC_GAIN = 1,
};

#define BIT(capability) (1ULL << (capability))

static bool set_capabilities(uint64_t active, uint64_t inherited, struct err *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    for (int half = 0; half < 2; half++) {
        uint32_t bits = (uint32_t)(active >> 32 * half);
        data[half] = (struct __user_cap_data_struct){bits, bits, (uint32_t)(inherited >> 32 * half)};
    }
    return syscall(SYS_capset, &header, data) == 0 || err_sys(err, "capset");
}

/* In an order that leaves CAP_SETPCAP until nothing needs it any more. */
bool launcher_drop(uint64_t kept, struct err *err)
{
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (!set_capabilities(kept | BIT(CAP_SETPCAP), kept, err))
        return false;
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
        if (prctl(PR_CAPBSET_DROP, cap) < 0)
            return err_sys(err, "dropping capability %d", cap);
        if ((kept & BIT(cap)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
            return err_sys(err, "keeping capability %d", cap);
    }
    if (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
                                     SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                                     SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED) < 0)
        return err_sys(err, "securebits");
    if (!set_capabilities(kept, kept, err))
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(err, "no_new_privs");
    if (prctl(PR_SET_DUMPABLE, 0) < 0)
        return err_sys(err, "dumpable");
    return true;
}

static bool write_own(int proc, const char *file, const char *text, struct err *err)
{
    FD_AUTO fd = openat(proc, file, O_WRONLY | O_CLOEXEC);

    return (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text)) || err_sys(err, "writing %s", file);
}

/* Two namespaces of its own, which the keeper gets to know: it makes each worker's /tmp in copies of the second.
 * Where there can be none the cell's wall stands without; the keeper then answers GATE_STAY. */
static bool nest(const struct pid1 *self, uint64_t *ret_kept, struct err *err)
{
    char map[160];
    int fds[2];
    bool done;

    *ret_kept = 0;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
        (void)snprintf(map, sizeof map, "workers share one /tmp: no user namespace in a cell's: %s", strerror(errno));
        cell_report(self->reports, CELL_REPORT_NOTE, 0, map, NULL);
        return true;
    }
    *ret_kept = BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_CHROOT);
    /* The owner of /proc/self is who may read our memory: until exec that is the cell's user, who runs nothing yet. */
    (void)prctl(PR_SET_DUMPABLE, 1);
    (void)snprintf(map, sizeof map, "%d %d 1", CELL_GID, CELL_GID);
    if (!write_own(self->proc, "self/gid_map", map, err))
        return false;
    (void)snprintf(map, sizeof map, "%d %d 1", CELL_UID, CELL_UID);
    if (!write_own(self->proc, "self/uid_map", map, err))
        return false;
    fds[0] = openat(self->proc, "self/ns/user", O_RDONLY | O_CLOEXEC);
    fds[1] = openat(self->proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
    done = fds[0] >= 0 && fds[1] >= 0;
    if (done)
        cell_report(self->reports, CELL_REPORT_NAMESPACES, 0, "", fds);
    else
        (void)err_sys(err, "the template's namespaces");
    fd_close(&fds[0]);
    fd_close(&fds[1]);
    return done;
}

/* Descriptors 0, 1, 2 and KEEPER_FD as the kind wants them; `reports` and `proc` live on until exec closes them. */
static bool arrange_fds(struct pid1 *self, struct err *err)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int control = fcntl(self->fds.control, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    int output = fcntl(self->fds.output, F_DUPFD_CLOEXEC, FIRST_FREE_FD);

    self->reports = fcntl(self->reports, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    self->proc = fcntl(self->proc, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    if (null < 0 || self->reports < 0 || self->proc < 0)
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

static bool wall_in(struct pid1 *self, struct err *err)
{
    uint64_t kept = 0;

    if (!arrange_fds(self, err))
        return false;
    if (self->kind->forks_workers && !nest(self, &kept, err))
        return false;
    if (!launcher_drop(kept, err))
        return false;
    if (self->options->refuses_new_code && prctl(SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) < 0 && errno != EINVAL)
        return err_sys(err, "refusing new code");
    return landlock_enter(self->kind->may_write, err) &&
           filter_load(self->kind->forks_workers ? FILTER_TEMPLATE : FILTER_PLAIN, err);
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

void launcher_main(struct pid1 *self)
{
    const char *arguments[CELL_ARGUMENTS_MAX + 1] = {0};
    char numbers[CELL_ARGUMENTS_MAX][24], text[200];
    struct err err = {0};

    for (int i = 0; i < CELL_ARGUMENTS_MAX && self->kind->arguments[i]; i++)
        arguments[i] = fill_argument(self->kind->arguments[i], self->options, numbers[i]);
    setsid();
    if (!wall_in(self, &err)) {
        cell_report(self->reports, CELL_REPORT_FAILED, -1, err.text, NULL);
        _exit(CELL_BUILD_FAILED);
    }
    if (chdir(self->kind->folder) == 0)
        execve(arguments[0], (char **)arguments, (char **)self->kind->environment);
    (void)snprintf(text, sizeof text, "cannot run %s: %s", arguments[0], strerror(errno));
    cell_report(self->reports, CELL_REPORT_FAILED, -1, text, NULL);
    _exit(CELL_BUILD_FAILED);
}

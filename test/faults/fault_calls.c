/*
 * fault_calls: the house's own system calls that touch the disk, wrapped by the linker (-Wl,--wrap=NAME), since they
 * are called by name.  Descriptors 0..2 and calls before a fault is armed pass.
 */
#include "fault_point.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct fault_shared *fault;

enum { THRICE = 3 };

static bool is_hit(int64_t call)
{
    switch (fault->how) {
    case FAULT_ONCE:
        return call == fault->at;
    case FAULT_THRICE:
        return call >= fault->at && call < fault->at + THRICE;
    case FAULT_FOR_GOOD:
        return call >= fault->at;
    }
    return false;
}

enum fault_what fault_now(enum fault_place place, const char *name)
{
    int64_t call;

    if (!fault || !fault->armed)
        return FAULT_NOTHING;
    call = ++fault->calls;
    if (fault->at == 0 || !is_hit(call))
        return FAULT_NOTHING;
    if (place == FAULT_READ && fault->what != FAULT_EIO) /* a full disk can be read */
        return FAULT_NOTHING;
    if (!fault->has_fired)
        (void)snprintf(fault->fired_at, sizeof fault->fired_at, "%s", name);
    fault->has_fired = true;
    if (place == FAULT_SYNC)
        fault->sync_has_failed = true;
    return fault->what;
}

/* true: the call is to fail, and errno says how. */
static bool fails(enum fault_place place, const char *name)
{
    enum fault_what what = fault_now(place, name);

    errno = what == FAULT_EIO ? EIO : ENOSPC;
    return what != FAULT_NOTHING;
}

ssize_t __real_write(int fd, const void *at, size_t len);
ssize_t __wrap_write(int fd, const void *at, size_t len);
ssize_t __wrap_write(int fd, const void *at, size_t len)
{
    enum fault_what what = fd > 2 ? fault_now(FAULT_WRITE, "write") : FAULT_NOTHING;

    if (what == FAULT_NOTHING)
        return __real_write(fd, at, len);
    if (what == FAULT_SHORT && len > 1)
        return __real_write(fd, at, len / 2);
    errno = what == FAULT_EIO ? EIO : ENOSPC;
    return -1;
}

ssize_t __real_writev(int fd, const struct iovec *pieces, int count);
ssize_t __wrap_writev(int fd, const struct iovec *pieces, int count);
ssize_t __wrap_writev(int fd, const struct iovec *pieces, int count)
{
    enum fault_what what = fault_now(FAULT_WRITE, "writev");

    if (what == FAULT_NOTHING)
        return __real_writev(fd, pieces, count);
    if (what == FAULT_SHORT)
        return __real_writev(fd, pieces, count > 1 ? count - 1 : count);
    errno = what == FAULT_EIO ? EIO : ENOSPC;
    return -1;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return fails(FAULT_SYNC, "fsync") ? -1 : __real_fsync(fd);
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    return fails(FAULT_SYNC, "fdatasync") ? -1 : __real_fdatasync(fd);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    return fails(FAULT_NAME, "rename") ? -1 : __real_rename(from, to);
}

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode)
{
    return fails(FAULT_NAME, "mkdir") ? -1 : __real_mkdir(path, mode);
}

int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
    return fails(FAULT_NAME, "unlink") ? -1 : __real_unlink(path);
}

int __real_ftruncate64(int fd, off_t size);
int __wrap_ftruncate64(int fd, off_t size);
int __wrap_ftruncate64(int fd, off_t size)
{
    return fails(FAULT_WRITE, "ftruncate") ? -1 : __real_ftruncate64(fd, size);
}

int __real_mkostemp64(char *path, int flags);
int __wrap_mkostemp64(char *path, int flags);
int __wrap_mkostemp64(char *path, int flags)
{
    return fails(FAULT_NAME, "mkostemp") ? -1 : __real_mkostemp64(path, flags);
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list args;

    if (flags & O_CREAT) {
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return fails(FAULT_NAME, "open") ? -1 : __real_open64(path, flags, mode);
}

ssize_t __real_pread64(int fd, void *at, size_t len, off_t offset);
ssize_t __wrap_pread64(int fd, void *at, size_t len, off_t offset);
ssize_t __wrap_pread64(int fd, void *at, size_t len, off_t offset)
{
    return fails(FAULT_READ, "pread") ? -1 : __real_pread64(fd, at, len, offset);
}

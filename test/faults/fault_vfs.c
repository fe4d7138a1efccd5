/*
 * fault_vfs: an SQLite VFS in front of the system's, each of whose calls can fail.  See "The OS Backend (VFS) To
 * SQLite" at sqlite.org for what each method promises.
 */
#include "fault_point.h"

#include <sqlite3.h>
#include <string.h>

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct */
};

static sqlite3_vfs *system_vfs;
static sqlite3_io_methods methods;

static sqlite3_file *real(sqlite3_file *file)
{
    return ((struct file *)file)->real;
}

static int on_close(sqlite3_file *file)
{
    return real(file)->pMethods ? real(file)->pMethods->xClose(real(file)) : SQLITE_OK;
}

static int on_read(sqlite3_file *file, void *at, int bytes, sqlite3_int64 offset)
{
    return fault_now(FAULT_READ, "sqlite read") ? SQLITE_IOERR_READ
                                                : real(file)->pMethods->xRead(real(file), at, bytes, offset);
}

static int on_write(sqlite3_file *file, const void *at, int bytes, sqlite3_int64 offset)
{
    switch (fault_now(FAULT_WRITE, "sqlite write")) {
    case FAULT_NOTHING:
        return real(file)->pMethods->xWrite(real(file), at, bytes, offset);
    case FAULT_EIO:
        return SQLITE_IOERR_WRITE;
    case FAULT_ENOSPC:
        return SQLITE_FULL;
    case FAULT_SHORT: /* as unixWrite: what fitted is there, and the disk is full */
        (void)real(file)->pMethods->xWrite(real(file), at, bytes / 2, offset);
        return SQLITE_FULL;
    }
    return SQLITE_IOERR_WRITE;
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return fault_now(FAULT_WRITE, "sqlite truncate") ? SQLITE_IOERR_TRUNCATE
                                                     : real(file)->pMethods->xTruncate(real(file), size);
}

static int on_sync(sqlite3_file *file, int flags)
{
    return fault_now(FAULT_SYNC, "sqlite fsync") ? SQLITE_IOERR_FSYNC : real(file)->pMethods->xSync(real(file), flags);
}

static int on_file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    return real(file)->pMethods->xFileSize(real(file), ret);
}

static int on_lock(sqlite3_file *file, int kind)
{
    return real(file)->pMethods->xLock(real(file), kind);
}

static int on_unlock(sqlite3_file *file, int kind)
{
    return real(file)->pMethods->xUnlock(real(file), kind);
}

static int on_check_reserved(sqlite3_file *file, int *ret)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), ret);
}

static int on_control(sqlite3_file *file, int what, void *argument)
{
    return real(file)->pMethods->xFileControl(real(file), what, argument);
}

static int on_sector_size(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int on_characteristics(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int on_shm_map(sqlite3_file *file, int page, int bytes, int extend, void volatile **ret)
{
    return fault_now(FAULT_WRITE, "sqlite shm") ? SQLITE_IOERR_SHMMAP
                                                : real(file)->pMethods->xShmMap(real(file), page, bytes, extend, ret);
}

static int on_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}

static void on_shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int on_shm_unmap(sqlite3_file *file, int remove)
{
    return real(file)->pMethods->xShmUnmap(real(file), remove);
}

static sqlite3_io_methods methods = {
    .iVersion = 2, /* no mmap: every page passes on_read */
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_file_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check_reserved,
    .xFileControl = on_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_characteristics,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    struct file *ours = (struct file *)file;
    int rc;

    (void)vfs;
    ours->base.pMethods = NULL; /* not open: SQLite does not close it */
    ours->real = (sqlite3_file *)(ours + 1);
    if (fault_now(FAULT_NAME, "sqlite open"))
        return SQLITE_CANTOPEN;
    rc = system_vfs->xOpen(system_vfs, name, ours->real, flags, ret_flags);
    if (rc == SQLITE_OK)
        ours->base.pMethods = &methods;
    return rc;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs;
    return fault_now(FAULT_NAME, "sqlite delete") ? SQLITE_IOERR_DELETE
                                                  : system_vfs->xDelete(system_vfs, name, sync_folder);
}

void fault_vfs_register(void)
{
    static sqlite3_vfs vfs;

    system_vfs = sqlite3_vfs_find(NULL);
    vfs = *system_vfs;
    vfs.zName = "fault";
    vfs.szOsFile = (int)sizeof(struct file) + system_vfs->szOsFile;
    vfs.xOpen = on_open;
    vfs.xDelete = on_delete;
    (void)sqlite3_vfs_register(&vfs, 1);
}

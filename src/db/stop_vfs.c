/*
 * stop_vfs: SQLite's own VFS, but a sync that fails stops the process.
 *
 * SQLite reports a failed fsync of a commit; that of a checkpoint, or of the last one when a database is closed, it
 * swallows and tries again later, when the kernel may have forgotten the error.  Here it is seen where it happens.
 */
#include "db/stop_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { METHODS_MAX = 8 }; /* kinds of file that a VFS has: with locks, without, journal in memory ... */

static struct {
    const sqlite3_io_methods *theirs;
    sqlite3_io_methods ours; /* theirs, but xSync */
} methods[METHODS_MAX];
static int methods_count;
static sqlite3_vfs *theirs, ours;

/* Lanes open databases at the same time. */
static sqlite3_mutex *lock(void)
{
    return sqlite3_mutex_alloc(SQLITE_MUTEX_STATIC_APP1);
}

static int sync_or_stop(sqlite3_file *file, int flags)
{
    int at = 0;

    while (&methods[at].ours != file->pMethods)
        at++;
    int rc = methods[at].theirs->xSync(file, flags);
    if (rc == SQLITE_OK)
        return rc;
    fprintf(stderr,
            "the disk refused an fsync of a database (SQLite %d): stopping, so that nothing is acknowledged "
            "after it\n",
            rc);
    abort();
}

static const sqlite3_io_methods *with_sync_or_stop(const sqlite3_io_methods *wanted)
{
    int at = 0;

    sqlite3_mutex_enter(lock());
    while (at < methods_count && methods[at].theirs != wanted)
        at++;
    if (at == METHODS_MAX)
        abort();
    if (at == methods_count) {
        methods[at].theirs = wanted;
        methods[at].ours = *wanted;
        methods[at].ours.xSync = sync_or_stop;
        methods_count++;
    }
    sqlite3_mutex_leave(lock());
    return &methods[at].ours;
}

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    int rc;

    (void)vfs;
    rc = theirs->xOpen(theirs, name, file, flags, ret_flags);
    if (rc == SQLITE_OK && file->pMethods)
        file->pMethods = with_sync_or_stop(file->pMethods);
    return rc;
}

/* SQLite counts its memory under a lock, at each allocation, for figures that nobody asks for. */
static void configure(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)sqlite3_initialize();
}

const char *stop_vfs(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, configure);
    sqlite3_mutex_enter(lock());
    if (!theirs) {
        theirs = sqlite3_vfs_find(NULL);
        ours = *theirs;
        ours.zName = "sculler";
        ours.xOpen = on_open;
        (void)sqlite3_vfs_register(&ours, 0);
    }
    sqlite3_mutex_leave(lock());
    return ours.zName;
}

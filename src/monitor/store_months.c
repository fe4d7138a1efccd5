/* store_months: which months there are, and dropping the old ones. */
#include "monitor/store_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "codec/time_format.h"

/* "2026-11.db" */
static bool month_of_name(const char *name, int64_t *ret)
{
    char day[16];
    int64_t ms;

    if (strlen(name) != 10 || strcmp(name + 7, ".db") != 0)
        return false;
    snprintf(day, sizeof day, "%.7s-01", name);
    if (!time_parse_iso(str_of(day), &ms))
        return false;
    *ret = ms * 1000;
    return true;
}

static int newest_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x < y) - (x > y);
}

bool store_months(const char *folder, int64_t *ret_months, int *ret_count, struct err *err)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int count = 0;

    if (!dir)
        return err_sys(err, "%s", folder);
    while ((entry = readdir(dir)) && count < PERIODS_MAX)
        count += month_of_name(entry->d_name, &ret_months[count]);
    closedir(dir);
    qsort(ret_months, (size_t)count, sizeof *ret_months, newest_first);
    *ret_count = count;
    return true;
}

bool store_has_month(const struct store *store, int64_t month_us)
{
    for (int i = 0; i < store->months_count; i++)
        if (store->months[i] == month_us)
            return true;
    return false;
}

bool store_note_month(struct store *store, int64_t month_us, struct err *err)
{
    if (store_has_month(store, month_us))
        return true;
    if (store->months_count == PERIODS_MAX)
        return err_set(err, ERR_INVALID, "there are files of %d months already, which is the most", PERIODS_MAX);
    store->months[store->months_count++] = month_us;
    qsort(store->months, (size_t)store->months_count, sizeof *store->months, newest_first);
    return true;
}

/* -- dropping -------------------------------------------------------------------------------------------------------
 */

static void forget_opened(struct store *store, int64_t month_us)
{
    for (int i = 0; i < store->opened_count; i++)
        if (period_month(store->opened[i].period) == month_us) {
            period_close(store->opened[i].period);
            store->opened[i] = store->opened[--store->opened_count];
            return;
        }
}

/* The file first: what stays of the others without it means nothing (SQLite, "Temporary files used by SQLite": a log
 * without its database is removed when that is made anew). */
static bool remove_files(const struct store *store, int64_t month_us, struct err *err)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char path[PERIOD_PATH_MAX], file[PERIOD_PATH_MAX + 8];

    period_path(store->folder, month_us, path);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(file, sizeof file, "%s%s", path, suffixes[i]);
        if (unlink(file) < 0 && errno != ENOENT)
            return err_sys(err, "%s", file);
    }
    log_info("a month of predictions was dropped: it is older than monitor_months", F_CSTR("file", path));
    return true;
}

static bool sync_folder(const char *folder, struct err *err)
{
    FD_AUTO fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return (fd >= 0 && fsync(fd) == 0) || err_sys(err, "%s", folder);
}

bool store_drop_before(struct store *store, int64_t before_us, int *ret_dropped, struct err *err)
{
    int64_t kept_from_us = month_of(before_us);

    *ret_dropped = 0;
    store->kept_from_us = kept_from_us > 0 ? kept_from_us : 0;
    while (store->months_count > 0 && store->months[store->months_count - 1] < kept_from_us) {
        int64_t month_us = store->months[store->months_count - 1];

        forget_opened(store, month_us);
        if (!remove_files(store, month_us, err))
            return false;
        store->months_count--;
        ++*ret_dropped;
    }
    return *ret_dropped == 0 || sync_folder(store->folder, err);
}

/* -- what was added to ------------------------------------------------------------------------------------------------
 */

void store_note_addition(struct store *store, int64_t month_us)
{
    for (size_t i = store->added.len; i > 0; i--)
        if (store->added.at[i - 1] == month_us)
            return;
    *vec_push(&store->added) = month_us;
}

bool store_take_addition(struct store *store, int64_t *ret_month)
{
    if (store->added.len == 0)
        return false;
    *ret_month = store->added.at[--store->added.len];
    return true;
}

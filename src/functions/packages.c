/*
 * Who holds a package: runnables (a pin each), uploads under way (all packages, since their function may be about to
 * refer to any), preparations, and rows of the database.  The first three are known here.  When none of them is
 * left, on_idle asks the database, on its lane; by the time the answer is here an upload may have begun, so
 * packages_unused() looks again.  An upload that commits in between is still not done when that answer
 * arrives, because a lane's dones come in the order of its jobs.
 *
 * Removing is a rename to gone-* (at once, on the loop); the slow part is the keeper's, since the tree belongs to the
 * user of the cell that wrote it.  What a crash leaves under such a name, the next start has removed.
 */
#include "functions/packages.h"

#include "functions/packages_private.h"

#include "cell/keeper.h"

#include "base/fd.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/sync.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REMOVE_OPEN_FILES = 16 };

struct pin {
    int count;
};

void package_path(const struct packages *packages, str hex, const char *name, char ret[PACKAGE_PATH_MAX])
{
    snprintf(ret, PACKAGE_PATH_MAX, "%s/" STR_FMT "/%s", packages->folder, STR_ARG(hex), name);
}

void packages_zip_path(const struct packages *packages, str hex, char *ret, size_t size)
{
    snprintf(ret, size, "%s/" STR_FMT "/code.zip", packages->folder, STR_ARG(hex));
}

bool sync_folder(const char *path, struct err *err)
{
    FD_AUTO fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return err_sys(err, "%s", path);
    sync_or_stop(fd, path);
    return true;
}

static bool is_hex(str name)
{
    if (name.len != PACKAGE_HEX_CHARS)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!strchr("0123456789abcdef", name.at[i]))
            return false;
    return true;
}

/* Removing */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void remove_tree(const char *path)
{
    (void)nftw(path, remove_one, REMOVE_OPEN_FILES, FTW_DEPTH | FTW_PHYS);
}

void gone_name(struct packages *packages, str hex, char ret[GONE_NAME_MAX])
{
    snprintf(ret, GONE_NAME_MAX, "gone-%.16s-%d-%d", hex.at, (int)getpid(), packages->removals++);
}

static void on_gone_removed(void *ctx, int status)
{
    (void)ctx;
    if (status != 0)
        log_warn("a package could not be removed whole: the next start tries again", F_INT("status", status));
}

void remove_gone(struct packages *packages, const char *name)
{
    char path[PACKAGE_PATH_MAX];
    struct err err;

    if (packages->options.keeper) {
        if (!keeper_remove_package(packages->options.keeper, name, on_gone_removed, NULL, &err))
            log_warn("a package could not be removed", F_CSTR("package", name), F_CSTR("why", err.text));
        return;
    }
    snprintf(path, sizeof path, "%s/%s", packages->folder, name);
    remove_tree(path);
}

static void remove_package(struct packages *packages, str hex)
{
    char path[PACKAGE_PATH_MAX], gone[PACKAGE_PATH_MAX], name[GONE_NAME_MAX];

    gone_name(packages, hex, name);
    snprintf(path, sizeof path, "%s/" STR_FMT, packages->folder, STR_ARG(hex));
    snprintf(gone, sizeof gone, "%s/%s", packages->folder, name);
    if (rename(path, gone) == 0)
        remove_gone(packages, name);
    else if (errno != ENOENT)
        log_warn("a package could not be removed", F_STR("package", hex), F_INT("errno", errno));
}

/* Who holds what */

static bool is_held(const struct packages *packages, str hex)
{
    return packages->uploads > 0 || map_get(&packages->pins, hex) || prepare_busy(packages, hex);
}

void packages_let_go(struct packages *packages, str hex)
{
    if (packages->on_idle && hex.len > 0 && !is_held(packages, hex))
        packages->on_idle(packages->on_idle_ctx, hex);
}

void packages_on_idle(struct packages *packages, void (*on_idle)(void *ctx, str hex), void *ctx)
{
    packages->on_idle = on_idle;
    packages->on_idle_ctx = ctx;
}

void packages_unused(struct packages *packages, str hex)
{
    if (is_hex(hex) && !is_held(packages, hex))
        remove_package(packages, hex);
}

static void pin_package(struct packages *packages, str hex)
{
    struct pin *pin = map_get(&packages->pins, hex);

    if (!pin) {
        pin = calloc(1, sizeof *pin);
        if (!pin)
            abort();
        map_put(&packages->pins, hex, pin);
    }
    pin->count++;
}

static void unpin_package(struct packages *packages, str hex)
{
    struct pin *pin = map_get(&packages->pins, hex);

    if (!pin || --pin->count > 0)
        return;
    free(map_remove(&packages->pins, hex));
    packages_let_go(packages, hex);
}

/* Its code and its layers. */
static void on_runnable_added(void *ctx, const struct runnable *runnable)
{
    pin_package(ctx, runnable->package);
    for (int i = 0; i < runnable->layers_count; i++)
        pin_package(ctx, runnable->layers[i]);
}

static void on_runnable_gone(void *ctx, const struct runnable *runnable)
{
    unpin_package(ctx, runnable->package);
    for (int i = 0; i < runnable->layers_count; i++)
        unpin_package(ctx, runnable->layers[i]);
}

void packages_watch_catalog(struct packages *packages, struct catalog *catalog)
{
    catalog_watch(catalog, on_runnable_added, on_runnable_gone, packages);
}

/* Start and end */

/* A folder with neither zip nor tree is what a crash left of an upload.  (Of an unpacking: see prepare.c.) */
static void check_package(struct packages *packages, str hex)
{
    char zip[PACKAGE_PATH_MAX], mark[PACKAGE_PATH_MAX];

    package_path(packages, hex, "code.zip", zip);
    package_path(packages, hex, "unpacked", mark);
    if (access(zip, F_OK) != 0 && access(mark, F_OK) != 0)
        remove_package(packages, hex);
}

static void check_entry(struct packages *packages, str text)
{
    char path[PACKAGE_PATH_MAX];

    snprintf(path, sizeof path, "%s/" STR_FMT, packages->folder, STR_ARG(text));
    if (str_starts(text, STR("tmp-")))
        (void)unlink(path);
    else if (str_starts(text, STR("gone-")))
        remove_gone(packages, text.at);
    else if (is_hex(text))
        check_package(packages, text);
}

static bool for_each_entry(struct packages *packages, void (*each)(struct packages *packages, str name),
                           struct err *err)
{
    DIR *folder = opendir(packages->folder);
    struct dirent *entry;

    if (!folder)
        return err_sys(err, "%s", packages->folder);
    while ((entry = readdir(folder)))
        each(packages, str_of(entry->d_name));
    closedir(folder);
    return true;
}

bool packages_open(const struct packages_options *options, struct packages **ret, struct err *err)
{
    struct packages *packages = calloc(1, sizeof *packages);

    if (!packages)
        abort();
    packages->options = *options;
    packages->zip_bytes_max = options->aws_limits ? AWS_ZIP_BYTES_MAX : ZIP_BYTES_MAX_DEFAULT;
    packages->unzipped_bytes_max = options->aws_limits ? AWS_UNZIPPED_BYTES_MAX : UNZIPPED_BYTES_MAX_DEFAULT;
    TAILQ_INIT(&packages->preparations);
    snprintf(packages->folder, sizeof packages->folder, "%s/packages", options->state_dir);
    if (mkdir(packages->folder, 0700) < 0 && errno != EEXIST) {
        (void)err_sys(err, "%s", packages->folder);
        free(packages);
        return false;
    }
    if (!for_each_entry(packages, check_entry, err)) {
        free(packages);
        return false;
    }
    *ret = packages;
    return true;
}

void packages_sweep(struct packages *packages, const str *used, int count)
{
    DIR *folder = opendir(packages->folder);
    struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        bool wanted = false;

        for (int i = 0; i < count && !wanted; i++)
            wanted = str_eq(used[i], str_of(entry->d_name));
        if (!wanted)
            packages_unused(packages, str_of(entry->d_name));
    }
    if (folder)
        closedir(folder);
}

void packages_close(struct packages *packages)
{
    size_t cursor = 0;
    void *pin;
    str hex;

    if (!packages)
        return;
    while (map_next(&packages->pins, &cursor, &hex, &pin))
        free(pin);
    map_done(&packages->pins);
    free(packages);
}

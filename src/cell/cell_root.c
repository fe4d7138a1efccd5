/*
 * cell_root: see cell_root.h.
 *
 * Built with the mount calls that take descriptors (open_tree, move_mount, mount_setattr): a path is resolved
 * once, so there is no moment between looking and mounting.  Rejected: bind by path and remount read-only, which
 * needs two calls for each mount below a recursive bind and leaves it writable in between.
 */
#include "cell/cell_root.h"

#include "base/fd.h"
#include "base/str.h"
#include "cell/cell_private.h"
#include "cell/network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum {
    ROOT_TMPFS_KB = 1024,
    LAYERS_TEXT_BYTES = 256,
};

enum tree_flags {
    TREE_MUST = 1,  /* no cell without it */
    TREE_DEV = 2,   /* a device node: keeps its meaning and is writable */
    TREE_WRITE = 4, /* the package of who makes it */
};

struct host_tree {
    const char *path;
    int flags;
};

/* What every cell sees of the host, at the same place.  A symbolic link is made again (merged /usr). */
static const struct host_tree host_trees[] = {
    {"/usr", TREE_MUST},
    {"/bin", 0},
    {"/lib", 0},
    {"/lib32", 0},
    {"/lib64", 0},
    {"/libx32", 0},
    {"/sbin", 0},
    {"/etc/alternatives", 0},
    {"/etc/ca-certificates", 0},
    {"/etc/fonts", 0},
    {"/etc/hosts", 0},
    {"/etc/ld.so.cache", 0},
    {"/etc/localtime", 0},
    {"/etc/mime.types", 0},
    {"/etc/nsswitch.conf", 0},
    {"/etc/ssl/certs", 0},
    {"/etc/ssl/openssl.cnf", 0},
    {"/dev/full", TREE_DEV},
    {"/dev/null", TREE_DEV | TREE_MUST},
    {"/dev/random", TREE_DEV},
    {"/dev/urandom", TREE_DEV | TREE_MUST},
    {"/dev/zero", TREE_DEV},
};

/* Files that are made, not taken. */
static const struct made_file {
    const char *path, *text;
} made_files[] = {
    {"etc/passwd", "root:x:0:0:root:/:/usr/sbin/nologin\n"
                   "sbx_user1051:x:993:990::/tmp:/usr/sbin/nologin\n"
                   "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
    {"etc/group", "root:x:0:\nsbx_user1051:x:990:\nnogroup:x:65534:\n"},
};

static const char *const made_folders[] = {"dev", "proc", "tmp", "opt", "etc", "var", "var/task", "run"};

/* POSIX semaphores and shared memory (multiprocessing) lie in a worker's own /tmp, and count there. */
static const struct made_link {
    const char *path, *target;
} made_links[] = {
    {"dev/shm", "/tmp"},
    {"dev/fd", "/proc/self/fd"},
};

/* Detach a copy of what `fd` names: nothing of it can be written, no setuid bit counts. */
static int clone_tree(int fd, int flags, struct err *err)
{
    FD_AUTO tree = open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOSUID, .propagation = MS_PRIVATE};

    if (tree < 0) {
        (void)err_sys(err, "open_tree");
        return -1;
    }
    if (flags & TREE_DEV)
        attr.attr_set |= MOUNT_ATTR_NOEXEC;
    else
        attr.attr_set |= MOUNT_ATTR_NODEV;
    if (!(flags & (TREE_DEV | TREE_WRITE)))
        attr.attr_set |= MOUNT_ATTR_RDONLY;
    if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) < 0) {
        (void)err_sys(err, "mount_setattr");
        return -1;
    }
    return fd_take(&tree);
}

static bool add_tree(struct cell_root *root, int fd, const char *target, int flags, struct err *err)
{
    struct cell_tree *tree = &root->trees[root->count];
    struct stat st;

    if (root->count == CELL_TREES_MAX)
        return err_set(err, ERR_LIMIT, "a cell has at most %d trees", CELL_TREES_MAX);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(err, "%s", target);
    *tree = (struct cell_tree){.fd = -1, .is_file = !S_ISDIR(st.st_mode)};
    (void)snprintf(tree->target, sizeof tree->target, "%s", target);
    tree->fd = clone_tree(fd, flags, err);
    if (tree->fd < 0)
        return err_wrap(err, "%s", target);
    root->count++;
    return true;
}

static bool add_path(struct cell_root *root, const char *path, const char *target, int flags, struct err *err)
{
    FD_AUTO fd = open(path, O_PATH | O_CLOEXEC);

    if (fd < 0 && !(flags & TREE_MUST))
        return true;
    if (fd < 0)
        return err_sys(err, "%s", path);
    return add_tree(root, fd, target, flags, err);
}

static bool add_host_tree(struct cell_root *root, const struct host_tree *row, struct err *err)
{
    struct cell_tree *tree = &root->trees[root->count];
    bool at_root = strrchr(row->path, '/') == row->path;
    ssize_t len = at_root ? readlink(row->path, tree->link, sizeof tree->link - 1) : -1;

    if (len <= 0)
        return add_path(root, row->path, row->path, row->flags, err);
    tree->link[len] = '\0';
    tree->fd = -1;
    (void)snprintf(tree->target, sizeof tree->target, "%s", row->path);
    root->count++;
    return true;
}

/* packages/<package>/tree: a name, no path, and no link is followed out of packages/. */
static bool add_package(struct cell_root *root, const struct cell_host *host, const char *name, const char *target,
                        int flags, struct err *err)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC | O_DIRECTORY,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    char path[CELL_PACKAGE_BYTES + 8];
    FD_AUTO packages = open(host->packages, O_PATH | O_CLOEXEC | O_DIRECTORY);

    if (packages < 0)
        return err_sys(err, "%s", host->packages);
    (void)snprintf(path, sizeof path, "%s/tree", name);

    FD_AUTO tree = (int)syscall(SYS_openat2, packages, path, &how, sizeof how);

    if (tree < 0)
        return err_sys(err, "package %s", name);
    return add_tree(root, tree, target, flags, err);
}

static int count_layers(const struct cell_kind_row *kind, const struct cell_options *options)
{
    int count = 0;

    while (kind->forks_workers && count < CELL_LAYERS_MAX && options->layers[count][0])
        count++;
    return count;
}

/* One layer is /opt; several are put beside each other and laid over each other there. */
static bool add_layers(struct cell_root *root, const struct cell_host *host, const struct cell_kind_row *kind,
                       const struct cell_options *options, struct err *err)
{
    int count = count_layers(kind, options);
    char target[32] = "/opt";

    for (int i = 0; i < count; i++) {
        if (count > 1)
            (void)snprintf(target, sizeof target, "/run/layer%d", i);
        if (!add_package(root, host, options->layers[i], target, 0, err))
            return err_wrap(err, "layer %d", i + 1);
    }
    return true;
}

static bool is_under(const char *path, const char *folder)
{
    return str_starts(str_of(path), str_of(folder)) && (path[strlen(folder)] == '/' || !path[strlen(folder)]);
}

/* ret_text: what its /etc/resolv.conf says, when that is not the host's; or NULL. */
static bool has_own_resolver(const struct cell_kind_row *kind, const struct cell_options *options, char *ret_text)
{
    char text[NETWORK_RESOLVER_BYTES];

    return kind->has_network && options->network == CELL_NETWORK_EGRESS && network_resolver(ret_text ? ret_text : text);
}

static bool open_all(const struct cell_host *host, const struct cell_kind_row *kind, const struct cell_options *options,
                     struct cell_root *ret, struct err *err)
{
    for (size_t i = 0; i < sizeof host_trees / sizeof *host_trees; i++) {
        if (!add_host_tree(ret, &host_trees[i], err))
            return false;
    }
    if (options->prefix[0] && !is_under(options->prefix, "/usr") &&
        !add_path(ret, options->prefix, options->prefix, TREE_MUST, err))
        return false;
    if (!has_own_resolver(kind, options, NULL) && !add_path(ret, "/etc/resolv.conf", "/etc/resolv.conf", 0, err))
        return false;
    for (const struct cell_mount *mount = kind->mounts; mount < kind->mounts + CELL_MOUNTS_MAX && mount->target;
         mount++) {
        if (!add_path(ret, (const char *)host + mount->source, mount->target, TREE_MUST, err))
            return err_wrap(err, "%s", mount->target);
    }
    return add_package(ret, host, options->package, kind->package, kind->writes_package ? TREE_WRITE : 0, err) &&
           add_layers(ret, host, kind, options, err);
}

bool cell_root_open(const struct cell_host *host, const struct cell_kind_row *kind, const struct cell_options *options,
                    struct cell_root *ret, struct err *err)
{
    ret->count = 0;
    if (open_all(host, kind, options, ret, err))
        return true;
    cell_root_close(ret);
    return false;
}

void cell_root_close(struct cell_root *root)
{
    for (int i = 0; i < root->count; i++)
        fd_close(&root->trees[i].fd);
    root->count = 0;
}

/* Step 2.  The new root is the working directory until it is entered, so all paths are relative. */

static bool make_parents(const char *path, struct err *err)
{
    char part[256];

    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        (void)snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return err_sys(err, "mkdir %s", part);
    }
    return true;
}

static bool place_tree(const struct cell_tree *tree, struct err *err)
{
    const char *path = tree->target + 1;

    if (!make_parents(path, err))
        return false;
    if (tree->link[0])
        return symlink(tree->link, path) == 0 || err_sys(err, "symlink %s", path);
    if (tree->is_file) {
        FD_AUTO file = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
        if (file < 0)
            return err_sys(err, "place of %s", path);
    } else if (mkdir(path, 0755) < 0 && errno != EEXIST) {
        return err_sys(err, "mkdir %s", path);
    }
    if (move_mount(tree->fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys(err, "move_mount to %s", path);
    return true;
}

static bool make_file(const struct made_file *file, struct err *err)
{
    FD_AUTO fd = open(file->path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    size_t len = strlen(file->text);

    if (fd < 0 || write(fd, file->text, len) != (ssize_t)len)
        return err_sys(err, "making %s", file->path);
    return true;
}

static bool mount_tmp(uint32_t tmp_mb, struct err *err)
{
    char data[96];

    (void)snprintf(data, sizeof data, "size=%um,nr_inodes=%u,mode=1777", tmp_mb, tmp_mb * CELL_TMP_INODES_PER_MB);
    if (mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, data) < 0)
        return err_sys(err, "mounting /tmp of %u MB", tmp_mb);
    return true;
}

/* A host whose own /proc is masked (Docker) refuses a fresh one: go on without and tell.  Of /proc there is what
 * belongs to processes, and of those the ones that may be traced; an old kernel shows more of its own. */
static void mount_proc(char ret_note[static 200])
{
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

    if (mount("proc", "proc", "proc", flags, "subset=pid,hidepid=2") < 0 &&
        mount("proc", "proc", "proc", flags, "hidepid=2") < 0)
        (void)snprintf(ret_note, 200, "cells have no /proc: %s", strerror(errno));
}

/* Later layers cover earlier ones, and overlayfs names the topmost first.  No upper layer: nothing can be written.  The
 * overlay holds its layers by itself, so their places are taken away again. */
static bool mount_layers(int count, struct err *err)
{
    char data[LAYERS_TEXT_BYTES] = "lowerdir=", path[32];
    size_t len = strlen(data);

    for (int i = count - 1; count > 1 && i >= 0; i--)
        len += (size_t)snprintf(data + len, sizeof data - len, "run/layer%d%s", i, i > 0 ? ":" : "");
    if (count > 1 && mount("overlay", "opt", "overlay", MS_NOSUID | MS_NODEV | MS_RDONLY, data) < 0)
        return err_sys(err, "laying %d layers over each other (overlayfs in a user namespace: Linux 5.11)", count);
    for (int i = 0; count > 1 && i < count; i++) {
        (void)snprintf(path, sizeof path, "run/layer%d", i);
        if (umount2(path, MNT_DETACH) < 0 || rmdir(path) < 0)
            return err_sys(err, "putting layer %d away", i + 1);
    }
    return true;
}

static bool make_entries(const struct cell_kind_row *kind, const struct cell_options *options, struct err *err)
{
    char resolver[NETWORK_RESOLVER_BYTES];
    struct made_file resolv_conf = {"etc/resolv.conf", resolver};

    for (size_t i = 0; i < sizeof made_files / sizeof *made_files; i++) {
        if (!make_file(&made_files[i], err))
            return false;
    }
    for (size_t i = 0; i < sizeof made_links / sizeof *made_links; i++) {
        if (symlink(made_links[i].target, made_links[i].path) < 0)
            return err_sys(err, "symlink %s", made_links[i].path);
    }
    return !has_own_resolver(kind, options, resolver) || make_file(&resolv_conf, err);
}

static bool fill_root(const struct cell_root *root, const struct cell_kind_row *kind,
                      const struct cell_options *options, struct err *err)
{
    for (size_t i = 0; i < sizeof made_folders / sizeof *made_folders; i++) {
        if (mkdir(made_folders[i], 0755) < 0)
            return err_sys(err, "mkdir %s", made_folders[i]);
    }
    for (int i = 0; i < root->count; i++) {
        if (!place_tree(&root->trees[i], err))
            return false;
    }
    return make_entries(kind, options, err) && mount_layers(count_layers(kind, options), err) &&
           mount_tmp(options->tmp_mb, err);
}

bool cell_root_enter(const struct cell_root *root, const struct cell_kind_row *kind, const struct cell_options *options,
                     char ret_note[static 200], struct err *err)
{
    char data[64];

    ret_note[0] = '\0';
    (void)snprintf(data, sizeof data, "size=%dk,mode=755", ROOT_TMPFS_KB);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(err, "making mounts private");
    if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, data) < 0 || chdir("/tmp") < 0)
        return err_sys(err, "mounting the root");
    if (!fill_root(root, kind, options, err))
        return false;
    mount_proc(ret_note);
    if (syscall(SYS_pivot_root, ".", ".") < 0)
        return err_sys(err, "pivot_root");
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return err_sys(err, "leaving the old root");
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
        return err_sys(err, "making the root read-only");
    return true;
}

/*
 * cgroup_open: taking hold of the hierarchies, and sweeping away what keepers that are no more have left.
 *
 * Where our root goes:
 *   v1 and hybrid: below our own group of each hierarchy.  What somebody set over us (a container, a manager's memory
 *     limit) so goes on holding for what we start, and who kills our group reaches it.
 *   v2: a group that hands controllers to its children may hold no process (cgroups(7), "no internal processes").  The
 *     hierarchy's own root is exempt, so root without delegation works there, as it is not systemd's to forbid; a group
 *     that was delegated to us (Delegate=yes), or is all that a container sees, is used by moving its processes to a
 *     leaf first.  Strangers in a group that is not ours to command are left where they are, and the answer is `none`.
 *
 * Whose root lives is told by a record lock (fcntl) on a file of it, not by the pid in its name, which may be another
 * program's by now or one of another pid namespace: the kernel drops the lock with the process that set it, and unlike
 * flock's no child inherits it, so a keeper's pid 1s that outlive it for a moment keep no ruin standing.  The lock
 * would also go with any close of the same file in this process, so it is on one that nothing else opens.  The sweep
 * walks all of each hierarchy, since the next keeper may be started from another group than the last.
 */
#include "base/fd.h"
#include "cell/cgroup_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define ROOT_PREFIX "sculler-" /* and digits */
#define LEAF "sculler-main"    /* where the processes of our own group go, so that it may hand on its controllers */

enum {
    NAMES_MAX = 8,       /* sculler-<pid>, then sculler-<pid>.1 ...: the same pid lives in another pid namespace */
    SWEEP_DEPTH_MAX = 8, /* kubepods/qos/pod/container/ours is 5 */
    SWEEP_FOLDERS_MAX = 8192,
    SWEEP_TRIES_MAX = 400, /* of 5 ms */
    SWEEP_PAUSE_NS = 5 * 1000 * 1000,
    MEMORY_KEPT_PART = 8, /* of the machine's memory all cells together leave one in so many */
    MOVE_ROUNDS_MAX = 16, /* processes of our group may fork while they are moved */
};

/* Locks */

/* The file exists in every group of its version, and we have no other use for it. */
static int open_lock(int root)
{
    int fd = openat(root, "cgroup.max.depth", O_RDWR | O_CLOEXEC);

    return fd >= 0 ? fd : openat(root, "notify_on_release", O_RDWR | O_CLOEXEC);
}

static bool lock(int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fd >= 0 && fcntl(fd, F_SETLK, &whole) == 0;
}

/* Sweeping */

static int hosts_open; /* of this process (a test's may be two): its locks do not hold against itself */

struct sweep {
    size_t folders_left;
};

static bool is_root_name(const char *name)
{
    size_t len = sizeof ROOT_PREFIX - 1;

    return strncmp(name, ROOT_PREFIX, len) == 0 && name[len] && strspn(name + len, "0123456789.") == strlen(name + len);
}

static bool is_our_own(const char *name)
{
    return hosts_open > 0 && strtol(name + sizeof ROOT_PREFIX - 1, NULL, 10) == getpid();
}

static void sweep_root(int parent, const char *name)
{
    const struct timespec pause = {.tv_nsec = SWEEP_PAUSE_NS};
    FD_AUTO root = cgroup_open_folder(parent, name);
    FD_AUTO fd = root < 0 ? -1 : open_lock(root);

    if (!lock(fd))
        return; /* its keeper lives, or we may not touch it */
    for (int i = 0; i < SWEEP_TRIES_MAX && !cgroup_remove_tree(parent, name) && errno == EBUSY; i++) {
        if (!cgroup_kill_at_once(root, "")) {
            (void)cgroup_write(root, "", "pids.max", "0");
            (void)cgroup_kill_tree(root, "");
        }
        (void)nanosleep(&pause, NULL);
    }
}

static void sweep_below(int at, const char *path, int depth, struct sweep *sweep)
{
    int fd = cgroup_open_folder(at, path);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    if (!folder) {
        fd_close(&fd);
        return;
    }
    while ((entry = readdir(folder)) != NULL && sweep->folders_left > 0) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        sweep->folders_left--;
        if (is_root_name(entry->d_name) && is_our_own(entry->d_name))
            continue;
        if (is_root_name(entry->d_name))
            sweep_root(dirfd(folder), entry->d_name);
        else if (depth < SWEEP_DEPTH_MAX)
            sweep_below(dirfd(folder), entry->d_name, depth + 1, sweep);
    }
    (void)closedir(folder);
}

void cgroup_sweep(const struct cgroup_place *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sweep sweep = {.folders_left = SWEEP_FOLDERS_MAX};
        sweep_below(AT_FDCWD, places[i].top, 0, &sweep);
    }
}

/* Taking */

/* Another keeper's sweep may take it away between our making and our locking it: then errno is EAGAIN. */
static bool make_root(struct cgroup_hierarchy *at, const char *name)
{
    struct stat ours, there;

    if (mkdirat(at->parent, name, 0755) < 0)
        return false;
    at->root = cgroup_open_folder(at->parent, name);
    at->lock = at->root < 0 ? -1 : open_lock(at->root);
    if (lock(at->lock) && fstat(at->root, &ours) == 0 && fstatat(at->parent, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        ours.st_ino == there.st_ino)
        return true;
    fd_close(&at->lock);
    fd_close(&at->root);
    (void)unlinkat(at->parent, name, AT_REMOVEDIR); /* if it is ours still */
    errno = EAGAIN;
    return false;
}

/* Adds one hierarchy whose root is made in folder `path`. */
static bool take(struct cgroup_host *host, const char *path, unsigned controls, struct err *err)
{
    struct cgroup_hierarchy at = {.controls = controls, .root = -1, .lock = -1};

    if (host->count == CGROUP_HIERARCHIES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d cgroup hierarchies", CGROUP_HIERARCHIES_MAX);
    at.parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at.parent < 0 || !make_root(&at, host->name)) {
        (void)err_sys(err, "%s", path);
        fd_close(&at.parent);
        return false;
    }
    host->at[host->count++] = at;
    return true;
}

/* v1 and hybrid: each controller from the first mount of it where we may make our root. */
static bool take_controller(struct cgroup_host *host, const struct cgroup_place *places, size_t count, unsigned control,
                            struct err *err)
{
    bool is_taken = cgroup_root_of(host, control) >= 0; /* together with another, as cpu and cpuacct often are */

    for (size_t i = 0; i < count && !is_taken; i++)
        is_taken = (places[i].controls & control) != 0 && take(host, places[i].path, places[i].controls, err);
    return is_taken;
}

static bool is_name_taken(const struct err *err)
{
    return err->os_errno == EEXIST || err->os_errno == EAGAIN;
}

static const struct {
    unsigned control;
    const char *loss; /* what does not hold without it */
} v1_wanted[] = {
    {CONTROLS_PIDS, "process counts"}, /* first: there is always one who is asked which processes are in a group */
    {CONTROLS_MEMORY, "memory"},
    {CONTROLS_CPU, "CPU shares"},
    {CONTROLS_CPUACCT, "CPU times"},
};

/* What this host can do without a controller is still worth having; without any there is nothing to it. */
static bool take_controllers(struct cgroup_host *host, const struct cgroup_place *places, size_t count, struct err *err)
{
    size_t taken = 0;
    char losses[sizeof host->losses] = "";

    (void)err_set(err, ERR_SYSTEM, "not mounted");
    for (size_t i = 0; i < sizeof v1_wanted / sizeof *v1_wanted; i++) {
        bool is_needed = v1_wanted[i].control != CONTROLS_CPUACCT || cgroup_root_of(host, CONTROLS_UNIFIED) < 0;
        size_t len = strlen(losses);
        if (!is_needed)
            continue;
        if (take_controller(host, places, count, v1_wanted[i].control, err))
            taken++;
        else if (is_name_taken(err))
            return false;
        else
            (void)snprintf(losses + len, sizeof losses - len, "%s%s", len ? ", " : "", v1_wanted[i].loss);
    }
    if (taken == 0)
        return err_wrap(err, "v1");
    memcpy(host->losses, losses, sizeof losses);
    (void)cgroup_write(cgroup_root_of(host, CONTROLS_MEMORY), "", "memory.use_hierarchy", "1");
    return true;
}

bool cgroup_take_v1(struct cgroup_host *host, const struct cgroup_place *places, size_t count, struct err *err)
{
    return take_controllers(host, places, count, err);
}

bool cgroup_take_hybrid(struct cgroup_host *host, const struct cgroup_place *places, size_t count, struct err *err)
{
    (void)err_set(err, ERR_SYSTEM, "no v2 directory is mounted");
    if (!take_controller(host, places, count, CONTROLS_UNIFIED, err))
        return err_wrap(err, "hybrid");
    return take_controllers(host, places, count, err);
}

/* v2 */

static const struct {
    unsigned bit;
    const char *enable, *loss;
} v2_wanted[] = {
    {CONTROLS_MEMORY, "+memory", "memory"},
    {CONTROLS_PIDS, "+pids", "process counts"},
    {CONTROLS_CPU, "+cpu", "CPU shares"},
};

static bool hand_down(int at, const char *group, unsigned controls, struct err *err)
{
    for (size_t i = 0; i < sizeof v2_wanted / sizeof *v2_wanted; i++) {
        if ((controls & v2_wanted[i].bit) && !cgroup_write(at, group, "cgroup.subtree_control", v2_wanted[i].enable))
            return err_sys(err, "handing %s to groups below%s%s", v2_wanted[i].enable + 1, group[0] ? " " : "", group);
    }
    return true;
}

bool cgroup_hand_down(const struct cgroup_host *host, const char *group, struct err *err)
{
    return host->kind->backend != CGROUP_V2 || hand_down(host->at[0].root, group, host->at[0].controls, err);
}

/* systemd marks what it hands over; who is not root sees the other name. */
static bool is_delegated(const char *path)
{
    char mark[4];

    return (getxattr(path, "trusted.delegate", mark, sizeof mark) == 1 && mark[0] == '1') ||
           (getxattr(path, "user.delegate", mark, sizeof mark) == 1 && mark[0] == '1');
}

/* May its processes be moved?  Ours and our parent's (the server) always. */
static bool move_one(int from, pid_t pid, bool may_move_all, struct err *err)
{
    char text[16];

    if (!may_move_all && pid != getpid() && pid != getppid())
        return err_set(err, ERR_SYSTEM, "process %d, not ours, is in our group", (int)pid);
    (void)snprintf(text, sizeof text, "%d", (int)pid);
    if (!cgroup_write(from, LEAF, "cgroup.procs", text) && errno != ESRCH)
        return err_sys(err, "moving process %d to " LEAF, (int)pid);
    return true;
}

static bool move_out(int from, bool may_move_all, struct err *err)
{
    uint64_t pid;

    if (mkdirat(from, LEAF, 0755) < 0 && errno != EEXIST)
        return err_sys(err, LEAF);
    for (int moved = 0; cgroup_read_number(from, "", "cgroup.procs", &pid); moved++) {
        if (moved == MOVE_ROUNDS_MAX * 64)
            return err_set(err, ERR_LIMIT, "our group does not get empty");
        if (!move_one(from, (pid_t)pid, may_move_all, err))
            return false;
    }
    return true;
}

/* Our own group, or the one that it is the leaf of; the hierarchy's root if nobody delegated ours and we may. */
static void find_base(const struct cgroup_place *place, char ret[static CGROUP_PATH_MAX])
{
    size_t len = strlen(place->path), leaf = sizeof "/" LEAF - 1;
    bool is_in_leaf = len > leaf && strcmp(place->path + len - leaf, "/" LEAF) == 0;

    (void)snprintf(ret, CGROUP_PATH_MAX, "%.*s", (int)(is_in_leaf ? len - leaf : len), place->path);
    if (place->is_all && !is_delegated(ret) && faccessat(AT_FDCWD, place->top, W_OK, AT_EACCESS) == 0)
        (void)snprintf(ret, CGROUP_PATH_MAX, "%s", place->top);
}

static bool take_v2_place(struct cgroup_host *host, const struct cgroup_place *place, struct err *err)
{
    char base[CGROUP_PATH_MAX], list[512] = "";
    unsigned offered;

    find_base(place, base);

    FD_AUTO at = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (at < 0 || !cgroup_read(at, "", "cgroup.controllers", list, sizeof list))
        return err_sys(err, "%s", base);
    offered = cgroup_parse_controls(list, " \n");
    if ((offered & CONTROLS_MEMORY) == 0 || (offered & CONTROLS_PIDS) == 0)
        return err_set(err, ERR_SYSTEM, "%.100s is not given memory and pids", base);
    if (faccessat(at, "cgroup.subtree_control", W_OK, AT_EACCESS) < 0)
        return err_sys(err, "%.100s", base);
    offered = (offered & ~(unsigned)CONTROLS_CPUACCT) | CONTROLS_UNIFIED;
    /* cgroup.type is in all groups but the hierarchy's root. */
    if (cgroup_has(at, "", "cgroup.type") && !move_out(at, is_delegated(base) || strcmp(base, place->top) == 0, err))
        return false;
    if (!hand_down(at, "", offered, err) || !take(host, base, offered, err))
        return false;
    if ((offered & CONTROLS_CPU) == 0)
        (void)snprintf(host->losses, sizeof host->losses, "CPU shares");
    return hand_down(host->at[0].root, "", offered, err);
}

bool cgroup_take_v2(struct cgroup_host *host, const struct cgroup_place *places, size_t count, struct err *err)
{
    (void)err_set(err, ERR_SYSTEM, "not mounted");

    for (size_t i = 0; i < count; i++) {
        if ((places[i].controls & CONTROLS_UNIFIED) && take_v2_place(host, &places[i], err))
            return true;
    }
    return err_wrap(err, "v2");
}

/* The face */

static int open_home(const struct cgroup_place *places, size_t count)
{
    int home = -1;

    for (size_t i = 0; i < count && home < 0; i++) {
        char path[CGROUP_PATH_MAX + sizeof "/cgroup.procs"];
        (void)snprintf(path, sizeof path, "%s/cgroup.procs", places[i].path);
        home = open(path, O_WRONLY | O_CLOEXEC);
    }
    return home;
}

static bool try_kind(struct cgroup_host *host, const struct cgroup_kind *kind, const struct cgroup_place *places,
                     size_t count, struct err *err)
{
    for (int i = 0; i < NAMES_MAX; i++) {
        int len = snprintf(host->name, sizeof host->name, ROOT_PREFIX "%d", (int)getpid());
        if (i > 0)
            (void)snprintf(host->name + len, sizeof host->name - (size_t)len, ".%d", i);
        host->kind = kind;
        if (kind->take(host, places, count, err))
            return true;
        cgroup_let_go(host);
        if (!is_name_taken(err))
            break;
    }
    return false;
}

static void write_note(const struct cgroup_host *host, const char *why, char ret[static 200])
{
    if (host->kind->backend == CGROUP_NONE)
        (void)snprintf(ret, 200,
                       "no cgroups, so no limits of memory, CPU and processes (%.80s): be root, or start by systemd "
                       "with Delegate=yes",
                       why);
    else if (host->losses[0])
        (void)snprintf(ret, 200, "cgroups (%s) without limits of %.120s", host->kind->name, host->losses);
}

/* The reason that helps: v2's where there is nothing of v1, else what v1's files refused. */
static void keep_reason(struct err *why, const struct err *err, enum cgroup_backend kind,
                        const struct cgroup_place *places, size_t count)
{
    bool has_v1 = false;

    for (size_t i = 0; i < count; i++)
        has_v1 = has_v1 || places[i].controls != CONTROLS_UNIFIED;
    if (count > 0 && has_v1 == (kind != CGROUP_V2) && !why->os_errno)
        *why = *err;
}

/* Beside the host's other processes, among them the server: as many of them as there are CPUs (as one group of the
 * default weight, a hundred busy workers would get no more than one process), and not its last memory. */
static void limit_all(const struct cgroup_host *host)
{
    uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    const struct cell_limits limits[] = {
        {.cpu_weight = 100 * (uint32_t)sysconf(_SC_NPROCESSORS_ONLN)},
        {.memory_bytes = memory - memory / MEMORY_KEPT_PART},
    };
    struct err ignored;

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        (void)host->kind->limit(host, ".", &limits[i], true, &ignored);
}

struct cgroup_host *cgroup_open_at(const struct cgroup_sources *sources, char ret_note[static 200])
{
    struct cgroup_host *host = calloc(1, sizeof *host);
    struct cgroup_place *places = calloc(CGROUP_PLACES_MAX, sizeof *places);
    struct err why = {.text = "none is mounted"};
    size_t count;

    if (!host || !places)
        abort();
    ret_note[0] = '\0';
    count = cgroup_find_places(sources, places, CGROUP_PLACES_MAX);
    cgroup_sweep(places, count);
    for (enum cgroup_backend kind = CGROUP_BACKENDS - 1; kind > CGROUP_NONE && host->count == 0; kind--) {
        struct err err = {0};
        if (!try_kind(host, &cgroup_kinds[kind], places, count, &err))
            keep_reason(&why, &err, kind, places, count);
    }
    if (host->count == 0)
        host->kind = &cgroup_kinds[CGROUP_NONE];
    else
        limit_all(host);
    hosts_open += host->count > 0;
    count = cgroup_find_places(sources, places, CGROUP_PLACES_MAX); /* anew: we may have moved to a leaf */
    host->home = host->count ? open_home(places, count) : -1;
    write_note(host, why.text, ret_note);
    free(places);
    return host;
}

void cgroup_close(struct cgroup_host *host)
{
    if (!host)
        return;
    hosts_open -= host->count > 0;
    cgroup_let_go(host);
    fd_close(&host->home);
    free(host);
}

struct cgroup_host *cgroup_open(char ret_note[static 200])
{
    const struct cgroup_sources sources = {"/proc/self/mountinfo", "/proc/self/cgroup"};

    return cgroup_open_at(&sources, ret_note);
}

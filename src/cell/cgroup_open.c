/*
 * cgroup_open: taking hold of the hierarchies, and sweeping away what keepers that are no more have left.
 *
 * Our root is <where we may make groups>/sculler-<pid>; a flock on it says that its keeper lives.  The kernel lets go
 * of it with the last descriptor, so unlike a pid it cannot be another's by the time somebody looks.
 */
#include "base/fd.h"
#include "cell/cgroup_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char prefix[] = "sculler-";
static const char leaf[] = "sculler-main"; /* where we ourselves go, so that our group may hand on its controllers */

/* Sweeping */

static bool is_abandoned(int parent, const char *name)
{
    FD_AUTO folder = cgroup_open_folder(parent, name);

    return folder >= 0 && flock(folder, LOCK_EX | LOCK_NB) == 0;
}

static void sweep_folder(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;

    while (folder && (entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) != 0 || strcmp(entry->d_name, leaf) == 0 ||
            !is_abandoned(dirfd(folder), entry->d_name))
            continue;
        if (!cgroup_kill_at_once(dirfd(folder), entry->d_name))
            (void)cgroup_kill_tree(dirfd(folder), entry->d_name);
        for (int tries = 0; tries < 20 && !cgroup_remove_tree(dirfd(folder), entry->d_name); tries++)
            (void)usleep(5000);
    }
    if (folder)
        (void)closedir(folder);
}

void cgroup_sweep(const struct cgroup_place *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sweep_folder(places[i].path);
        if (strcmp(places[i].path, places[i].top) != 0)
            sweep_folder(places[i].top);
    }
}

/* Taking */

static bool make_root(struct cgroup_hierarchy *at, const char *name, const char *parent, struct err *err)
{
    FD_AUTO folder = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (folder < 0 || (mkdirat(folder, name, 0755) < 0 && errno != EEXIST))
        return err_sys(err, "cgroup %s/%s", parent, name);

    FD_AUTO root = cgroup_open_folder(folder, name);
    FD_AUTO lock = cgroup_open_folder(folder, name);

    if (root < 0 || lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
        return err_sys(err, "cgroup %s/%s", parent, name);
    at->parent = fd_take(&folder);
    at->root = fd_take(&root);
    at->lock = fd_take(&lock);
    return true;
}

/* Below our own group if that may be; a container's own group may be closed to it, and the top open. */
static bool take_place(struct cgroup_host *host, const struct cgroup_place *place, unsigned controls, struct err *err)
{
    struct cgroup_hierarchy *at = &host->at[host->count];

    if (host->count == CGROUP_HIERARCHIES_MAX)
        return err_set(err, ERR_LIMIT, "more cgroup hierarchies than %d", CGROUP_HIERARCHIES_MAX);
    *at = (struct cgroup_hierarchy){.controls = controls, .root = -1, .lock = -1, .parent = -1};
    if (!make_root(at, host->name, place->path, err) &&
        (strcmp(place->path, place->top) == 0 || !make_root(at, host->name, place->top, err)))
        return false;
    host->count++;
    return true;
}

static const struct cgroup_place *place_with(const struct cgroup_place *places, size_t count, unsigned control)
{
    for (size_t i = 0; i < count; i++) {
        if (places[i].controls & control)
            return &places[i];
    }
    return NULL;
}

static bool has_control(const struct cgroup_host *host, unsigned control)
{
    for (size_t i = 0; i < host->count; i++) {
        if (host->at[i].controls & control)
            return true;
    }
    return false;
}

bool cgroup_take_v1(struct cgroup_host *host, const struct cgroup_place *places, size_t count, struct err *err)
{
    static const struct {
        unsigned control;
        bool must;
        const char *name;
    } wanted[] = {
        {CONTROLS_MEMORY, true, "memory"},
        {CONTROLS_PIDS, true, "pids"},
        {CONTROLS_CPU, true, "cpu"},
        {CONTROLS_CPUACCT, false, "cpuacct"},
    };

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const struct cgroup_place *place = place_with(places, count, wanted[i].control);
        if (has_control(host, wanted[i].control))
            continue; /* mounted together with another */
        if (!place && wanted[i].must)
            return err_set(err, ERR_SYSTEM, "no v1 hierarchy has the %s controller", wanted[i].name);
        if (place && !take_place(host, place, place->controls, err) && wanted[i].must)
            return false;
    }
    return true;
}

bool cgroup_take_hybrid(struct cgroup_host *host, const struct cgroup_place *places, size_t count, struct err *err)
{
    const struct cgroup_place *unified = place_with(places, count, CONTROLS_UNIFIED);

    if (!unified)
        return err_set(err, ERR_SYSTEM, "no v2 hierarchy is mounted");
    return take_place(host, unified, CONTROLS_UNIFIED, err) && cgroup_take_v1(host, places, count, err);
}

static bool move_all(int from, int to)
{
    char pids[4096], *at = pids;

    if (!cgroup_read(from, "", "cgroup.procs", pids, sizeof pids))
        return false;
    for (char *end; *at; at = end + strspn(end, "\n")) {
        char pid[24];
        (void)snprintf(pid, sizeof pid, "%ld", strtol(at, &end, 10));
        if (end == at)
            break;
        (void)cgroup_write(to, "", "cgroup.procs", pid);
    }
    return true;
}

/* A v2 group that hands controllers to its children holds no process itself, cgroups(7); so ours go to a leaf. */
static bool hand_on(const char *path, struct err *err)
{
    FD_AUTO own = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (own < 0)
        return err_sys(err, "cgroup %s", path);
    if (cgroup_write(own, "", "cgroup.subtree_control", "+memory +cpu +pids"))
        return true;
    if (errno != EBUSY || (mkdirat(own, leaf, 0755) < 0 && errno != EEXIST))
        return err_sys(err, "controllers of cgroup %s", path);

    FD_AUTO to = cgroup_open_folder(own, leaf);

    if (to < 0 || !move_all(own, to) || !cgroup_write(own, "", "cgroup.subtree_control", "+memory +cpu +pids"))
        return err_sys(err, "controllers of cgroup %s", path);
    return true;
}

bool cgroup_take_v2(struct cgroup_host *host, const struct cgroup_place *places, size_t count, struct err *err)
{
    const unsigned all = CONTROLS_MEMORY | CONTROLS_CPU | CONTROLS_PIDS;
    const struct cgroup_place *unified = place_with(places, count, CONTROLS_UNIFIED);
    char controllers[512] = "";
    FD_AUTO own = unified ? open(unified->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (own < 0 || !cgroup_read(own, "", "cgroup.controllers", controllers, sizeof controllers) ||
        (cgroup_parse_controls(controllers, " \n") & all) != all)
        return err_set(err, ERR_SYSTEM, "the v2 hierarchy does not give memory, cpu and pids to this group");
    if (!hand_on(unified->path, err) || !take_place(host, unified, CONTROLS_UNIFIED | all, err))
        return false;
    if (!cgroup_write(host->at[0].root, "", "cgroup.subtree_control", "+memory +cpu +pids"))
        return err_sys(err, "controllers of our cgroup");
    return true;
}

/* Any hierarchy does: the lock that makes a move wait is one for all. */
int cgroup_home(const struct cgroup_place *places, size_t count)
{
    char path[CGROUP_PATH_MAX + 32], text[24];
    const char *const names[] = {leaf, "."};

    (void)snprintf(text, sizeof text, "%d", (int)getpid());
    for (size_t i = 0; i < count * 2; i++) {
        (void)snprintf(path, sizeof path, "%s/%s/cgroup.procs", places[i / 2].path, names[i % 2]);

        FD_AUTO fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text))
            return fd_take(&fd);
    }
    return -1;
}

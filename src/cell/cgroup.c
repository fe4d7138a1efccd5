/*
 * cgroup: the face; see cgroup.h.  A back end is a row: how it takes hold of the host, limits a group, and measures it.
 * Making, attaching, killing and removing are the same for all, hierarchy by hierarchy.
 */
#include "cell/cgroup.h"

#include "base/fd.h"
#include "cell/cgroup_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KILL_ROUNDS = 50,
    GROUP_BYTES = 64,
    LISTED_MAX = 1024,
    ATTACH_ROUNDS_MAX = 32,
    CLOSE_TRIES_MAX = 400, /* two seconds for what is left to die */
    CLOSE_PAUSE_US = 5 * 1000,
};

const struct cgroup_kind cgroup_kinds[CGROUP_BACKENDS] = {
    [CGROUP_NONE] = {.backend = CGROUP_NONE, .name = "none"},
    [CGROUP_V1] = {CGROUP_V1, "v1", cgroup_take_v1, cgroup_limit_v1, cgroup_measure_v1},
    [CGROUP_HYBRID] = {CGROUP_HYBRID, "hybrid", cgroup_take_hybrid, cgroup_limit_v1, cgroup_measure_hybrid},
    [CGROUP_V2] = {CGROUP_V2, "v2", cgroup_take_v2, cgroup_limit_v2, cgroup_measure_v2},
};

static const char *cell_name(uint32_t cell, char ret[static GROUP_BYTES])
{
    (void)snprintf(ret, GROUP_BYTES, "cell-%u", cell);
    return ret;
}

static const char *group_name(struct cgroup group, char ret[static GROUP_BYTES])
{
    if (group.worker == 0)
        (void)snprintf(ret, GROUP_BYTES, "cell-%u/template", group.cell);
    else if (group.worker == CGROUP_UPLINK)
        (void)snprintf(ret, GROUP_BYTES, "cell-%u/uplink", group.cell);
    else
        (void)snprintf(ret, GROUP_BYTES, "cell-%u/worker-%u", group.cell, group.worker);
    return ret;
}

/* Where the kernel cannot do it at once (before 5.14, or v1 alone) a bomb may fork while its pids are read: so again
 * and again, while the pids controller lets it have nothing new. */
static void kill_group(struct cgroup_host *host, const char *name)
{
    if (host->count == 0 || cgroup_kill_at_once(host->at[0].root, name))
        return;
    for (size_t i = 0; i < host->count; i++) {
        if (host->at[i].controls & CONTROLS_PIDS)
            (void)cgroup_write(host->at[i].root, name, "pids.max", "0");
    }
    for (int round = 0; round < KILL_ROUNDS && cgroup_kill_tree(host->at[0].root, name) > 0; round++)
        continue;
}

void cgroup_let_go(struct cgroup_host *host)
{
    for (size_t i = 0; i < host->count; i++) {
        struct cgroup_hierarchy *at = &host->at[i];
        for (int tries = 0; tries < CLOSE_TRIES_MAX && !cgroup_remove_tree(at->parent, host->name); tries++) {
            kill_group(host, "");
            (void)usleep(CLOSE_PAUSE_US); /* nobody waits for us any more, and v1 tells no event */
        }
        fd_close(&at->lock);
        fd_close(&at->root);
        fd_close(&at->parent);
    }
    host->count = 0;
}

enum cgroup_backend cgroup_backend(const struct cgroup_host *host)
{
    return host->kind->backend;
}

const char *cgroup_backend_name(enum cgroup_backend backend)
{
    return cgroup_kinds[backend].name;
}

/* Groups */

static bool remove_everywhere(struct cgroup_host *host, const char *name)
{
    bool all = true;

    for (size_t i = 0; i < host->count; i++)
        all = cgroup_remove_tree(host->at[i].root, name) && all;
    return all;
}

static bool make(struct cgroup_host *host, const char *group, const struct cell_limits *limits, bool is_cell,
                 struct err *err)
{
    bool good = true;

    for (size_t i = 0; i < host->count && good; i++) {
        if (mkdirat(host->at[i].root, group, 0755) < 0 && errno != EEXIST)
            good = err_sys(err, "making cgroup %s", group);
    }
    good = good && (host->count == 0 || host->kind->limit(host, group, limits, is_cell, err));
    if (!good)
        (void)remove_everywhere(host, group);
    return good;
}

bool cgroup_make_cell(struct cgroup_host *host, uint32_t cell, const struct cell_limits *limits, struct err *err)
{
    const struct cell_limits unlimited = {0};
    char name[GROUP_BYTES], template[GROUP_BYTES];

    if (!make(host, cell_name(cell, name), limits, true, err))
        return false;
    if (cgroup_hand_down(host, name, err) &&
        make(host, group_name((struct cgroup){cell, 0}, template), &unlimited, false, err))
        return true;
    (void)remove_everywhere(host, name);
    return false;
}

bool cgroup_make_worker(struct cgroup_host *host, struct cgroup group, const struct cell_limits *limits,
                        struct err *err)
{
    char name[GROUP_BYTES];

    return make(host, group_name(group, name), limits, false, err);
}

bool cgroup_attach(struct cgroup_host *host, struct cgroup group, pid_t pid, struct err *err)
{
    char name[GROUP_BYTES], text[24];

    (void)snprintf(text, sizeof text, "%d", (int)pid);
    (void)group_name(group, name);
    for (size_t i = 0; i < host->count; i++) {
        if (!cgroup_write(host->at[i].root, name, "cgroup.procs", text))
            return err_sys(err, "moving a process to cgroup %s", name);
    }
    return true;
}

/* How many there were.  One that has ended since it was listed is no failure. */
static bool attach_listed(struct cgroup_host *host, struct cgroup group, pid_t but, int *ret_count, struct err *err)
{
    char name[GROUP_BYTES];
    pid_t pids[LISTED_MAX];
    size_t count = cgroup_list(host->at[0].root, group_name((struct cgroup){group.cell, 0}, name), pids, LISTED_MAX);

    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (pids[i] == but)
            continue;
        ++*ret_count;
        if (!cgroup_attach(host, group, pids[i], err) && err->os_errno != ESRCH)
            return false;
    }
    return true;
}

/* What is there already forks into the new group, so each round finds what was forked between two steps of the last. */
bool cgroup_attach_rest(struct cgroup_host *host, struct cgroup group, pid_t but, struct err *err)
{
    int count = host->count > 0;

    for (int round = 0; round < ATTACH_ROUNDS_MAX && count > 0; round++) {
        if (!attach_listed(host, group, but, &count, err))
            return false;
    }
    return count == 0 || err_set(err, ERR_LIMIT, "its processes fork faster than they can be moved to its cgroup");
}

/* The write takes the lock that every move takes, and moves nothing: we are there already. */
void cgroup_keep_warm(struct cgroup_host *host)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%d", (int)getpid());
    if (host->home >= 0)
        (void)!write(host->home, text, strlen(text));
}

void cgroup_figures(struct cgroup_host *host, struct cgroup group, struct cgroup_figures *ret)
{
    char name[GROUP_BYTES];

    *ret = (struct cgroup_figures){0};
    if (host->count > 0)
        host->kind->measure(host, group_name(group, name), ret);
}

void cgroup_kill(struct cgroup_host *host, struct cgroup group)
{
    char name[GROUP_BYTES];

    kill_group(host, group_name(group, name));
}

void cgroup_kill_cell(struct cgroup_host *host, uint32_t cell)
{
    char name[GROUP_BYTES];

    kill_group(host, cell_name(cell, name));
}

bool cgroup_is_empty(struct cgroup_host *host, struct cgroup group)
{
    char name[GROUP_BYTES], first[16];

    (void)group_name(group, name);
    return host->count == 0 || !cgroup_read(host->at[0].root, name, "cgroup.procs", first, sizeof first) || !first[0];
}

bool cgroup_remove(struct cgroup_host *host, struct cgroup group)
{
    char name[GROUP_BYTES];

    return remove_everywhere(host, group_name(group, name));
}

bool cgroup_remove_cell(struct cgroup_host *host, uint32_t cell)
{
    char name[GROUP_BYTES];

    return remove_everywhere(host, cell_name(cell, name));
}

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

enum { KILL_ROUNDS = 50, GROUP_BYTES = 64 };

const struct cgroup_kind cgroup_kinds[CGROUP_BACKENDS] = {
    [CGROUP_NONE] = {.backend = CGROUP_NONE, .name = "none"},
    [CGROUP_V1] = {CGROUP_V1, "v1", cgroup_take_v1, cgroup_limit_v1, cgroup_measure_v1},
    [CGROUP_HYBRID] = {CGROUP_HYBRID, "hybrid", cgroup_take_hybrid, cgroup_limit_v1, cgroup_measure_v1},
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
    else
        (void)snprintf(ret, GROUP_BYTES, "cell-%u/worker-%u", group.cell, group.worker);
    return ret;
}

/* Open and close */

static void let_go(struct cgroup_host *host)
{
    for (size_t i = 0; i < host->count; i++) {
        struct cgroup_hierarchy *at = &host->at[i];
        for (int tries = 0; tries < KILL_ROUNDS && !cgroup_remove_tree(at->parent, host->name); tries++) {
            if (!cgroup_kill_at_once(at->parent, host->name))
                (void)cgroup_kill_tree(at->parent, host->name);
            (void)usleep(2000);
        }
        fd_close(&at->lock);
        fd_close(&at->root);
        fd_close(&at->parent);
    }
    host->count = 0;
}

static bool take(struct cgroup_host *host, const struct cgroup_kind *kind, const struct cgroup_place *places,
                 size_t count, struct err *err)
{
    host->kind = kind;
    if (kind->take(host, places, count, err))
        return true;
    let_go(host);
    host->kind = &cgroup_kinds[CGROUP_NONE];
    return false;
}

struct cgroup_host *cgroup_open_at(const struct cgroup_sources *sources, char ret_note[static 200])
{
    struct cgroup_place *places = calloc(CGROUP_PLACES_MAX, sizeof *places);
    struct cgroup_host *host = calloc(1, sizeof *host);
    struct err err = {0}, first = {0};
    size_t count;

    if (!places || !host)
        abort();
    ret_note[0] = '\0';
    host->home = -1;
    host->kind = &cgroup_kinds[CGROUP_NONE];
    (void)snprintf(host->name, sizeof host->name, "sculler-%d", (int)getpid());
    count = cgroup_find_places(sources, places, CGROUP_PLACES_MAX);
    cgroup_sweep(places, count);
    for (int kind = CGROUP_BACKENDS - 1; kind > CGROUP_NONE; kind--) {
        if (take(host, &cgroup_kinds[kind], places, count, &err))
            break;
        if (kind == CGROUP_V1 || first.text[0] == '\0' || err.os_errno == EACCES)
            first = err;
    }
    if (host->kind->backend == CGROUP_NONE)
        (void)snprintf(ret_note, 200, "no cgroups, so no limits of memory, CPU and processes: %.120s", first.text);
    host->home = cgroup_home(places, count);
    free(places);
    return host;
}

struct cgroup_host *cgroup_open(char ret_note[static 200])
{
    return cgroup_open_at(&(struct cgroup_sources){"/proc/self/mountinfo", "/proc/self/cgroup"}, ret_note);
}

void cgroup_close(struct cgroup_host *host)
{
    if (!host)
        return;
    let_go(host);
    fd_close(&host->home);
    free(host);
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

static bool make(struct cgroup_host *host, const char *group, struct err *err)
{
    for (size_t i = 0; i < host->count; i++) {
        if (mkdirat(host->at[i].root, group, 0755) < 0 && errno != EEXIST)
            return err_sys(err, "making cgroup %s", group);
    }
    return true;
}

bool cgroup_make_cell(struct cgroup_host *host, uint32_t cell, const struct cell_limits *limits, struct err *err)
{
    char name[GROUP_BYTES], template[GROUP_BYTES];

    (void)cell_name(cell, name);
    if (!make(host, name, err))
        return false;
    if (host->kind->backend == CGROUP_V2 &&
        !cgroup_write(host->at[0].root, name, "cgroup.subtree_control", "+memory +cpu +pids"))
        return err_sys(err, "controllers of cgroup %s", name);
    return (!host->kind->limit || host->kind->limit(host, name, limits, true, err)) &&
           make(host, group_name((struct cgroup){cell, 0}, template), err);
}

bool cgroup_make_worker(struct cgroup_host *host, struct cgroup group, const struct cell_limits *limits,
                        struct err *err)
{
    char name[GROUP_BYTES];

    return make(host, group_name(group, name), err) &&
           (!host->kind->limit || host->kind->limit(host, name, limits, false, err));
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
    if (host->kind->measure)
        host->kind->measure(host, group_name(group, name), ret);
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

static bool remove_everywhere(struct cgroup_host *host, const char *name)
{
    bool all = true;

    for (size_t i = 0; i < host->count; i++)
        all = cgroup_remove_tree(host->at[i].root, name) && all;
    return all;
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

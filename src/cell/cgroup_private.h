/*
 * cgroup_private: what the files of cgroup share.  cgroup_find.c reads where things are (pure but for reading two
 * files), cgroup_open.c takes hold of them, cgroup_limits.c knows the files of v1 and v2, cgroup_file.c opens, reads
 * and writes them, cgroup.c is the face.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "cell/cgroup.h"

enum { /* what a hierarchy is for, as bits: several v1 controllers may share one */
       CONTROLS_MEMORY = 1,
       CONTROLS_CPU = 2,
       CONTROLS_CPUACCT = 4,
       CONTROLS_PIDS = 8,
       CONTROLS_UNIFIED = 16, /* a v2 directory, whatever its controllers */
};

enum {
    CGROUP_PATH_MAX = 1024,    /* a path longer than that is one we do not use */
    CGROUP_PLACES_MAX = 32,    /* mounts of cgroup file systems that we look at */
    CGROUP_HIERARCHIES_MAX = 5 /* that we use: one a bit at most */
};

/* Where cgroups are, by mountinfo: a mounted hierarchy and our own group in it. */
struct cgroup_place {
    unsigned controls;
    bool is_all;                /* its top is the hierarchy's own root, not a part shown to a container */
    char top[CGROUP_PATH_MAX];  /* the mount point */
    char path[CGROUP_PATH_MAX]; /* our own group's directory; the top where it cannot be seen from here */
};

/* Two files of /proc, or a test's. */
struct cgroup_sources {
    const char *mountinfo, *self;
};

/* One hierarchy in use.  Both descriptors are of <root>/sculler-<pid>; the lock is explained in cgroup_open.c. */
struct cgroup_hierarchy {
    unsigned controls;
    int root, lock;
    int parent; /* the directory that root is in */
};

struct cgroup_kind; /* a back end */

struct cgroup_host {
    const struct cgroup_kind *kind;
    struct cgroup_hierarchy at[CGROUP_HIERARCHIES_MAX]; /* the first is asked who is in a group */
    size_t count;
    int home; /* cgroup.procs of the group that we ourselves are in, or -1: cgroup_keep_warm */
    char name[32];
    char losses[128]; /* what is not limited, in words, or "" */
};

/* A back end: what v1 and v2 call things, as functions.  A kind without hierarchies has nothing to call. */
struct cgroup_kind {
    enum cgroup_backend backend;
    const char *name;
    bool (*take)(struct cgroup_host *host, const struct cgroup_place *places, size_t count, struct err *err);
    bool (*limit)(const struct cgroup_host *host, const char *group, const struct cell_limits *limits, bool is_cell,
                  struct err *err);
    void (*measure)(const struct cgroup_host *host, const char *group, struct cgroup_figures *ret);
};

/* By enum cgroup_backend; tried from the last. */
extern const struct cgroup_kind cgroup_kinds[CGROUP_BACKENDS];

struct cgroup_host *cgroup_open_at(const struct cgroup_sources *sources, char ret_note[static 200]);

/* cgroup_find.c */
size_t cgroup_find_places(const struct cgroup_sources *sources, struct cgroup_place *ret, size_t places_max);
unsigned cgroup_parse_controls(const char *list, const char *separators); /* "memory,pids" -> bits, others ignored */

/* cgroup_open.c */
bool cgroup_take_v1(struct cgroup_host *host, const struct cgroup_place *places, size_t count, struct err *err);
bool cgroup_take_hybrid(struct cgroup_host *host, const struct cgroup_place *places, size_t count, struct err *err);
bool cgroup_take_v2(struct cgroup_host *host, const struct cgroup_place *places, size_t count, struct err *err);
void cgroup_sweep(const struct cgroup_place *places, size_t count);
/* v2: what `group` has of controllers, groups in it shall have too. */
bool cgroup_hand_down(const struct cgroup_host *host, const char *group, struct err *err);

/* cgroup.c */
void cgroup_let_go(struct cgroup_host *host); /* kills and removes all that was taken; host has no hierarchies then */

/* cgroup_limits.c */
int cgroup_root_of(const struct cgroup_host *host, unsigned controls); /* the hierarchy with one of them, or -1 */
bool cgroup_limit_v1(const struct cgroup_host *host, const char *group, const struct cell_limits *limits, bool is_cell,
                     struct err *err);
bool cgroup_limit_v2(const struct cgroup_host *host, const char *group, const struct cell_limits *limits, bool is_cell,
                     struct err *err);
void cgroup_measure_v1(const struct cgroup_host *host, const char *group, struct cgroup_figures *ret);
void cgroup_measure_hybrid(const struct cgroup_host *host, const char *group, struct cgroup_figures *ret);
void cgroup_measure_v2(const struct cgroup_host *host, const char *group, struct cgroup_figures *ret);

/* cgroup_file.c: directory `at`, group below it ("" is itself), file in that.  errno says why not. */
bool cgroup_write(int at, const char *group, const char *file, const char *text);
bool cgroup_read(int at, const char *group, const char *file, char *ret, size_t size); /* the first size - 1 bytes */
bool cgroup_has(int at, const char *group, const char *file);
bool cgroup_read_number(int at, const char *group, const char *file, uint64_t *ret);
/* The number behind `key` and a blank, in a file of such lines. */
bool cgroup_read_key(int at, const char *group, const char *file, const char *key, uint64_t *ret);
/* The processes in it, those of groups below not counted. */
size_t cgroup_list(int at, const char *group, pid_t *ret, size_t max);
/* SIGKILLs all below `at`/`group`; returns how many were there. */
size_t cgroup_kill_tree(int at, const char *group);
bool cgroup_kill_at_once(int at, const char *group); /* by the kernel, where it can */
/* Removes `group` and all below it; true: it is not there any more. */
bool cgroup_remove_tree(int at, const char *group);
int cgroup_open_folder(int at, const char *path);

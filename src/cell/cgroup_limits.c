/*
 * cgroup_limits: what v1 and v2 call a limit, as two tables, and where each keeps its figures (the kernel's
 * Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst).
 *
 * A row is written when its controller is in use and its limit is not 0.  `forgives` names the error by which the
 * kernel says that the row is not needed:
 *   ENOENT  swap is not accounted, so there is none to forbid; no CONFIG_CFS_BANDWIDTH; no oom.group before 4.19.
 *   EINVAL  v1's quota: it is wider than an ancestor's, and the tighter one holds anyway.
 *
 * v1 has no oom.group: when one process of a worker was killed for its memory, the rest lives until the keeper ends the
 * worker.  Whether it happened is oom_control's oom_kill (4.13), not failcnt, which also counts when reclaim made room.
 */
#include "cell/cgroup_private.h"

#include <errno.h>
#include <inttypes.h>

enum {
    TEXT_BYTES = 48,
    PERIOD_US = 100 * 1000, /* both versions' own default */
    WEIGHT_DEFAULT = 100,   /* v2's cpu.weight; v1's cpu.shares says 1024 for the same */
    SHARES_DEFAULT = 1024,
    SHARES_MIN = 2,
    SHARES_MAX = 262144,
};

struct limit_row {
    unsigned control;
    const char *file;
    bool (*print)(const struct cell_limits *limits, char ret[static TEXT_BYTES]); /* false: no limit is asked for */
    int forgives;
    bool groups_only; /* not on a cell */
};

static bool print_memory(const struct cell_limits *limits, char ret[static TEXT_BYTES])
{
    (void)snprintf(ret, TEXT_BYTES, "%" PRIu64, limits->memory_bytes);
    return limits->memory_bytes > 0;
}

static bool print_none(const struct cell_limits *limits, char ret[static TEXT_BYTES])
{
    (void)snprintf(ret, TEXT_BYTES, "0");
    return limits->memory_bytes > 0;
}

static bool print_yes(const struct cell_limits *limits, char ret[static TEXT_BYTES])
{
    (void)limits;
    (void)snprintf(ret, TEXT_BYTES, "1");
    return true;
}

static bool print_pids(const struct cell_limits *limits, char ret[static TEXT_BYTES])
{
    (void)snprintf(ret, TEXT_BYTES, "%" PRIu32, limits->pids_max);
    return limits->pids_max > 0;
}

static bool print_weight(const struct cell_limits *limits, char ret[static TEXT_BYTES])
{
    (void)snprintf(ret, TEXT_BYTES, "%" PRIu32, limits->cpu_weight);
    return limits->cpu_weight > 0;
}

static bool print_shares(const struct cell_limits *limits, char ret[static TEXT_BYTES])
{
    uint64_t shares = (uint64_t)limits->cpu_weight * SHARES_DEFAULT / WEIGHT_DEFAULT;

    shares = shares < SHARES_MIN ? SHARES_MIN : shares > SHARES_MAX ? SHARES_MAX : shares;
    (void)snprintf(ret, TEXT_BYTES, "%" PRIu64, shares);
    return limits->cpu_weight > 0;
}

static bool print_quota(const struct cell_limits *limits, char ret[static TEXT_BYTES])
{
    (void)snprintf(ret, TEXT_BYTES, "%" PRIu32, limits->cpu_quota_us);
    return limits->cpu_quota_us > 0;
}

static bool print_quota_and_period(const struct cell_limits *limits, char ret[static TEXT_BYTES])
{
    (void)snprintf(ret, TEXT_BYTES, "%" PRIu32 " %d", limits->cpu_quota_us, PERIOD_US);
    return limits->cpu_quota_us > 0;
}

static const struct limit_row v1_rows[] = {
    {CONTROLS_MEMORY, "memory.limit_in_bytes", print_memory, 0, false},
    {CONTROLS_MEMORY, "memory.memsw.limit_in_bytes", print_memory, ENOENT, false}, /* memory and swap: never less */
    {CONTROLS_MEMORY, "memory.swappiness", print_none, EINVAL, false},             /* for where swap is not counted */
    {CONTROLS_CPU, "cpu.shares", print_shares, 0, false},
    {CONTROLS_CPU, "cpu.cfs_quota_us", print_quota, EINVAL, false},
    {CONTROLS_PIDS, "pids.max", print_pids, 0, false},
};

static const struct limit_row v2_rows[] = {
    {CONTROLS_MEMORY, "memory.max", print_memory, 0, false},
    {CONTROLS_MEMORY, "memory.swap.max", print_none, ENOENT, false},
    /* A worker goes as a whole when memory is out; a cell does not, its other workers are innocent. */
    {CONTROLS_MEMORY, "memory.oom.group", print_yes, ENOENT, true},
    {CONTROLS_CPU, "cpu.weight", print_weight, 0, false},
    {CONTROLS_CPU, "cpu.max", print_quota_and_period, ENOENT, false},
    {CONTROLS_PIDS, "pids.max", print_pids, 0, false},
};

int cgroup_root_of(const struct cgroup_host *host, unsigned controls)
{
    for (size_t i = 0; i < host->count; i++) {
        if (host->at[i].controls & controls)
            return host->at[i].root;
    }
    return -1;
}

static bool write_rows(const struct limit_row *rows, size_t count, const struct cgroup_host *host, const char *group,
                       const struct cell_limits *limits, bool is_cell, struct err *err)
{
    for (const struct limit_row *row = rows; row < rows + count; row++) {
        int root = cgroup_root_of(host, row->control);
        char text[TEXT_BYTES];
        if (root < 0 || (is_cell && row->groups_only) || !row->print(limits, text))
            continue;
        if (!cgroup_write(root, group, row->file, text) && errno != row->forgives)
            return err_sys(err, "limiting %s: writing %s to %s", group, text, row->file);
    }
    return true;
}

bool cgroup_limit_v1(const struct cgroup_host *host, const char *group, const struct cell_limits *limits, bool is_cell,
                     struct err *err)
{
    return write_rows(v1_rows, sizeof v1_rows / sizeof *v1_rows, host, group, limits, is_cell, err);
}

bool cgroup_limit_v2(const struct cgroup_host *host, const char *group, const struct cell_limits *limits, bool is_cell,
                     struct err *err)
{
    return write_rows(v2_rows, sizeof v2_rows / sizeof *v2_rows, host, group, limits, is_cell, err);
}

static void measure_memory_v1(const struct cgroup_host *host, const char *group, struct cgroup_figures *ret)
{
    int memory = cgroup_root_of(host, CONTROLS_MEMORY);
    uint64_t kills = 0;

    (void)cgroup_read_key(memory, group, "memory.oom_control", "oom_kill", &kills);
    ret->out_of_memory = kills > 0;
    (void)cgroup_read_number(memory, group, "memory.max_usage_in_bytes", &ret->memory_peak_bytes);
}

/* cpu.stat of any v2 directory tells the time that was used, whether it has the cpu controller or not. */
static void measure_cpu_v2(const struct cgroup_host *host, const char *group, struct cgroup_figures *ret)
{
    (void)cgroup_read_key(cgroup_root_of(host, CONTROLS_UNIFIED), group, "cpu.stat", "usage_usec", &ret->cpu_us);
}

void cgroup_measure_v1(const struct cgroup_host *host, const char *group, struct cgroup_figures *ret)
{
    uint64_t cpu_ns = 0;

    measure_memory_v1(host, group, ret);
    (void)cgroup_read_number(cgroup_root_of(host, CONTROLS_CPUACCT), group, "cpuacct.usage", &cpu_ns);
    ret->cpu_us = cpu_ns / 1000;
}

void cgroup_measure_hybrid(const struct cgroup_host *host, const char *group, struct cgroup_figures *ret)
{
    measure_memory_v1(host, group, ret);
    measure_cpu_v2(host, group, ret);
}

void cgroup_measure_v2(const struct cgroup_host *host, const char *group, struct cgroup_figures *ret)
{
    int memory = cgroup_root_of(host, CONTROLS_MEMORY);
    uint64_t kills = 0;

    (void)cgroup_read_key(memory, group, "memory.events", "oom_kill", &kills);
    ret->out_of_memory = kills > 0;
    (void)cgroup_read_number(memory, group, "memory.peak", &ret->memory_peak_bytes); /* 5.19 and later */
    measure_cpu_v2(host, group, ret);
}

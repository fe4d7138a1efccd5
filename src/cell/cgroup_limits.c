/*
 * cgroup_limits: what v1 and v2 call their limits and figures (the kernel's Documentation/admin-guide/cgroup-v1/ and
 * cgroup-v2.rst).  A file that an older kernel does not have is passed over only where that says so.
 */
#include "cell/cgroup_private.h"

#include <errno.h>
#include <stdlib.h>

enum { PERIOD_US = 100000, SHARES_OF_WEIGHT_100 = 1024, SHARES_MIN = 2 };

static const struct cgroup_hierarchy *with_control(const struct cgroup_host *host, unsigned control)
{
    for (size_t i = 0; i < host->count; i++) {
        if (host->at[i].controls & control)
            return &host->at[i];
    }
    return NULL;
}

static bool set_number(const struct cgroup_host *host, unsigned control, const char *group, const char *file,
                       uint64_t value, struct err *err)
{
    const struct cgroup_hierarchy *at = with_control(host, control);
    char text[32];

    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    if (!at || !cgroup_write(at->root, group, file, text))
        return err_sys(err, "%s of cgroup %s", file, group);
    return true;
}

/* Swap: none where the kernel counts it, else as little as it can be asked for. */
static bool limit_memory_v1(const struct cgroup_host *host, const char *group, uint64_t bytes, struct err *err)
{
    const struct cgroup_hierarchy *at = with_control(host, CONTROLS_MEMORY);

    if (!set_number(host, CONTROLS_MEMORY, group, "memory.limit_in_bytes", bytes, err))
        return false;
    if (cgroup_has(at->root, group, "memory.memsw.limit_in_bytes"))
        return set_number(host, CONTROLS_MEMORY, group, "memory.memsw.limit_in_bytes", bytes, err);
    (void)cgroup_write(at->root, group, "memory.swappiness", "0");
    return true;
}

static uint64_t shares_of(uint32_t weight)
{
    uint64_t shares = (uint64_t)weight * SHARES_OF_WEIGHT_100 / 100;

    return shares > SHARES_MIN ? shares : SHARES_MIN;
}

bool cgroup_limit_v1(const struct cgroup_host *host, const char *group, const struct cell_limits *limits, bool is_cell,
                     struct err *err)
{
    (void)is_cell;
    if (limits->memory_bytes && !limit_memory_v1(host, group, limits->memory_bytes, err))
        return false;
    if (limits->pids_max && !set_number(host, CONTROLS_PIDS, group, "pids.max", limits->pids_max, err))
        return false;
    if (limits->cpu_weight && !set_number(host, CONTROLS_CPU, group, "cpu.shares", shares_of(limits->cpu_weight), err))
        return false;
    return !limits->cpu_quota_us ||
           (set_number(host, CONTROLS_CPU, group, "cpu.cfs_period_us", PERIOD_US, err) &&
            set_number(host, CONTROLS_CPU, group, "cpu.cfs_quota_us", limits->cpu_quota_us, err));
}

/* A worker goes as a whole when memory is out; a cell does not, its other workers are innocent. */
static bool limit_memory_v2(const struct cgroup_host *host, const char *group, uint64_t bytes, bool is_cell,
                            struct err *err)
{
    int root = host->at[0].root;

    if (!set_number(host, CONTROLS_MEMORY, group, "memory.max", bytes, err))
        return false;
    if (cgroup_has(root, group, "memory.swap.max") &&
        !set_number(host, CONTROLS_MEMORY, group, "memory.swap.max", 0, err))
        return false;
    return is_cell || set_number(host, CONTROLS_MEMORY, group, "memory.oom.group", 1, err);
}

bool cgroup_limit_v2(const struct cgroup_host *host, const char *group, const struct cell_limits *limits, bool is_cell,
                     struct err *err)
{
    char quota[48];

    if (limits->memory_bytes && !limit_memory_v2(host, group, limits->memory_bytes, is_cell, err))
        return false;
    if (limits->pids_max && !set_number(host, CONTROLS_PIDS, group, "pids.max", limits->pids_max, err))
        return false;
    if (limits->cpu_weight && !set_number(host, CONTROLS_CPU, group, "cpu.weight", limits->cpu_weight, err))
        return false;
    (void)snprintf(quota, sizeof quota, "%u %d", limits->cpu_quota_us, PERIOD_US);
    if (limits->cpu_quota_us && !cgroup_write(host->at[0].root, group, "cpu.max", quota))
        return err_sys(err, "cpu.max of cgroup %s", group);
    return true;
}

void cgroup_measure_v1(const struct cgroup_host *host, const char *group, struct cgroup_figures *ret)
{
    const struct cgroup_hierarchy *memory = with_control(host, CONTROLS_MEMORY);
    const struct cgroup_hierarchy *cpu = with_control(host, CONTROLS_CPUACCT);
    uint64_t kills = 0, cpu_ns = 0;

    if (memory) {
        (void)cgroup_read_number(memory->root, group, "memory.max_usage_in_bytes", &ret->memory_peak_bytes);
        (void)cgroup_read_key(memory->root, group, "memory.oom_control", "oom_kill", &kills);
    }
    if (cpu)
        (void)cgroup_read_number(cpu->root, group, "cpuacct.usage", &cpu_ns);
    ret->out_of_memory = kills > 0;
    ret->cpu_us = cpu_ns / 1000;
}

void cgroup_measure_v2(const struct cgroup_host *host, const char *group, struct cgroup_figures *ret)
{
    int root = host->at[0].root;
    uint64_t kills = 0;

    (void)cgroup_read_number(root, group, "memory.peak", &ret->memory_peak_bytes); /* Linux 5.19 */
    (void)cgroup_read_key(root, group, "memory.events", "oom_kill", &kills);
    (void)cgroup_read_key(root, group, "cpu.stat", "usage_usec", &ret->cpu_us);
    ret->out_of_memory = kills > 0;
}

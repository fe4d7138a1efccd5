/*
 * fault_point: the one counter behind all that can fail.
 *
 * Each call that touches the disk, SQLite's (fault_vfs.c) and ours (fault_calls.c), passes fault_now().  The k-th one
 * fails, and, as the mode says, those behind it.  State is shared with the parent that watches: the child that runs
 * into the fault may die of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum fault_how { FAULT_ONCE, FAULT_FOR_GOOD, FAULT_THRICE };

/* A wrong thing that a disk can say; 0: none. */
enum fault_what { FAULT_NOTHING, FAULT_EIO, FAULT_ENOSPC, FAULT_SHORT };

enum fault_place { FAULT_READ, FAULT_WRITE, FAULT_SYNC, FAULT_NAME, FAULT_PLACES };

enum { FAULT_STEPS_MAX = 128 };

struct fault_shared {
    int64_t calls; /* passed so far */
    int64_t at;    /* this one fails; 0: none does */
    enum fault_how how;
    enum fault_what what;
    bool armed, has_fired, sync_has_failed;
    char fired_at[64];
    /* the scenario's diary: 0 not tried, 1 acknowledged, -1 refused, -2 begun and not ended; and how many were
     * acknowledged when an fsync had failed */
    int steps_count;
    int8_t steps[FAULT_STEPS_MAX];
    int acknowledged_after_sync_failed;
};

extern struct fault_shared *fault;

/* What this call must say. */
enum fault_what fault_now(enum fault_place place, const char *name);
void fault_vfs_register(void); /* as SQLite's default */

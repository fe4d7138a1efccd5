/*
 * keeper_loop: what the keeper waits for, descriptors and moments.  No library: the process with privilege links with
 * as little as it can.  One event a turn, so that whatever a callback frees is never told of again.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

/* Embedded in what it belongs to; the descriptor stays its owner's. */
struct watch {
    int fd; /* -1: not watched */
    void (*on_ready)(struct watch *watch);
};

struct moment {
    TAILQ_ENTRY(moment) next;
    int64_t due_us; /* 0: not waited for */
    void (*on_due)(struct moment *moment);
};

#define OWNER_OF(part, type, field) ((type *)(void *)((char *)(part)-offsetof(type, field)))

int keeper_loop_open(void); /* the loop's own descriptor, or -1 */
void watch_start(struct watch *watch, int fd, void (*on_ready)(struct watch *watch));
void watch_stop(struct watch *watch);
void moment_set(struct moment *moment, int in_ms, void (*on_due)(struct moment *moment));
void moment_drop(struct moment *moment);
void keeper_loop_turn(void); /* waits, and tells one owner */

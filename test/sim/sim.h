/*
 * sim: the pool in a world made from one seed.
 *
 *     sim_pool.c   the scenario: functions, calls, changes, the end; and what must hold (the invariants)
 *     sim_loop.c   instead of libuv's loop: polls and timers in virtual time, in an order drawn from the seed
 *     sim_cell.c   instead of the keeper: cells, templates and workers that speak runtime/frame.h and misbehave
 *
 * Real are pool, template, worker, catalog, frames, sockets and pipes; both ends are in this process, so a run takes
 * milliseconds, repeats exactly, and the sanitizers see all of it.  What cannot be seen here: real scheduling, real
 * cgroups, the guest's own code (test/test_9x does).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

/* Chance */

extern uint64_t sim_seed;
uint64_t sim_rand(uint64_t below);              /* 0 .. below - 1 */
int64_t sim_between(int64_t low, int64_t high); /* both included */
bool sim_chance(int per_mille);

/* Time and turns */

extern int64_t sim_now; /* microseconds since the world began */

typedef void sim_do(void *ctx, int64_t number);
void sim_at(int64_t delay_us, sim_do *what, void *ctx, int64_t number);
/* Turns until `enough`, or until nothing is left that could happen; true: enough.  `at_rest` is called each time all
 * that could happen at one instant has happened. */
bool sim_run(bool (*enough)(void), void (*at_rest)(void));
void sim_loop_reset(void); /* after everything is closed; a handle that is not is a violation */

/* Words */

extern bool sim_tracing;
void sim_trace(const char *fmt, ...) PRINTF_LIKE(1, 2);
NORETURN void sim_violation(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* What goes wrong, per mille each. */
struct sim_faults {
    /* a start of a cell */
    int start_refused, cell_broken, init_error, init_exit, init_hang, init_garbage, init_deaf, init_mute;
    /* a fork */
    int fork_fails, fork_lost, fork_hangs, born_dead, ready_late, ready_never, admit_refused, admit_lost;
    /* a template in its life */
    int template_dies, template_stops;
    /* a call, drawn by the scenario */
    int call_bad;
    /* sockets: bytes come in pieces */
    int dribble;
};

/* What a call does, as its event says it. */
enum sim_deed {
    DEED_OK,
    DEED_ERROR,    /* an exception */
    DEED_OVERSIZE, /* FRAME_OVERSIZE */
    DEED_TOO_LONG, /* a frame whose header says more than is allowed */
    DEED_EXIT,
    DEED_CRASH,
    DEED_HANG,
    DEED_CLOSE, /* the work socket, and lives on */
    DEED_GARBAGE,
    DEED_TWICE,          /* answers twice */
    DEED_OK_EXIT,        /* answers and is gone */
    DEED_OK_STRAY,       /* answers and exits; a child of its own keeps socket and pipe open */
    DEED_EXIT_STRAY,     /* exits without an answer; likewise */
    DEED_HALF,           /* half an answer, then death */
    DEED_NO_MEMORY,      /* the kernel kills it for its memory */
    DEED_KILLS_TEMPLATE, /* and answers, or not */
    DEED_STOPS_TEMPLATE, /* SIGSTOP, and exits */
    DEED_READY,          /* says FRAME_READY again */
    DEEDS,
};

/* sim_cell.c asks the scenario */
struct sim_function {
    int index;
    bool can_fork, can_batch;
    int batch_max;
    int64_t init_us, fork_us;
    int init_prints;
};
const struct sim_function *sim_function_of(const char *package);
/* An event has arrived whole in a worker, or (batch) the last of several has. */
void sim_on_invoke(int64_t call, const char *package, uint32_t worker, str request_id, int64_t deadline_us);
bool sim_call_is_known(str event, int64_t *ret_call, enum sim_deed *ret_deed, int64_t *ret_us, int64_t *ret_bytes);

/* sim_cell.c */
extern struct sim_faults sim_faults;
void sim_cells_poll(void (*add)(int fd, short events, sim_do *what, void *ctx)); /* what the far ends wait for */
int sim_cells_alive(void);
int sim_workers_alive(void);             /* processes: forked, or a template that became one */
bool sim_has_stray(const char *package); /* a dead worker's child holds its socket: a call may be lost in it */
void sim_workers_list(void);             /* for the trace */
int sim_workers_alive_of(const char *package);
int sim_workers_idle_of(const char *package); /* ready, listening, without a call */
int64_t sim_cells_started(void);
int sim_ends_owed(void); /* on_end and on_exit that have not come yet */
void sim_cells_reset(void);
extern struct keeper *sim_keeper;

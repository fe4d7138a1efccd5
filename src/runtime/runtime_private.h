/*
 * runtime_private: what pool.c (who runs a call), template.c (a process that forks) and worker.c (a process that
 * serves) share.  Calls go down pool -> template -> worker; what happens below comes up as the pool_on_... and
 * template_on_... functions named here, and nothing else does.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "base/buf.h"
#include "base/map.h"
#include "cell/keeper.h"
#include "runtime/frame_io.h"
#include "runtime/pool.h"

enum {
    GRACE_MS = 1000, /* how long a process may take to go before what is above it is killed */
    FORK_MS = 5000,  /* how long a fork may take to be ready: mostly some milliseconds */
};

enum worker_state {
    WORKER_FORKING,
    WORKER_IDLE,
    WORKER_BUSY,
    WORKER_ENDING,
    WORKER_STATES,
};

struct worker {
    TAILQ_ENTRY(worker) next; /* in template->workers[state] */
    struct template *template;
    enum worker_state state;
    uint32_t number;
    bool is_born, was_ready, was_used, is_killed, waits_to_write; /* born: it had a process */
    int work_fd, log_fd, handles;
    uv_poll_t work, log;
    uv_timer_t timer; /* FORKING: its end; BUSY: the call's deadline; ENDING: the grace */
    int64_t idle_since_us;
    struct run *run;
    struct buf in;
    struct frame out; /* the event on its way; borrows from the run */
    size_t out_sent;
};

TAILQ_HEAD(worker_list, worker);

enum template_state {
    TEMPLATE_COLD,     /* no process */
    TEMPLATE_STARTING, /* in init */
    TEMPLATE_READY,
    TEMPLATE_ENDING, /* its cell is being killed */
};

/* One call that waits; lives in the run's arena. */
struct place {
    TAILQ_ENTRY(place) next;
    struct run *run;
};

TAILQ_HEAD(place_list, place);

/* What all versions of a function share. */
struct function_load {
    int templates; /* that point here */
    int admitted;  /* running or waiting: what AWS counts as concurrency */
    int waiting;
    char name[];
};

/* To one process: control frames both ways, and what the template itself prints. */
struct template_line {
    struct template *template; /* NULL: closed */
    int control_fd, output_fd, handles;
    uv_poll_t control, output;
    struct buf in;
};

struct template
{
    struct pool *pool;
    enum template_state state;
    struct runnable *what;
    struct function_load *load;
    bool is_retired; /* another key has taken its place, or none: goes when its calls are done */
    uint32_t cell;
    struct template_line *line; /* while its process lives */
    uv_timer_t timer;           /* STARTING: init's end; else the grace of one whose line is closed */
    struct buf init_log;        /* what the import printed */
    char refusal[256];
    uint64_t init_log_dropped;
    int64_t started_us, ready_us, used_us, init_us;
    struct run *starter; /* the call it was started for, as long as that waits */
    struct place_list waiting;
    int waiting_count;
    struct worker_list workers[WORKER_STATES];
    int workers_count[WORKER_STATES];
};

struct pool {
    uv_loop_t *loop;
    struct keeper *keeper;
    struct pool_options options;
    struct map templates; /* key -> struct template */
    struct map loads;     /* function name -> struct function_load */
    uv_timer_t sweep;
    uint32_t last_worker;
    int workers, admitted, forks_at_once;
    bool is_draining;
    void (*on_drained)(void *ctx);
    void *drained_ctx;
};

/* Why there is no template: each waiting call is told in words with its own request id. */
struct init_failure {
    enum { INIT_RAISED, INIT_EXITED, INIT_TIMED_OUT, INIT_REFUSED } kind;
    str payload;     /* INIT_RAISED */
    int status;      /* INIT_EXITED */
    const char *why; /* INIT_REFUSED */
};

/* worker.c */
struct worker *worker_fork(struct template *template, struct err *err);
void worker_run(struct worker *worker, struct run *run);
void worker_end(struct worker *worker); /* idle or forking: politely, by closing its socket */
void worker_on_forked(struct worker *worker, int error);
void worker_gone(struct worker *worker, int status); /* its process has ended: frees it */
struct worker *worker_find(struct template *template, uint32_t number);

/* template.c */
struct template *template_new(struct pool *pool, struct runnable *what, struct function_load *load);
void template_free(struct template *template); /* COLD, no calls */
void template_start(struct template *template);
void template_kill(struct template *template);    /* -> ENDING; pool_on_template_gone follows */
void template_abandon(struct template *template); /* -> COLD at once; nothing follows */
bool template_send(struct template *template, enum frame_type type, uint32_t worker, const int *fds, int count);
int template_workers(const struct template *template);

/* pool.c */
void pool_on_template_ready(struct template *template);
void pool_on_init_failed(struct template *template, const struct init_failure *failure); /* for all that wait */
void pool_on_template_gone(struct template *template);
void pool_on_worker_free(struct template *template);                  /* idle, or one fewer */
void pool_on_worker_stillborn(struct template *template, int status); /* gone before it was ready */
void pool_finish(struct template *template, struct run *run, const struct run_result *result);

/* payload.c: the error objects that the platform, not the function, makes.  In the run's arena. */
struct run_result payload_exit(struct run *run, int status);
struct run_result payload_timeout(struct run *run, int timeout_ms);
struct run_result payload_too_large(void);
struct run_result payload_refused(struct run *run, const char *why);

/* log_pipe.c */
/* Reads what is there, up to a bound a turn (`to_end`: until empty); false when the other end is closed. */
bool log_pipe_read(int fd, bool to_end, struct buf *ret_log, uint64_t *ret_dropped);

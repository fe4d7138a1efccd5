/*
 * runtime_private: what the files of this room share.  Calls go down, what happens below comes up by the functions
 * named here, and nothing else does:
 *
 *     pool.c       who runs a call: queues, limits, refusals; batch.c picks what goes to a free worker
 *     import.c     calls that only ask whether the handler can be imported
 *     keepalive.c  which idle workers and templates leave, which are kept ready ahead of demand
 *     template.c   one function version: its process that forks, or its processes that do not
 *     process.c    one cell with an interpreter: control frames, output, death
 *     worker.c     one process that serves: gate, states, death
 *     serve.c      what it serves: events out, answers in, what is printed meanwhile
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
    GRACE_MS = 1000,                     /* how long a process may take to go before what is above it is killed */
    FIGURES_MS = 250,                    /* how long who lost its worker waits for the keeper to tell why */
    FORK_MS = 5000,                      /* how long a fork may take to be ready: mostly some milliseconds */
    PIDS_A_WORKER_MAX = 1024,            /* processes and threads, as AWS documents under "Lambda quotas" */
    PIDS_A_TEMPLATE_MAX = 256,           /* what an import may start, and forks on their way to their own groups */
    TEMPLATE_MB_MIN = 512,               /* of memory, where no setting says: this, or ... */
    TEMPLATE_BESIDE_WORKER_MB = 256,     /* ... MemorySize and so much */
    PIDS_A_CELL_MAX = 8192,              /* of a template and all its workers */
    IDLE_OUTPUT_BYTES_MAX = 1024 * 1024, /* what a worker's leftovers may print between two calls, a template's forks */
    STILLBORN_MS_MIN = 100,              /* after a worker that went without ever having had a call: */
    STILLBORN_MS_MAX = 60 * 1000,        /* none is started ahead of demand for that long, each time twice as long */
    BATCH_BYTES_MAX = 4 * 1024 * 1024,   /* of the events of one batch, unless the first alone is larger */
    CRASHES_MAX = 3,                     /* of a template's forks: then a new one, with another layout of memory */
    FORK_TRIES_MAX = 8,                  /* that fail, one after the other; then the next waits for a sweep */
    FORK_RETRY_MS = 500,                 /* ... and so long */
    BARREN_MAX = 2,          /* processes that end before a fork of theirs is ready: then callers are told */
    FORK_HANGS_MAX = 2,      /* then its version is served without forks */
    HANG_CPU_US = 20 * 1000, /* a first call that ran out of time and used less CPU than this: it hung */
    KEPT_TMP_MAX = 8,        /* of a cell: what ended workers left in /tmp, for their successors */
    MB_A_CPU = 1769,         /* of MemorySize, AWS: "Configure Lambda function memory" */
};

enum worker_state {
    WORKER_FORKING,
    WORKER_IDLE,
    WORKER_BUSY,
    WORKER_ENDING,
    WORKER_STATES,
};

/* One call that waits or runs; lives in the run's arena. */
struct place {
    TAILQ_ENTRY(place) next;
    struct run *run;
    struct template *template; /* in whose queue it is; NULL: in none */
    uint32_t call;             /* its number, which the answer repeats */
    bool was_returned;         /* a worker ended before it had read it */
};

TAILQ_HEAD(place_list, place);

/* Whether a worker's end is told as its own crash, or was ours and needs no cause. */
enum whose_doing { ITS_DOING, OUR_DOING };

/* What the keeper is asked at a worker's end, since its answer may come when the worker is no more. */
struct farewell {
    struct worker *worker; /* NULL: gone */
};

struct worker {
    TAILQ_ENTRY(worker) next; /* in template->workers[state] */
    struct template *template;
    struct process *home; /* in whose cell it is, as its fork or, where a version does not fork, as itself */
    bool is_solo;         /* the latter: home is its own */
    enum worker_state state;
    uint32_t number;
    bool is_born, was_ready, was_used, is_parked, waits_to_write; /* born: it had a process */
    bool is_killed, is_gone, is_told; /* by us; its process has ended; the keeper has told its figures */
    bool is_dismissed;                /* worker_end: it goes because we wish it */
    bool is_late, keeps_tmp;          /* its calls ran out of time, and are not told yet */
    int status;                       /* is_gone */
    bool waits_no_more;               /* for the keeper to tell */
    int answers;                      /* in all */
    int batch_calls, batch_answers;   /* what it was given at once; and has answered of that */
    struct worker_end figures;        /* is_told */
    struct farewell *farewell;        /* asked, not told */
    int work_fd, log_fd, handles;
    uv_poll_t work, log;
    uv_timer_t timer; /* FORKING: its end; BUSY: the calls' deadline; ENDING: the grace */
    int64_t started_us, idle_since_us;
    uint64_t idle_output;
    uint32_t memory_kb;        /* the most it has told of */
    struct place_list running; /* what it has not answered yet, in the order of its events */
    struct place *sending;     /* of these, whose event is on its way */
    struct frame out;          /* that event; borrows from the run */
    size_t out_sent;
    struct buf in;
};

TAILQ_HEAD(worker_list, worker);

enum template_state {
    TEMPLATE_COLD,     /* no process */
    TEMPLATE_STARTING, /* in init */
    TEMPLATE_READY,
    TEMPLATE_ENDING, /* its cells are being killed */
};

/* What all versions of a function share. */
struct function_load {
    int templates; /* that point here */
    int admitted;  /* running or waiting: what AWS counts as concurrency */
    int waiting;
    char name[];
};

/* One cell with an interpreter; its descriptors and handles outlive it by a turn of the loop. */
struct process {
    LIST_ENTRY(process) next;  /* in template->processes */
    struct template *template; /* NULL: nobody wants to hear of it */
    struct worker *solo;       /* the worker that it becomes when it is ready; NULL: it forks */
    bool in_init, is_ending;
    bool is_retiring; /* another has taken its place: it goes with the last of its workers */
    uint32_t cell;
    int workers;     /* whose home it is */
    bool had_worker; /* one of them was ready */
    int crashes;
    int may_say; /* frames: its init's, and two a worker.  One more, and it is killed: the import is a stranger's code
                  */
    uint64_t idle_output;        /* since the last fork; from IDLE_OUTPUT_BYTES_MAX on it stays in the pipe */
    uint32_t kept[KEPT_TMP_MAX]; /* ended workers whose /tmp waits for the next ones */
    int kept_count, kept_asked;  /* asked: of the keeper, which has not told yet */
    int control_fd, output_fd, handles;
    uv_poll_t control, output;
    uv_timer_t timer; /* in_init: its end; else the grace of one whose line is closed */
    struct buf in;
    int init_timeout_ms;
    int64_t started_us;
    char refusal[256];
};

struct template
{
    struct pool *pool;
    enum template_state state;
    struct runnable *what;
    struct function_load *load;
    LIST_HEAD(, process) processes;
    struct process *process;   /* of these, the one that forks; NULL: none, or the version does not fork */
    struct process *successor; /* in init, to take the place of `process` */
    bool is_retired;           /* another key has taken its place, or none: goes when its calls are done */
    bool is_closing;           /* ENDING is our wish: no new start before all of it is gone */
    bool is_solo;              /* its workers are not forked: each has imported the handler itself */
    bool is_rerun;             /* init ran out of time once, and runs again under the function's own timeout */
    bool init_failed;          /* the last one */
    bool can_batch;
    bool forks_work;     /* a fork has answered a call */
    int fork_hangs;      /* one after the other */
    int fork_failures;   /* no process came of it: one after the other */
    int64_t fork_us;     /* then no fork before */
    int barren;          /* its process ended before a fork of it was ready: so often, one after the other */
    int64_t fresh_us;    /* workers started before leave when they have no call */
    struct buf init_log; /* what imports and stillborn workers printed, and our own words: for the next call's log */
    uint64_t init_log_dropped;
    int64_t started_us, ready_us, used_us, init_us;
    int64_t retry_us;         /* provisioned: no new start before */
    int64_t park_us;          /* no worker ahead of demand before; see keepalive_on_unused_end */
    int stillborn_ms;         /* the last wait of this kind; 0: a call was answered since */
    uint32_t memory_kb;       /* of the process after init */
    double calls, service_us; /* keepalive: how often; a moving mean of a call's time in a worker */
    double priority;          /* keepalive: GreedyDual's H */
    struct run *starter;      /* the call it was started for, as long as that waits */
    uv_timer_t hold;          /* a batch waits for more */
    bool is_holding;
    struct place_list waiting;
    int waiting_count, imports_waiting; /* of these, with run->import_only */
    int background_waiting;             /* and with run->background: they are the last of the queue */
    struct worker_list workers[WORKER_STATES];
    int workers_count[WORKER_STATES];
    int unused_count; /* of those FORKING and IDLE: they never had a call */
};

struct pool {
    uv_loop_t *loop;
    struct keeper *keeper;
    struct pool_options options;
    struct map templates; /* key -> struct template */
    struct map loads;     /* function name -> struct function_load */
    uv_timer_t sweep;
    struct place_list cancelled; /* told on the next turn */
    uv_timer_t turn;
    uint32_t last_worker, last_call;
    int workers, admitted, waiting, forks_at_once;
    int admitted_unreserved;            /* of functions without a reserved concurrency */
    int background, background_waiting; /* of admitted, of waiting: calls for which nobody waits */
    int reserved;                       /* by all functions together, as of the last sweep */
    int handles;
    int64_t memory_budget_kb;
    double keepalive_clock; /* GreedyDual's L */
    bool is_draining;
    void (*on_drained)(void *ctx);
    void *drained_ctx;
};

/* Why there is no template: each waiting call is told in words with its own request id. */
struct init_failure {
    enum { INIT_RAISED, INIT_EXITED, INIT_TIMED_OUT, INIT_REFUSED } kind;
    str payload;     /* INIT_RAISED */
    int status;      /* INIT_EXITED */
    int timeout_ms;  /* INIT_TIMED_OUT */
    const char *why; /* INIT_REFUSED */
};

/* process.c */
struct process *process_start(struct template *template, struct worker *solo);
bool process_send(struct process *process, const struct frame_header *header, const int *fds, int count);
void process_kill(struct process *process);                     /* template_on_process_gone follows */
void process_drop(struct process *process);                     /* it is killed, and nothing follows */
void process_close(struct process *process);                    /* leaves its template; freed a turn later */
int64_t process_memory_mb_max(const struct template *template); /* of a process beside its workers */

/* worker.c */
bool worker_fork(struct template *template, bool parked, struct err *err); /* a fork of template->process */
void worker_start(struct template *template);               /* a process of its own, where a version does not fork */
bool worker_become(struct worker *worker, struct err *err); /* its process is through init */
void worker_end(struct worker *worker);                     /* idle or forking: politely, by closing its socket */
void worker_on_free(struct worker *worker);                 /* of calls: it is given the next, or idles, or leaves */
void worker_enter(struct worker *worker, enum worker_state state);
void worker_set_deadline(struct worker *worker, int64_t in_us);
void worker_cut(struct worker *worker,
                enum whose_doing whose); /* -> ENDING: nothing more of it; what is left is killed */
void worker_on_forked(struct worker *worker, int error);
void worker_gone(struct worker *worker, int status); /* its process has ended; it is freed when the keeper has told */
void worker_lose_all(struct process *home, int status); /* so has their cell: freed at once */
struct worker *worker_find(struct template *template, uint32_t number);

/* serve.c */
void serve_batch(struct worker *worker, struct place_list *batch); /* takes all of it */
void serve_on_work(uv_poll_t *poll, int status, int events);
void serve_on_log(uv_poll_t *poll, int status, int events);
void serve_read_last_words(struct worker *worker);
void serve_tell_all(struct worker *worker, struct run_result (*result_of)(struct run *, const struct worker *));

/* template.c */
struct template *template_new(struct pool *pool, struct runnable *what, struct function_load *load);
void template_free(struct template *template); /* COLD, no calls */
void template_start(struct template *template);
void template_renew(struct template *template);   /* a fresh process takes over; what runs goes on */
void template_kill(struct template *template);    /* -> ENDING; pool_on_template_gone follows */
void template_abandon(struct template *template); /* -> COLD at once; nothing follows */
int template_workers(const struct template *template);
void template_note(struct template *template, const char *words); /* to the log of the next call, and to ours */
void template_on_crash(struct worker *worker);
void template_on_fork_failed(struct template *template);
void template_on_hang(struct template *template, const char *why); /* of a fork, or of its first call */
void template_on_init_done(struct process *process, const struct frame *frame);
void template_on_init_failed(struct process *process, const struct init_failure *failure);
void template_on_frame(struct process *process, const struct frame *frame);
void template_on_process_gone(struct process *process, int status);
void template_environment(struct template *template, struct buf *head); /* environment.c */

/* import.c */
void import_answer_waiting(struct template *template); /* READY: its handler is imported */

/* batch.c */
int batch_workers_max(const struct template *template);
bool batch_take(struct template *template, struct place_list *ret); /* false: nothing may go to a worker now */

/* keepalive.c */
void keepalive_on_call(struct template *template, int64_t took_us);
void keepalive_on_start(struct template *template); /* may end idle templates, to make room */
void keepalive_sweep(struct pool *pool, int64_t now_us);
void keepalive_on_unused_end(struct template *template); /* a worker went by itself, and never had a call */
void keepalive_park(struct template *template);          /* forks ahead of demand, when nobody waits */
bool keepalive_evict_worker(struct pool *pool, const struct template *except);

/* pool.c */
void pool_dispatch(struct template *template);
struct template *pool_template(struct pool *pool, struct runnable *what); /* there already, or made now */
struct run *pool_leave_queue(struct template *template, struct place *place);
void pool_take_back(struct template *template, struct place_list *unserved); /* to the head of the queue */
void pool_on_template_ready(struct template *template);
void pool_on_init_failed(struct template *template, const struct init_failure *failure); /* for all that wait */
void pool_on_template_gone(struct template *template);
void pool_on_room(struct template *template); /* for a call: a worker idles, or there is one fewer of them */
/* Gone before it was ready: one who waits is told, in the words of `failure`. */
void pool_on_worker_stillborn(struct template *template, const struct init_failure *failure);
void pool_give_init_log(struct template *template, struct run *run);
void pool_finish(struct template *template, struct run *run, const struct run_result *result);

/* payload.c: the error objects that the platform, not the function, makes.  In the run's arena. */
struct run_result payload_exit(struct run *run, int status);
struct run_result payload_out_of_memory(struct run *run);
struct run_result payload_timeout(struct run *run, int timeout_ms);
struct run_result payload_too_large(void);
struct run_result payload_refused(struct run *run, const char *why);

/* log_pipe.c */
/* Reads what is there, up to a bound a turn (`to_end`: until empty); false when the other end is closed. */
typedef void log_take(void *ctx, str bytes);
bool log_pipe_read(int fd, bool to_end, log_take *take, void *ctx);
/* The head of it, and the tail; sharers: how many calls keep the same bytes. */
void log_keep(struct run *run, int sharers, str bytes);
void log_keep_init(void *template, str bytes); /* a log_take: to template->init_log */

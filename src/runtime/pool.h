/*
 * pool: who runs a call.  An idle worker takes it at once; else a new one is forked, up to the limits; else it
 * waits in its function's queue, bounded in length and time; else it is refused as AWS would (429).
 *
 * One template a runnable->key, started on demand through the keeper; a key that changed, or was deleted, retires
 * the old one when its calls are done.  A worker that crashes, exits or runs past its time is killed and replaced;
 * nobody else notices.
 */
#pragma once

#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "functions/catalog.h"

struct keeper;
struct pool;

enum run_outcome {
    RUN_RESPONSE,       /* payload: the function's JSON */
    RUN_FUNCTION_ERROR, /* payload: the error object in Lambda's words (exceptions, init errors, exits, timeouts,
                           responses that are too large): all are "Unhandled" to the caller */
    RUN_THROTTLED,      /* no slot; `reason` is AWS's Reason */
    RUN_REFUSED,        /* cannot be run here at all (no cell, no interpreter): payload in words */
};

struct run_result {
    enum run_outcome outcome;
    str payload; /* valid during on_done only, or longer in run->arena */
    const char *reason;
    const char *error_type; /* "Runtime.ExitError", "Sandbox.Timedout", ... for the record; or NULL */
};

struct run {
    /* in: all must stay until on_done */
    struct arena *arena;
    struct runnable *what;
    str request_id, invoked_arn, trace_id, client_context, event;
    str threshold;            /* of its alias, as the handler is told it; empty: none */
    int reserved_concurrency; /* of the function, -1 none */
    bool import_only;         /* answered with null when the handler is imported, which is not called */
    bool background; /* nobody waits for it: it waits behind all that are waited for, and counts for no limit of
                        concurrency, so that it never is why one of them is refused */
    void (*on_done)(void *ctx, struct run *run, const struct run_result *result);
    void *ctx;
    /* out: filled before on_done */
    struct buf log;      /* what the function printed, bounded by RECORD_LOG_BYTES_MAX; owned by the run's maker */
    struct buf log_tail; /* past that bound the last of it, RECORD_LOG_TAIL_BYTES at least; likewise */
    uint64_t log_bytes_dropped;              /* of what lies between the two */
    bool cold;                               /* this call waited for a template's init or was a worker's first */
    int64_t queued_us, started_us, ended_us; /* clock_steady_us */
    int64_t init_us;                         /* of a template started for this call, else 0 */
    uint32_t memory_peak_kb;
    uint32_t worker; /* number, for people */
    /* the pool's own */
    struct place *place;
};

/* Keys of AWS that a function's code finds in its environment.  In the arena given. */
struct pool_credentials {
    str access_key, secret, session_token; /* empty: none are given */
    str endpoint;                          /* of this server, as the cell reaches it; or empty */
};

struct pool_options {
    /* Asked at each start of a template; NULL: none are given. */
    void (*credentials)(void *ctx, const struct runnable *what, struct arena *arena, struct pool_credentials *ret);
    void *credentials_ctx;
    bool allow_host_network;       /* a function may ask for CELL_NETWORK_HOST */
    uint16_t api_port;             /* of the server on loopback, for cells with egress; 0: none */
    int64_t templates_memory_mb;   /* budget of the machine for templates and idle workers; 0: half of its memory */
    int64_t template_memory_mb;    /* limit of one template beside its workers; 0: by MemorySize */
    int account_concurrency;       /* AWS's ConcurrentExecutions; 0: none */
    int template_age_max_ms;       /* a template is started anew after this, since its credentials end; 0: never */
    const struct catalog *catalog; /* a template of what is no longer in it is retired; NULL: none is */
    int workers_per_version_max, workers_total_max, queue_per_function_max, queue_wait_ms_max;
    int worker_idle_ms, template_idle_ms, init_timeout_ms;
};

struct pool *pool_new(uv_loop_t *loop, struct keeper *keeper, const struct pool_options *options);
void pool_submit(struct pool *pool, struct run *run); /* on_done comes exactly once, maybe before this returns */
/* Nobody reads its answer any more: if it still waits, it leaves the queue, and on_done comes on the loop's next turn;
 * if it runs, it runs on. */
void pool_cancel(struct pool *pool, struct run *run);
/* How much room is there for one more background call?  Who has some asks before each. */
enum pool_room {
    POOL_ROOM_NONE,  /* calls wait, or the pool is ending */
    POOL_ROOM_TIGHT, /* none wait, but as many run as there are CPUs */
    POOL_ROOM_FREE,
};
enum pool_room pool_room(const struct pool *pool);
/* No new runs; those there are finished, but background ones, for which nobody waits. */
void pool_drain(struct pool *pool, void (*on_drained)(void *ctx), void *ctx);
void pool_free(struct pool *pool);
/* The START/END/REPORT lines are made by invoke/, not here. */

struct pool_counts {
    int templates, workers, workers_busy, waiting;
};
struct pool_counts pool_counts(const struct pool *pool);
const char *pool_host_lacks(const struct pool *pool); /* what the host does not give to cells, in words, or "" */

/* For a server that takes this one's place: the versions whose process stands and whose next start would cost calls
 * most, dearest first, at most `max`.  Borrowed from the pool.  pool_warm() starts such a process, though nobody calls.
 */
int pool_worth_keeping(const struct pool *pool, struct runnable *ret[], int max);
void pool_warm(struct pool *pool, struct runnable *what);

/*
 * Provisioned concurrency.  Whatever catalog_next_provisioned() names has runnable->provisioned workers, a call or no
 * call: the pool looks at each sweep, starts what is missing, and ends neither them nor their template for idleness.
 * This is how many of them are there, idle or in a call; -1: the last init failed, and none is ready.  By key, so that
 * any runnable of the version will do.
 */
int pool_ready_workers(const struct pool *pool, const struct runnable *runnable);

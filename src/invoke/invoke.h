/*
 * invoke: one invocation from RECEIVED to RECORDED; the steps are listed at the top of invoke.c.
 *
 * A door (aws/lambda, gateway/) fills an invocation and starts it; on_answer comes exactly once, with what a
 * door needs to make its own kind of answer.  The door answers inside on_answer; the record is appended just
 * before it, so that nothing is answered that is not on record.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "functions/catalog.h"
#include "logs/record.h"
#include "runtime/pool.h"

struct invocation;
struct monitor;

/* Told of each call right after it is on record and before it is answered: `record` has its event and its outcome.
 * What it borrows is gone when the call returns. */
struct invoke_observer {
    void (*on_recorded)(void *ctx, const struct invocation *invocation, const struct record *record);
    void *ctx;
};

enum { INVOKE_OBSERVERS_MAX = 4 };

struct invoker {
    struct catalog *catalog;
    struct pool *pool;
    struct records *records;
    struct monitor *monitor; /* whose thresholds the calls are told; NULL: none are */
    str region, account;
    int64_t slow_us; /* a call that takes longer is logged; 0: none is */
    struct invoke_observer observers[INVOKE_OBSERVERS_MAX];
    int observers_count;
};

enum invoke_outcome {
    INVOKE_ANSWERED,       /* payload: the function's JSON */
    INVOKE_FUNCTION_ERROR, /* payload: its error object; AWS answers 200 with X-Amz-Function-Error */
    INVOKE_NO_FUNCTION,    /* function or qualifier unknown */
    INVOKE_BAD_JSON,       /* the event is not JSON; message is AWS's */
    INVOKE_TOO_LARGE,      /* event over INVOKE_EVENT_BYTES_MAX */
    INVOKE_NOT_READY,      /* Pending or Failed, or no cell could be built for it; message says */
    INVOKE_THROTTLED,      /* reason */
};

struct invocation {
    /* in: filled by the door, stay until on_answer; arena is the exchange's */
    struct arena *arena;
    str function, qualifier; /* qualifier as asked: may be empty */
    str event;               /* empty means {} */
    str source, detail, trace_id, client_context;
    bool dry_run;
    bool import_only;     /* the handler is imported and not called; payload: null, or why it cannot be */
    bool background;      /* nobody waits for its answer: see struct run */
    bool event_on_record; /* as another call's, which `detail` names: this one's record leaves it out, and is short */
    bool client_gone;     /* invoke_cancel() was called */
    int64_t received_us;  /* clock_steady_us */
    void (*on_answer)(void *ctx, struct invocation *invocation);
    void *ctx;
    /* set by the door inside on_answer or before, for the record */
    int http_status; /* what the door will answer; a door that decides by outcome sets status_of instead */
    int (*status_of)(struct invocation *invocation); /* called just before the record, then on_answer */
    str cause; /* why the door answers what it does, in words, set in status_of; empty: invoke's own words */
    /* out */
    char request_id[37]; /* fresh, unless the door has set one */
    enum invoke_outcome outcome;
    str payload;
    str message;        /* of a refusal, in words */
    const char *reason; /* of INVOKE_THROTTLED */
    str executed_version, alias;
    str log; /* START ... REPORT, whole (bounded) */
    const char *error_type;
    bool cold;
    /* invoke's own */
    struct invoker *invoker;
    struct run run;
    int threshold_number; /* that the handler was told */
    int64_t received_wall_us, resolved_us;
};

void invoke_observe(struct invoker *invoker, struct invoke_observer observer);
void invoke_start(struct invoker *invoker, struct invocation *invocation);
/* Inside status_of or on_answer: why it came out as it did, in words; empty when all went well. */
str invoke_cause(struct invocation *invocation);
/* The client went away, so nobody reads the answer.  What waits leaves the queue, what runs runs on, as Lambda's does;
 * on_answer still comes, later, and the record says that nobody was there. */
void invoke_cancel(struct invocation *invocation);

/*
 * frame: what server, template and worker say to each other, byte for byte.
 *
 * Two kinds of Unix stream socket: `control` (server <-> template, one a template) and `work` (server <-> worker,
 * one a worker, made by the server, its far end handed to the template by SCM_RIGHTS with FRAME_FORK).  A frame
 * is this header, then head_bytes of NUL-ended strings, then body_bytes.  Both sides refuse what is not in their
 * table.  Beside `work` each worker has a pipe for its standard output and error (second descriptor of
 * FRAME_FORK); whoever answers flushes it first, so the log of a call is complete when its answer arrives.
 *
 * Included by the server and by the guest (src/runtime/guest/): plain C, no other room.
 */
#pragma once

#include <stdint.h>

enum frame_type {
    /* server -> template */
    FRAME_INIT = 1, /* head: handler, task root; then "KEY=VALUE" ... (the whole environment); body: none */
    FRAME_FORK, /* worker = its number; status: set of enum frame_start; SCM_RIGHTS: [work socket, log pipe, gate] */
    /* template -> server */
    FRAME_INIT_DONE,  /* time_us = how long init took; memory_kb = resident; status: set of enum frame_ability;
                         body: words, why it cannot fork, or none */
    FRAME_INIT_ERROR, /* body: the error payload as Lambda words it */
    FRAME_FORKED,     /* worker, pid (inside the cell); status = errno when fork failed, pid 0 */
    FRAME_EXITED,     /* worker, status = as waitpid gives it */
    /* server -> worker */
    FRAME_INVOKE, /* head: request id, invoked ARN, trace id, client context, threshold as JSON or empty;
                     time_us = deadline (wall); body: event;
                     status = how many more FRAME_INVOKE of the same batch follow this one; pid = a number of the call,
                     which its answer repeats, so that an answer too many is never taken for the next call's */
    /* worker -> server; a batch is answered by one of these an event, in their order; pid: see FRAME_INVOKE */
    FRAME_READY,    /* may be given work; memory_kb */
    FRAME_RESPONSE, /* body: JSON; memory_kb = peak resident */
    FRAME_ERROR,    /* body: error payload; memory_kb */
    FRAME_OVERSIZE, /* the response was larger than INVOKE_RESPONSE_BYTES_MAX, and stays here; memory_kb */
};

enum frame_start {
    FRAME_START_FORK = 0,
    FRAME_START_BECOME = 1, /* the template itself becomes the worker: nothing is forked */
    FRAME_START_PARK = 2,   /* nobody waits for it: it may take its time to touch its memory and warm up */
};

enum frame_ability {
    FRAME_CAN_FORK = 1,  /* no thread but ours is alive, no child, nothing open that forks cannot share */
    FRAME_CAN_BATCH = 2, /* the module has a batch_handler */
};

struct frame_header {
    uint32_t type; /* enum frame_type */
    uint32_t head_bytes;
    uint64_t body_bytes;
    uint32_t worker;
    int32_t status;
    int64_t time_us;
    uint32_t pid;
    uint32_t memory_kb;
};

_Static_assert(sizeof(struct frame_header) == 40, "both ends agree on the header");

enum { FRAME_HEAD_BYTES_MAX = 64 * 1024 };

/* What comes with FRAME_FORK: work socket, log pipe, and the gate by which the keeper lets the worker in (cell/gate.h).
 */
enum { FRAME_FORK_FDS = 3 };

enum { FRAME_BATCH_MAX = 10000 }; /* events in one batch */

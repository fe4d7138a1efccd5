/*
 * limits: every bound of the house, by name.  A number that stops a client, a function or ourselves stands
 * here and nowhere else; settings that a user may move are in config.def and start from these.
 */
#pragma once

enum {
    /* HTTP, in bytes unless named otherwise (RFC 9112; AWS's 10,240 for line and headers) */
    HTTP_REQUEST_LINE_MAX = 16 * 1024,
    HTTP_HEADERS_BYTES_MAX = 64 * 1024,
    HTTP_HEADERS_COUNT_MAX = 100,
    HTTP_CHUNK_EXTENSION_MAX = 256,
    HTTP_TRAILERS_BYTES_MAX = 8 * 1024,
    HTTP_BODY_MEMORY_MAX = 1024 * 1024, /* past this a body goes to disk as it arrives */
    HTTP_CONNECTIONS_MAX = 4096,
    HTTP_READ_AHEAD_MAX = 256 * 1024, /* pipelined bytes kept while an answer is being made */
    HTTP_HEADERS_TIMEOUT_MS = 10 * 1000,
    HTTP_BODY_IDLE_TIMEOUT_MS = 30 * 1000,
    HTTP_KEEPALIVE_TIMEOUT_MS = 75 * 1000,
    HTTP_BODY_PROGRESS_BYTES = 4096,           /* what a body must gain within its idle timeout, or arrive whole */
    HTTP_LINGER_MS = 2 * 1000,                 /* how long we listen to a client that has had its last answer */
    HTTP_REFUSED_MAX = 64,                     /* connections past the maximum that are told so, and not just closed */
    HTTP_STREAM_PENDING_MAX = 4 * 1024 * 1024, /* unread bytes of a streamed answer; past it the client is gone */

    /* Lambda (AWS Lambda developer guide, quotas) */
    INVOKE_EVENT_BYTES_MAX = 6291456,
    INVOKE_RESPONSE_BYTES_MAX = 6291556,
    GATEWAY_BODY_BYTES_MAX = 10 * 1024 * 1024,
    RECURSION_ROUNDS_MAX = 16, /* of one function on one thread of calls */
    LOG_TAIL_BYTES = 4096,
    AWS_ZIP_BYTES_MAX = 52428800,
    AWS_UNZIPPED_BYTES_MAX = 262144000,
    CONTROL_JSON_BYTES_MAX = 1024 * 1024, /* a control request's JSON, its ZipFile not counted */

    /* running */
    WORKERS_PER_VERSION_MAX = 64,
    WORKERS_TOTAL_MAX = 256,
    QUEUE_PER_FUNCTION_MAX = 1000,
    QUEUE_WAIT_MS_MAX = 10 * 1000, /* how long a call may wait for a worker before 429 */
    WORKER_IDLE_MS = 60 * 1000,
    TEMPLATE_IDLE_MS = 15 * 60 * 1000,
    FUNCTION_TIMEOUT_MS_MAX = 900 * 1000,
    TEMPLATE_AGE_MS_MAX = 6 * 60 * 60 * 1000, /* the keys in its environment end; a fresh one has fresh keys */
    INIT_TIMEOUT_MS = 10 * 1000,
    ACCOUNT_CONCURRENCY = 1000, /* AWS's own default */
    SLOW_MS = 5 * 1000,         /* a call that takes longer is worth a line in the log */

    /* beginning anew (roof/restart) */
    RESTART_CHECK_MS = 5 * 1000, /* for the new program to read its settings */
    RESTART_FREEZE_MS = 300,     /* that clients may wait for a call that runs; then we go on, and try again */
    RESTART_SERVE_MS = 200,      /* after this */
    READINESS_ATTEMPTS_MAX = 6,  /* to make a version ready on a machine that is in trouble */
    NETWORK_UP_MS = 5 * 1000,    /* for a cell's uplink to be up; it takes 30 on an idle machine */
    READINESS_RETRY_MS = 1000,   /* after the first; each later pause is twice as long: half a minute in all */

    /* replays and shadows: calls that nobody waits for */
    REPLAY_CALLS_MAX = 100 * 1000,
    REPLAY_CALLS_DEFAULT = 1000,
    REPLAY_RATE_MAX = 10 * 1000, /* calls a second */
    REPLAY_RATE_DEFAULT = 200,
    REPLAY_CONCURRENCY_MAX = 16,
    REPLAYS_RUNNING_MAX = 2,
    REPLAYS_WAITING_MAX = 16,
    REPLAYS_KEPT_MAX = 200,                /* results; the oldest go first */
    REPLAY_PAGE_CALLS = 64,                /* read, run, and put on disk together */
    REPLAY_PAGE_BYTES = 16 * 1024 * 1024,  /* a page ends with the record that reaches it */
    REPLAY_TREE_BYTES_MAX = 1024 * 1024,   /* of an answer that is compared member by member: a tree takes 80 times */
    REPLAY_CHANGES_PER_CALL_MAX = 1000,    /* rows shown; all are counted */
    REPLAY_CHANGES_MAX = 10 * 1000,        /* ... of a replay */
    REPLAY_REFUSED_MS_MAX = 5 * 60 * 1000, /* without room for a single call: it gives up */
    REPLAY_RESUMES_MAX = 3,                /* without a page in between */
    SHADOWS_MAX = 1000,                    /* functions that have one */
    SHADOW_QUEUE_MAX = 256,                /* calls that wait to be copied, of all together */
    SHADOW_QUEUE_BYTES_MAX = 64 * 1024 * 1024,
    SHADOW_CONCURRENCY = 2,
    SHADOW_WAIT_MS_MAX = 60 * 1000, /* what has waited longer is dropped */

    /* the record of a call */
    RECORD_INPUT_BYTES_MAX = INVOKE_EVENT_BYTES_MAX, /* whole: predictions are read from them, and replays are made */
    RECORD_OUTPUT_BYTES_MAX = INVOKE_RESPONSE_BYTES_MAX,
    RECORD_REPLAY_OUTPUT_BYTES_MAX = 16 * 1024, /* so that replays do not push out what they replay */
    RECORD_LOG_BYTES_MAX = 256 * 1024,
    RECORD_LOG_TAIL_BYTES = 8 * 1024,      /* of a log that is longer, its last; more than X-Amz-Log-Result shows */
    RECORD_LOG_SHARE_BYTES_MIN = 2 * 1024, /* of a batch's log, what each call keeps of its head, and of its tail */
};

/* tables that are posted (codec/csv) */
enum {
    CSV_FIELDS_MAX = 1024,
    CSV_FIELD_BYTES_MAX = 64 * 1024,
    CSV_ROW_BYTES_MAX = 1024 * 1024,
};

#define ZIP_BYTES_MAX_DEFAULT (2LL * 1024 * 1024 * 1024)
#define UNZIPPED_BYTES_MAX_DEFAULT (10LL * 1024 * 1024 * 1024)
#define UNZIPPED_FILES_MAX 500000

/*
 * door: where AWS's words end.  It reads the signature, finds the service by its scope and the operation by its
 * row, checks the parameters against the row's shape, runs the row's handler and makes the answer.
 *
 *   aws_door_route   headers are there: SigV4 is read, service and row are found, the body's limit or sink is set
 *   aws_door_handle  body is there: SigV4 is verified, the body parsed, validated; then the handler
 *
 * Two kinds of handler.  AWS_JOB: `job` runs on the state lane, inside one transaction that the door begins, and
 * commits when it returned true (else rolls back).  It reads call->input, uses call->db, writes call->jw, and
 * says with aws_changed() which copies on the loop must follow; the door loads these on the lane after the
 * commit, puts them in place on the loop, and answers then: what is answered is on disk and is visible.
 * AWS_LOOP: `loop` runs on the loop and answers, now or later, by aws_call_finish().
 *
 * A handler fails with `return aws_fail(call, AWS_ERROR_X, fmt, …)`; every fact about an error is in errors.def.
 */
#pragma once

#include "aws/session.h"
#include "aws/shape.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/json_write.h"
#include "http/server.h"
#include "http/sigv4.h"

struct apis;
struct aws_call;
struct aws_credentials;
struct catalog;
struct db;
struct interpreters;
struct invoker;
struct lane;
struct monitor;
struct packages;
struct readiness;
struct replays;

/* What a door is made of: the rooms it speaks for, and the user's choices.  Borrowed, by the roof's server.c. */
struct aws_door {
    uv_loop_t *loop;
    struct catalog *catalog;
    struct apis *apis;
    struct invoker *invoker;
    struct monitor *monitor;
    struct lane *state_lane;
    struct db *db; /* sculler.db: touched on the state lane only */
    struct packages *packages;
    struct readiness *readiness;
    struct interpreters *interpreters;
    struct replays *replays;
    const struct aws_credentials *credentials;
    const struct session_key *session_key; /* of the keys that functions have; NULL: they have none */
    /* Is an unsigned request one of a page of the dashboard, opened with its token?  It may use service sculler.  NULL:
     * no such pages. */
    bool (*vouches)(void *ctx, const struct http_request *request);
    void *vouches_ctx;
    str region, account;
    str base_url;            /* "http://127.0.0.1:4566": how a client reaches us, for Code.Location */
    str version;             /* of sculler */
    bool auth_off;           /* anything is accepted, unsigned too */
    bool aws_limits;         /* AWS's package limits, in AWS's words */
    int account_concurrency; /* AWS's ConcurrentExecutions */
    /* the door's own */
    bool refusal_told;          /* the first refused signature was logged, with what to do */
    unsigned char link_key[32]; /* signs Code.Location; random, made when first needed */
    bool link_key_made;
};

/* Access key to secret.  The roof fills it from <state>/credentials. */
struct aws_credential {
    str access_key, secret;
};
struct aws_credentials {
    const struct aws_credential *list;
    int count;
};

/* Does this request speak AWS: is it signed for one of our services, or is its first part reserved for control APIs
 * (so no stage on the short path can have that name)?  What does not belong here goes to the gateway. */
bool aws_door_claims(const struct http_request *request);
void aws_door_route(struct aws_door *door, struct http_exchange *exchange);
void aws_door_handle(struct aws_door *door, struct http_exchange *exchange);

/* Is this request, whose body's hash was made, signed by a key of ours?  For methods of an API that ask for AWS_IAM.
 * An unknown key is SIGV4_MISMATCH with ret_unknown_key; err.text is AWS's. */
enum sigv4_fault aws_door_verify(const struct aws_door *door, const struct http_exchange *exchange,
                                 bool *ret_unknown_key, struct err *err);

/* -- errors ------------------------------------------------------------------------------------------- */

enum aws_error {
#define AWS_ERROR(symbol, code, status, form) AWS_ERROR_##symbol,
#include "aws/errors.def"
#undef AWS_ERROR
    AWS_ERRORS_COUNT
};

/* All three return false, so that failing is one line.  The first failure of a call stands. */
bool aws_fail(struct aws_call *call, enum aws_error error, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool aws_fail_err(struct aws_call *call, const struct err *err);           /* what no table foresaw: 500, logged */
bool aws_fail_text(struct aws_call *call, enum aws_error error, str text); /* of any length */

/* -- services and operations ---------------------------------------------------------------------------- */

enum aws_kind { AWS_JOB, AWS_LOOP };

struct aws_operation {
    const char *name;          /* "CreateFunction" */
    const char *method;        /* "POST"; for AWS_QUERY services unused */
    const char *path;          /* "/2015-03-31/functions/{FunctionName}/code"; a trailing slash is accepted,
                                  segments are split before they are decoded; a last {label+} takes the rest.
                                  "?find=LayerVersion" at the end: only with this in the query */
    int status;                /* of success */
    const struct shape *shape; /* NULL: no parameters */
    enum aws_kind kind;
    bool (*job)(struct aws_call *call);  /* AWS_JOB */
    void (*loop)(struct aws_call *call); /* AWS_LOOP */
    size_t body_max;                     /* 0: CONTROL_JSON_BYTES_MAX */
    bool raw_body;                       /* the body is a payload, not JSON: it is exchange->request.body */
    bool open;                           /* no signature is asked for (the handler has its own way to be sure) */
    /* The rest is optional.  Before the body comes (to set exchange->sink).  False: aws_fail was called. */
    bool (*on_route)(struct aws_call *call);
    /* The body is there and signed for; call->json_text may be set, when a sink took the body. */
    bool (*on_body)(struct aws_call *call);
    /* AWS_JOB: slow work before `job`, on the lane but outside of the transaction; then on the loop. */
    bool (*prepare)(struct aws_call *call);
    bool (*on_prepared)(struct aws_call *call);
    /* AWS_JOB: on the loop, after the commit and after the copies were put, before the answer. */
    void (*on_done)(struct aws_call *call);
    /* On the loop when the call ends in whatever way, to give back what was taken. */
    void (*on_end)(struct aws_call *call);
};

enum aws_protocol { AWS_REST_JSON, AWS_QUERY /* POST /, form, XML out: rows are found by Action */ };

struct aws_service {
    const char *name; /* the scope of the signature */
    enum aws_protocol protocol;
    const struct aws_operation *operations;
    int operations_count;
    const char *xml_namespace; /* AWS_QUERY */
};

/* The list is in services.c: a service is a row there. */
extern const struct aws_service *const aws_services[];
extern const int aws_services_count;

/* -- a call ----------------------------------------------------------------------------------------------- */

/* A copy on the loop that must follow a change.  load: on the lane, after the commit (db is the state database;
 * keeps what it loaded in `loaded`).  apply: on the loop, before the answer. */
struct aws_change {
    bool (*load)(struct aws_call *call, struct aws_change *change, struct err *err);
    void (*apply)(struct aws_call *call, struct aws_change *change);
    str name, detail; /* which */
    void *loaded;
};

enum { AWS_CHANGES_MAX = 8, AWS_HEADERS_MAX = 12 };

struct aws_call {
    struct aws_door *door;
    const struct aws_service *service;
    const struct aws_operation *operation;
    struct http_exchange *exchange;
    struct arena *arena; /* the exchange's: everything of the call lives here */
    struct sigv4 signature;
    str access_key;                /* empty when unsigned (auth_off) */
    const struct session *session; /* who calls, when it is a function; else NULL: whoever has the server's key */
    bool by_page;                  /* the dashboard's cookie stands for that key, towards service sculler */
    str secret;                    /* what the signature is checked with */
    char request_id[37];

    /* in */
    void *input;                /* the struct of operation->shape */
    struct shape_label *labels; /* {label}s of the path */
    int labels_count;
    json_t *json;  /* the body's tree, or NULL; freed by the door */
    str json_text; /* at set: the JSON to parse, instead of the body */
    void *user;    /* the handler's own */

    /* AWS_JOB only */
    struct db *db;
    struct aws_change changes[AWS_CHANGES_MAX];
    int changes_count;

    /* out */
    int status;               /* starts as operation->status; a handler may change it */
    struct buf buf;           /* the answer's body; freed by the door */
    struct jw jw;             /* writes into buf.  Nothing written: an empty body */
    str raw_answer;           /* instead of buf when raw_answer.at is set: bytes that stay until the answer */
    const char *content_type; /* NULL: application/json (text/xml for AWS_QUERY) */
    struct http_header headers[AWS_HEADERS_MAX];
    int headers_count;

    /* when it failed */
    bool failed;
    enum aws_error error;
    str error_text;
    const char *error_reason; /* TooManyRequests: its Reason */
    bool message_null;        /* AccessDenied about another account: {"Message":null} */
    bool streaming;           /* AWS_LOOP: the handler answers by http_stream_*; the door only gives back */
};

void aws_header(struct aws_call *call, const char *name, str value); /* value stays until the answer */
void aws_changed(struct aws_call *call, struct aws_change change);
void aws_call_finish(struct aws_call *call); /* AWS_LOOP: answer; the call is gone after this */

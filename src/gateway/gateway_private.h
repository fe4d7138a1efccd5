/*
 * gateway_private: one request on its way through the data plane, and the steps that the files of the room take it.
 *
 * A call owns its arena: it may outlive its exchange, when the client got a 504 and the function still runs.
 */
#pragma once

#include "apis/apis.h"
#include "base/limits.h"
#include "codec/uuid.h"
#include "gateway/address.h"
#include "gateway/gateway.h"
#include "invoke/invoke.h"

enum gateway_error {
#define GATEWAY_ERROR(symbol, status, type, message) GATEWAY_ERROR_##symbol,
#include "gateway/errors.def"
#undef GATEWAY_ERROR
    GATEWAY_ERRORS_COUNT
};

enum { GATEWAY_HEADERS_MAX = 128, GATEWAY_OWN_HEADERS_MAX = 4, GATEWAY_CAUSE_BYTES_MAX = 480 };

/* What will be answered.  Everything lives in the call's arena. */
struct gateway_reply {
    int status;
    str content_type;  /* empty: it is among the headers */
    int headers_count; /* in the call's `headers` */
    str body;
    str cause;      /* one line of ASCII; empty: nothing to say */
    bool own_error; /* one of errors.def, made here */
};

struct gateway_call {
    struct arena arena;
    struct gateway *gateway;
    struct http_exchange *exchange; /* NULL once it was answered */
    struct gateway_address address;
    struct api_stage *stage; /* retained */
    const struct api_resource *resource;
    const struct api_method *method;
    struct api_pair *params;
    int params_count;
    char request_id[UUID_CHARS];
    str extended_id, trace_id;
    int64_t now_ms;

    uv_timer_t timer;
    bool has_timer, timed_out, decided;
    struct invocation invocation;
    struct buf event;
    struct gateway_reply reply;
    /* Last, and never cleared, which would be 4 KB a call: room for our own, then the reply's. */
    struct http_header headers[GATEWAY_OWN_HEADERS_MAX + GATEWAY_HEADERS_MAX];
};

/* -- answer.c ---------------------------------------------------------------------------------------------------- */

/* The reply becomes this error; returns false, so that failing is one line.  fmt: the cause, in words. */
bool gateway_fail(struct gateway_call *call, enum gateway_error error, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same with a message of the moment instead of the table's. */
bool gateway_fail_saying(struct gateway_call *call, enum gateway_error error, str message, str cause);
void gateway_set_cause(struct gateway_call *call, str text); /* made one printable line */
/* A header of the integration's: dropped, remapped or added as API Gateway developer guide, integrations says.  False:
 * no room, or no header. */
bool gateway_add_header(struct gateway_call *call, str name, str value);
void gateway_answer(struct gateway_call *call); /* once; the exchange is gone after it */

/* -- one file an integration --------------------------------------------------------------------------------------- */

/* prepare: from the request to call->event.  decide: from the invocation's outcome to call->reply.  False: failed. */
bool proxy_prepare(struct gateway_call *call); /* proxy.c */
bool proxy_decide(struct gateway_call *call);
bool lambda_prepare(struct gateway_call *call); /* lambda.c */
bool lambda_decide(struct gateway_call *call);
bool mock_decide(struct gateway_call *call); /* mock.c */

/* What of the outcomes is the same for both Lambda integrations: everything but a function's own answer. */
bool outcome_failed(struct gateway_call *call); /* lambda.c; call->reply is set */
str function_error_cause(struct gateway_call *call);

/* -- respond.c: an integration response makes the reply -------------------------------------------------------------
 */

/* text: matched with the patterns (at NULL: nothing to match).  False: none matches and there is no default. */
bool respond_select(struct gateway_call *call, str text, const struct integration_response **ret);
/* payload through the template, headers from the mappings, status.  False: gateway_fail was called. */
bool respond_apply(struct gateway_call *call, const struct integration_response *response, str payload);

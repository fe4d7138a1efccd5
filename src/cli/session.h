/*
 * session: one server as a command sees it: its address, the key pair, and signed calls.
 *
 * Where it is: --endpoint, SCULLER_ENDPOINT, AWS_ENDPOINT_URL, else the `credentials` file of the state directory,
 * which the server writes at each start.  The keys: the environment's when the address came from there or from a
 * flag and there are some, else the file's; so real AWS keys in a shell do not spoil calls to a server found by
 * its file.  What to trust: for the state directory's server what its file says, else AWS_CA_BUNDLE.
 */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "cli/options.h"
#include "http/client.h"

enum { SESSION_CALL_MS = 120 * 1000 };

struct session {
    struct arena arena; /* everything of the command that runs lives here */
    const char *endpoint, *state_dir;
    const char *ca; /* file of the certificate to trust, or NULL: those that the system trusts */
    str access_key, secret, token, region, account, dashboard_token;
    bool ca_is_servers; /* it was not in the environment */
    bool no_server;     /* the last call found nobody */
};

MUST_USE bool session_open(const struct arguments *arguments, struct session *ret, struct err *err);
void session_close(struct session *session);
bool session_is_aws(const struct session *session); /* it knows AWS's operations only */

/* One signed request.  True: there is an answer, of whatever status.  timeout_ms 0: as long as it takes. */
struct session_call {
    const char *service, *method;
    str path, query, body;
    const struct http_header *headers;
    int headers_count;
    int timeout_ms;
    bool (*on_piece)(void *ctx, str piece);
    void *ctx;
};
MUST_USE bool session_call(struct session *session, const struct session_call *call, struct http_result *ret,
                           struct err *err);
/* The answer lives in `arena`: for who asks so often that the session would grow. */
MUST_USE bool session_call_in(struct session *session, struct arena *arena, const struct session_call *call,
                              struct http_result *ret, struct err *err);

/* JSON in, JSON out, for control operations.  `body` may be NULL and is taken over.  An answer that is no 2xx is a
 * failure in AWS's words: ERR_NOT_FOUND (404), ERR_CONFLICT (409), ERR_INVALID (4xx), ERR_LIMIT (429), else ERR_SYSTEM.
 */
MUST_USE bool session_json(struct session *session, const char *service, const char *method, str path, json_t *body,
                           json_t **ret, struct err *err);
/* False.  Why the server would not, in its words: in err, and what does not fit there is said whole at once. */
bool session_refused(struct err *err, enum err_code code, const char *before, str text);
MUST_USE bool session_answer_json(const struct http_result *answer, json_t **ret, struct err *err);

/* What an Invoke with LogType Tail brought of the log, in the session's arena; "" when it brought none. */
str session_log(struct session *session, const struct http_result *answer);

str session_path(struct session *session, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Says the error and how to go on; the exit status. */
int session_failed(struct session *session, const char *command, const struct err *err);

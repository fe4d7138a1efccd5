/*
 * auth: who signs.  Every call is signed by a key that this server made; there is no other way in, unless the
 * user said `--auth off`.  Most local replacements for AWS check nothing, so the first refusal that a user meets
 * says what to do: in the log, in the header x-sculler-hint, and behind AWS's own words where a client has sent
 * no key at all or one that is not ours.
 */
#include "aws/aws_private.h"
#include "base/clock.h"
#include "base/log.h"
#include "codec/url.h"
#include "functions/catalog.h"

#define HINT "run: eval \"$(sculler env)\""

static bool refuse(struct aws_call *call, enum aws_error error, const char *text, bool tell_in_message)
{
    aws_header(call, "x-sculler-hint", STR(HINT));
    if (!call->door->refusal_told)
        log_warn("a call was refused: its signature is absent or not by this server's key", F_CSTR("reason", text),
                 F_STR("access_key", call->signature.access_key), F_CSTR("hint", HINT));
    call->door->refusal_told = true;
    if (tell_in_message)
        return aws_fail(call, error, "%s (This server has a key pair of its own: %s)", text, HINT);
    return aws_fail_text(call, error, arena_copy(call->arena, str_of(text)));
}

static bool refuse_fault(struct aws_call *call, enum sigv4_fault fault, const char *text)
{
    switch (fault) {
    case SIGV4_OK:
        return true;
    case SIGV4_ABSENT:
        return refuse(call, AWS_ERROR_MISSING_TOKEN, "Missing Authentication Token", true);
    case SIGV4_INCOMPLETE:
        return refuse(call, AWS_ERROR_INCOMPLETE_SIGNATURE, text, false);
    case SIGV4_MISMATCH:
    case SIGV4_EXPIRED:
    case SIGV4_EARLY:
        break;
    }
    return refuse(call, AWS_ERROR_INVALID_SIGNATURE, text, false);
}

static const struct aws_credential *find_key(const struct aws_credentials *credentials, str access_key)
{
    for (int i = 0; credentials && i < credentials->count; i++)
        if (str_eq(credentials->list[i].access_key, access_key))
            return &credentials->list[i];
    return NULL;
}

static bool refuse_unknown(struct aws_call *call)
{
    return refuse(call, AWS_ERROR_UNRECOGNIZED_CLIENT, "The security token included in the request is invalid.", true);
}

/* -- the keys of functions ------------------------------------------------------------------------------------------
 */

/* A token in a presigned query is percent-encoded. */
static str session_token(struct aws_call *call)
{
    str token = call->signature.session_token;
    BUF_AUTO text = {0};

    if (!call->signature.presigned || token.len > 3 * SESSION_TOKEN_BYTES_MAX)
        return token;
    buf_init(&text, SESSION_TOKEN_BYTES_MAX * 3 + 1);
    return url_decode(&text, token, URL_PLUS_IS_PLUS) ? arena_copy(call->arena, buf_str(&text)) : token;
}

/* Who deletes a function because of what it did has its keys back with it, wherever they went meanwhile. */
static bool is_of_a_function(const struct aws_call *call, const struct session *session)
{
    return !call->door->catalog || catalog_function(call->door->catalog, session->function);
}

static bool read_session(struct aws_call *call)
{
    struct session *session = arena_new(call->arena, struct session, 1);

    switch (session_check(call->door->session_key, call->access_key, session_token(call), clock_wall_ms() / 1000,
                          call->arena, session, &call->secret)) {
    case SESSION_OK:
        if (!is_of_a_function(call, session))
            break;
        call->session = session;
        return true;
    case SESSION_EXPIRED:
        return aws_fail(call, AWS_ERROR_EXPIRED_TOKEN, "The security token included in the request is expired");
    case SESSION_INVALID:
        break;
    }
    return refuse_unknown(call);
}

/* What a function may do, whatever its role says: policies of IAM are stored and not evaluated yet, so this is the
 * least with which a function can call another and ask who it is. */
static const struct {
    const char *service, *operation;
} allowed_to_functions[] = {
    {"lambda", "Invoke"},
    {"sts", "GetCallerIdentity"},
};

static const char *action_name(const struct aws_call *call)
{
    return strcmp(call->operation->name, "Invoke") == 0 ? "InvokeFunction" : call->operation->name;
}

/* The function that the path names, or all. */
static str resource_of(const struct aws_call *call)
{
    for (int i = 0; i < call->labels_count; i++)
        if (str_eq(call->labels[i].name, STR("FunctionName")))
            return str_starts(call->labels[i].value, STR("arn:"))
                       ? call->labels[i].value
                       : arena_printf(call->arena, "arn:aws:lambda:" STR_FMT ":" STR_FMT ":function:" STR_FMT,
                                      STR_ARG(call->door->region), STR_ARG(call->door->account),
                                      STR_ARG(call->labels[i].value));
    return STR("*");
}

bool aws_auth_allows(struct aws_call *call)
{
    str arn, resource;

    if (!call->session || !call->operation || call->operation->open)
        return true;
    for (size_t i = 0; i < sizeof allowed_to_functions / sizeof *allowed_to_functions; i++)
        if (strcmp(allowed_to_functions[i].service, call->service->name) == 0 &&
            strcmp(allowed_to_functions[i].operation, call->operation->name) == 0)
            return true;
    arn = session_arn(call->session, call->arena);
    resource = resource_of(call);
    return aws_fail(call, AWS_ERROR_ACCESS_DENIED,
                    "User: " STR_FMT " is not authorized to perform: %s:%s on resource: " STR_FMT
                    " because no identity-based policy allows the %s:%s action",
                    STR_ARG(arn), call->service->name, action_name(call), STR_ARG(resource), call->service->name,
                    action_name(call));
}

/* -- a call
 * ------------------------------------------------------------------------------------------------------------
 */

/* Only rows of our own service are looked at (door.c), so a page can do nothing else. */
static bool is_by_page(const struct aws_call *call)
{
    const struct aws_door *door = call->door;
    const struct http_request *request = &call->exchange->request;

    return door->vouches && str_starts(request->path, STR("/v1/")) && door->vouches(door->vouches_ctx, request);
}

/* An unknown key is refused before its body is taken: nobody without a key can fill the disk. */
bool aws_auth_read(struct aws_call *call)
{
    struct err err = {0};
    enum sigv4_fault fault = sigv4_read(&call->exchange->request, &call->signature, &err);
    const struct aws_credential *key;

    if (fault == SIGV4_ABSENT && is_by_page(call))
        return call->by_page = true;
    if (fault != SIGV4_OK)
        return call->door->auth_off || refuse_fault(call, fault, err.text);
    call->access_key = call->signature.access_key;
    call->service = aws_service_named(call->signature.service); /* so that a refusal speaks its protocol */
    if (call->door->session_key && str_starts(call->access_key, STR("ASIA")))
        return call->door->auth_off || read_session(call);
    key = find_key(call->door->credentials, call->access_key);
    call->secret = key ? key->secret : STR("");
    return key || call->door->auth_off || refuse_unknown(call);
}

bool aws_auth_verify(struct aws_call *call)
{
    struct http_exchange *exchange = call->exchange;
    struct err err = {0};

    if (call->door->auth_off || call->by_page || (call->operation && call->operation->open))
        return true;
    if (!call->secret.len) /* it was there when the headers came */
        return refuse_unknown(call);
    return refuse_fault(
        call, sigv4_verify(&exchange->request, &call->signature, call->secret, exchange->body_sha256, &err), err.text);
}

enum sigv4_fault aws_door_verify(const struct aws_door *door, const struct http_exchange *exchange,
                                 bool *ret_unknown_key, struct err *err)
{
    struct sigv4 signature = {0};
    enum sigv4_fault fault;

    *ret_unknown_key = false;
    if (door->auth_off)
        return SIGV4_OK;
    fault = sigv4_read(&exchange->request, &signature, err);
    if (fault != SIGV4_OK)
        return fault;
    const struct aws_credential *key = find_key(door->credentials, signature.access_key);
    *ret_unknown_key = !key;
    fault = sigv4_verify(&exchange->request, &signature, key ? key->secret : STR("a key of nobody"),
                         exchange->body_sha256, err);
    return key ? fault : SIGV4_MISMATCH; /* the work was done for its time alone: no secret fits an unknown key */
}

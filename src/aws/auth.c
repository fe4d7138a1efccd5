/*
 * auth: who signs.  Every call is signed by a key that this server made; there is no other way in, unless the
 * user said `--auth off`.  Most local replacements for AWS check nothing, so the first refusal that a user meets
 * says what to do: in the log, in the header x-sculler-hint, and behind AWS's own words where a client has sent
 * no key at all or one that is not ours.
 */
#include "aws/aws_private.h"
#include "base/log.h"

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

/* An unknown key is refused before its body is taken: nobody without a key can fill the disk. */
bool aws_auth_read(struct aws_call *call)
{
    struct err err = {0};
    enum sigv4_fault fault = sigv4_read(&call->exchange->request, &call->signature, &err);

    if (fault != SIGV4_OK)
        return call->door->auth_off || refuse_fault(call, fault, err.text);
    call->access_key = call->signature.access_key;
    call->service = aws_service_named(call->signature.service); /* so that a refusal speaks its protocol */
    if (call->door->auth_off || find_key(call->door->credentials, call->access_key))
        return true;
    return refuse(call, AWS_ERROR_UNRECOGNIZED_CLIENT, "The security token included in the request is invalid.", true);
}

bool aws_auth_verify(struct aws_call *call)
{
    struct http_exchange *exchange = call->exchange;
    const struct aws_credential *key = find_key(call->door->credentials, call->access_key);
    struct err err = {0};

    if (call->door->auth_off || (call->operation && call->operation->open))
        return true;
    if (!key) /* it was there when the headers came */
        return refuse(call, AWS_ERROR_UNRECOGNIZED_CLIENT, "The security token included in the request is invalid.",
                      true);
    return refuse_fault(
        call, sigv4_verify(&exchange->request, &call->signature, key->secret, exchange->body_sha256, &err), err.text);
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

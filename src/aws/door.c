/*
 * door: the way of one call, step by step.
 *
 *   aws_door_route   call_new, aws_auth_read, find (service, row), on_route / body_max
 *   aws_door_handle  aws_auth_verify, on_body, parse JSON, shape_parse, then by kind:
 *     AWS_LOOP       operation->loop … aws_call_finish
 *     AWS_JOB        [prepare (lane) → on_prepared (loop)] → run_job (lane: BEGIN, job, COMMIT, load changes)
 *                    → done_job (loop: apply changes, on_done) → aws_call_finish
 *   aws_call_finish  answer, on_end, give back
 *
 * A step that fails has called aws_fail; the call then goes straight to aws_call_finish.
 */
#include "aws/aws_private.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/rand.h"
#include "codec/json_read.h"
#include "codec/url.h"
#include "codec/uuid.h"
#include "db/db.h"
#include "loop/lane.h"

#include <assert.h>

enum { ANSWER_BYTES_MAX = 32 * 1024 * 1024 };

/* -- begin and end --------------------------------------------------------------------------------------------- */

static struct aws_call *call_new(struct aws_door *door, struct http_exchange *exchange)
{
    struct aws_call *call = arena_new(&exchange->arena, struct aws_call, 1);

    call->door = door;
    call->exchange = exchange;
    call->arena = &exchange->arena;
    uuid_v7(clock_wall_ms(), call->request_id);
    buf_init(&call->buf, ANSWER_BYTES_MAX);
    jw_init(&call->jw, &call->buf);
    exchange->user = call;
    return call;
}

static void give_back(struct aws_call *call)
{
    if (call->operation && call->operation->on_end)
        call->operation->on_end(call);
    call->exchange->user = NULL;
}

/* The client left, or was refused by http/, while the body came: nothing will be handled. */
static void on_dropped(struct http_exchange *exchange)
{
    struct aws_call *call = exchange->user;

    if (!call)
        return;
    call->failed = true;
    give_back(call);
    buf_free(&call->buf);
}

void aws_call_finish(struct aws_call *call)
{
    json_t *json = call->json; /* the answer may show texts of it */

    give_back(call);
    if (!call->streaming)
        aws_answer(call);
    else
        buf_free(&call->buf);
    json_decref(json);
}

/* -- route ------------------------------------------------------------------------------------------------------- */

static const struct aws_service *own_service(void)
{
    return aws_service_named(STR("sculler"));
}

static bool fail_unknown_service(struct aws_call *call)
{
    struct buf names;
    str text;

    buf_init(&names, 1024);
    for (int i = 0; i < aws_services_count; i++)
        buf_printf(&names, "%s%s", i ? ", " : "", aws_services[i]->name);
    text = arena_copy(call->arena, buf_str(&names));
    buf_free(&names);
    return aws_fail(call, AWS_ERROR_UNKNOWN_SERVICE,
                    "The service '" STR_FMT "' is not here; this server speaks: " STR_FMT
                    ". For AWS's own, unset AWS_ENDPOINT_URL, or name AWS's address as endpoint_url",
                    STR_ARG(call->signature.service), STR_ARG(text));
}

static bool fail_unknown_operation(struct aws_call *call)
{
    const struct http_request *request = &call->exchange->request;

    return aws_fail(call, AWS_ERROR_UNKNOWN_OPERATION,
                    "Unable to determine service/operation name to be authorized (this server's '%s' has no "
                    "operation " STR_FMT " " STR_FMT ")",
                    call->service->name, STR_ARG(request->method), STR_ARG(request->path));
}

/* Our own HTTP is signed for "lambda" too, so that any client with a key can call it; an unsigned request
 * (--auth off) is for whoever has its path. */
static bool find(struct aws_call *call)
{
    call->service = call->by_page ? own_service() : aws_service_named(call->signature.service);
    if (str_eq(call->signature.service, STR("lambda")) && aws_find_operation(call, own_service()))
        return true;
    if (call->service)
        return call->service->protocol == AWS_QUERY || aws_find_operation(call, call->service) ||
               fail_unknown_operation(call);
    for (int i = 0; i < aws_services_count && call->signature.service.len == 0; i++)
        if (aws_services[i]->protocol == AWS_REST_JSON && aws_find_operation(call, aws_services[i]))
            return true;
    call->service = call->signature.service.len ? NULL : aws_service_named(STR("sts"));
    return call->service || fail_unknown_service(call);
}

/* Paths of ours that need no signature (links that carry their own). */
static bool find_open(struct aws_call *call)
{
    if (aws_find_operation(call, own_service()) && call->operation->open)
        return true;
    call->operation = NULL;
    call->service = NULL;
    return false;
}

static bool take_body(struct aws_call *call)
{
    struct http_exchange *exchange = call->exchange;
    const struct aws_operation *operation = call->operation;
    str length_text = http_header(&exchange->request, STR("Content-Length"));
    long long length = 0;

    exchange->body_max = operation && operation->body_max ? operation->body_max : CONTROL_JSON_BYTES_MAX;
    exchange->want_sha256 = true;
    if (operation && operation->on_route && !operation->on_route(call))
        return false;
    if (str_to_int(length_text, 0, INT64_MAX, &length) && (unsigned long long)length > exchange->body_max)
        return aws_fail(call, AWS_ERROR_ENTITY_TOO_LARGE, "Request must be smaller than %zu bytes for the %s operation",
                        exchange->body_max, operation ? operation->name : "requested");
    return true;
}

/* Refused before the operation took anything, so it has nothing to give back. */
static bool may_begin(struct aws_call *call)
{
    if (aws_auth_allows(call))
        return true;
    call->operation = NULL;
    return false;
}

void aws_door_route(struct aws_door *door, struct http_exchange *exchange)
{
    struct aws_call *call = call_new(door, exchange);

    if (!door->link_key_made)
        rand_bytes(door->link_key, sizeof door->link_key);
    door->link_key_made = true;
    exchange->on_client_gone = on_dropped;
    if ((find_open(call) || (aws_auth_read(call) && find(call) && may_begin(call))) && take_body(call))
        return;
    aws_call_finish(call);
}

static str first_part(str path)
{
    str part, rest;

    (void)str_cut(str_from(path, 1), '/', &part, &rest);
    (void)str_cut(part, '?', &part, &rest);
    return part;
}

/* First parts that later doors will want; the rest are those of the operations there are. */
static const char *const kept_parts[] = {"v1", "v2", "api", "metrics", "prometheus", "ping", "sping"};

static struct map *reserved_parts(void)
{
    static struct map parts; /* const once made: asked at every request that is not signed */

    if (parts.len > 0)
        return &parts;
    for (size_t i = 0; i < sizeof kept_parts / sizeof *kept_parts; i++)
        (void)map_put(&parts, str_of(kept_parts[i]), &parts);
    for (int i = 0; i < aws_services_count; i++)
        for (int k = 0; aws_services[i]->protocol == AWS_REST_JSON && k < aws_services[i]->operations_count; k++)
            (void)map_put(&parts, first_part(str_of(aws_services[i]->operations[k].path)), &parts);
    return &parts;
}

static bool is_reserved(str part)
{
    return map_get(reserved_parts(), part) != NULL;
}

bool aws_door_claims(const struct http_request *request)
{
    struct sigv4 signature;
    struct err ignored = {0};

    if (sigv4_read(request, &signature, &ignored) == SIGV4_OK)
        return !str_eq(signature.service, STR("execute-api"));
    return str_eq(request->path, STR("/")) /* query services */ || is_reserved(first_part(request->path));
}

/* -- handle: the body ------------------------------------------------------------------------------------------------
 */

/* Query protocol: the form names the operation, and its members are those of the form. */
static bool find_action(struct aws_call *call, str *ret_form)
{
    const struct http_request *request = &call->exchange->request;
    str name, value, rest;

    *ret_form = request->body.len ? request->body : request->query;
    rest = *ret_form;
    while (url_next_param(&rest, &name, &value)) {
        if (!str_eq(name, STR("Action")))
            continue;
        for (int i = 0; i < call->service->operations_count; i++)
            if (str_eq(value, str_of(call->service->operations[i].name)))
                call->operation = &call->service->operations[i];
        break;
    }
    return call->operation || fail_unknown_operation(call);
}

static bool parse_json(struct aws_call *call)
{
    str text = call->json_text.at ? call->json_text : call->exchange->request.body;
    struct err err = {0};

    if (call->operation->raw_body || text.len == 0)
        return true;
    if (!json_parse(text, &call->json, &err))
        return aws_fail(call, AWS_ERROR_SERIALIZATION, "Could not parse request body into json: %s", err.text);
    if (!json_is_object(call->json))
        return aws_fail(call, AWS_ERROR_SERIALIZATION, "Could not parse request body into json: expected an object");
    return true;
}

static bool parse_input(struct aws_call *call, str form)
{
    const struct http_request *request = &call->exchange->request;
    const struct shape *shape = call->operation->shape;
    const struct shape_source source = {
        .labels = call->labels,
        .labels_count = call->labels_count,
        .query = form.at ? form : request->query,
        .request = request,
        .body = call->json,
    };
    str text;

    if (!shape)
        return true;
    call->input = arena_alloc(call->arena, 1, shape->size);
    switch (shape_parse(shape, &source, call->arena, call->input, &text)) {
    case SHAPE_OK:
        return true;
    case SHAPE_BAD_TYPE:
        return aws_fail_text(call, AWS_ERROR_SERIALIZATION, text);
    case SHAPE_INVALID:
        break;
    }
    return aws_fail_text(call, AWS_ERROR_VALIDATION, text);
}

/* -- handle: a job on the state lane ---------------------------------------------------------------------------------
 */

static void run_job(void *ctx)
{
    struct aws_call *call = ctx;
    struct db *db = call->door->db;
    struct err err = {0};

    call->db = db;
    if (!db_begin(db, &err)) {
        aws_fail_err(call, &err);
        return;
    }
    bool done = call->operation->job(call);
    if (done && !buf_ok(&call->buf))
        done = err_set(&err, ERR_LIMIT, "the answer of %s is too large", call->operation->name) ||
               aws_fail_err(call, &err);
    if (!done) {
        db_rollback(db);
        return;
    }
    if (!db_commit(db, &err)) {
        db_rollback(db);
        aws_fail_err(call, &err);
        return;
    }
    for (int i = 0; i < call->changes_count; i++)
        if (!call->changes[i].load(call, &call->changes[i], &err))
            aws_fail_err(call, &err);
}

/* A change that was committed is put in place even if another could not be loaded. */
static void done_job(void *ctx)
{
    struct aws_call *call = ctx;

    for (int i = 0; i < call->changes_count; i++)
        if (call->changes[i].loaded || !call->failed)
            call->changes[i].apply(call, &call->changes[i]);
    if (!call->failed && call->operation->on_done)
        call->operation->on_done(call);
    aws_call_finish(call);
}

void aws_changed(struct aws_call *call, struct aws_change change)
{
    assert(call->changes_count < AWS_CHANGES_MAX);
    call->changes[call->changes_count++] = change;
}

static void run_prepare(void *ctx)
{
    struct aws_call *call = ctx;

    if (!call->operation->prepare(call))
        assert(call->failed);
}

static void done_prepare(void *ctx)
{
    struct aws_call *call = ctx;

    if (!call->failed && call->operation->on_prepared && !call->operation->on_prepared(call))
        assert(call->failed);
    if (call->failed)
        aws_call_finish(call);
    else
        lane_submit(call->door->state_lane, run_job, done_job, call);
}

static void start(struct aws_call *call)
{
    if (call->operation->kind == AWS_LOOP)
        call->operation->loop(call);
    else if (call->operation->prepare)
        lane_submit(call->door->state_lane, run_prepare, done_prepare, call);
    else
        lane_submit(call->door->state_lane, run_job, done_job, call);
}

void aws_door_handle(struct aws_door *door, struct http_exchange *exchange)
{
    struct aws_call *call = exchange->user;
    str form = {0};
    bool good;

    (void)door;
    exchange->on_client_gone = NULL;
    good = aws_auth_verify(call) && (call->operation || find_action(call, &form)) && aws_auth_allows(call) &&
           (!call->operation->on_body || call->operation->on_body(call)) && parse_json(call) && parse_input(call, form);
    if (!good) {
        aws_call_finish(call);
        return;
    }
    call->status = call->operation->status;
    start(call);
}

/*
 * predictions: a page is one job of the quality lane.  One prediction takes more lanes, one after the other:
 *
 *   quality: is it an id of ours? ─ no ─▶ monitor lane: the writer's index of clients' ids ─▶ quality: write it
 *                                 └ yes ────────────────────────────────────────────────────────┘    │
 *                                                    records lane: the call that it is from  ◀───────┘ ─▶ answer
 */
#include "aws/sculler/predictions.h"

#include "aws/sculler/logs.h"
#include "aws/sculler/window.h"
#include "codec/arn.h"
#include "invoke/invoke.h"
#include "logs/store.h"
#include "loop/lane.h"
#include "monitor/answer_rows.h"
#include "monitor/monitor.h"
#include "monitor/store.h"

enum { SPAN_DEFAULT_S = 14 * 86400, LIMIT_DEFAULT = 100 };

static void fail(struct aws_call *call, const struct err *err)
{
    if (err->code == ERR_INVALID || err->code == ERR_LIMIT)
        aws_fail(call, AWS_ERROR_BAD_REQUEST, "%s", err->text);
    else if (err->code == ERR_NOT_FOUND)
        aws_fail(call, AWS_ERROR_NOT_FOUND, "%s", err->text);
    else if (err->code != ERR_NONE)
        aws_fail_err(call, err);
}

static str name_of(str function)
{
    struct arn arn;

    return arn_parse(function, &arn) ? arn.name : function;
}

/* -- a page ----------------------------------------------------------------------------------------------------------
 */

struct predictions_input {
    str function, from, to, version, alias, segment, source, kind, order, after;
    struct shape_real threshold;
    struct shape_int limit;
};

#define IN_QUERY(name, type, member)                                           \
    {                                                                          \
        name, SHAPE_IN_QUERY, type, offsetof(struct predictions_input, member) \
    }
static const struct shape_field predictions_fields[] = {
    IN_QUERY("function", SHAPE_STR, function),
    IN_QUERY("from", SHAPE_STR, from),
    IN_QUERY("to", SHAPE_STR, to),
    IN_QUERY("version", SHAPE_STR, version),
    IN_QUERY("alias", SHAPE_STR, alias),
    IN_QUERY("segment", SHAPE_STR, segment),
    IN_QUERY("source", SHAPE_STR, source),
    {"kind", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct predictions_input, kind), .check = {.values = browse_kinds}},
    {"order", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct predictions_input, order), .check = {.values = browse_orders}},
    IN_QUERY("after", SHAPE_STR, after),
    IN_QUERY("threshold", SHAPE_REAL, threshold),
    {"limit", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct predictions_input, limit),
     .check = {VALUE(1, BROWSE_ROWS_MAX)}},
};
const struct shape predictions_shape = SHAPE_OF(struct predictions_input, predictions_fields);

struct browsing {
    struct aws_call *call;
    struct browse browse;
    struct err err;
};

static int place_of(const char *const names[], str name, int otherwise)
{
    for (int i = 0; name.len > 0 && names[i]; i++)
        if (str_eq(name, str_of(names[i])))
            return i;
    return otherwise;
}

static bool read_browse(struct aws_call *call, const struct predictions_input *input, struct browse *ret)
{
    struct window window;

    if (!window_read(call, input->from, input->to, SPAN_DEFAULT_S, &window))
        return false;
    if (input->threshold.given && !(input->threshold.value >= 0 && input->threshold.value <= 1))
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "threshold is %g, not between 0 and 1", input->threshold.value);
    *ret = (struct browse){
        .question = {.function = name_of(input->function),
                     .version = input->version,
                     .alias = input->alias,
                     .segment = input->segment,
                     .source = input->source,
                     .from_us = window.from_us,
                     .to_us = window.to_us,
                     .has_threshold = input->threshold.given,
                     .threshold = input->threshold.value},
        .kind = (enum browse_kind)place_of(browse_kinds, input->kind, BROWSE_ALL),
        .order = (enum browse_order)place_of(browse_orders, input->order, BROWSE_BY_TIME_DOWN),
        .limit = input->limit.given ? (int)input->limit.value : LIMIT_DEFAULT,
    };
    if (ret->kind == BROWSE_CHANGED && !input->threshold.given)
        return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                        "kind=changed asks which decisions another threshold would change: say which with threshold=");
    return input->after.len == 0 || browse_after(ret, input->after) ||
           aws_fail(call, AWS_ERROR_BAD_REQUEST, "after is no \"next\" of an answer: leave it out to begin anew");
}

static void run_browse(void *ctx)
{
    struct browsing *browsing = ctx;
    struct aws_call *call = browsing->call;

    (void)!answer_predictions(monitor_folder(call->door->monitor), &browsing->browse, call->arena, &call->jw,
                              &browsing->err);
}

static void done_browse(void *ctx)
{
    struct browsing *browsing = ctx;

    fail(browsing->call, &browsing->err);
    aws_call_finish(browsing->call);
}

void predictions_browse(struct aws_call *call)
{
    struct browsing *browsing = arena_new(call->arena, struct browsing, 1);

    browsing->call = call;
    if (read_browse(call, call->input, &browsing->browse))
        monitor_ask(call->door->monitor, run_browse, done_browse, browsing);
    else
        aws_call_finish(call);
}

/* -- one -------------------------------------------------------------------------------------------------------------
 */

struct prediction_input {
    str id, function;
};
static const struct shape_field prediction_fields[] = {
    {"PredictionId", SHAPE_IN_PATH, SHAPE_STR, offsetof(struct prediction_input, id), SHAPE_REQUIRED},
    {"function", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct prediction_input, function)},
};
const struct shape prediction_shape = SHAPE_OF(struct prediction_input, prediction_fields);

struct looking {
    struct monitor_change change; /* changes nothing: the writer has the index */
    struct aws_call *call;
    struct prediction_lookup lookup;
    bool has_call;
    struct err err;
};

static void end(struct looking *looking)
{
    fail(looking->call, &looking->err);
    aws_call_finish(looking->call);
}

static bool on_call(void *ctx, int64_t id, const struct record *record)
{
    struct looking *looking = ctx;
    struct jw *jw = &looking->call->jw;

    (void)id;
    looking->has_call = true;
    jw_object_key(jw, "invocation");
    logs_write_members(jw, record);
    jw_object_end(jw);
    return false;
}

static void run_call(void *ctx)
{
    struct looking *looking = ctx;
    struct aws_call *call = looking->call;
    const struct records_filter filter = {.request_id = looking->lookup.request_id, .limit = 1};

    if (filter.request_id.len > 0 &&
        !records_query(records_db(call->door->invoker->records), &filter, call->arena, on_call, looking, &looking->err))
        return;
    if (!looking->has_call)
        jw_null(&call->jw, "invocation");
    jw_object_end(&call->jw);
}

static void done_call(void *ctx)
{
    end(ctx);
}

static void run_row(void *ctx)
{
    struct looking *looking = ctx;

    (void)!answer_prediction(&looking->lookup, &looking->err);
}

static void done_row(void *ctx)
{
    struct looking *looking = ctx;

    if (looking->err.code == ERR_NONE)
        lane_submit(records_lane(looking->call->door->invoker->records), run_call, done_call, looking);
    else
        end(looking);
}

static bool run_find(struct monitor_change *change, struct store *store)
{
    struct looking *looking = change->ctx;
    struct prediction_lookup *lookup = &looking->lookup;

    return store_find(store, lookup->function, lookup->id, &lookup->month_us, &lookup->row, &lookup->found,
                      &change->err);
}

static void on_found(struct looking *looking)
{
    const struct prediction_lookup *lookup = &looking->lookup;

    if (looking->err.code == ERR_NONE && !lookup->found)
        err_set(&looking->err, ERR_NOT_FOUND, "there is no prediction %.60s%s", arena_cstr(lookup->arena, lookup->id),
                lookup->function.len > 0 ? " of that function"
                                         : " of this server's making; to look for an id of your own, say function=");
    if (looking->err.code == ERR_NONE)
        monitor_ask(looking->call->door->monitor, run_row, done_row, looking);
    else
        end(looking);
}

static void done_find(struct monitor_change *change)
{
    struct looking *looking = change->ctx;

    looking->err = change->err;
    on_found(looking);
}

static void run_own(void *ctx)
{
    struct looking *looking = ctx;

    (void)!find_own_prediction(&looking->lookup, &looking->err);
}

static void done_own(void *ctx)
{
    struct looking *looking = ctx;

    if (looking->err.code != ERR_NONE || looking->lookup.found || looking->lookup.function.len == 0)
        on_found(looking);
    else
        monitor_change(looking->call->door->monitor, &looking->change);
}

void prediction_get(struct aws_call *call)
{
    const struct prediction_input *input = call->input;
    struct looking *looking = arena_new(call->arena, struct looking, 1);

    looking->call = call;
    looking->change = (struct monitor_change){.run = run_find, .done = done_find, .ctx = looking};
    looking->lookup = (struct prediction_lookup){
        .folder = monitor_folder(call->door->monitor),
        .arena = call->arena,
        .jw = &call->jw,
        .id = input->id,
        .function = name_of(input->function),
    };
    monitor_ask(call->door->monitor, run_own, done_own, looking);
}

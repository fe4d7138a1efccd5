#include "aws/sculler/threshold.h"

#include "codec/arn.h"
#include "monitor/answer.h"
#include "monitor/monitor.h"
#include "monitor/prediction.h"

#define ALIAS_DEFAULT STR("live") /* what deploy serves */

struct threshold_input {
    str function, alias, note;
    struct shape_real threshold;
};

#define FUNCTION                                                                                              \
    {                                                                                                         \
        "FunctionName", SHAPE_IN_PATH, SHAPE_STR, offsetof(struct threshold_input, function), SHAPE_REQUIRED, \
            .check = {                                                                                        \
                LENGTH(1, NAME_BYTES_MAX)                                                                     \
            }                                                                                                 \
    }
#define TEXT(name, where, member, bytes_max)                                                                \
    {                                                                                                       \
        name, where, SHAPE_STR, offsetof(struct threshold_input, member), .check = { LENGTH(0, bytes_max) } \
    }
static const struct shape_field get_fields[] = {FUNCTION, TEXT("alias", SHAPE_IN_QUERY, alias, NAME_BYTES_MAX)};
static const struct shape_field rollback_fields[] = {
    FUNCTION,
    TEXT("alias", SHAPE_IN_BODY, alias, NAME_BYTES_MAX),
    TEXT("note", SHAPE_IN_BODY, note, NOTE_BYTES_MAX),
};
static const struct shape_field put_fields[] = {
    FUNCTION,
    TEXT("alias", SHAPE_IN_BODY, alias, NAME_BYTES_MAX),
    TEXT("note", SHAPE_IN_BODY, note, NOTE_BYTES_MAX),
    {"threshold", SHAPE_IN_BODY, SHAPE_REAL, offsetof(struct threshold_input, threshold), SHAPE_REQUIRED},
};
const struct shape threshold_shape = SHAPE_OF(struct threshold_input, get_fields);
const struct shape threshold_rollback_shape = SHAPE_OF(struct threshold_input, rollback_fields);
const struct shape threshold_put_shape = SHAPE_OF(struct threshold_input, put_fields);

static str function_of(const struct threshold_input *input)
{
    struct arn arn;

    return arn_parse(input->function, &arn) ? arn.name : input->function;
}

static str alias_of(const struct threshold_input *input)
{
    return input->alias.at ? input->alias : ALIAS_DEFAULT;
}

static void finish(struct aws_call *call, const struct err *err)
{
    if (err->code == ERR_CONFLICT)
        aws_fail(call, AWS_ERROR_CONFLICT, "%s", err->text);
    else if (err->code == ERR_LIMIT)
        aws_fail(call, AWS_ERROR_BAD_REQUEST, "%s", err->text);
    else if (err->code != ERR_NONE)
        aws_fail_err(call, err);
    aws_call_finish(call);
}

/* -- asking ----------------------------------------------------------------------------------------------------------
 */

struct asking {
    struct aws_call *call;
    struct err err;
};

static void run_get(void *ctx)
{
    struct asking *asking = ctx;
    struct aws_call *call = asking->call;

    (void)!answer_thresholds(monitor_folder(call->door->monitor), function_of(call->input), alias_of(call->input),
                             &call->jw, &asking->err);
}

static void done_get(void *ctx)
{
    struct asking *asking = ctx;

    finish(asking->call, &asking->err);
}

void threshold_get(struct aws_call *call)
{
    struct asking *asking = arena_new(call->arena, struct asking, 1);

    asking->call = call;
    monitor_ask(call->door->monitor, run_get, done_get, asking);
}

/* -- changing --------------------------------------------------------------------------------------------------------
 */

/* Who signed; with auth off nobody did. */
static str who(const struct aws_call *call)
{
    if (call->by_page)
        return STR("dashboard");
    if (call->session)
        return call->session->function;
    return call->access_key.len > 0 ? call->access_key : STR("unsigned");
}

static void done_change(struct threshold_change *change)
{
    struct aws_call *call = change->ctx;

    if (change->err.code == ERR_NONE) {
        jw_object(&call->jw);
        jw_str(&call->jw, "function", change->function);
        jw_str(&call->jw, "alias", change->alias);
        answer_one_threshold(&call->jw, &change->ret);
        jw_object_end(&call->jw);
    }
    finish(call, &change->err);
}

static void start_change(struct aws_call *call, bool is_rollback)
{
    const struct threshold_input *input = call->input;
    struct threshold_change *change = arena_new(call->arena, struct threshold_change, 1);

    *change = (struct threshold_change){
        .function = function_of(input),
        .alias = alias_of(input),
        .is_rollback = is_rollback,
        .value = input->threshold.value,
        .by = who(call),
        .note = input->note.at ? input->note : STR(""),
        .arena = call->arena,
        .done = done_change,
        .ctx = call,
    };
    monitor_set_threshold(call->door->monitor, change);
}

void threshold_put(struct aws_call *call)
{
    const struct threshold_input *input = call->input;

    if (input->threshold.value >= 0 && input->threshold.value <= 1) {
        start_change(call, false);
        return;
    }
    aws_fail(call, AWS_ERROR_BAD_REQUEST, "threshold is %g, not between 0 and 1", input->threshold.value);
    aws_call_finish(call);
}

void threshold_rollback(struct aws_call *call)
{
    start_change(call, true);
}

#include "aws/sculler/replays.h"

#include <math.h>

#include "aws/lambda/lambda_private.h"
#include "aws/lambda/patterns.h"
#include "codec/json_compare.h"
#include "codec/time_format.h"
#include "replay/replay.h"

enum { LIST_DEFAULT = 50, ROWS_DEFAULT = 100, OFFSET_MAX = 1000 * 1000 };

static bool fail(struct aws_call *call, const struct err *err)
{
    static const enum aws_error errors[] = {
        [ERR_INVALID] = AWS_ERROR_INVALID_PARAMETER,
        [ERR_NOT_FOUND] = AWS_ERROR_RESOURCE_NOT_FOUND,
        [ERR_CONFLICT] = AWS_ERROR_RESOURCE_CONFLICT,
        [ERR_LIMIT] = AWS_ERROR_TOO_MANY_REQUESTS,
    };

    if ((size_t)err->code >= sizeof errors / sizeof *errors || errors[err->code] == AWS_ERROR_NONE)
        return aws_fail_err(call, err);
    return aws_fail(call, errors[err->code], "%s", err->text);
}

static void finish_failed(struct aws_call *call, const struct err *err)
{
    (void)fail(call, err);
    aws_call_finish(call);
}

/* -- replays ------------------------------------------------------------------------------------------------------- */

struct start_input {
    str function, version, against;
    struct shape_int last, concurrency;
    struct shape_real rate, tolerance, threshold;
};

static const struct shape_field start_fields[] = {
    {"function", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct start_input, function), SHAPE_REQUIRED,
     .check = {LENGTH(1, 256), .pattern = &pattern_fn_get}},
    {"version", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct start_input, version), SHAPE_REQUIRED,
     .check = {LENGTH(1, 128)}},
    {"against", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct start_input, against), .check = {LENGTH(1, 128)}},
    {"last", SHAPE_IN_BODY, SHAPE_INT, offsetof(struct start_input, last), .check = {VALUE(1, REPLAY_CALLS_MAX)}},
    {"concurrency", SHAPE_IN_BODY, SHAPE_INT, offsetof(struct start_input, concurrency),
     .check = {VALUE(1, REPLAY_CONCURRENCY_MAX)}},
    {"rate", SHAPE_IN_BODY, SHAPE_REAL, offsetof(struct start_input, rate)},
    {"tolerance", SHAPE_IN_BODY, SHAPE_REAL, offsetof(struct start_input, tolerance)},
    {"threshold", SHAPE_IN_BODY, SHAPE_REAL, offsetof(struct start_input, threshold)},
};
const struct shape replay_start_shape = SHAPE_OF(struct start_input, start_fields);

struct list_input {
    str function;
    struct shape_int limit, offset;
};

static const struct shape_field list_fields[] = {
    {"function", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct list_input, function)},
    {"limit", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct list_input, limit), .check = {VALUE(1, REPLAYS_KEPT_MAX)}},
    {"offset", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct list_input, offset), .check = {VALUE(0, OFFSET_MAX)}},
};
const struct shape replay_list_shape = SHAPE_OF(struct list_input, list_fields);

struct one_input {
    str id;
    struct shape_int rows, offset;
};

static const struct shape_field one_fields[] = {
    {"id", SHAPE_IN_PATH, SHAPE_STR, offsetof(struct one_input, id), SHAPE_REQUIRED, .check = {LENGTH(1, 64)}},
    {"rows", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct one_input, rows), .check = {VALUE(0, REPLAY_CHANGES_MAX)}},
    {"offset", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct one_input, offset), .check = {VALUE(0, OFFSET_MAX)}},
};
const struct shape replay_one_shape = SHAPE_OF(struct one_input, one_fields);

static void on_started(void *ctx, const char *id, const struct err *err)
{
    struct aws_call *call = ctx;

    if (!id) {
        finish_failed(call, err);
        return;
    }
    jw_object(&call->jw);
    jw_str(&call->jw, "id", str_of(id));
    jw_object_end(&call->jw);
    aws_call_finish(call);
}

void replay_start(struct aws_call *call)
{
    const struct start_input *input = call->input;
    struct lambda_ref ref;
    struct err err = {0};

    if (!lambda_ref_of(call, input->function, STR(""), &ref)) {
        aws_call_finish(call);
        return;
    }
    const struct replay_order order = {
        .function = ref.name,
        .version = input->version,
        .against = input->against.len ? input->against : REPLAY_RECORDED,
        .last = input->last.given ? input->last.value : REPLAY_CALLS_DEFAULT,
        .concurrency = input->concurrency.given ? (int)input->concurrency.value : 1,
        .rate = input->rate.given ? input->rate.value : REPLAY_RATE_DEFAULT,
        .tolerance = input->tolerance.given ? input->tolerance.value : JSON_TOLERANCE_DEFAULT,
        .threshold = input->threshold.given ? input->threshold.value : (double)NAN,
    };
    if (!replays_start(call->door->replays, &order, on_started, call, &err))
        finish_failed(call, &err);
}

static void on_told(void *ctx, const struct err *err)
{
    struct aws_call *call = ctx;

    if (err)
        (void)fail(call, err);
    aws_call_finish(call);
}

void replay_list(struct aws_call *call)
{
    const struct list_input *input = call->input;
    const struct replay_question question = {
        .function = input->function,
        .limit = input->limit.given ? (int)input->limit.value : LIST_DEFAULT,
        .offset = (int)input->offset.value,
        .jw = &call->jw,
        .on_told = on_told,
        .ctx = call,
    };

    replays_ask(call->door->replays, &question);
}

static void ask_one(struct aws_call *call, int rows)
{
    const struct one_input *input = call->input;
    const struct replay_question question = {
        .id = input->id,
        .limit = rows,
        .offset = (int)input->offset.value,
        .jw = &call->jw,
        .on_told = on_told,
        .ctx = call,
    };

    replays_ask(call->door->replays, &question);
}

void replay_get(struct aws_call *call)
{
    const struct one_input *input = call->input;

    ask_one(call, input->rows.given ? (int)input->rows.value : ROWS_DEFAULT);
}

/* One that has ended already stays as it is: who cancels twice is told the same. */
void replay_cancel(struct aws_call *call)
{
    const struct one_input *input = call->input;

    (void)replays_cancel(call->door->replays, input->id);
    ask_one(call, 0);
}

/* -- shadows ------------------------------------------------------------------------------------------------------- */

struct shadow_input {
    str function, alias, version;
    struct shape_real share;
};

static const struct shape_field shadow_fields[] = {
    FIELD_FUNCTION_GET(struct shadow_input),
    {"alias", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct shadow_input, alias), .check = {LENGTH(1, 128)}},
    {"version", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct shadow_input, version), SHAPE_REQUIRED,
     .check = {LENGTH(1, 128)}},
    {"share", SHAPE_IN_BODY, SHAPE_REAL, offsetof(struct shadow_input, share)},
};
const struct shape shadow_shape = SHAPE_OF(struct shadow_input, shadow_fields);

static const struct shape_field shadow_function_fields[] = {FIELD_FUNCTION_GET(struct shadow_input)};
const struct shape shadow_function_shape = SHAPE_OF(struct shadow_input, shadow_function_fields);

static bool find_name(struct aws_call *call, str *ret)
{
    const struct shadow_input *input = call->input;
    struct lambda_ref ref;

    if (!lambda_ref_of(call, input->function, STR(""), &ref))
        return false;
    *ret = ref.name;
    return true;
}

static void write_time(struct jw *jw, const char *name, int64_t us)
{
    char text[TIME_TEXT_MAX];

    time_format_zulu(us / 1000, text);
    jw_str(jw, name, str_of(text));
}

static bool write_shadow(struct aws_call *call, str function)
{
    struct shadow_setting setting;
    struct shadow_counts counts;
    struct jw *jw = &call->jw;

    if (!replays_shadow(call->door->replays, function, &setting, &counts))
        return aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND, STR_FMT " has no shadow", STR_ARG(function));
    jw_object(jw);
    jw_str(jw, "function", setting.function);
    jw_str(jw, "alias", setting.alias);
    jw_str(jw, "version", setting.version);
    jw_real(jw, "share", setting.share);
    write_time(jw, "set", setting.set_us);
    write_time(jw, "counted_since", counts.since_us);
    jw_int(jw, "seen", counts.seen);
    jw_int(jw, "copied", counts.copied);
    jw_int(jw, "answered", counts.answered);
    jw_int(jw, "failed", counts.failed);
    jw_int(jw, "dropped", counts.dropped);
    jw_object_end(jw);
    return true;
}

static void on_set(void *ctx, const struct err *err)
{
    struct aws_call *call = ctx;
    str name;

    if (err)
        (void)fail(call, err);
    else if (find_name(call, &name))
        (void)write_shadow(call, name);
    aws_call_finish(call);
}

static void on_removed(void *ctx, const struct err *err)
{
    struct aws_call *call = ctx;

    if (err)
        (void)fail(call, err);
    aws_call_finish(call);
}

void shadow_put(struct aws_call *call)
{
    const struct shadow_input *input = call->input;
    struct shadow_setting setting = {
        .alias = input->alias.len ? input->alias : STR("live"),
        .version = input->version,
        .share = input->share.given ? input->share.value : 1,
    };
    struct err err = {0};

    if (!find_name(call, &setting.function))
        aws_call_finish(call);
    else if (!replays_set_shadow(call->door->replays, &setting, on_set, call, &err))
        finish_failed(call, &err);
}

void shadow_get(struct aws_call *call)
{
    str name;

    if (find_name(call, &name))
        (void)write_shadow(call, name);
    aws_call_finish(call);
}

void shadow_remove(struct aws_call *call)
{
    str name;

    if (!find_name(call, &name)) {
        aws_call_finish(call);
    } else if (!replays_remove_shadow(call->door->replays, name, on_removed, call)) {
        (void)aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND, STR_FMT " has no shadow", STR_ARG(name));
        aws_call_finish(call);
    }
}

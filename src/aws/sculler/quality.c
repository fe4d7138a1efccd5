/* quality: questions about how right a function is, asked on the quality lane; monitor/answer.h writes the answers. */
#include "aws/sculler/quality.h"

#include "aws/sculler/window.h"
#include "base/clock.h"
#include "codec/arn.h"
#include "monitor/answer.h"
#include "monitor/monitor.h"

enum { SPAN_DEFAULT_S = 14 * 86400, DRIFT_SPAN_S = 2 * 86400 };

struct quality_input {
    str function, from, to, as_of, version, alias, segment, source, by, metric, name;
    struct shape_real threshold, cost_fp, cost_fn;
    struct shape_bool exact, points;
    struct shape_int n;
};

static const char *const by_names[] = {"hour", "day", "version", "segment", "alias", "source", NULL};

#define IN_QUERY(name, type, member)                                       \
    {                                                                      \
        name, SHAPE_IN_QUERY, type, offsetof(struct quality_input, member) \
    }
static const struct shape_field quality_fields[] = {
    {"FunctionName", SHAPE_IN_PATH, SHAPE_STR, offsetof(struct quality_input, function), SHAPE_REQUIRED},
    IN_QUERY("from", SHAPE_STR, from),
    IN_QUERY("to", SHAPE_STR, to),
    IN_QUERY("as_of", SHAPE_STR, as_of),
    IN_QUERY("version", SHAPE_STR, version),
    IN_QUERY("alias", SHAPE_STR, alias),
    IN_QUERY("segment", SHAPE_STR, segment),
    IN_QUERY("source", SHAPE_STR, source),
    {"by", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct quality_input, by), .check = {.values = by_names}},
    IN_QUERY("metric", SHAPE_STR, metric),
    IN_QUERY("name", SHAPE_STR, name),
    {"threshold", SHAPE_IN_QUERY, SHAPE_REAL, offsetof(struct quality_input, threshold)},
    {"cost_fp", SHAPE_IN_QUERY, SHAPE_REAL, offsetof(struct quality_input, cost_fp)},
    {"cost_fn", SHAPE_IN_QUERY, SHAPE_REAL, offsetof(struct quality_input, cost_fn)},
    IN_QUERY("exact", SHAPE_BOOL, exact),
    IN_QUERY("points", SHAPE_BOOL, points),
    {"n", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct quality_input, n), .check = {VALUE(1, 10000)}},
};
const struct shape quality_shape = SHAPE_OF(struct quality_input, quality_fields);

struct asking {
    struct aws_call *call;
    struct answering answering;
    bool (*answer)(struct answering *answering, struct err *err);
    struct err err;
};

static enum question_by by_of(str name)
{
    static const enum question_by of[] = {BY_HOUR, BY_DAY, BY_VERSION, BY_SEGMENT, BY_ALIAS, BY_SOURCE};

    for (int i = 0; by_names[i]; i++)
        if (str_eq(name, str_of(by_names[i])))
            return of[i];
    return BY_NOTHING;
}

static bool read_moment(struct aws_call *call, str text, int64_t *ret_us)
{
    return text.len == 0 || window_moment(text, clock_wall_us(), ret_us) ||
           aws_fail(call, AWS_ERROR_BAD_REQUEST, "as_of is \"" STR_FMT "\", which is no time", STR_ARG(text));
}

static bool read_question(struct aws_call *call, const struct quality_input *input, int64_t span_s,
                          struct question *ret)
{
    struct window window;
    struct arn arn;

    if (!window_read(call, input->from, input->to, span_s, &window) || !read_moment(call, input->as_of, &ret->as_of_us))
        return false;
    if (input->threshold.given && !(input->threshold.value >= 0 && input->threshold.value <= 1))
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "threshold is %g, not between 0 and 1", input->threshold.value);
    ret->function = arn_parse(input->function, &arn) ? arn.name : input->function;
    ret->version = input->version;
    ret->alias = input->alias;
    ret->segment = input->segment;
    ret->source = input->source;
    ret->from_us = window.from_us;
    ret->to_us = window.to_us;
    ret->by = by_of(input->by);
    ret->has_threshold = input->threshold.given;
    ret->threshold = input->threshold.value;
    ret->is_exact = input->exact.value && input->threshold.given;
    return true;
}

static void run(void *ctx)
{
    struct asking *asking = ctx;

    asking->answer(&asking->answering, &asking->err);
}

static void done(void *ctx)
{
    struct asking *asking = ctx;
    struct aws_call *call = asking->call;

    if (asking->err.code == ERR_INVALID || asking->err.code == ERR_LIMIT)
        aws_fail(call, AWS_ERROR_BAD_REQUEST, "%s", asking->err.text);
    else if (asking->err.code == ERR_NOT_FOUND)
        aws_fail(call, AWS_ERROR_NOT_FOUND, "%s", asking->err.text);
    else if (asking->err.code != ERR_NONE)
        aws_fail_err(call, &asking->err);
    aws_call_finish(call);
}

static void ask_of(struct aws_call *call, int64_t span_s, bool (*answer)(struct answering *answering, struct err *err))
{
    const struct quality_input *input = call->input;
    struct asking *asking = arena_new(call->arena, struct asking, 1);

    asking->call = call;
    asking->answer = answer;
    asking->answering = (struct answering){
        .folder = monitor_folder(call->door->monitor),
        .arena = call->arena,
        .jw = &call->jw,
        .cost_fp = input->cost_fp.given ? input->cost_fp.value : 1,
        .cost_fn = input->cost_fn.given ? input->cost_fn.value : 1,
        .with_points = !input->points.given || input->points.value,
        .count = (int)input->n.value,
        .metric = input->metric,
        .name = input->name,
    };
    if (!read_question(call, input, span_s, &asking->answering.question)) {
        aws_call_finish(call);
        return;
    }
    monitor_ask(call->door->monitor, run, done, asking);
}

static void ask(struct aws_call *call, bool (*answer)(struct answering *answering, struct err *err))
{
    ask_of(call, SPAN_DEFAULT_S, answer);
}

void quality_get(struct aws_call *call)
{
    ask(call, answer_quality);
}

void quality_curve(struct aws_call *call)
{
    ask(call, answer_curve);
}

void quality_business(struct aws_call *call)
{
    ask(call, answer_business);
}

void quality_calibration(struct aws_call *call)
{
    ask(call, answer_calibration);
}

void quality_estimate(struct aws_call *call)
{
    ask(call, answer_estimate);
}

void quality_advice(struct aws_call *call)
{
    ask(call, answer_advice);
}

void quality_drift(struct aws_call *call)
{
    ask_of(call, DRIFT_SPAN_S, answer_drift);
}

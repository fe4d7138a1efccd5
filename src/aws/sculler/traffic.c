/*
 * traffic: rows of the roll-up, which come by function and time, put together to the asked steps as they come.
 *
 *   traffic_get ─▶ run_query (records lane) ─▶ on_row … ─▶ done_query ─▶ answer
 *
 * The sums by version are kept beside the steps, since a histogram can be added and a percentile cannot.
 */
#include "aws/sculler/traffic.h"

#include "aws/sculler/figures.h"
#include "aws/sculler/window.h"
#include "base/vec.h"
#include "codec/arn.h"
#include "invoke/invoke.h"
#include "loop/lane.h"

enum {
    SPAN_DEFAULT_S = 24 * 60 * 60,
    POINTS_WANTED_MAX = 200, /* a step that is not asked for is the smallest with at most so many */
    POINTS_MAX = 2000,       /* of a step that is */
    VERSIONS_MAX = 100,      /* summed up on their own; the rest go into the total */
};

struct traffic_input {
    str function, version, from, to;
    struct shape_int step;
};

static const struct shape_field traffic_fields[] = {
    {"function", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct traffic_input, function)},
    {"version", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct traffic_input, version)},
    {"from", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct traffic_input, from)},
    {"to", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct traffic_input, to)},
    {"step", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct traffic_input, step), .check = {AT_LEAST(ROLLUP_MINUTE_S)}},
};
const struct shape traffic_shape = SHAPE_OF(struct traffic_input, traffic_fields);

struct of_version {
    str version;
    struct rollup_figures figures;
};

struct asking {
    struct aws_call *call;
    struct records *records;
    struct rollup_filter filter;
    struct window window;
    int64_t step_s;
    str function; /* whose object is open; at NULL: none */
    int64_t at_s; /* of the point that is being summed up; -1: none */
    struct rollup_figures *point, *total;
    VEC(struct of_version) versions;
    struct err err;
};

/* -- the answer ---------------------------------------------------------------------------------------------------- */

static void end_point(struct asking *asking)
{
    struct jw *jw = &asking->call->jw;

    if (asking->at_s < 0)
        return;
    jw_object(jw);
    window_write_time(jw, "time", asking->at_s * 1000000);
    figures_write(jw, asking->point);
    jw_object_end(jw);
    memset(asking->point, 0, sizeof *asking->point);
    asking->at_s = -1;
}

static void end_function(struct asking *asking)
{
    struct jw *jw = &asking->call->jw;

    if (!asking->function.at)
        return;
    end_point(asking);
    jw_array_end(jw);
    jw_object_key(jw, "total");
    figures_write(jw, asking->total);
    jw_object_end(jw);
    jw_array_key(jw, "versions");
    for (size_t i = 0; i < asking->versions.len; i++) {
        jw_object(jw);
        jw_str(jw, "version", asking->versions.at[i].version);
        figures_write(jw, &asking->versions.at[i].figures);
        jw_object_end(jw);
    }
    jw_array_end(jw);
    jw_object_end(jw);
    asking->versions.len = 0;
    asking->function = (str){0};
}

static void begin_function(struct asking *asking, str name)
{
    struct jw *jw = &asking->call->jw;

    memset(asking->total, 0, sizeof *asking->total);
    asking->function = arena_copy(asking->call->arena, name);
    jw_object(jw);
    jw_str(jw, "function", name);
    jw_array_key(jw, "points");
}

static void add_to_version(struct asking *asking, const struct rollup_row *row)
{
    struct of_version *of = NULL;

    for (size_t i = 0; i < asking->versions.len && !of; i++)
        if (str_eq(asking->versions.at[i].version, row->version))
            of = &asking->versions.at[i];
    if (!of && asking->versions.len == VERSIONS_MAX)
        return;
    if (!of) {
        of = vec_push(&asking->versions);
        memset(of, 0, sizeof *of);
        of->version = arena_copy(asking->call->arena, row->version);
    }
    rollup_add(&of->figures, &row->figures);
}

static void on_row(void *ctx, const struct rollup_row *row)
{
    struct asking *asking = ctx;
    int64_t at_s = row->at_s / asking->step_s * asking->step_s;

    if (!asking->function.at || !str_eq(asking->function, row->function)) {
        end_function(asking);
        begin_function(asking, row->function);
    }
    if (at_s != asking->at_s)
        end_point(asking);
    asking->at_s = at_s;
    rollup_add(asking->point, &row->figures);
    rollup_add(asking->total, &row->figures);
    add_to_version(asking, row);
}

static void run_query(void *ctx)
{
    struct asking *asking = ctx;
    struct aws_call *call = asking->call;
    struct jw *jw = &call->jw;

    jw_object(jw);
    window_write(jw, &asking->window);
    jw_int(jw, "step", asking->step_s);
    jw_array_key(jw, "functions");
    if (!rollup_query(records_db(asking->records), &asking->filter, on_row, asking, &asking->err))
        aws_fail_err(call, &asking->err);
    end_function(asking);
    jw_array_end(jw);
    jw_object_end(jw);
    vec_free(&asking->versions);
    if (!buf_ok(&call->buf) && !call->failed)
        aws_fail(call, AWS_ERROR_VALIDATION,
                 "The answer is too large: ask for one function, a shorter time or a larger step.");
}

static void done_query(void *ctx)
{
    struct asking *asking = ctx;

    aws_call_finish(asking->call);
}

/* -- the question -------------------------------------------------------------------------------------------------- */

static int64_t step_for(int64_t span_s, bool hours_only)
{
    static const int64_t steps[] = {60, 300, 900, 3600, 10800, 21600, 86400, 604800};
    size_t last = sizeof steps / sizeof *steps - 1;

    for (size_t i = 0; i < last; i++)
        if (span_s / steps[i] <= POINTS_WANTED_MAX && (!hours_only || steps[i] >= ROLLUP_HOUR_S))
            return steps[i];
    return steps[last];
}

static bool read_step(struct asking *asking, const struct shape_int *step)
{
    int64_t span_s = (asking->window.to_us - asking->window.from_us) / 1000000;
    bool hours_only = span_s > ROLLUP_MINUTES_KEPT_S;

    asking->step_s = step->given ? step->value : step_for(span_s, hours_only);
    if (asking->step_s % ROLLUP_MINUTE_S || (asking->step_s > ROLLUP_HOUR_S && asking->step_s % ROLLUP_HOUR_S))
        return aws_fail(asking->call, AWS_ERROR_VALIDATION,
                        "step is in seconds, and whole minutes; past an hour, whole hours. It is %lld.",
                        (long long)asking->step_s);
    if (span_s / asking->step_s > POINTS_MAX)
        return aws_fail(asking->call, AWS_ERROR_VALIDATION,
                        "A step of %lld s gives more than %d points: take a larger one, or a shorter time.",
                        (long long)asking->step_s, POINTS_MAX);
    return true;
}

void traffic_get(struct aws_call *call)
{
    const struct traffic_input *input = call->input;
    struct asking *asking = arena_new(call->arena, struct asking, 1);
    struct arn arn;

    asking->call = call;
    asking->records = call->door->invoker->records;
    asking->at_s = -1;
    asking->point = arena_new(call->arena, struct rollup_figures, 1);
    asking->total = arena_new(call->arena, struct rollup_figures, 1);
    if (!window_read(call, input->from, input->to, SPAN_DEFAULT_S, &asking->window) ||
        !read_step(asking, &input->step)) {
        aws_call_finish(call);
        return;
    }
    asking->filter = (struct rollup_filter){
        .function = input->function.len && arn_parse(input->function, &arn) ? arn.name : input->function,
        .version = input->version,
        .from_s = asking->window.from_us / 1000000 / asking->step_s * asking->step_s,
        .to_s = asking->window.to_us / 1000000 + 1,
        .tier_s = asking->step_s % ROLLUP_HOUR_S ? ROLLUP_MINUTE_S : ROLLUP_HOUR_S,
    };
    lane_submit(records_lane(asking->records), run_query, done_query, asking);
}

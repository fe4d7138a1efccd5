/*
 * posts: what clients send to be kept: predictions, labels and events, a row each, as JSON in any of its usual forms.
 * Answered when it is on disk, with what came of the rows; a row that cannot be kept does not keep out the others.
 */
#include "aws/sculler/posts.h"

#include "monitor/monitor.h"

struct posts_input {
    str function;
    struct shape_int errors;
};
static const struct shape_field posts_fields[] = {
    {"function", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct posts_input, function)},
    {"errors", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct posts_input, errors), .check = {VALUE(0, POST_ERRORS_MAX)}},
};
const struct shape posts_shape = SHAPE_OF(struct posts_input, posts_fields);

static const struct {
    const char *name;
    size_t offset;
    bool of[POST_KINDS_COUNT];
} members[] = {
    {"accepted", offsetof(struct post_report, accepted), {true, true, true}},
    {"duplicates", offsetof(struct post_report, duplicates), {[POST_PREDICTIONS] = true, [POST_EVENTS] = true}},
    {"undecided", offsetof(struct post_report, undecided), {[POST_PREDICTIONS] = true}},
    {"matched", offsetof(struct post_report, matched), {[POST_LABELS] = true}},
    {"rows", offsetof(struct post_report, rows), {[POST_LABELS] = true}},
    {"labelled", offsetof(struct post_report, labelled), {[POST_LABELS] = true}},
    {"corrected", offsetof(struct post_report, corrected), {[POST_LABELS] = true}},
    {"unchanged", offsetof(struct post_report, unchanged), {[POST_LABELS] = true}},
    {"older", offsetof(struct post_report, older), {[POST_LABELS] = true}},
    {"orphans", offsetof(struct post_report, orphans), {[POST_LABELS] = true}},
    {"paired", offsetof(struct post_report, paired), {[POST_EVENTS] = true}},
    {"refused", offsetof(struct post_report, refused), {true, true, true}},
};

static void write_errors(struct jw *jw, const struct post_report *report)
{
    jw_array_key(jw, "errors");
    for (int i = 0; i < report->errors_count; i++) {
        jw_object(jw);
        jw_int(jw, "row", report->errors[i].row);
        jw_str(jw, "why", report->errors[i].why);
        jw_object_end(jw);
    }
    jw_array_end(jw);
}

static void write_report(struct jw *jw, enum post_kind kind, const struct post_report *report)
{
    jw_object(jw);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (members[i].of[kind])
            jw_int(jw, members[i].name, *(const int64_t *)(const void *)((const char *)report + members[i].offset));
    write_errors(jw, report);
    jw_object_end(jw);
}

static void on_done(struct monitor_post *post)
{
    struct aws_call *call = post->ctx;

    if (post->err.code == ERR_LIMIT || post->err.code == ERR_INVALID)
        aws_fail(call, AWS_ERROR_BAD_REQUEST, "%s", post->err.text);
    else if (post->err.code == ERR_FULL)
        aws_fail(call, AWS_ERROR_STORAGE_FULL,
                 "the server's disk is full, so nothing of this was kept: make room, then send it again");
    else if (post->err.code != ERR_NONE)
        aws_fail_err(call, &post->err);
    else
        write_report(&call->jw, post->kind, &post->report);
    aws_call_finish(call);
}

static void start(struct aws_call *call, enum post_kind kind)
{
    const struct posts_input *input = call->input;
    struct monitor_post *post = arena_new(call->arena, struct monitor_post, 1);

    *post = (struct monitor_post){
        .kind = kind,
        .body = call->exchange->request.body,
        .function = input->function,
        .errors_max = input->errors.given ? (int)input->errors.value : POST_ERRORS_DEFAULT,
        .arena = call->arena,
        .done = on_done,
        .ctx = call,
    };
    if (monitor_post(call->door->monitor, post))
        return;
    aws_fail(call, AWS_ERROR_TOO_MANY, "%d posts wait to be kept already: send this one again in a second",
             POSTS_WAITING_MAX);
    aws_call_finish(call);
}

void posts_predictions(struct aws_call *call)
{
    start(call, POST_PREDICTIONS);
}

void posts_labels(struct aws_call *call)
{
    start(call, POST_LABELS);
}

void posts_events(struct aws_call *call)
{
    start(call, POST_EVENTS);
}

/*
 * logs: what calls left behind, asked from records.db by a job of the records lane; and, following, what comes.
 *
 *   logs_get ─▶ watch (follow) ─▶ run_query (lane) ─▶ done_query ─▶ answer
 *                                                        └─ follow ─▶ stream: rows, what came meanwhile, then each
 *                                                                     record as it comes, until the client leaves
 *
 * The watch is set before the question is asked, so that nothing falls between; a record that is in the answer and
 * came by the watch too is told once.
 */
#include "aws/sculler/logs.h"

#include "codec/arn.h"
#include "invoke/invoke.h"
#include "logs/store.h"
#include "loop/lane.h"

enum { LOGS_LIMIT_DEFAULT = 100, LOGS_LIMIT_MAX = 10000, LOGS_BYTES_MAX = 24 * 1024 * 1024 };

struct logs_input {
    str function, request_id;
    struct shape_int since, limit;
    struct shape_bool follow;
};

static const struct shape_field logs_fields[] = {
    {"function", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct logs_input, function)},
    {"request_id", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct logs_input, request_id)},
    {"since", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct logs_input, since), .check = {AT_LEAST(0)}},
    {"limit", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct logs_input, limit), .check = {VALUE(1, LOGS_LIMIT_MAX)}},
    {"follow", SHAPE_IN_QUERY, SHAPE_BOOL, offsetof(struct logs_input, follow)},
};
const struct shape logs_shape = SHAPE_OF(struct logs_input, logs_fields);

struct asking {
    struct aws_call *call;
    struct records *records;
    struct records_filter filter;
    bool follow, answered, gone;
    bool cut;           /* there was more than LOGS_BYTES_MAX */
    struct buf pending; /* lines of records that came while the question was asked; ids in front, by tab */
    struct err err;
};

/* -- a record as a line ----------------------------------------------------------------------------------------------
 */

static void write_times(struct jw *jw, const struct record *record)
{
    jw_int(jw, "received_wall_us", record->received_wall_us);
    jw_int(jw, "resolved_us", record->resolved_us);
    jw_int(jw, "admitted_us", record->admitted_us);
    jw_int(jw, "started_us", record->started_us);
    jw_int(jw, "ended_us", record->ended_us);
    jw_int(jw, "answered_us", record->answered_us);
    jw_int(jw, "init_us", record->init_us);
}

static void write_line(struct buf *buf, const struct record *record)
{
    struct jw jw;

    jw_init(&jw, buf);
    jw_object(&jw);
    jw_str(&jw, "request_id", record->request_id);
    jw_str(&jw, "function", record->function);
    jw_str(&jw, "version", record->version);
    jw_str(&jw, "alias", record->alias);
    jw_str(&jw, "source", record->source);
    jw_str(&jw, "detail", record->detail);
    write_times(&jw, record);
    jw_int(&jw, "status", record->status);
    jw_str(&jw, "error_type", record->error_type);
    jw_str(&jw, "cause", record->cause);
    jw_bool(&jw, "cold", record->cold);
    jw_int(&jw, "worker", record->worker);
    jw_int(&jw, "memory_mb", record->memory_mb);
    jw_int(&jw, "memory_peak_kb", record->memory_peak_kb);
    jw_int(&jw, "input_bytes", record->input_bytes);
    jw_int(&jw, "output_bytes", record->output_bytes);
    jw_str(&jw, "input", record->input);
    jw_str(&jw, "output", record->output);
    jw_str(&jw, "log", record->log);
    jw_object_end(&jw);
    buf_add_char(buf, '\n');
}

/* -- the question
 * ------------------------------------------------------------------------------------------------------- */

static void on_row(void *ctx, int64_t id, const struct record *record)
{
    struct asking *asking = ctx;
    struct buf *buf = &asking->call->buf;

    (void)id;
    if (buf->len < LOGS_BYTES_MAX)
        write_line(buf, record);
    else
        asking->cut = true;
}

static void run_query(void *ctx)
{
    struct asking *asking = ctx;

    if (!records_query(records_db(asking->records), &asking->filter, asking->call->arena, on_row, asking, &asking->err))
        aws_fail_err(asking->call, &asking->err);
}

/* -- following
 * ---------------------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct asking *asking, const struct record *record)
{
    const struct records_filter *filter = &asking->filter;

    return (!filter->function.len || str_eq(filter->function, record->function)) &&
           (!filter->request_id.len || str_eq(filter->request_id, record->request_id));
}

static void on_record(void *ctx, const struct record *record)
{
    struct asking *asking = ctx;
    struct buf line;

    if (asking->gone || !is_wanted(asking, record))
        return;
    if (!asking->answered) {
        buf_printf(&asking->pending, STR_FMT "\t", STR_ARG(record->request_id));
        write_line(&asking->pending, record);
        return;
    }
    buf_init(&line, LOGS_BYTES_MAX);
    write_line(&line, record);
    asking->gone = !http_stream_piece(asking->call->exchange, buf_str(&line));
    buf_free(&line);
}

static void stop(struct asking *asking)
{
    struct http_exchange *exchange = asking->call->exchange;

    records_unwatch(asking->records, on_record, asking);
    buf_free(&asking->pending);
    exchange->on_client_gone = NULL;
    asking->call->streaming = true;
    aws_call_finish(asking->call);
    http_stream_end(exchange); /* the call is gone with it */
}

static void on_gone(struct http_exchange *exchange)
{
    struct asking *asking = ((struct aws_call *)exchange->user)->user;

    asking->gone = true;
    if (asking->answered)
        stop(asking);
}

static void send_pending(struct asking *asking)
{
    str rest = buf_str(&asking->pending), rows = buf_str(&asking->call->buf), id, line;

    while (str_cut(rest, '\t', &id, &rest)) {
        str_cut(rest, '\n', &line, &rest);
        line.len++; /* with its end */
        if (!rows.len || !memmem(rows.at, rows.len, id.at, id.len))
            http_stream_piece(asking->call->exchange, line);
    }
    buf_free(&asking->pending);
}

static void follow(struct asking *asking)
{
    struct aws_call *call = asking->call;
    const struct http_header headers[] = {{STR("x-amzn-RequestId"), str_of(call->request_id)}};
    const struct http_answer head = {
        .status = 200, .content_type = STR("application/x-ndjson"), .headers = headers, .headers_count = 1};

    asking->answered = true;
    http_stream_begin(call->exchange, &head);
    if (call->buf.len)
        http_stream_piece(call->exchange, buf_str(&call->buf));
    send_pending(asking);
    buf_free(&call->buf);
}

static void done_query(void *ctx)
{
    struct asking *asking = ctx;
    struct aws_call *call = asking->call;

    if (asking->follow && asking->gone) {
        stop(asking);
        return;
    }
    if (asking->follow && !call->failed) {
        follow(asking);
        return;
    }
    if (asking->follow) {
        records_unwatch(asking->records, on_record, asking);
        call->exchange->on_client_gone = NULL;
        buf_free(&asking->pending);
    }
    if (asking->cut)
        aws_header(call, "x-sculler-notice", STR("There was more: ask for fewer records at a time (limit)."));
    call->content_type = "application/x-ndjson";
    aws_call_finish(call);
}

void logs_get(struct aws_call *call)
{
    const struct logs_input *input = call->input;
    struct asking *asking = arena_new(call->arena, struct asking, 1);
    struct arn arn;

    asking->call = call;
    asking->records = call->door->invoker->records;
    asking->filter = (struct records_filter){
        .function = input->function.len && arn_parse(input->function, &arn) ? arn.name : input->function,
        .request_id = input->request_id,
        .since_us = input->since.value,
        .limit = input->limit.given ? (int)input->limit.value : LOGS_LIMIT_DEFAULT,
    };
    asking->follow = input->follow.value;
    buf_init(&asking->pending, LOGS_BYTES_MAX);
    call->user = asking;
    if (asking->follow) {
        records_watch(asking->records, on_record, asking);
        call->exchange->on_client_gone = on_gone;
    }
    lane_submit(records_lane(asking->records), run_query, done_query, asking);
}

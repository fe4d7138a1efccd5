/*
 * logs: what calls left behind, asked from records.db by a job of the records lane; and, following, what comes.
 *
 *   logs_get ─▶ watch (follow) ─▶ run_query (lane) ─▶ done_query ─▶ answer: a page
 *                                                        └─ follow ─▶ stream: rows, what came meanwhile, then each
 *                                                                     record as it comes, until the client leaves
 *                                                                     or does not keep up
 *
 * A page that is full has the header x-sculler-next, and what is behind it is asked for with `after`; who follows gets
 * pages until the rest is small enough to begin a stream with, so that nothing is left out and no answer is boundless.
 *
 * The watch is set before the question is asked, so that nothing falls between; a record that is in the answer and
 * came by the watch too is told once.
 */
#include "aws/sculler/logs.h"

#include "codec/arn.h"
#include "invoke/invoke.h"
#include "logs/store.h"
#include "loop/lane.h"

enum {
    LOGS_LIMIT_DEFAULT = 100,
    LOGS_LIMIT_MAX = 10000,
    LOGS_PAGE_BYTES = 1024 * 1024,        /* a page ends with the record that reaches it */
    LOGS_FOLLOWED_BODY_MAX = 256 * 1024,  /* of an input, an output or a log in a stream: the page has all of it */
    LOGS_LINE_BYTES_MAX = 8 << 20,        /* more than such a record can come to as JSON */
    LOGS_PENDING_BYTES_MAX = 1024 * 1024, /* with a page less than HTTP_STREAM_PENDING_MAX */
    LOGS_PIECE_BYTES_MAX = 64 * 1024,
};

struct logs_input {
    str function, request_id, source;
    struct shape_int since, limit, after;
    struct shape_bool follow;
};

static const struct shape_field logs_fields[] = {
    {"function", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct logs_input, function)},
    {"request_id", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct logs_input, request_id)},
    {"source", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct logs_input, source)},
    {"since", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct logs_input, since), .check = {AT_LEAST(0)}},
    {"limit", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct logs_input, limit), .check = {VALUE(1, LOGS_LIMIT_MAX)}},
    {"after", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct logs_input, after), .check = {AT_LEAST(0)}},
    {"follow", SHAPE_IN_QUERY, SHAPE_BOOL, offsetof(struct logs_input, follow)},
};
const struct shape logs_shape = SHAPE_OF(struct logs_input, logs_fields);

struct asking {
    struct aws_call *call;
    struct records *records;
    struct records_filter filter;
    bool follow, answered, gone;
    bool full; /* there may be more behind last_id */
    int rows_count;
    int64_t last_id;
    struct buf pending; /* lines of records that came while the question was asked; ids in front, by tab */
    struct err err;
};

/* -- a record as a line -------------------------------------------------------------------------------------------- */

static void write_field(struct jw *jw, const struct record *record, const struct record_field *field)
{
    if (record_is_text(field))
        jw_str(jw, field->name, record_text(record, field));
    else if (field->kind == RECORD_BOOL)
        jw_bool(jw, field->name, record_number(record, field) != 0);
    else
        jw_int(jw, field->name, record_number(record, field));
}

void logs_write_members(struct jw *jw, const struct record *record)
{
    for (int i = 0; i < RECORD_FIELDS; i++)
        write_field(jw, record, &record_fields[i]);
}

/* Who follows must be able to keep up. */
static struct record cut_for_stream(const struct record *record)
{
    struct record cut = *record;

    for (int i = 0; i < RECORD_FIELDS; i++) {
        str text = record_is_text(&record_fields[i]) ? record_text(record, &record_fields[i]) : STR("");

        if (text.len > LOGS_FOLLOWED_BODY_MAX)
            record_set_text(&cut, &record_fields[i], (str){text.at, LOGS_FOLLOWED_BODY_MAX});
    }
    return cut;
}

static void write_line(struct buf *buf, const struct record *record)
{
    struct jw jw;

    jw_init(&jw, buf);
    jw_object(&jw);
    logs_write_members(&jw, record);
    jw_object_end(&jw);
    buf_add_char(buf, '\n');
}

/* -- the question -------------------------------------------------------------------------------------------------- */

/* Who asks for what is behind an id wants all of it: a limit that is reached ends a page, too. */
static bool on_row(void *ctx, int64_t id, const struct record *record)
{
    struct asking *asking = ctx;
    struct buf *buf = &asking->call->buf;
    struct record cut = asking->follow ? cut_for_stream(record) : *record;

    write_line(buf, &cut);
    asking->last_id = id;
    asking->rows_count++;
    asking->full =
        buf->len >= LOGS_PAGE_BYTES || (asking->filter.after_id > 0 && asking->rows_count == asking->filter.limit);
    return !asking->full;
}

static void run_query(void *ctx)
{
    struct asking *asking = ctx;

    if (!records_query(records_db(asking->records), &asking->filter, asking->call->arena, on_row, asking, &asking->err))
        aws_fail_err(asking->call, &asking->err);
}

/* -- following ----------------------------------------------------------------------------------------------------- */

static void on_record(void *ctx, const struct record *record);

static bool is_wanted(const struct asking *asking, const struct record *record)
{
    const struct records_filter *filter = &asking->filter;

    if (filter->request_id.len)
        return str_eq(filter->request_id, record->request_id);
    return (!filter->function.len || str_eq(filter->function, record->function)) &&
           record_source_is_wanted(record->source, filter->source);
}

static void unwatch(struct asking *asking)
{
    records_unwatch(asking->records, on_record, asking);
    asking->call->exchange->on_client_gone = NULL;
    buf_free(&asking->pending);
}

/* The one end of a stream. */
static void stop(struct asking *asking)
{
    struct http_exchange *exchange = asking->call->exchange;

    unwatch(asking);
    asking->call->streaming = true;
    aws_call_finish(asking->call);
    http_stream_end(exchange); /* the call is gone with it */
}

static void send_text(struct asking *asking, str text)
{
    while (text.len > 0 && !asking->gone) {
        str piece = {text.at, text.len < LOGS_PIECE_BYTES_MAX ? text.len : LOGS_PIECE_BYTES_MAX};

        asking->gone = !http_stream_piece(asking->call->exchange, piece);
        text = str_from(text, piece.len);
    }
}

static void on_record(void *ctx, const struct record *record)
{
    struct asking *asking = ctx;
    BUF_AUTO line = {0};
    struct record cut;

    if (asking->gone || !is_wanted(asking, record))
        return;
    cut = cut_for_stream(record);
    if (!asking->answered) {
        buf_printf(&asking->pending, STR_FMT "\t", STR_ARG(record->request_id));
        write_line(&asking->pending, &cut);
        return;
    }
    buf_init(&line, LOGS_LINE_BYTES_MAX);
    write_line(&line, &cut);
    send_text(asking, buf_str(&line));
    if (asking->gone)
        stop(asking);
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
            send_text(asking, line);
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
    send_text(asking, buf_str(&call->buf));
    send_pending(asking);
    buf_free(&call->buf);
    if (asking->gone)
        stop(asking);
}

/* -- the answer ---------------------------------------------------------------------------------------------------- */

static void answer_page(struct asking *asking, bool more)
{
    struct aws_call *call = asking->call;
    int64_t next = asking->rows_count ? asking->last_id : asking->filter.after_id;

    if (more && !call->failed)
        aws_header(call, "x-sculler-next", arena_printf(call->arena, "%lld", (long long)next));
    call->content_type = "application/x-ndjson";
    aws_call_finish(call);
}

static void done_query(void *ctx)
{
    struct asking *asking = ctx;
    bool more = asking->full || !buf_ok(&asking->pending);

    if (asking->follow && asking->gone) {
        stop(asking);
        return;
    }
    if (asking->follow && !asking->call->failed && !more) {
        follow(asking);
        return;
    }
    if (asking->follow)
        unwatch(asking);
    answer_page(asking, more);
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
        .source = input->source,
        .since_us = input->since.value,
        .after_id = input->after.value,
        .limit = input->limit.given ? (int)input->limit.value : LOGS_LIMIT_DEFAULT,
    };
    asking->follow = input->follow.value;
    buf_init(&asking->pending, LOGS_PENDING_BYTES_MAX);
    call->user = asking;
    if (asking->follow && !records_watch(asking->records, on_record, asking)) {
        aws_fail(call, AWS_ERROR_TOO_MANY_REQUESTS,
                 "%d clients follow the logs already, which is the most: end one, or ask again without follow.",
                 RECORDS_FOLLOWERS_MAX);
        aws_call_finish(call);
        return;
    }
    if (asking->follow)
        call->exchange->on_client_gone = on_gone;
    lane_submit(records_lane(asking->records), run_query, done_query, asking);
}

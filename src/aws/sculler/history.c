/*
 * history: POST /v1/invocations.  The rows are read on the quality lane, go on record on the loop like any call, and
 * are answered when the journal's files are on disk.
 *
 *   history_post ─▶ read_rows (lane) ─▶ append (loop) ─▶ sync (threads) ─▶ answer
 *
 * Sent again, a call whose request id is there already is recorded again and not captured again.
 */
#include "aws/sculler/history.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/vec.h"
#include "codec/json_scan.h"
#include "invoke/invoke.h"
#include "logs/history.h"
#include "monitor/monitor.h"

enum { FILES_MAX = 8 /* of the journal, that one post may reach over */, HISTORY_ERRORS_MAX = 20 };

struct refused {
    int64_t row;
    str why;
};

struct reading {
    struct aws_call *call;
    VEC(struct record) records;
    int64_t refused_count;
    struct refused errors[HISTORY_ERRORS_MAX];
    int errors_count;
    int fds[FILES_MAX];
    int fds_count, fds_synced;
    uv_fs_t sync;
};

static void note_refusal(struct reading *reading, int64_t row, const struct err *err)
{
    reading->refused_count++;
    if (reading->errors_count < HISTORY_ERRORS_MAX)
        reading->errors[reading->errors_count++] =
            (struct refused){row, arena_copy(reading->call->arena, str_of(err->text))};
}

static void read_rows(void *ctx)
{
    struct reading *reading = ctx;
    int64_t now_us = clock_wall_us();
    struct json_rows rows;
    struct record record;
    struct err err = {0};
    str row;

    json_rows_init(&rows, reading->call->exchange->request.body);
    while (json_rows_next(&rows, &row)) {
        if (history_read(row, now_us, reading->call->arena, &record, &err))
            *vec_push(&reading->records) = record;
        else
            note_refusal(reading, rows.number, &err);
    }
    if (!json_rows_end(&rows, &err))
        note_refusal(reading, rows.number + 1, &err);
}

static void answer(struct reading *reading)
{
    struct aws_call *call = reading->call;
    struct jw *jw = &call->jw;

    jw_object(jw);
    jw_int(jw, "accepted", (int64_t)reading->records.len);
    jw_int(jw, "refused", reading->refused_count);
    jw_array_key(jw, "errors");
    for (int i = 0; i < reading->errors_count; i++) {
        jw_object(jw);
        jw_int(jw, "row", reading->errors[i].row);
        jw_str(jw, "why", reading->errors[i].why);
        jw_object_end(jw);
    }
    jw_array_end(jw);
    jw_object_end(jw);
}

static void finish(struct reading *reading)
{
    struct aws_call *call = reading->call;

    for (int i = 0; i < reading->fds_count; i++)
        fd_close(&reading->fds[i]);
    vec_free(&reading->records);
    aws_call_finish(call);
}

static void sync_next(struct reading *reading);

static void on_synced(uv_fs_t *request)
{
    struct reading *reading = request->data;
    bool good = request->result >= 0;

    uv_fs_req_cleanup(request);
    if (good) {
        sync_next(reading);
        return;
    }
    aws_fail(reading->call, AWS_ERROR_SERVICE, "the disk refused what was to be kept: %s",
             uv_strerror((int)request->result));
    finish(reading);
}

static void sync_next(struct reading *reading)
{
    if (reading->fds_synced == reading->fds_count) {
        answer(reading);
        finish(reading);
        return;
    }
    reading->sync.data = reading;
    uv_fs_fdatasync(reading->call->door->loop, &reading->sync, reading->fds[reading->fds_synced++], on_synced);
}

/* The file that the journal writes to now, once each. */
static bool hold_file(struct reading *reading, int64_t *file)
{
    struct records *records = reading->call->door->invoker->records;

    if (records_end(records).file == *file)
        return true;
    *file = records_end(records).file;
    if (reading->fds_count == FILES_MAX)
        return false;
    reading->fds[reading->fds_count] = records_dup_journal(records);
    return reading->fds[reading->fds_count++] >= 0;
}

static bool append_all(struct reading *reading)
{
    struct records *records = reading->call->door->invoker->records;
    int64_t file = 0, lost = records_lost_count(records);

    for (size_t i = 0; i < reading->records.len; i++) {
        if (!hold_file(reading, &file))
            return false;
        records_append(records, &reading->records.at[i]);
    }
    return hold_file(reading, &file) && records_lost_count(records) == lost;
}

static void append(void *ctx)
{
    struct reading *reading = ctx;

    if (append_all(reading)) {
        sync_next(reading);
        return;
    }
    aws_fail(reading->call, AWS_ERROR_SERVICE,
             "the disk refused a part of what was to be kept: is it full? Send it again "
             "when there is room");
    finish(reading);
}

void history_post(struct aws_call *call)
{
    struct reading *reading = arena_new(call->arena, struct reading, 1);

    reading->call = call;
    monitor_ask(call->door->monitor, read_rows, append, reading);
}

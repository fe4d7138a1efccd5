/*
 * The life of records: appended on the loop, moved to the database by the lane.
 *
 *     records_append ─▶ journal (writev) ─▶ watchers
 *          └─ arms a timer ─▶ drain job: journal_reader ─▶ records.db ─▶ trim ─▶ remove whole files
 *
 * A drain is told how far the journal reaches at its submission, so the reader never sees half a record that is being
 * written.  One drain at a time; what comes meanwhile is the next one's.  When the database refuses, records stay
 * in the journal and the next drain tries again.
 */
#include "logs/record.h"

#include "logs/journal.h"
#include "logs/record_codec.h"
#include "logs/store.h"

#include "loop/lane.h"

#include "base/log.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DRAIN_AFTER_MS = 100,
    DRAIN_AFTER_COUNT = 1000,
    DRAIN_AGAIN_MS = 1000, /* after the database refused */
};

struct watcher {
    void (*on_record)(void *ctx, const struct record *record);
    void *ctx;
};

struct records {
    struct journal journal; /* the loop's */
    struct lane *lane;
    uv_timer_t timer;
    bool timer_on, draining;
    int undrained_count;
    int64_t lost_count;
    struct watcher watchers[RECORDS_WATCHERS_MAX];
    int watchers_count;

    struct db *db; /* the lane's, as is the reader */
    struct journal_reader reader;
    struct records_limits limits;
    _Atomic int64_t kept_file; /* the second reader's */
};

struct drain {
    struct records *records;
    struct journal_place end;
    bool good;
    struct err err;
};

static void drain_now(struct records *records);

static const struct record_source sources[] = {
    {"lambda", true, true, "live"},     {"gateway", true, true, "live"},
    {"history", true, true, "history"},                                /* made elsewhere, or earlier */
    {"shadow", false, false, "shadow"},                                /* a copy for a version that is watched */
    {"replay", false, false, NULL},     {"sample", false, true, NULL}, /* a deploy tries a version */
    {"import", false, true, NULL},
};
enum { SOURCES = sizeof sources / sizeof *sources };

const struct record_source *record_source(str name)
{
    for (int i = 0; i < SOURCES; i++)
        if (str_eq(name, str_of(sources[i].name)))
            return &sources[i];
    return &sources[0];
}

bool record_source_is_wanted(str source, str wanted)
{
    if (wanted.len == 0)
        return record_source(source)->is_shown;
    return str_eq(wanted, RECORD_SOURCES_ALL) || str_eq(wanted, source);
}

/* Opening: what a crash left in the journal is drained before anything new can be asked for */

static void on_timer(uv_timer_t *timer)
{
    struct records *records = timer->data;

    records->timer_on = false;
    drain_now(records);
}

static bool open_parts(struct records *records, const char *state_dir, struct err *err)
{
    char path[JOURNAL_FOLDER_MAX];
    struct journal_place place;

    if (strlen(state_dir) + 32 > sizeof path)
        return err_set(err, ERR_LIMIT, "the path of the state is too long");
    snprintf(path, sizeof path, "%s/records.db", state_dir);
    if (!records_store_open(path, &records->db, err) || !records_store_place(records->db, &place, err))
        return err_wrap(err, "%s", path);
    snprintf(path, sizeof path, "%s/journal", state_dir);
    journal_reader_init(&records->reader, path, place);
    return journal_open(&records->journal, path, err);
}

bool records_open(uv_loop_t *loop, const char *state_dir, int64_t kept_file, struct records **ret, struct err *err)
{
    struct records *records = calloc(1, sizeof *records);

    if (!records)
        abort();
    records->journal.fd = records->reader.fd = -1;
    atomic_init(&records->kept_file, kept_file);
    records->limits = (struct records_limits){RECORDS_ROWS_MAX, RECORDS_BYTES_MAX};
    if (!open_parts(records, state_dir, err)) {
        journal_reader_done(&records->reader);
        db_close(records->db);
        free(records);
        return false;
    }
    records->lane = lane_new(loop, "records");
    lane_be_nice(records->lane); /* answers do not wait for it: the journal has the records already */
    uv_timer_init(loop, &records->timer);
    uv_unref((uv_handle_t *)&records->timer);
    records->timer.data = records;
    records->undrained_count = 1; /* perhaps */
    drain_now(records);
    *ret = records;
    return true;
}

/* Draining */

/* Those that all readers are past. */
static void remove_files(struct records *records)
{
    struct journal_place place = records->reader.place;
    int64_t kept_file = atomic_load(&records->kept_file);

    if (kept_file < place.file)
        place = (struct journal_place){kept_file, 0};
    journal_remove_before(records->reader.folder, place);
}

void records_keep(struct records *records, int64_t kept_file)
{
    atomic_store(&records->kept_file, kept_file);
}

struct journal_place records_end(const struct records *records)
{
    return records->journal.end;
}

int records_dup_journal(const struct records *records)
{
    return fcntl(records->journal.fd, F_DUPFD_CLOEXEC, 0);
}

int64_t records_lost_count(const struct records *records)
{
    return records->lost_count;
}

static void drain_run(void *ctx)
{
    struct drain *drain = ctx;
    struct records *records = drain->records;

    drain->good = records_store_drain(records->db, &records->reader, drain->end, &drain->err) &&
                  records_store_trim(records->db, &records->limits, &drain->err);
    if (drain->good)
        remove_files(records);
}

static void arm(struct records *records, int delay_ms)
{
    if (records->timer_on || records->draining)
        return;
    records->timer_on = true;
    uv_timer_start(&records->timer, on_timer, (uint64_t)delay_ms, 0);
}

static void drain_done(void *ctx)
{
    struct drain *drain = ctx;
    struct records *records = drain->records;

    records->draining = false;
    if (!drain->good) {
        log_error("records wait in the journal: the database refused them", F_CSTR("why", drain->err.text));
        records->undrained_count++;
        arm(records, DRAIN_AGAIN_MS);
    } else if (records->undrained_count > 0) {
        arm(records, DRAIN_AFTER_MS);
    }
    free(drain);
}

static void submit_drain(struct records *records)
{
    struct drain *drain = calloc(1, sizeof *drain);

    if (!drain)
        abort();
    *drain = (struct drain){.records = records, .end = records->journal.end};
    records->undrained_count = 0;
    records->draining = true;
    lane_submit(records->lane, drain_run, drain_done, drain);
}

static void drain_now(struct records *records)
{
    if (!records->draining && records->undrained_count > 0)
        submit_drain(records);
}

/* Appending */

static void note_loss(struct records *records, const struct err *err)
{
    records->lost_count++;
    if ((records->lost_count & (records->lost_count - 1)) == 0) /* the 1st, 2nd, 4th, 8th ... */
        log_error("a call could not be put on record", F_CSTR("why", err->text), F_INT("lost", records->lost_count));
}

void records_append(struct records *records, const struct record *record)
{
    struct record_wire wire;
    struct err err = {0};

    record_encode(record, &wire);
    if (!journal_append(&records->journal, &wire, &err))
        note_loss(records, &err);
    else if (++records->undrained_count >= DRAIN_AFTER_COUNT)
        drain_now(records);
    else
        arm(records, DRAIN_AFTER_MS);
    for (int i = records->watchers_count - 1; i >= 0; i--) /* backwards: one that leaves is followed by one told */
        records->watchers[i].on_record(records->watchers[i].ctx, record);
}

bool records_watch(struct records *records, void (*on_record)(void *ctx, const struct record *record), void *ctx)
{
    if (records->watchers_count == RECORDS_WATCHERS_MAX)
        return false;
    records->watchers[records->watchers_count++] = (struct watcher){on_record, ctx};
    return true;
}

void records_unwatch(struct records *records, void (*on_record)(void *ctx, const struct record *record), void *ctx)
{
    for (int i = 0; i < records->watchers_count; i++)
        if (records->watchers[i].on_record == on_record && records->watchers[i].ctx == ctx) {
            records->watchers[i] = records->watchers[--records->watchers_count];
            return;
        }
}

/* Reading jobs come behind a drain of all that is in the journal now. */
struct lane *records_lane(struct records *records)
{
    if (records->undrained_count > 0)
        submit_drain(records);
    return records->lane;
}

struct db *records_db(struct records *records)
{
    return records->db;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void records_close(struct records *records)
{
    if (!records)
        return;
    uv_timer_stop(&records->timer);
    if (records->undrained_count > 0)
        submit_drain(records);
    records->timer_on = true; /* nothing arms it any more */
    lane_free(records->lane);
    journal_close(&records->journal);
    journal_reader_done(&records->reader);
    db_close(records->db);
    uv_close((uv_handle_t *)&records->timer, on_timer_closed);
}

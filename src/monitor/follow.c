#include "monitor/follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "logs/journal.h"
#include "monitor/capture.h"
#include "monitor/tally.h"

enum {
    BATCH_ROWS = 20000, /* a transaction ends with the record that reaches it */
    BATCH_RECORDS = 2000,
};

struct follow {
    struct store *store;
    struct journal_reader reader;
    bool following;
    int64_t refused_count;
};

bool follow_open(struct store *store, const char *journal_folder, struct follow **ret, struct err *err)
{
    struct follow *follow = calloc(1, sizeof *follow);
    struct journal_place place;

    if (!follow)
        abort();
    if (!store_place(store, &place, err)) {
        free(follow);
        return false;
    }
    follow->store = store;
    follow->following = store_rules(store)->monitored_count > 0;
    journal_reader_init(&follow->reader, journal_folder, place);
    *ret = follow;
    return true;
}

void follow_close(struct follow *follow)
{
    if (!follow)
        return;
    journal_reader_done(&follow->reader);
    free(follow);
}

int64_t follow_kept_file(const struct follow *follow)
{
    return follow->following ? follow->reader.place.file : INT64_MAX;
}

void follow_start(struct follow *follow, struct journal_place end)
{
    if (follow->following)
        return;
    follow->following = true;
    follow->reader.place = end;
    follow->reader.chunk_len = 0;
}

/* -- one record -------------------------------------------------------------------------------------------------------
 */

static bool has_decisions(const struct record *record)
{
    return record_source(record->source)->decisions && record->error_type.len == 0 && record->status < 400 &&
           record->output_bytes > 0;
}

/* A history may be sent again: a call of it that is there is not captured twice. */
static bool was_captured(struct follow *follow, const struct record *record, bool *ret, struct err *err)
{
    *ret = false;
    return !str_eq(record->source, STR("history")) ||
           store_has_request(follow->store, record->received_wall_us, record->request_id, ret, err);
}

static bool keep_rows(struct follow *follow, const struct predictions *rows, struct err *err)
{
    enum inserted inserted;

    for (int i = 0; i < rows->count; i++) {
        if (store_predict(follow->store, &rows->list[i], NULL, &inserted, err))
            continue;
        if (err->code != ERR_INVALID)
            return false;
        follow->refused_count++;
        if ((follow->refused_count & (follow->refused_count - 1)) == 0)
            log_warn("a decision was not kept", F_STR("function", rows->list[i].function), F_CSTR("why", err->text),
                     F_INT("refused", follow->refused_count));
        *err = (struct err){0};
    }
    return true;
}

/* A call here is decided by what its handler was told, were another set meanwhile; one of a history by what was in
 * force. */
static struct threshold threshold_of(const struct record *record, const struct rules *rules, double own)
{
    if (str_eq(record->source, STR("history")))
        return rules_threshold_at(rules, record->function, record->alias, record->received_wall_us, own);
    return rules_threshold_numbered(rules, record->function, record->alias, record->threshold_number, own);
}

static struct captured_call call_of(const struct record *record, const struct rules *rules,
                                    const struct monitor_settings *settings)
{
    struct threshold threshold = threshold_of(record, rules, settings_scale(settings, settings->threshold));

    return (struct captured_call){
        .time_us = record->received_wall_us,
        .function = record->function,
        .version = record->version,
        .alias = record->alias,
        .source = str_of(record_source(record->source)->decisions),
        .request_id = record->request_id,
        .event = record->input,
        .response = record->output,
        .is_cut =
            record->input_bytes > (int64_t)record->input.len || record->output_bytes > (int64_t)record->output.len,
        .threshold = threshold.value,
        .threshold_number = threshold.number,
    };
}

static const struct kept_settings *settings_of(const struct follow *follow, const struct record *record)
{
    return has_decisions(record) ? rules_settings(store_rules(follow->store), record->function, record->version) : NULL;
}

static bool capture_record(struct follow *follow, const struct record *record, const struct kept_settings *kept,
                           int *ret_rows, struct err *err)
{
    const struct rules *rules = store_rules(follow->store);
    struct captured_call call;
    struct predictions rows;
    ARENA_AUTO arena = {0};
    bool captured;

    if (!was_captured(follow, record, &captured, err))
        return false;
    if (captured)
        return true;
    call = call_of(record, rules, &kept->settings);
    capture(&kept->settings, &call, &arena, &rows);
    *ret_rows += rows.count;
    return keep_rows(follow, &rows, err);
}

/* -- batches ----------------------------------------------------------------------------------------------------------
 */

/* Of one month: the place and all that was captured before it are then in one file, in one transaction. */
static bool read_batch(struct follow *follow, struct journal_place end, int64_t *ret_last_us, bool *ret_more,
                       struct err *err)
{
    struct journal_place before = follow->reader.place;
    const struct kept_settings *kept;
    struct record record;
    int rows = 0, records = 0;

    *err = (struct err){0};
    *ret_more = true;
    for (; rows < BATCH_ROWS && records < BATCH_RECORDS; records++, before = follow->reader.place) {
        if (!journal_read(&follow->reader, end, &record, err)) {
            *ret_more = false;
            return err->code == ERR_NONE;
        }
        kept = settings_of(follow, &record);
        if (!kept)
            continue;
        if (*ret_last_us >= 0 && month_of(record.received_wall_us) != month_of(*ret_last_us)) {
            follow->reader.place = before; /* the next batch's first */
            return true;
        }
        if (!capture_record(follow, &record, kept, &rows, err))
            return false;
        *ret_last_us = record.received_wall_us;
    }
    return true;
}

/* The place is kept with what was captured; where nothing was, it is kept in memory, and is read again after a crash.
 */
static bool run_batch(struct follow *follow, struct journal_place end, bool *ret_more, struct err *err)
{
    int64_t last_us = -1;

    return store_begin(follow->store, false, err) && read_batch(follow, end, &last_us, ret_more, err) &&
           (last_us < 0 || store_set_place(follow->store, last_us, follow->reader.place, err)) &&
           store_commit(follow->store, err);
}

bool follow_run(struct follow *follow, struct journal_place end, struct err *err)
{
    bool more = follow->following;

    while (more) {
        struct journal_place from = follow->reader.place;

        if (!run_batch(follow, end, &more, err)) {
            store_rollback(follow->store);
            follow->reader.place = from;
            follow->reader.chunk_len = 0;
            return false;
        }
    }
    return true;
}

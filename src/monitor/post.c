#include "monitor/post.h"

#include <math.h>

#include "base/clock.h"
#include "codec/json_scan.h"
#include "monitor/posted.h"

struct applying {
    struct monitor_post *post;
    struct store *store;
    struct posted_row row;
    int64_t now_us;
    struct arena arena; /* of one row */
    struct err *err;
};

static void note_refusal(struct monitor_post *post, int64_t row, const struct err *err)
{
    struct post_report *report = &post->report;

    report->refused++;
    if (!report->errors)
        report->errors = arena_new(post->arena, struct post_error, post->errors_max);
    if (report->errors_count < post->errors_max)
        report->errors[report->errors_count++] = (struct post_error){row, arena_copy(post->arena, str_of(err->text))};
}

/* -- predictions ------------------------------------------------------------------------------------------------------
 */

static void decide(struct applying *applying, struct prediction *p)
{
    const struct rules *rules = store_rules(applying->store);
    const struct kept_settings *kept;
    struct threshold threshold;

    if (p->is_decided && !(p->score >= 0 && p->score <= 1)) {
        p->is_decided = false;
        p->undecided = UNDECIDED_OUT_OF_RANGE;
    }
    if (!isnan(p->threshold))
        return;
    kept = rules_settings(rules, p->function, p->version);
    threshold =
        rules_threshold_at(rules, p->function, p->alias, p->time_us,
                           kept ? settings_scale(&kept->settings, kept->settings.threshold) : THRESHOLD_DEFAULT);
    p->threshold = threshold.value;
    p->threshold_number = threshold.number;
}

static bool apply_prediction(struct applying *applying)
{
    struct post_report *report = &applying->post->report;
    const struct posted_row *row = &applying->row;
    struct prediction p;
    struct label label = {0};
    enum inserted inserted;

    if (!posted_prediction(row, applying->post->function, applying->now_us, &p, applying->err))
        return false;
    decide(applying, &p);
    if (row->has_label)
        label = (struct label){.function = p.function,
                               .is_retracted = row->label_is_null,
                               .value = row->label,
                               .known_us = row->has_label_time ? row->label_us : applying->now_us,
                               .source = p.source,
                               .note = row->note};
    if (!store_predict(applying->store, &p, row->has_label && !row->label_is_null ? &label : NULL, &inserted,
                       applying->err))
        return false;
    report->accepted += inserted == INSERTED;
    report->duplicates += inserted == INSERTED_BEFORE;
    report->undecided += inserted == INSERTED_UNDECIDED;
    return true;
}

/* -- labels -----------------------------------------------------------------------------------------------------------
 */

static bool apply_label(struct applying *applying)
{
    struct post_report *report = &applying->post->report;
    struct label label;
    struct label_result result;

    if (!posted_label(&applying->row, applying->post->function, applying->now_us, &label, applying->err) ||
        !store_label(applying->store, &label, &result, applying->err))
        return false;
    report->accepted++;
    report->matched += result.rows > 0;
    report->rows += result.rows;
    report->labelled += result.labelled;
    report->corrected += result.corrected;
    report->unchanged += result.unchanged;
    report->older += result.older;
    report->orphans += result.is_orphan;
    return true;
}

/* -- events -----------------------------------------------------------------------------------------------------------
 */

static bool apply_event(struct applying *applying)
{
    struct post_report *report = &applying->post->report;
    struct event event;
    bool is_new, is_paired;

    if (!posted_event(&applying->row, applying->post->function, applying->now_us, &event, applying->err) ||
        !store_event(applying->store, &event, &is_new, &is_paired, applying->err))
        return false;
    report->accepted += is_new;
    report->duplicates += !is_new;
    report->paired += is_new && is_paired;
    return true;
}

static const struct {
    bool (*read)(str json, struct arena *arena, struct posted_row *ret, struct err *err);
    bool (*apply)(struct applying *applying);
} kinds[POST_KINDS_COUNT] = {
    [POST_PREDICTIONS] = {posted_row_read, apply_prediction},
    [POST_LABELS] = {posted_row_read, apply_label},
    [POST_EVENTS] = {posted_event_read, apply_event},
};

/* -- all ------------------------------------------------------------------------------------------------------------
 */

static bool apply_row(struct applying *applying, str row, int64_t number)
{
    enum post_kind kind = applying->post->kind;
    bool good = kinds[kind].read(row, &applying->arena, &applying->row, applying->err) && kinds[kind].apply(applying);

    if (!good && applying->err->code == ERR_INVALID) {
        note_refusal(applying->post, number, applying->err);
        good = true;
    }
    arena_reset(&applying->arena);
    return good;
}

bool post_apply(struct monitor_post *post, struct store *store, struct err *err)
{
    struct applying applying = {.post = post, .store = store, .now_us = clock_wall_us(), .err = err};
    struct json_rows rows;
    bool good = true;
    str row;

    post->report = (struct post_report){0};
    json_rows_init(&rows, post->body);
    while (good && json_rows_next(&rows, &row))
        good = apply_row(&applying, row, rows.number);
    if (good && !json_rows_end(&rows, err))
        note_refusal(post, rows.number + 1, err);
    arena_free(&applying.arena);
    return good;
}

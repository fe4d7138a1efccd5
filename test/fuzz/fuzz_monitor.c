/*
 * What clients and functions say of decisions: settings, event and response (a line each), and rows that are posted.
 * Whatever is captured has a score in its range, names within their limits, and texts that lie where they were taken
 * from.
 */
#include "monitor/capture.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>

#include "codec/json_read.h"
#include "logs/history.h"
#include "monitor/bins.h"
#include "monitor/posted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_prediction(const struct prediction *p)
{
    assert(!p->is_decided || (p->score >= 0 && p->score <= 1));
    assert(p->segment.len <= NAME_BYTES_MAX && p->client_id.len <= NAME_BYTES_MAX);
    assert(p->items.len <= ITEMS_BYTES_MAX && p->features.len <= FEATURES_BYTES_MAX);
    assert(p->items.len == 0 || json_valid(p->items, NULL));
    assert(p->features.len == 0 || json_valid(p->features, NULL));
    assert(isnan(p->amount) || isfinite(p->amount));
}

static void fuzz_capture(str settings_text, str event, str response)
{
    static struct monitor_settings settings;
    struct captured_call call = {.function = STR("f"), .event = event, .response = response, .threshold = 0.5};
    struct predictions rows;
    struct err err = {0};
    json_auto_t *object = NULL;
    ARENA_AUTO arena = {0};

    if (!json_parse(settings_text, &object, &err) || !monitor_settings_read(object, &settings, &err)) {
        assert(err.text[0]);
        return;
    }
    capture(&settings, &call, &arena, &rows);
    for (int i = 0; i < rows.count; i++)
        check_prediction(&rows.list[i]);
}

static void fuzz_posted(str row)
{
    struct posted_row posted;
    struct prediction p;
    struct label label;
    struct record record;
    struct err err = {0};
    ARENA_AUTO arena = {0};

    if (!posted_row_read(row, &arena, &posted, &err)) {
        assert(err.code == ERR_INVALID && err.text[0]);
    } else {
        assert(json_valid(row, NULL));
        assert(posted_prediction(&posted, STR("f"), 1, &p, &err) || err.text[0]);
        assert(posted_label(&posted, STR("f"), 1, &label, &err) || err.text[0]);
    }
    if (!history_read(row, 1, &arena, &record, &err))
        assert(err.text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    str text = {(const char *)data, len}, settings, event, rest = text;
    int64_t bins[SCORE_BINS] = {0};

    fuzz_posted(text);
    (void)!bins_add(text, bins);
    if (str_cut(text, '\n', &settings, &rest) && str_cut(rest, '\n', &event, &rest))
        fuzz_capture(settings, event, rest);
    return 0;
}

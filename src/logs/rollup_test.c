#include "logs/rollup.h"

#include "logs/store.h"

#include "base/rand.h"
#include "base/test.h"

#include <math.h>
#include <string.h>

static struct err err;
static struct db *db;

static void begin(void)
{
    ok(records_store_open(":memory:", &db, &err));
}

static void end(void)
{
    db_close(db);
    db = NULL;
}

static struct record call_at(int64_t second)
{
    return (struct record){
        .function = STR("f"),
        .version = STR("1"),
        .source = STR("lambda"),
        .error_type = STR(""),
        .received_wall_us = second * 1000000,
        .answered_us = 2000,
        .memory_peak_kb = 1024,
        .status = 200,
    };
}

static struct rollup_figures sum;
static int rows_count;
static int64_t last_at_s;

static void on_row(void *ctx, const struct rollup_row *row)
{
    (void)ctx;
    rollup_add(&sum, &row->figures);
    rows_count++;
    last_at_s = row->at_s;
}

static void ask(struct rollup_filter filter)
{
    memset(&sum, 0, sizeof sum);
    rows_count = 0;
    if (!filter.tier_s)
        filter.tier_s = ROLLUP_MINUTE_S;
    if (!filter.to_s)
        filter.to_s = INT64_MAX;
    ok(rollup_query(db, &filter, on_row, NULL, &err));
}

static void store(struct rollup *rollup)
{
    ok(rollup_store(rollup, db, &err));
    rollup_free(rollup);
}

/* Batches of whatever sizes come to the same, and the hours to the same as their minutes. */
static void batches_add_up(void)
{
    int errors = 0, throttles = 0, cold = 0, batch = 0;
    struct rollup *rollup = rollup_new();

    begin();
    rand_replace(61);
    for (int i = 0; i < 5000; i++) {
        struct record record = call_at(1700000000 + i * 3);
        bool error = rand_unit() < 0.1, throttled = !error && rand_unit() < 0.1;

        record.version = i % 3 ? STR("1") : STR("2");
        record.error_type = error ? STR("ValueError") : throttled ? STR("Throttled") : STR("");
        record.cold = i % 50 == 0;
        record.init_us = 1000;
        record.answered_us = throttled ? 10 : 1000 + i;
        record.memory_peak_kb = (uint32_t)i;
        errors += error, throttles += throttled, cold += record.cold;
        rollup_count(rollup, &record);
        if (++batch == 1 + i % 700) {
            store(rollup);
            rollup = rollup_new();
            batch = 0;
        }
    }
    store(rollup);
    for (int tier_s = ROLLUP_MINUTE_S; tier_s <= ROLLUP_HOUR_S; tier_s *= 60) {
        ask((struct rollup_filter){.tier_s = tier_s});
        ok(sum.calls == 5000 && sum.errors == errors && sum.throttles == throttles && sum.cold == cold);
        ok(sum.init_us == cold * 1000 && sum.memory_peak_kb == 4999);
        ok(latency_count(&sum.latency) == (uint64_t)(5000 - throttles));
        ok(fabs(latency_quantile(&sum.latency, 0.5) / 3500 - 1) < 0.04);
    }
    ask((struct rollup_filter){.function = STR("f"), .version = STR("2")});
    ok(sum.calls == 1667);
    ask((struct rollup_filter){.function = STR("g")});
    ok(rows_count == 0);
    ask((struct rollup_filter){.from_s = 1700000040, .to_s = 1700000100});
    ok(sum.calls == 20 && last_at_s == 1700000040);
    end();
}

static void what_nobody_called_is_no_traffic(void)
{
    static const struct {
        const char *source, *error;
        int calls;
    } rows[] = {{"lambda", "", 1}, {"gateway", "Timeout", 1},   {"import", "", 0},         {"replay", "", 0},
                {"shadow", "", 0}, {"lambda", "NoFunction", 0}, {"lambda", "Throttled", 1}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rollup *rollup = rollup_new();
        struct record record = call_at(1700000000);

        begin();
        record.source = str_of(rows[i].source);
        record.error_type = str_of(rows[i].error);
        rollup_count(rollup, &record);
        store(rollup);
        ask((struct rollup_filter){0});
        ok(sum.calls == rows[i].calls);
        end();
    }
}

static void minutes_go_before_hours(void)
{
    struct rollup *rollup = rollup_new();
    struct record record = call_at(1700000000);

    begin();
    rollup_count(rollup, &record);
    store(rollup);
    ok(rollup_trim(db, 1700000000 + ROLLUP_MINUTES_KEPT_S - 60, &err));
    ask((struct rollup_filter){0});
    ok(rows_count == 1);
    ok(rollup_trim(db, 1700000000 + ROLLUP_MINUTES_KEPT_S + 60, &err));
    ask((struct rollup_filter){0});
    ok(rows_count == 0);
    ask((struct rollup_filter){.tier_s = ROLLUP_HOUR_S});
    ok(rows_count == 1);
    ok(rollup_trim(db, 1700000000 + ROLLUP_HOURS_KEPT_S + 3600, &err));
    ask((struct rollup_filter){.tier_s = ROLLUP_HOUR_S});
    ok(rows_count == 0);
    end();
}

static void a_spoiled_row_is_told(void)
{
    struct rollup *rollup = rollup_new();
    struct record record = call_at(1700000000);

    begin();
    rollup_count(rollup, &record);
    store(rollup);
    ok(db_run(db, &err, "UPDATE traffic SET latency = x'ff'"));
    ok(!rollup_query(db, &(struct rollup_filter){.to_s = INT64_MAX, .tier_s = ROLLUP_MINUTE_S}, on_row, NULL, &err));
    ok(err.code == ERR_SYSTEM && strstr(err.text, "traffic"));
    end();
}

TEST_MAIN(batches_add_up, what_nobody_called_is_no_traffic, minutes_go_before_hours, a_spoiled_row_is_told)

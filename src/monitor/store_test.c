/* A folder of its own, the real SQLite: what goes in comes out, is counted once, and the counts are the rows'. */
#include "monitor/store.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "monitor/period_private.h"

#include "base/test.h"

#define NOVEMBER 1761955200000000LL /* 2025-11-01 */
#define MINUTE 60000000LL

static char folder[64];
static struct store *store;
static struct err err;

static void open_store(void)
{
    ok(store_open(folder, &store, &err));
}

static void begin_anew(void)
{
    snprintf(folder, sizeof folder, "/tmp/sculler-monitor-XXXXXX");
    ok(mkdtemp(folder) != NULL);
    open_store();
}

static void end(void)
{
    char command[128];

    store_close(store);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    FILE *gone = popen(command, "r");
    ok(gone && pclose(gone) == 0);
}

static struct prediction prediction(int i)
{
    static char items[3][64];
    static char request[3][40];

    snprintf(items[i % 3], sizeof *items, "{\"a\":\"%d\"}", i);
    snprintf(request[i % 3], sizeof *request, "request-%d", i / 10);
    return (struct prediction){
        .time_us = NOVEMBER + i * MINUTE,
        .function = STR("matcher"),
        .version = STR("1"),
        .alias = STR("live"),
        .source = STR("live"),
        .request_id = str_of(request[i % 3]),
        .position = i % 10,
        .is_decided = true,
        .score = (i * 37 % 1000) / 1000.0,
        .threshold = 0.5,
        .segment = i % 2 ? STR("odd") : STR("even"),
        .items = str_of(items[i % 3]),
        .amount = i,
    };
}

static void predict(int from, int to)
{
    enum inserted inserted;

    ok(store_begin(store, true, &err));
    for (int i = from; i < to; i++) {
        struct prediction p = prediction(i);

        if (!store_predict(store, &p, NULL, &inserted, &err) || inserted != INSERTED)
            ok(false);
    }
    ok(store_commit(store, &err));
}

static struct label_result label(struct label label)
{
    struct label_result result = {0};

    label.function = STR("matcher");
    label.known_us = label.known_us ? label.known_us : NOVEMBER;
    ok(store_begin(store, true, &err));
    ok(store_label(store, &label, &result, &err));
    ok(store_commit(store, &err));
    return result;
}

static int64_t ask(int64_t month_us, const char *sql)
{
    char path[PERIOD_PATH_MAX];
    struct db *db;
    int64_t answer;

    period_path(folder, month_of(month_us), path);
    ok(db_open_readonly(path, &db, &err));
    {
        DB_ROWS_AUTO rows = db_query(db, &err, sql);
        ok(db_next(&rows, &err));
        answer = db_int(&rows, 0);
    }
    db_close(db);
    return answer;
}

/* At every tier, per label: what the histograms count is what the rows are. */
static void the_counts_are_the_rows(int64_t month_us)
{
    for (int tier = 0; tier < 3; tier++) {
        char sql[400];

        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM (SELECT stream, segment, label, sum(count), sum(positives) FROM score_hist"
                 " WHERE tier = %d AND count > 0 GROUP BY 1, 2, 3 EXCEPT SELECT stream, segment,"
                 " CASE WHEN label IS NULL THEN -1 ELSE label >= 0.5 END AS l, count(*), sum(decision) FROM rows"
                 " GROUP BY stream, segment, l)",
                 tier);
        ok(ask(month_us, sql) == 0);
    }
    ok(ask(month_us, "SELECT sum(count) FROM score_hist WHERE tier = 1") == ask(month_us, "SELECT count(*) FROM rows"));
}

static void rows_are_kept_and_counted(void)
{
    begin_anew();
    predict(0, 3000);
    ok(ask(NOVEMBER, "SELECT count(*) FROM predictions") == 3000);
    ok(ask(NOVEMBER, "SELECT count(DISTINCT prediction_id) FROM predictions") == 3000);
    ok(ask(NOVEMBER, "SELECT count(*) FROM confusion_hourly") == 100);
    the_counts_are_the_rows(NOVEMBER);
    end();
}

static void a_label_finds_its_row_in_three_ways(void)
{
    char id[PREDICTION_ID_CHARS + 1];
    struct label_result result;

    begin_anew();
    for (int i = 0; i < 40; i++)
        predict(i * 50, i * 50 + 50); /* many runs, so some are merged */
    result = label((struct label){.items = STR("{\"a\":\"777\"}"), .value = 1});
    ok(result.rows == 1 && result.labelled == 1);
    result = label((struct label){.request_id = STR("request-12"), .position = 7, .value = 1});
    ok(result.rows == 1 && result.labelled == 1);
    ok(ask(NOVEMBER, "SELECT id FROM rows WHERE label IS NOT NULL ORDER BY id LIMIT 1") == 128);
    prediction_id_make(NOVEMBER + 499 * MINUTE, 500, (uint64_t)ask(NOVEMBER, "SELECT tag FROM meta"), id);
    result = label((struct label){.prediction_id = str_of(id), .value = 0});
    ok(result.rows == 1 && result.labelled == 1);
    ok(ask(NOVEMBER, "SELECT label IS NOT NULL FROM rows WHERE id = 500") == 1);
    id[PREDICTION_ID_CHARS - 1] ^= 1; /* another file's */
    ok(label((struct label){.prediction_id = str_of(id), .value = 0}).is_orphan);
    the_counts_are_the_rows(NOVEMBER);
    end();
}

static void a_correction_counts_and_the_earlier_stays(void)
{
    const str items = STR("{\"a\":\"3\"}");

    begin_anew();
    predict(0, 10);
    ok(label((struct label){.items = items, .value = 1, .known_us = 10}).labelled == 1);
    ok(label((struct label){.items = items, .value = 1, .known_us = 10}).unchanged == 1);
    ok(label((struct label){.items = items, .value = 0, .known_us = 20}).corrected == 1);
    ok(label((struct label){.items = items, .value = 1, .known_us = 15}).older == 1);
    ok(ask(NOVEMBER, "SELECT label FROM rows WHERE id = 4") == 0);
    ok(ask(NOVEMBER, "SELECT count(*) FROM labels") == 3);
    ok(label((struct label){.items = items, .is_retracted = true, .known_us = 30}).corrected == 1);
    ok(ask(NOVEMBER, "SELECT label IS NULL FROM rows WHERE id = 4") == 1);
    the_counts_are_the_rows(NOVEMBER);
    end();
}

static void an_orphan_waits_for_its_prediction(void)
{
    begin_anew();
    ok(label((struct label){.items = STR("{\"a\":\"5\"}"), .value = 1}).is_orphan);
    ok(label((struct label){.request_id = STR("request-0"), .position = 6, .value = 0}).is_orphan);
    store_close(store);
    open_store();
    ok(label((struct label){.items = STR("{\"a\":\"5\"}"), .value = 1, .known_us = NOVEMBER + 5})
           .is_orphan); /* again */
    predict(0, 10);
    ok(ask(NOVEMBER, "SELECT sum(label) = 1 AND count(label) = 2 FROM rows") == 1);
    ok(ask(NOVEMBER, "SELECT count(*) FROM labels") == 2);
    ok(label((struct label){.items = STR("{\"a\":\"5\"}"), .value = 1}).unchanged == 1);
    the_counts_are_the_rows(NOVEMBER);
    end();
}

static void what_is_rolled_back_never_was(void)
{
    enum inserted inserted;
    struct prediction p = prediction(1);
    struct label truth = {.function = STR("matcher"), .items = STR("{\"a\":\"2000\"}"), .value = 1};
    struct label_result result;

    begin_anew();
    predict(0, 1);
    ok(store_begin(store, true, &err));
    ok(store_predict(store, &p, NULL, &inserted, &err) && store_label(store, &truth, &result, &err));
    store_rollback(store);
    ok(label((struct label){.items = STR("{\"a\":\"1\"}"), .value = 1}).is_orphan);
    predict(1, 3);
    ok(ask(NOVEMBER, "SELECT count(*) FROM rows") == 3);
    the_counts_are_the_rows(NOVEMBER);
    end();
}

static void a_clients_own_id_is_taken_once(void)
{
    enum inserted inserted;
    struct prediction p = prediction(1);

    begin_anew();
    p.client_id = STR("mine");
    ok(store_begin(store, true, &err));
    ok(store_predict(store, &p, NULL, &inserted, &err) && inserted == INSERTED);
    ok(store_predict(store, &p, NULL, &inserted, &err) && inserted == INSERTED_BEFORE);
    ok(store_commit(store, &err) && store_begin(store, true, &err));
    ok(store_predict(store, &p, NULL, &inserted, &err) && inserted == INSERTED_BEFORE);
    p.function = STR("another");
    ok(store_predict(store, &p, NULL, &inserted, &err) && inserted == INSERTED);
    ok(store_commit(store, &err));
    ok(label((struct label){.prediction_id = STR("mine"), .value = 1}).rows == 1);
    end();
}

static void what_cannot_be_is_refused_and_the_rest_goes_on(void)
{
    enum inserted inserted;
    struct prediction p = prediction(1);

    begin_anew();
    ok(store_begin(store, true, &err));
    p.time_us = clock_wall_us() + 25 * 60 * MINUTE;
    ok(!store_predict(store, &p, NULL, &inserted, &err) && err.code == ERR_INVALID);
    p.time_us = -1;
    ok(!store_predict(store, &p, NULL, &inserted, &err) && err.code == ERR_INVALID);
    p = prediction(1);
    p.is_decided = false;
    p.undecided = UNDECIDED_NULL;
    ok(store_predict(store, &p, NULL, &inserted, &err) && inserted == INSERTED_UNDECIDED);
    ok(store_predict(store, &p, NULL, &inserted, &err) && inserted == INSERTED_UNDECIDED);
    for (int i = 0; i < SEGMENTS_MAX + 10; i++) {
        char segment[16];

        p = prediction(i);
        snprintf(segment, sizeof segment, "s%d", i);
        p.segment = str_of(segment);
        if (!store_predict(store, &p, NULL, &inserted, &err))
            ok(false);
    }
    ok(store_commit(store, &err));
    ok(ask(NOVEMBER, "SELECT count FROM undecided_hourly") == 2);
    ok(ask(NOVEMBER, "SELECT count(*) FROM segments") == SEGMENTS_MAX + 1);
    ok(ask(NOVEMBER, "SELECT count(*) FROM predictions WHERE segment = '(other)'") == 11);
    end();
}

static void months_have_files_of_their_own(void)
{
    begin_anew();
    predict(43190, 43210); /* over the end of November */
    ok(ask(NOVEMBER, "SELECT count(*) FROM rows") == 10);
    ok(ask(NOVEMBER + 40LL * 24 * 60 * MINUTE, "SELECT count(*) FROM rows") == 10);
    ok(label((struct label){.items = STR("{\"a\":\"43192\"}"), .value = 1}).rows == 1);
    ok(label((struct label){.items = STR("{\"a\":\"43208\"}"), .value = 1}).rows == 1);
    end();
}

TEST_MAIN(rows_are_kept_and_counted, a_label_finds_its_row_in_three_ways, a_correction_counts_and_the_earlier_stays,
          an_orphan_waits_for_its_prediction, what_is_rolled_back_never_was, a_clients_own_id_is_taken_once,
          what_cannot_be_is_refused_and_the_rest_goes_on, months_have_files_of_their_own)

/* What comes late: labels out of the inbox, silence taken for truth, events in two halves, months that go.  A folder of
 * its own, the real SQLite. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "monitor/inbox.h"
#include "monitor/period_private.h"
#include "monitor/store.h"

#include "base/test.h"

#define MARCH 1772323200000000LL /* 2026-03-01 */
#define HOUR 3600000000LL
#define DAY (24 * HOUR)

static char folder[64];
static struct store *store;
static struct inbox *inbox;
static struct err err;

static void begin_anew(void)
{
    snprintf(folder, sizeof folder, "/tmp/sculler-truths-XXXXXX");
    ok(mkdtemp(folder) != NULL);
    ok(store_open(folder, &store, &err) && inbox_open(folder, &inbox, &err));
}

static void open_again(void)
{
    inbox_close(inbox);
    store_close(store);
    ok(store_open(folder, &store, &err) && inbox_open(folder, &inbox, &err));
}

static void end(void)
{
    char command[128];
    FILE *gone;

    inbox_close(inbox);
    store_close(store);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    gone = popen(command, "r");
    ok(gone && pclose(gone) == 0);
}

static void predict_at(const char *id, int64_t time_us, double score)
{
    struct prediction p = {.time_us = time_us,
                           .function = STR("f"),
                           .source = STR("live"),
                           .is_decided = true,
                           .score = score,
                           .threshold = 0.5,
                           .amount = (double)NAN,
                           .client_id = str_of(id)};
    enum inserted inserted;

    if (!store_predict(store, &p, NULL, &inserted, &err) || inserted != INSERTED)
        ok(false);
}

static void predict(int from, int to)
{
    ok(store_begin(store, true, &err));
    for (int i = from; i < to; i++) {
        char id[16];

        snprintf(id, sizeof id, "p%d", i);
        predict_at(id, MARCH + i * HOUR, i % 10 / 10.0);
    }
    ok(store_commit(store, &err));
}

static bool label(const char *id, struct label truth)
{
    struct label_result result = {0};

    truth.function = STR("f");
    truth.prediction_id = str_of(id);
    ok(store_begin(store, true, &err));
    ok(store_label(store, &truth, &result, &err));
    ok(store_commit(store, &err));
    return result.labelled + result.corrected == 1;
}

static int64_t ask_file(const char *path, const char *sql)
{
    struct db *db;
    int64_t answer = INT64_MIN;

    ok(db_open_readonly(path, &db, &err));
    {
        DB_ROWS_AUTO rows = db_query(db, &err, sql);

        if (db_next(&rows, &err))
            answer = db_int(&rows, 0);
    }
    db_close(db);
    return answer;
}

static int64_t ask(int64_t month_us, const char *sql)
{
    char path[PERIOD_PATH_MAX];

    period_path(folder, month_of(month_us), path);
    return ask_file(path, sql);
}

static int64_t ask_inbox(const char *sql)
{
    char path[128];

    snprintf(path, sizeof path, "%s/inbox.db", folder);
    return ask_file(path, sql);
}

/* As anybody's client of SQLite. */
static void others_run(const char *sql)
{
    char path[128];
    struct db *db;

    snprintf(path, sizeof path, "%s/inbox.db", folder);
    ok(db_open(path, &db, &err) && db_run(db, &err, sql));
    db_close(db);
}

static struct inbox_report run(void)
{
    struct inbox_report report;

    ok(inbox_run(inbox, store, &report, &err));
    return report;
}

/* -- the inbox ------------------------------------------------------------------------------------------------------
 */

#define HUNDRED "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99)"

static void what_is_inserted_is_applied_and_gone(void)
{
    begin_anew();
    predict(0, 100);
    ok(run().applied == 0);
    others_run("INSERT INTO label_inbox (function, prediction_id, label) " HUNDRED
               " SELECT 'f', 'p' || i, i % 2 FROM n");
    ok(run().applied == 100);
    ok(run().applied == 0);
    ok(ask(MARCH, "SELECT count(*) * 100 + sum(label) FROM rows WHERE label IS NOT NULL") == 10050);
    ok(ask(MARCH, "SELECT count(*) FROM labels WHERE source = 'inbox'") == 100);
    ok(ask_inbox("SELECT count(*) FROM label_inbox") == 0);
    end();
}

static void what_cannot_be_applied_is_told_and_the_rest_goes_on(void)
{
    struct inbox_report report;

    begin_anew();
    predict(0, 10);
    others_run("INSERT INTO label_inbox (function, prediction_id, items, label, time) VALUES"
               " ('f', 'p1', NULL, 'true', NULL), ('f', 'p2', NULL, '0.75', '2026-04-01T00:00:00Z'),"
               " ('f', 'p3', NULL, 7, NULL), ('f', NULL, '{\"a\":1', 1, NULL), ('f', NULL, NULL, 1, NULL),"
               " ('f', 'p4', NULL, 1, 'soon'), ('f', NULL, '{\"b\": 2, \"a\": 1}', 1, 1777000000)");
    report = run();
    ok(report.applied == 3 && report.refused == 4);
    ok(ask_inbox("SELECT count(DISTINCT why) FROM label_inbox_refused WHERE length(why) > 20") == 4);
    ok(ask_inbox("SELECT count(*) FROM label_inbox_refused WHERE prediction_id = 'p4' AND why LIKE '%soon%'") == 1);
    ok(ask(MARCH, "SELECT count(*) FROM rows WHERE label = 0.75 AND label_us = 1775001600000000") == 1);
    ok(ask(MARCH, "SELECT count(*) FROM rows WHERE label IS NOT NULL") == 2);
    end();
}

/* The store has committed, the inbox has not: all of it comes again. */
static void a_crash_between_the_files_counts_nothing_twice(void)
{
    struct inbox_report report;

    begin_anew();
    predict(0, 50); /* of the others there is no prediction yet */
    others_run("INSERT INTO label_inbox (function, prediction_id, label) " HUNDRED " SELECT 'f', 'p' || i, 1 FROM n");
    ok(inbox_apply(inbox, store, &report, &err));
    open_again();
    ok(label("p7", (struct label){.value = 0, .known_us = INT64_MAX / 2})); /* corrected in between */
    ok(run().applied == 100);
    ok(ask_inbox("SELECT count(*) FROM label_inbox") == 0);
    ok(ask(MARCH, "SELECT count(*) FROM label_events") == 51);
    ok(ask(MARCH, "SELECT sum(label) FROM rows") == 49);
    predict(50, 100);
    ok(ask(MARCH, "SELECT count(*) FROM label_events") == 101);
    ok(ask(MARCH, "SELECT sum(count) FROM score_hist WHERE tier = 2 AND label = 1") == 99);
    end();
}

static void who_writes_there_is_waited_for(void)
{
    char path[128];
    struct db *db;

    begin_anew();
    predict(0, 2);
    snprintf(path, sizeof path, "%s/inbox.db", folder);
    ok(db_open(path, &db, &err));
    ok(db_run(db, &err, "INSERT INTO label_inbox (function, prediction_id, label) VALUES ('f', 'p0', 1)"));
    ok(db_begin(db, &err) &&
       db_run(db, &err, "INSERT INTO label_inbox (function, prediction_id, label) VALUES ('f', 'p1', 1)"));
    ok(run().is_busy);
    ok(label("p1", (struct label){.value = 0})); /* the store is not held up */
    ok(db_commit(db, &err));
    db_close(db);
    ok(run().applied == 2);
    end();
}

/* -- silence --------------------------------------------------------------------------------------------------------
 */

static int delay(struct delayed delayed, int64_t now_us)
{
    int labelled, sum = 0;
    bool more = true;

    delayed.function = STR("f");
    while (more) {
        ok(store_begin(store, true, &err));
        ok(store_delay(store, MARCH, &delayed, now_us, &labelled, &more, &err));
        ok(store_commit(store, &err));
        sum += labelled;
    }
    return sum;
}

static void silence_becomes_truth(void)
{
    const struct delayed negative = {.days = 30};

    begin_anew();
    predict(0, 240);
    ok(label("p3", (struct label){.value = 1, .known_us = MARCH + DAY}));
    ok(label("p4", (struct label){.value = 1, .known_us = MARCH + DAY}));
    ok(label("p4", (struct label){.is_retracted = true, .known_us = MARCH + 2 * DAY}));
    ok(delay(negative, MARCH + 29 * DAY) == 0);
    ok(delay(negative, MARCH + 31 * DAY) == 25 - 2);
    ok(delay(negative, MARCH + 31 * DAY) == 0);
    ok(ask(MARCH, "SELECT count(*) FROM rows WHERE label = 0 AND label_us = time_us + 30 * 86400000000") == 23);
    ok(ask(MARCH, "SELECT label FROM rows WHERE client_id = 'p3'") == 1);
    ok(ask(MARCH, "SELECT label IS NULL FROM rows WHERE client_id = 'p4'") == 1);
    open_again();
    ok(delay(negative, MARCH + 60 * DAY) == 240 - 25);
    ok(ask(MARCH, "SELECT count(*) FROM labels WHERE source = 'delayed'") == 238);
    ok(ask(MARCH, "SELECT sum(count) FROM score_hist WHERE tier = 0 AND label = -1") == 1);
    end();
}

static void rows_that_come_late_are_seen(void)
{
    const struct delayed right = {.days = 10, .is_right = true};

    begin_anew();
    predict(100, 200);
    ok(delay(right, MARCH + 100 * DAY) == 100);
    predict(0, 100); /* older than what was looked through */
    predict(200, 300);
    ok(delay(right, MARCH + 100 * DAY) == 200);
    ok(ask(MARCH, "SELECT count(*) FROM rows WHERE label = decision") == 300);
    ok(ask(MARCH, "SELECT sum(label) FROM rows") == 150);
    end();
}

static void what_is_said_takes_the_place_of_silence(void)
{
    const struct delayed negative = {.days = 10};

    begin_anew();
    predict(0, 3);
    ok(delay(negative, MARCH + 100 * DAY) == 3);
    ok(label("p0", (struct label){.value = 1, .known_us = MARCH + DAY})); /* known before silence spoke, told later */
    ok(ask(MARCH, "SELECT label FROM rows WHERE client_id = 'p0'") == 1);
    ok(label("p1", (struct label){.value = 0, .known_us = MARCH + 2 * DAY})); /* the same, but now it is said */
    ok(!label("p1", (struct label){.value = 1, .known_us = MARCH + DAY}));    /* and older ones do not count any more */
    ok(ask(MARCH, "SELECT label FROM rows WHERE client_id = 'p1'") == 0);
    ok(ask(MARCH, "SELECT sum(count * label) FROM score_hist WHERE tier = 1 AND label >= 0") == 1);
    end();
}

/* -- events ---------------------------------------------------------------------------------------------------------
 */

static bool event(int64_t time_us, const char *key, enum event_phase phase, bool *paired)
{
    const struct event event = {.time_us = time_us,
                                .function = STR("f"),
                                .name = STR("work"),
                                .key = str_of(key),
                                .phase = phase,
                                .value = (double)NAN};
    bool is_new = false;

    ok(store_begin(store, true, &err));
    if (store_event(store, &event, &is_new, paired, &err)) {
        ok(store_commit(store, &err));
        return is_new;
    }
    ok(err.code == ERR_INVALID);
    store_rollback(store);
    return false;
}

static void starts_and_ends_find_each_other(void)
{
    const int64_t late = MARCH + 31 * DAY - HOUR; /* the last of March */
    bool paired;

    begin_anew();
    ok(event(MARCH, "a", EVENT_START, &paired) && !paired);
    ok(event(MARCH + HOUR, "a", EVENT_END, &paired) && paired);
    ok(event(MARCH + 3 * HOUR, "b", EVENT_END, &paired) && !paired); /* the other way round */
    ok(event(MARCH + HOUR, "b", EVENT_START, &paired) && paired);
    ok(event(late, "c", EVENT_START, &paired) && !paired); /* into April */
    ok(event(late + 4 * HOUR, "c", EVENT_END, &paired) && paired);
    ok(!event(MARCH, "a", EVENT_START, &paired) && paired); /* again */
    ok(ask(MARCH, "SELECT sum(value) FROM events WHERE phase = 1") == 3600 * (1 + 2 + 4));
    ok(ask(MARCH, "SELECT sum(value) FROM events WHERE phase = 2") == 3600 * (1 + 2));
    ok(ask(late + DAY, "SELECT sum(value) FROM events") == 3600 * 4);
    ok(event(MARCH + HOUR, "d", EVENT_START, &paired));
    ok(!event(MARCH, "d", EVENT_END, &paired) && strstr(err.text, "before it starts"));
    end();
}

/* -- months ---------------------------------------------------------------------------------------------------------
 */

static void old_months_go_and_are_refused(void)
{
    enum inserted inserted;
    struct prediction old = {.time_us = MARCH, .function = STR("f"), .source = STR("live"), .is_decided = true};
    char path[PERIOD_PATH_MAX];
    struct db *reader;
    int dropped;

    begin_anew();
    predict(0, 10);
    predict(31 * 24, 31 * 24 + 10);
    period_path(folder, MARCH, path);
    ok(db_open_readonly(path, &reader, &err));
    {
        DB_ROWS_AUTO rows = db_query(reader, &err, "SELECT id FROM rows");
        int count = db_next(&rows, &err);

        ok(store_drop_before(store, MARCH + 40 * DAY, &dropped, &err) && dropped == 1);
        ok(access(path, F_OK) < 0);
        while (db_next(&rows, &err)) /* who reads, reads on */
            count++;
        ok(count == 10 && err.code == ERR_NONE);
    }
    db_close(reader);
    ok(store_begin(store, true, &err));
    ok(!store_predict(store, &old, NULL, &inserted, &err) && err.code == ERR_INVALID &&
       strstr(err.text, "monitor_months"));
    store_rollback(store);
    ok(!label("p3", (struct label){.value = 1}));
    ok(access(path, F_OK) < 0);
    ok(ask(MARCH + 31 * DAY, "SELECT count(*) FROM rows") == 10);
    ok(store_drop_before(store, 0, &dropped, &err) && dropped == 0);
    predict(0, 1);
    end();
}

TEST_MAIN(what_is_inserted_is_applied_and_gone, what_cannot_be_applied_is_told_and_the_rest_goes_on,
          a_crash_between_the_files_counts_nothing_twice, who_writes_there_is_waited_for, silence_becomes_truth,
          rows_that_come_late_are_seen, what_is_said_takes_the_place_of_silence, starts_and_ends_find_each_other,
          old_months_go_and_are_refused)

#include "logs/record.h"

#include "logs/journal.h"
#include "logs/store.h"

#include "loop/lane.h"

#include "base/clock.h"
#include "base/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char state[64];
static uv_loop_t loop;
static struct err err;

static struct record sample(int number)
{
    static char id[24];

    snprintf(id, sizeof id, "request-%d", number);
    return (struct record){
        .request_id = str_of(id),
        .function = number % 2 ? STR("odd") : STR("even"),
        .version = STR("$LATEST"),
        .source = STR("lambda"),
        .received_wall_us = 1700000000000000 + number,
        .started_us = 1000,
        .ended_us = 3500,
        .answered_us = 4000,
        .status = 200,
        .memory_mb = 128,
        .input = STR("{\"amount\":12.5}"),
        .input_bytes = 15,
        .output = STR("{\"statusCode\":200}"),
        .output_bytes = 18,
        .log = STR("START\nEND\nREPORT\n"),
    };
}

static void begin(void)
{
    snprintf(state, sizeof state, "/tmp/sculler-records-XXXXXX");
    if (!mkdtemp(state))
        abort();
    uv_loop_init(&loop);
}

static void remove_all(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    char name[512];

    while (dir && (entry = readdir(dir))) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && unlink(name) != 0)
            remove_all(name);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static void end(struct records *records)
{
    records_close(records);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&loop) == 0);
    remove_all(state);
}

static struct records *open_records(void)
{
    struct records *records = NULL;

    ok(records_open(&loop, state, INT64_MAX, &records, &err));
    return records;
}

struct question {
    struct db *db;
    struct records_filter filter;
    struct arena arena;
    int rows_count, stop_at;
    int64_t first_id, last_id;
    str first_request, last_request, last_input;
    bool good;
};

static bool on_row(void *ctx, int64_t id, const struct record *record)
{
    struct question *question = ctx;

    if (question->rows_count++ == 0) {
        question->first_id = id;
        question->first_request = record->request_id;
    }
    question->last_id = id;
    question->last_request = record->request_id;
    question->last_input = record->input;
    return question->rows_count != question->stop_at;
}

static void question_run(void *ctx)
{
    struct question *question = ctx;

    question->good = records_query(question->db, &question->filter, &question->arena, on_row, question, &err);
}

static struct question ask(struct records *records, struct records_filter filter)
{
    struct question question = {.db = records_db(records), .filter = filter};

    lane_submit(records_lane(records), question_run, NULL, &question);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(question.good);
    return question;
}

static void what_was_appended_is_found(void)
{
    begin();
    struct records *records = open_records();
    for (int i = 1; i <= 20; i++) {
        struct record record = sample(i);
        records_append(records, &record);
    }
    struct question q = ask(records, (struct records_filter){.limit = 100});
    ok(q.rows_count == 20 && str_eq(q.first_request, STR("request-1")) && str_eq(q.last_request, STR("request-20")));
    ok(str_eq(q.last_input, STR("{\"amount\":12.5}")));
    arena_free(&q.arena);
    q = ask(records, (struct records_filter){.function = STR("odd"), .limit = 3});
    ok(q.rows_count == 3 && str_eq(q.first_request, STR("request-15")) && str_eq(q.last_request, STR("request-19")));
    int64_t last = q.last_id;
    arena_free(&q.arena);
    q = ask(records, (struct records_filter){.after_id = last, .limit = 100});
    ok(q.rows_count == 1 && str_eq(q.first_request, STR("request-20")));
    arena_free(&q.arena);
    q = ask(records, (struct records_filter){.request_id = STR("request-7"), .limit = 10});
    ok(q.rows_count == 1);
    arena_free(&q.arena);
    q = (struct question){.db = records_db(records), .filter = {.limit = 100}, .stop_at = 4};
    lane_submit(records_lane(records), question_run, NULL, &q);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(q.good && q.rows_count == 4 && str_eq(q.last_request, STR("request-4")));
    arena_free(&q.arena);
    q = ask(records, (struct records_filter){.since_us = 1700000000000018, .limit = 10});
    ok(q.rows_count == 3);
    arena_free(&q.arena);
    end(records);
}

static struct records_span last_span;

static void span_run(void *ctx)
{
    ok(records_last(ctx, STR("f"), 4, &last_span, &err));
}

/* 30 calls of f: each third a replay's, each fifth of the rest a shadow's, the 20th refused before it ran. */
static void what_nobody_called_is_told_apart(void)
{
    begin();
    struct records *records = open_records();
    for (int i = 1; i <= 30; i++) {
        struct record record = sample(i);
        record.function = STR("f");
        record.source = i % 3 == 0 ? RECORD_SOURCE_REPLAY : i % 5 == 0 ? RECORD_SOURCE_SHADOW : STR("lambda");
        record.started_us = i == 28 ? -1 : 1;
        ok(records_ran_for_somebody(&record) == (i % 3 && i % 5 && i != 28));
        records_append(records, &record);
    }
    static const struct {
        const char *source;
        int count;
    } rows[] = {{"", 16}, {"lambda", 16}, {"replay", 10}, {"shadow", 4}, {"all", 30}, {"gateway", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct question q = ask(records, (struct records_filter){.source = str_of(rows[i].source), .limit = 100});
        ok(q.rows_count == rows[i].count);
        arena_free(&q.arena);
        q = ask(records, (struct records_filter){.function = STR("f"), .source = str_of(rows[i].source), .limit = 100});
        ok(q.rows_count == rows[i].count);
        arena_free(&q.arena);
        q = ask(records, (struct records_filter){.after_id = 1, .source = str_of(rows[i].source), .limit = 100});
        ok(q.rows_count == rows[i].count - record_source_is_wanted(STR("lambda"), str_of(rows[i].source)));
        arena_free(&q.arena);
    }
    lane_submit(records_lane(records), span_run, NULL, records_db(records));
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(last_span.count == 4 && last_span.first_id == 22 && last_span.last_id == 29);
    end(records);
}

static int seen;

static void on_record(void *ctx, const struct record *record)
{
    (void)ctx;
    seen += str_eq(record->source, STR("lambda"));
}

static void watchers_are_told(void)
{
    struct record record = sample(1);

    begin();
    struct records *records = open_records();
    ok(records_watch(records, on_record, NULL));
    records_append(records, &record);
    ok(seen == 1);
    records_unwatch(records, on_record, NULL);
    records_append(records, &record);
    ok(seen == 1);
    end(records);
}

struct leaver {
    struct records *records;
    int seen;
};

static void on_record_once(void *ctx, const struct record *record)
{
    struct leaver *leaver = ctx;

    (void)record;
    leaver->seen++;
    records_unwatch(leaver->records, on_record_once, leaver);
}

static void there_is_an_end_to_watchers(void)
{
    struct leaver leavers[RECORDS_WATCHERS_MAX + 1];
    struct record record = sample(1);

    begin();
    struct records *records = open_records();
    for (int i = 0; i <= RECORDS_WATCHERS_MAX; i++) {
        leavers[i] = (struct leaver){.records = records};
        ok(records_watch(records, on_record_once, &leavers[i]) == (i < RECORDS_WATCHERS_MAX));
    }
    records_append(records, &record);
    for (int i = 0; i <= RECORDS_WATCHERS_MAX; i++)
        ok(leavers[i].seen == (i < RECORDS_WATCHERS_MAX)); /* each is told, though those before it left */
    ok(records_watch(records, on_record, NULL));
    end(records);
}

/* A child that appends and is killed before its database saw anything: the next start has all of it, once. */
static void kill_loses_nothing(void)
{
    begin();
    pid_t child = fork();
    if (child == 0) {
        struct journal journal;
        char folder[128];

        snprintf(folder, sizeof folder, "%s/journal", state);
        if (!journal_open(&journal, folder, &err))
            _exit(1);
        for (int i = 1; i <= 2500; i++) {
            struct record record = sample(i);
            struct record_wire wire;

            record_encode(&record, &wire);
            if (!journal_append(&journal, &wire, &err))
                _exit(1);
        }
        kill(getpid(), SIGKILL);
    }
    waitpid(child, NULL, 0);
    struct records *records = open_records();
    struct question q = ask(records, (struct records_filter){.limit = 10000});
    ok(q.rows_count == 2500 && str_eq(q.last_request, STR("request-2500")));
    arena_free(&q.arena);
    records_close(records);
    records = open_records();
    q = ask(records, (struct records_filter){.limit = 10000});
    ok(q.rows_count == 2500);
    arena_free(&q.arena);
    end(records);
}

static void the_oldest_are_removed(void)
{
    struct records_limits limits = {.rows_max = 1500, .bytes_max = RECORDS_BYTES_MAX};
    struct journal_reader reader;
    struct journal journal;
    char path[128];
    struct db *db;

    begin();
    snprintf(path, sizeof path, "%s/journal", state);
    ok(journal_open(&journal, path, &err));
    for (int i = 1; i <= 3000; i++) {
        struct record record = sample(i);
        struct record_wire wire;

        record_encode(&record, &wire);
        if (!journal_append(&journal, &wire, &err))
            abort();
    }
    journal_reader_init(&reader, path, (struct journal_place){1, 0});
    snprintf(path, sizeof path, "%s/records.db", state);
    ok(records_store_open(path, &db, &err));
    ok(records_store_drain(db, &reader, journal.end, &err));
    ok(records_store_trim(db, &limits, &err));
    struct question q = {.db = db, .filter = {.limit = 5000}};
    question_run(&q);
    ok(q.rows_count == 1000 && q.first_id == 2001 && q.last_id == 3000);
    arena_free(&q.arena);
    limits.bytes_max = 0;
    ok(records_store_trim(db, &limits, &err)); /* ends, though an empty database is larger */
    db_close(db);
    journal_reader_done(&reader);
    journal_close(&journal);
    end(NULL);
}

static void the_view_speaks_to_people(void)
{
    struct record record = sample(1);
    ARENA_AUTO arena = {0};
    char path[128];
    struct db *db;

    begin();
    struct records *records = open_records();
    records_append(records, &record);
    struct question q = ask(records, (struct records_filter){.limit = 1});
    arena_free(&q.arena);
    snprintf(path, sizeof path, "%s/records.db", state);
    ok(db_open_readonly(path, &db, &err));
    struct db_rows rows = db_query(db, &err, "SELECT received, duration_ms, total_ms, input FROM calls");
    ok(db_next(&rows, &err));
    ok(str_eq(db_text(&rows, 0, &arena), STR("2023-11-14T22:13:20.000Z")));
    ok(db_real(&rows, 1) > 2.49 && db_real(&rows, 1) < 2.51 && db_real(&rows, 2) > 3.99);
    ok(str_eq(db_text(&rows, 3, &arena), STR("{\"amount\":12.5}")));
    db_rows_done(&rows);
    db_close(db);
    end(records);
}

/* Not an assertion but of sanity: machines differ.  The budget is 10 us a call. */
static void appending_is_cheap(void)
{
    enum { COUNT = 20000 };
    int64_t began_us;

    begin();
    struct records *records = open_records();
    uv_run(&loop, UV_RUN_DEFAULT);
    began_us = clock_steady_us();
    for (int i = 0; i < COUNT; i++) {
        struct record record = sample(i);
        records_append(records, &record);
    }
    int64_t took_us = clock_steady_us() - began_us;
    printf("# %.2f us a record\n", (double)took_us / COUNT);
    ok(took_us / COUNT < 500);
    began_us = clock_steady_us();
    struct question q = ask(records, (struct records_filter){.limit = 1});
    printf("# all %d in the database after %d ms more\n", COUNT, (int)((clock_steady_us() - began_us) / 1000));
    arena_free(&q.arena);
    end(records);
}

TEST_MAIN(what_was_appended_is_found, what_nobody_called_is_told_apart, watchers_are_told, there_is_an_end_to_watchers,
          kill_loses_nothing, the_oldest_are_removed, the_view_speaks_to_people, appending_is_cheap)

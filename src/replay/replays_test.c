#include "replay/replay_private.h"

#include "base/clock.h"
#include "base/test.h"
#include "functions/entry.h"
#include "invoke/invoke.h"
#include "loop/lane.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The pool of this test: "f" answers its event's number, or what it is told to, at once. */
enum mood { ANSWERS, THROTTLES, FAILS, HOLDS };

static enum mood mood;
static enum pool_room room;
static int submitted, held_count, not_background;
static struct run *held[64];

static void answer(struct run *run, enum mood how)
{
    struct run_result result = {.outcome = how == THROTTLES ? RUN_THROTTLED
                                           : how == FAILS   ? RUN_FUNCTION_ERROR
                                                            : RUN_RESPONSE,
                                .reason = "ReservedFunctionConcurrentInvocationLimitExceeded",
                                .payload = how == FAILS ? STR("{\"errorType\": \"E\"}") : run->event};

    if (how == ANSWERS && str_eq(run->what->version, STR("2")) && str_eq(run->event, STR("7")))
        result.payload = STR("8");
    run->queued_us = run->started_us = run->ended_us = clock_steady_us();
    if (how == THROTTLES)
        run->started_us = 0;
    run->on_done(run->ctx, run, &result);
}

void pool_submit(struct pool *pool, struct run *run)
{
    (void)pool;
    submitted++;
    not_background += !run->background;
    if (mood == HOLDS)
        held[held_count++] = run;
    else
        answer(run, mood);
}

void pool_cancel(struct pool *pool, struct run *run)
{
    (void)pool, (void)run;
}

enum pool_room pool_room(const struct pool *pool)
{
    (void)pool;
    return room;
}

static _Atomic int64_t now_us = INT64_C(1700000000000000);

static int64_t read_now(void)
{
    return now_us;
}

/* A server's parts */

static char state[64];
static uv_loop_t loop;
static uv_idle_t awake; /* as a server's port does */
static struct invoker invoker;
static struct replays *replays;
static struct err err;

static struct runnable *runnable_of(const char *version)
{
    struct arena arena = {0};
    struct runnable *runnable = arena_new(&arena, struct runnable, 1);

    runnable->arena = arena;
    runnable->references = 1;
    runnable->function = STR("f");
    runnable->version = str_of(version);
    runnable->arn = STR("arn:aws:lambda:us-east-1:000000000000:function:f");
    runnable->state = VERSION_ACTIVE;
    return runnable;
}

static void put_function(void)
{
    struct arena arena = {0};
    struct function_entry *entry = arena_new(&arena, struct function_entry, 1);

    entry->name = STR("f");
    entry->versions = arena_new(&arena, struct runnable *, 3);
    entry->versions[entry->versions_count++] = runnable_of("$LATEST");
    entry->versions[entry->versions_count++] = runnable_of("1");
    entry->versions[entry->versions_count++] = runnable_of("2");
    entry->aliases = arena_new(&arena, struct alias_target, 1);
    entry->aliases[entry->aliases_count++] = (struct alias_target){STR("live"), STR("1"), STR(""), 0};
    entry->reserved_concurrency = 1;
    entry->arena = arena;
    catalog_put(invoker.catalog, entry);
}

static void stay_awake(uv_idle_t *handle)
{
    (void)handle;
}

static void open_server(void)
{
    const struct replays_options options = {.loop = &loop, .state_dir = state, .invoker = &invoker};

    uv_loop_init(&loop);
    uv_idle_init(&loop, &awake);
    uv_idle_start(&awake, stay_awake);
    invoker = (struct invoker){.catalog = catalog_new()};
    put_function();
    ok(records_open(&loop, state, INT64_MAX, &invoker.records, &err));
    ok(replays_open(&options, &replays, &err));
}

static void close_server(void)
{
    replays_stop(replays);
    for (int i = 0; i < held_count; i++) /* as pool_free() does */
        answer(held[i], FAILS);
    held_count = 0;
    records_close(invoker.records);
    replays_close(replays);
    catalog_free(invoker.catalog);
    uv_close((uv_handle_t *)&awake, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&loop) == 0);
}

static void begin(void)
{
    snprintf(state, sizeof state, "/tmp/sculler-replay-XXXXXX");
    if (!mkdtemp(state))
        abort();
    clock_replace(read_now);
    mood = ANSWERS;
    room = POOL_ROOM_FREE;
    submitted = held_count = not_background = 0;
    open_server();
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

static void end(void)
{
    close_server();
    remove_all(state);
    clock_replace(NULL);
}

/* Some turns of the loop; time goes on by `step_us` in each, and the lanes get theirs. */
static void turns(int count, int64_t step_us)
{
    for (int i = 0; i < count; i++) {
        now_us += step_us;
        replays_kick(replays); /* timers go by the kernel's clock, which this is not */
        uv_run(&loop, UV_RUN_NOWAIT);
        (void)usleep(1000);
    }
}

static void on_live(void *ctx, struct invocation *invocation)
{
    (void)ctx, (void)invocation;
}

/* A live call of the alias. */
static void call(const char *event)
{
    struct arena arena = {0};
    struct invocation invocation = {.arena = &arena,
                                    .function = STR("f"),
                                    .qualifier = STR("live"),
                                    .event = str_of(event),
                                    .source = STR("lambda"),
                                    .received_us = clock_steady_us(),
                                    .on_answer = on_live};

    invoke_start(&invoker, &invocation);
    arena_free(&arena);
}

/* Until the pool has something of it. */
static void turn_until_held(void)
{
    for (int i = 0; i < 5000 && held_count == 0; i++)
        turns(1, 1000);
}

/* Of this test's time; -1: it was not. */
static int ms_until_submitted(int count)
{
    int64_t from_us = now_us;

    for (int i = 0; i < 5000 && submitted < count; i++)
        turns(1, 10000);
    return submitted == count ? (int)((now_us - from_us) / 1000) : -1;
}

static char started_id[REPLAY_ID_CHARS];

static void on_started(void *ctx, const char *id, const struct err *why)
{
    (void)ctx, (void)why;
    snprintf(started_id, sizeof started_id, "%s", id ? id : "");
}

static void start(const char *against)
{
    const struct replay_order order = {.function = STR("f"),
                                       .version = STR("2"),
                                       .against = str_of(against),
                                       .last = 1000,
                                       .rate = 1000,
                                       .concurrency = 4,
                                       .threshold = (double)NAN};

    started_id[0] = '\0';
    ok(replays_start(replays, &order, on_started, NULL, &err));
    for (int i = 0; i < 1000 && !started_id[0]; i++)
        turns(1, 0);
    ok(started_id[0]);
}

static char told[16384];
static bool is_told;

static void on_told(void *ctx, const struct err *why)
{
    (void)ctx;
    ok(!why);
    is_told = true;
}

static const char *ask(void)
{
    BUF_AUTO buf = {0};
    struct jw jw;

    buf_init(&buf, sizeof told - 1);
    jw_init(&jw, &buf);
    const struct replay_question question = {.id = str_of(started_id), .limit = 10, .jw = &jw, .on_told = on_told};
    is_told = false;
    replays_ask(replays, &question);
    while (!is_told)
        turns(1, 0);
    snprintf(told, sizeof told, STR_FMT, STR_ARG(buf_str(&buf)));
    return told;
}

static bool tells(const char *words)
{
    bool there = strstr(ask(), words) != NULL;

    if (!there)
        printf("# told: %s\n# wanted: %s\n", told, words);
    return there;
}

static bool ends(const char *state_word, int64_t step_us)
{
    char words[64];

    snprintf(words, sizeof words, "\"state\":\"%s\"", state_word);
    for (int i = 0; i < 200; i++) {
        turns(10, step_us);
        if (strstr(ask(), words))
            return true;
    }
    printf("# told: %s\n", told);
    return false;
}

static void what_changes_is_told(void)
{
    char event[16];

    begin();
    for (int i = 0; i < 150; i++) { /* more than two pages */
        snprintf(event, sizeof event, "%d", i);
        call(event);
    }
    submitted = 0;
    start("recorded");
    ok(ends("done", 1000));
    ok(tells("\"calls\":150,\"taken\":150,") && tells("\"compared\":150,\"same\":149,\"differ\":1,"));
    ok(tells("\"words\":\"was 7, is 8\"") && submitted == 150 && not_background == 150);
    end();
}

static void no_room_is_no_failure(void)
{
    begin();
    call("1");
    call("2");
    submitted = 0;
    mood = THROTTLES;
    start("recorded");
    ok(ms_until_submitted(1) >= 0);
    int ms = ms_until_submitted(4); /* after 100, 200 and 400 */
    ok(ms >= 700 && ms < 1000);
    mood = ANSWERS;
    ok(ends("done", 100000));
    ok(tells("\"compared\":2,\"same\":2,") && tells("\"failed\":0") && !strstr(told, "\"throttled\":0"));
    end();
}

static void it_gives_way(void)
{
    begin();
    for (int i = 0; i < 20; i++)
        call("1");
    submitted = 0;
    room = POOL_ROOM_NONE;
    start("recorded");
    for (int i = 0; i < 5000 && !strstr(ask(), "\"gives_way\":true"); i++)
        turns(1, 10000);
    turns(20, 10000);
    ok(submitted == 0 && tells("\"gives_way\":true"));
    room = POOL_ROOM_TIGHT;
    ok(ms_until_submitted(1) >= 0);
    int ms = ms_until_submitted(7); /* six more, half a second between two */
    ok(ms >= 2900 && ms < 5000);
    room = POOL_ROOM_FREE;
    ok(ends("done", 1000) && tells("\"compared\":20"));
    end();
}

static void without_room_for_long_it_gives_up(void)
{
    begin();
    call("1");
    mood = THROTTLES;
    start("recorded");
    ok(ends("failed", 1000000) && tells("no call of it was taken for 300 seconds"));
    end();
}

static void it_goes_on_after_the_end_of_a_server(void)
{
    begin();
    for (int i = 0; i < 100; i++)
        call("7");
    start("recorded");
    for (int i = 0; i < 500 && !strstr(ask(), "\"taken\":64,"); i++)
        turns(1, 1000); /* the first page is through */
    mood = HOLDS;
    turn_until_held();
    ok(held_count > 0 && held_count <= 4);
    close_server(); /* what it held ended as a failure, which it is not */
    mood = ANSWERS;
    open_server();
    ok(ends("done", 1000) && tells("\"taken\":100,") && tells("\"differ\":100,\"failed\":0,"));
    end();
}

/* What a page found waits in memory until it can be written. */
static void a_disk_that_says_no_loses_nothing(void)
{
    begin();
    for (int i = 0; i < 100; i++)
        call("7");
    start("recorded");
    for (int i = 0; i < 5000 && !strstr(ask(), "\"taken\":64,"); i++)
        turns(1, 1000);                                     /* the first page is through */
    ok(db_run(replays->db, &err, "PRAGMA query_only = 1")); /* the lane has nothing to do now */
    turns(300, 10000);
    ok(tells("\"state\":\"running\"") && tells("\"taken\":100,") && tells("\"differ\":64,"));
    ok(db_run(replays->db, &err, "PRAGMA query_only = 0"));
    ok(ends("done", 10000) && tells("\"taken\":100,") && tells("\"differ\":100,"));
    end();
}

/* No page is ever through: the fourth server lets it be. */
static void what_is_cut_off_again_and_again_is_let_be(void)
{
    begin();
    call("1");
    mood = HOLDS;
    start("recorded");
    for (int i = 0; i < REPLAY_RESUMES_MAX; i++) {
        turn_until_held();
        ok(held_count == 1 && tells("\"state\":\"running\""));
        close_server();
        open_server();
    }
    turn_until_held();
    close_server();
    open_server();
    ok(tells("\"state\":\"interrupted\"") && held_count == 0);
    end();
}

static void a_version_that_is_gone_ends_it(void)
{
    begin();
    call("1");
    mood = HOLDS;
    start("recorded");
    turn_until_held();
    catalog_remove(invoker.catalog, STR("f"));
    ok(held_count == 1);
    held_count = 0;
    answer(held[0], THROTTLES); /* it is tried again, and finds nothing */
    ok(ends("failed", 10000) && tells("is gone"));
    end();
}

static void on_set(void *ctx, const struct err *why)
{
    ok(!why);
    *(bool *)ctx = true;
}

static void set_shadow(double share)
{
    const struct shadow_setting setting = {
        .function = STR("f"), .alias = STR("live"), .version = STR("2"), .share = share};
    bool is_set = false;

    ok(replays_set_shadow(replays, &setting, on_set, &is_set, &err));
    while (!is_set)
        turns(1, 0);
}

static struct shadow_counts counts(void)
{
    struct shadow_setting setting;
    struct shadow_counts ret;

    ok(replays_shadow(replays, STR("f"), &setting, &ret) && str_eq(setting.version, STR("2")));
    return ret;
}

static void a_shadow_gets_copies_later(void)
{
    begin();
    set_shadow(1);
    for (int i = 0; i < 10; i++)
        call("7");
    ok(submitted == 10 && not_background == 10); /* only live ones, so far */
    for (int i = 0; i < 5000 && submitted < 20; i++)
        turns(1, 1000);
    ok(submitted == 20 && not_background == 10);
    ok(counts().seen == 10 && counts().answered == 10 && counts().dropped == 0);
    mood = THROTTLES;
    room = POOL_ROOM_NONE;
    for (int i = 0; i < SHADOW_QUEUE_MAX + 10; i++) {
        mood = ANSWERS;
        call("7");
    }
    ok(counts().copied == 10 + SHADOW_QUEUE_MAX && counts().dropped == 10);
    turns(3, SHADOW_WAIT_MS_MAX * 1000LL);
    turns(20, 1000000);
    ok(counts().dropped == 10 + SHADOW_QUEUE_MAX); /* what waited for a minute is let go */
    end();
}

static void a_shadow_gets_its_share(void)
{
    begin();
    set_shadow(0.5);
    for (int i = 0; i < 200; i++)
        call("7");
    ok(counts().seen == 200 && counts().copied > 50 && counts().copied < 150);
    close_server();
    open_server();
    ok(counts().seen == 0); /* it is set, and counts anew */
    end();
}

TEST_MAIN(what_changes_is_told, no_room_is_no_failure, it_gives_way, without_room_for_long_it_gives_up,
          it_goes_on_after_the_end_of_a_server, a_disk_that_says_no_loses_nothing,
          what_is_cut_off_again_and_again_is_let_be, a_version_that_is_gone_ends_it, a_shadow_gets_copies_later,
          a_shadow_gets_its_share)

/*
 * sim_pool: the pool through some hundred calls in a world made from a seed, and what must hold in each.
 *
 *     sim_pool --seeds 1000 [--from 1]     each in turn; says which failed and how to see it again
 *     sim_pool --seed 17 --trace           one, told step by step
 *
 * What must hold, at every step:
 *   - each call is told exactly once, with its own answer, and is never given to two workers;
 *   - a worker has one call at a time, or one batch of at most batch_max, and none before it is ready;
 *   - no more runs of a function than are reserved, no more of all than the account's, no more workers than allowed;
 *   - at rest no call waits for a version that has an idle worker (a batch that may gather excepted);
 *   - a refusal has its reason: the bound that it names is reached;
 *   - every call ends within what its waits add up to.
 * And at the end: what is idle goes when its time is over; after pool_free no process, handle, descriptor, callback
 * or memory is left (the last by the sanitizer).
 *
 * A seed has one of four profiles, by its last two bits: without any fault and with room for all, every call must be
 * answered; with little room it may be refused; with calls that harm themselves the others must be answered; with
 * everything going wrong only the rules above hold.
 */
#include "sim.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/map.h"
#include "base/rand.h"
#include "runtime/pool.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    CALLS_MAX = 400,
    FUNCTIONS_MAX = 4,
    PACKAGES_MAX = 200,
    SEED_SECONDS_MAX = 60,   /* of real time; a seed takes some milliseconds */
    SLACK_MS = 5000,         /* graces, kills and forks that come on top of a call's own waits */
    WORLD_SECONDS_MAX = 600, /* of virtual time: calls come within ten, and their waits are bounded */
    ANSWERS_ARE_NUMBERED = 1,
    HOPELESS_MIN = 5,
    WORK_MS_MAX = 100,   /* of a call that nothing happens to */
    RENEWED_AT_ONCE = 4, /* processes of a version: one serves, one is in init, the old have forks that hang */
};

#define EPOCH_US INT64_C(1700000000000000)

enum profile { QUIET, CROWDED, BAD_CALLS, EVERYTHING };

struct call {
    int function, package;
    bool is_submitted, is_invoked, is_done, is_refused_at_once, is_background;
    enum sim_deed deed;
    int64_t submitted_us, us, bytes, pad;
    struct runnable *what;
    struct run *run; /* until it is done */
};

/* One version of a function as it is at a time. */
struct package {
    char name[32];
    struct sim_function function;
    struct function_settings settings;
    int timeout_ms, init_timeout_ms;
};

struct function {
    char name[16];
    bool exists;
    int reserved, revision, provisioned;
    struct sim_function kind;
    struct function_settings settings;
    int timeout_ms;
};

static struct {
    enum profile profile;
    struct pool_options options;
    struct catalog *catalog;
    struct pool *pool;
    uv_loop_t loop;
    struct function functions[FUNCTIONS_MAX];
    int functions_count;
    struct package packages[PACKAGES_MAX];
    int packages_count;
    struct call calls[CALLS_MAX];
    int calls_count, submitted, done;
    bool is_draining, is_drained, is_freed;
    int64_t until;
} world;

static int64_t total_calls, total_cells;

/* Functions */

const struct sim_function *sim_function_of(const char *package)
{
    for (int i = 0; i < world.packages_count; i++)
        if (strcmp(world.packages[i].name, package) == 0)
            return &world.packages[i].function;
    sim_violation("a cell is started with package %s, and there is none", package);
}

static void make_runnable(struct function_entry *entry, int index, int at)
{
    struct function *function = &world.functions[index];
    struct package *package = &world.packages[world.packages_count++];
    struct arena arena = {0};
    struct runnable *what = arena_new(&arena, struct runnable, 1);
    const char *version = at == 0 ? "$LATEST" : "1";
    int revision = at == 0 ? function->revision : 0;

    (void)snprintf(package->name, sizeof package->name, "f%d-v%d-r%d", index, at, function->revision);
    package->function = function->kind;
    package->function.index = index;
    package->function.batch_max = function->settings.batch_max;
    package->settings = function->settings;
    package->timeout_ms = function->timeout_ms;
    package->init_timeout_ms =
        function->settings.init_timeout_ms ? function->settings.init_timeout_ms : world.options.init_timeout_ms;
    what->arena = arena;
    what->references = 1;
    what->function = arena_copy(&what->arena, str_of(function->name));
    what->version = arena_copy(&what->arena, str_of(version));
    what->package = arena_copy(&what->arena, str_of(package->name));
    what->arn = STR("arn:aws:lambda:us-east-1:000000000000:function:f");
    what->key = arena_printf(&what->arena, "%s:%s:%d-%s", function->name, version, revision, package->name);
    what->handler = STR("main.handler");
    what->runtime = STR("python3.11");
    what->interpreter = STR("/usr/bin/python3");
    what->prefix = what->log_group = what->role = STR("");
    what->settings = function->settings;
    what->memory_mb = 128;
    what->timeout_ms = function->timeout_ms;
    what->tmp_mb = 16;
    if (at > 0 && world.options.catalog) /* of published versions only, and nobody takes it back without a catalog */
        what->provisioned = function->provisioned;
    what->state = VERSION_ACTIVE;
    entry->versions[at] = what;
}

static void put_function(int index)
{
    struct function *function = &world.functions[index];
    struct arena arena = {0};
    struct function_entry *entry = arena_new(&arena, struct function_entry, 1);

    if (world.packages_count + 2 > PACKAGES_MAX)
        return;
    entry->arena = arena;
    entry->name = arena_copy(&entry->arena, str_of(function->name));
    entry->versions = arena_new(&entry->arena, struct runnable *, 2);
    entry->versions_count = 2;
    entry->reserved_concurrency = function->reserved;
    make_runnable(entry, index, 0);
    make_runnable(entry, index, 1);
    function->exists = true;
    function->revision++;
    catalog_put(world.catalog, entry);
    sim_trace("%s is put, revision %d", function->name, function->revision - 1);
}

static void change_function(void *ctx, int64_t index)
{
    struct function *function = &world.functions[index];

    (void)ctx;
    if (sim_chance(200) && function->exists) {
        sim_trace("%s is deleted", function->name);
        function->exists = false;
        catalog_remove(world.catalog, str_of(function->name));
    } else {
        put_function((int)index);
    }
}

/* Calls */

static int waiting_of(int function)
{
    int count = 0;

    for (int i = 0; i < world.submitted; i++)
        count += world.calls[i].function == function && world.calls[i].is_submitted && !world.calls[i].is_done &&
                 !world.calls[i].is_invoked;
    return count;
}

static int untold(void)
{
    int count = 0;

    for (int i = 0; i < world.submitted; i++)
        count += world.calls[i].is_submitted && !world.calls[i].is_done;
    return count;
}

static int admitted_of(int function) /* -1: of all; without background calls, which count for no limit */
{
    int count = 0;

    for (int i = 0; i < world.submitted; i++)
        count += (function < 0 || world.calls[i].function == function) && world.calls[i].is_submitted &&
                 !world.calls[i].is_done && !world.calls[i].is_background;
    return count;
}

static bool some_are_reserved(void)
{
    for (int i = 0; i < FUNCTIONS_MAX; i++) {
        if (world.functions[i].reserved > 0)
            return true;
    }
    return false;
}

static bool may_be_an_error(const struct call *call)
{
    const struct package *package = &world.packages[call->package];

    if (world.profile == EVERYTHING || world.is_freed)
        return true;
    return world.profile == BAD_CALLS && (call->deed != DEED_OK || package->function.can_batch);
}

static void check_throttle(const struct call *call, const char *reason)
{
    const struct function *function = &world.functions[call->function];
    int64_t waited_ms = (sim_now - call->submitted_us) / 1000;

    if (world.profile == QUIET && !world.is_draining)
        sim_violation("call of %s is refused (%s) where there is room for all", function->name, reason);
    if (call->is_background && strcmp(reason, "ReservedFunctionConcurrentInvocationLimitExceeded") == 0)
        sim_violation("a background call of %s is refused for what is reserved", function->name);
    if (strcmp(reason, "ReservedFunctionConcurrentInvocationLimitExceeded") == 0) {
        if (function->reserved < 0 || admitted_of(call->function) - 1 < function->reserved)
            sim_violation("a call of %s is refused for its reserved concurrency of %d, and %d are admitted",
                          function->name, function->reserved, admitted_of(call->function) - 1);
        return;
    }
    if (world.is_draining || waited_ms >= world.options.queue_wait_ms_max ||
        waiting_of(call->function) - 1 >= world.options.queue_per_function_max)
        return;
    if (!call->is_background && world.options.account_concurrency > 0 &&
        (admitted_of(-1) - 1 >= world.options.account_concurrency || (function->reserved < 0 && some_are_reserved())))
        return; /* what others have reserved is theirs (how much, the pool looks up at times) */
    if (waiting_of(call->function) > HOPELESS_MIN || /* the pool reckons that its turn would come too late */
        waiting_of(call->function) * WORK_MS_MAX > world.options.queue_wait_ms_max)
        return;
    sim_violation("a call of %s is refused (%s) after %lld ms with %d that wait", function->name, reason,
                  (long long)waited_ms, waiting_of(call->function) - 1);
}

static void check_response(const struct call *call, int64_t number, str payload)
{
    char wanted[40];

    if (!call->is_invoked)
        sim_violation("call %lld has an answer, and no worker had it", (long long)number);
    if (call->deed == DEED_ERROR || call->deed == DEED_OVERSIZE || call->deed == DEED_EXIT ||
        call->deed == DEED_CRASH || call->deed == DEED_HANG)
        sim_violation("call %lld has an answer, and its worker gave none", (long long)number);
    (void)snprintf(wanted, sizeof wanted, "{\"n\":%lld,", (long long)number);
    if (!str_starts(payload, str_of(wanted)) && call->deed != DEED_TWICE)
        sim_violation("call %lld is answered with " STR_FMT, (long long)number,
                      STR_ARG(((str){payload.at, payload.len < 40 ? payload.len : 40})));
    if (str_starts(payload, str_of(wanted)) && payload.len != strlen(wanted) + (size_t)call->bytes + 9)
        sim_violation("call %lld is answered with %zu bytes", (long long)number, payload.len);
}

static void check_time(const struct call *call, int64_t number)
{
    const struct package *package = &world.packages[call->package];
    int64_t took_ms = (sim_now - call->submitted_us) / 1000;
    int64_t most = package->timeout_ms + package->settings.batch_delay_ms +
                   2 * ((int64_t)package->init_timeout_ms + world.options.queue_wait_ms_max) + 3 * SLACK_MS;

    if (took_ms > most)
        sim_violation("call %lld took %lld ms, %lld at most", (long long)number, (long long)took_ms, (long long)most);
}

static void submit_next(void *ctx, int64_t unused);

static const char *const outcome_words[] = {"answered", "an error", "throttled", "refused"};

static void on_done(void *ctx, struct run *run, const struct run_result *result)
{
    struct call *call = ctx;
    int64_t number = call - world.calls;

    if (call->is_done || call->run != run)
        sim_violation("call %lld is told twice", (long long)number);
    sim_trace("call %lld is %s %s %s", (long long)number, outcome_words[result->outcome],
              result->reason ? result->reason : "", result->error_type ? result->error_type : "");
    if (result->outcome == RUN_THROTTLED)
        check_throttle(call, result->reason);
    else if (result->outcome == RUN_RESPONSE)
        check_response(call, number, result->payload);
    else if (!may_be_an_error(call))
        sim_violation("call %lld ends in %s (" STR_FMT "), and nothing went wrong", (long long)number,
                      result->error_type ? result->error_type : "an error", STR_ARG(result->payload));
    if (!call->is_refused_at_once)
        check_time(call, number);
    call->is_done = true;
    call->run = NULL;
    world.done++;
    runnable_release(call->what);
    buf_free(&run->log);
    buf_free(&run->log_tail);
    arena_free(run->arena);
    free(run->arena);
    free(run);
    if (sim_chance(100))
        submit_next(NULL, 0);
}

static str make_event(struct arena *arena, int64_t number, const struct call *call)
{
    struct buf buf = {0};
    str event;

    buf_init(&buf, INVOKE_EVENT_BYTES_MAX);
    buf_printf(&buf, "{\"call\":%lld,\"deed\":%d,\"us\":%lld,\"bytes\":%lld,\"pad\":\"", (long long)number, call->deed,
               (long long)call->us, (long long)call->bytes);
    for (int64_t i = 0; i < call->pad; i++)
        buf_add_char(&buf, 'p');
    buf_add(&buf, STR("\"}"));
    event = arena_copy(arena, buf_str(&buf));
    buf_free(&buf);
    return event;
}

bool sim_call_is_known(str event, int64_t *ret_call, enum sim_deed *ret_deed, int64_t *ret_us, int64_t *ret_bytes)
{
    char text[128] = "";
    long long call = -1, us = 0, bytes = 0;
    int deed = 0;

    memcpy(text, event.at, event.len < sizeof text - 1 ? event.len : sizeof text - 1);
    if (sscanf(text, "{\"call\":%lld,\"deed\":%d,\"us\":%lld,\"bytes\":%lld,", &call, &deed, &us, &bytes) != 4 ||
        call < 0 || call >= world.submitted || !str_ends(event, STR("\"}")))
        return false;
    *ret_call = call, *ret_deed = (enum sim_deed)deed, *ret_us = us, *ret_bytes = bytes;
    return true;
}

static int package_of(str name)
{
    for (int i = 0; i < world.packages_count; i++)
        if (str_eq(name, str_of(world.packages[i].name)))
            return i;
    return -1;
}

static void check_bounds(int function)
{
    int reserved = world.functions[function].reserved;

    if (reserved >= 0 && admitted_of(function) > reserved)
        sim_violation("%d calls of %s are admitted, %d are reserved", admitted_of(function),
                      world.functions[function].name, reserved);
    if (waiting_of(function) > world.options.queue_per_function_max + world.options.workers_total_max * 64)
        sim_violation("%d calls of %s wait", waiting_of(function), world.functions[function].name);
}

static void submit(int64_t number, struct runnable *what)
{
    struct call *call = &world.calls[number];
    struct arena *arena = calloc(1, sizeof *arena);
    struct run *run = calloc(1, sizeof *run);

    if (!arena || !run)
        abort();
    call->what = what;
    call->package = package_of(what->package);
    call->run = run;
    call->is_submitted = call->is_refused_at_once = true;
    call->submitted_us = sim_now;
    *run = (struct run){.arena = arena,
                        .what = what,
                        .request_id = arena_printf(arena, "request-%lld", (long long)number),
                        .invoked_arn = what->arn,
                        .event = make_event(arena, number, call),
                        .background = call->is_background,
                        .reserved_concurrency = world.functions[call->function].reserved,
                        .on_done = on_done,
                        .ctx = call};
    sim_trace("call %lld of " STR_FMT " is submitted, deed %d%s", (long long)number, STR_ARG(what->package), call->deed,
              call->is_background ? ", background" : "");
    pool_submit(world.pool, run);
    call->is_refused_at_once = false;
    check_bounds(call->function);
}

static void submit_next(void *ctx, int64_t unused)
{
    struct runnable *what;
    struct call *call;
    str alias;

    (void)ctx, (void)unused;
    if (world.submitted == world.calls_count)
        return;
    call = &world.calls[world.submitted++];
    what = catalog_resolve(world.catalog, str_of(world.functions[call->function].name),
                           sim_chance(200) ? STR("1") : STR(""), &alias);
    if (what)
        submit(call - world.calls, what);
    else
        call->is_done = true, world.done++; /* 404 */
}

void sim_on_invoke(int64_t number, const char *package, uint32_t worker, str request_id, int64_t deadline_us)
{
    struct call *call = &world.calls[number];
    char wanted[32];

    sim_trace("worker %u has call %lld", worker, (long long)number);
    if (call->is_invoked)
        sim_violation("call %lld is given to a second worker, %u", (long long)number, worker);
    call->is_invoked = true;
    if (!call->is_done && strcmp(package, world.packages[call->package].name) != 0)
        sim_violation("call %lld of %s runs in %s", (long long)number, world.packages[call->package].name, package);
    (void)snprintf(wanted, sizeof wanted, "request-%lld", (long long)number);
    if (!str_eq(request_id, str_of(wanted)))
        sim_violation("call %lld comes with the id " STR_FMT, (long long)number, STR_ARG(request_id));
    if (deadline_us > EPOCH_US + sim_now + world.packages[call->package].timeout_ms * 1000LL)
        sim_violation("call %lld has a deadline beyond its timeout", (long long)number);
}

/* What must hold when all that could happen has happened */

static void check_nobody_waits_in_vain(void)
{
    for (int i = 0; i < world.submitted; i++) {
        const struct call *call = &world.calls[i];
        const struct package *package = &world.packages[call->package];
        int64_t waited_us = sim_now - call->submitted_us;
        if (!call->is_submitted || call->is_done || call->is_invoked)
            continue;
        if (package->function.can_batch && waited_us <= (package->settings.batch_delay_ms + 1) * 1000LL)
            continue;
        if (sim_workers_idle_of(package->name) > 0 && !sim_has_stray(package->name))
            sim_violation("call %d waits for %s since %.3f ms, which has %d idle workers", i, package->name,
                          (double)waited_us / 1000.0, sim_workers_idle_of(package->name));
    }
}

static void at_rest(void)
{
    int running = 0;

    if (sim_now > WORLD_SECONDS_MAX * INT64_C(1000000))
        sim_violation("the world is %d s old, and %d of %d calls are told", WORLD_SECONDS_MAX, world.done,
                      world.calls_count);

    if (sim_workers_alive() > world.options.workers_total_max) {
        sim_workers_list();
        sim_violation("%d workers live, %d may", sim_workers_alive(), world.options.workers_total_max);
    }
    for (int i = 0; i < world.packages_count; i++)
        if (sim_workers_alive_of(world.packages[i].name) > world.options.workers_per_version_max)
            sim_violation("%d workers of %s live, %d may", sim_workers_alive_of(world.packages[i].name),
                          world.packages[i].name, world.options.workers_per_version_max);
    for (int i = 0; i < world.submitted; i++)
        running += world.calls[i].is_invoked && !world.calls[i].is_done && !world.calls[i].is_background;
    if (world.options.account_concurrency > 0 && running > world.options.account_concurrency)
        sim_violation("%d calls run, the account has %d", running, world.options.account_concurrency);
    check_nobody_waits_in_vain();
}

/* The world */

static void draw_faults(void)
{
    int *rates = (int *)&sim_faults;

    memset(&sim_faults, 0, sizeof sim_faults);
    sim_faults.dribble = sim_chance(300) ? 500 : 0;
    if (world.profile == BAD_CALLS)
        sim_faults.call_bad = (int)sim_between(50, 600);
    if (world.profile != EVERYTHING)
        return;
    for (size_t i = 0; i < sizeof sim_faults / sizeof *rates; i++)
        rates[i] = sim_chance(400) ? (int)sim_between(1, sim_chance(200) ? 600 : 80) : 0;
}

static void draw_options(void)
{
    bool roomy = world.profile == QUIET;

    world.options = (struct pool_options){
        .workers_per_version_max = (int)(roomy ? 64 : sim_between(1, 6)),
        .workers_total_max = (int)(roomy ? 256 : sim_between(1, 10)),
        .queue_per_function_max = (int)(roomy ? CALLS_MAX : sim_between(1, 30)),
        .queue_wait_ms_max = (int)(roomy ? 60000 : sim_between(20, 3000)),
        .worker_idle_ms = (int)sim_between(50, 3000),
        .template_idle_ms = (int)sim_between(50, 5000),
        .init_timeout_ms = (int)sim_between(1000, 5000),
        .account_concurrency = (int)(roomy || sim_chance(700) ? 0 : sim_between(1, 20)),
        .template_age_max_ms = (int)(sim_chance(300) ? sim_between(300, 3000) : 0),
        .templates_memory_mb = roomy             ? 100000
                               : sim_chance(300) ? sim_between(50, 2000)
                                                 : 0,
        .template_memory_mb = sim_chance(300) ? 512 : 0,
        .catalog = sim_chance(800) ? world.catalog : NULL,
    };
}

static void draw_function(int index)
{
    struct function *function = &world.functions[index];
    struct err err;

    *function = (struct function){.reserved = -1};
    (void)snprintf(function->name, sizeof function->name, "f%d", index);
    if (!settings_read(NULL, 0, &function->settings, &err))
        abort();
    if (world.profile != QUIET && sim_chance(300))
        function->reserved = (int)sim_between(0, 5);
    function->settings.parked = (int)sim_between(0, 2);
    function->settings.batch_max = (int)sim_between(1, 20);
    function->settings.batch_delay_ms = sim_chance(500) ? 0 : (int)sim_between(1, 100);
    function->settings.fork = sim_chance(850);
    function->settings.init_timeout_ms = sim_chance(800) ? 0 : (int)sim_between(1000, 3000);
    function->provisioned = sim_chance(150) ? (int)sim_between(1, 3) : 0;
    function->timeout_ms = (int)(world.profile == QUIET ? 60000 : sim_between(200, 3000));
    function->kind = (struct sim_function){.can_fork = sim_chance(850),
                                           .can_batch = sim_chance(300),
                                           .init_us = sim_between(100, sim_chance(300) ? 900000 : 50000),
                                           .fork_us = sim_between(0, 3000),
                                           .init_prints = (int)sim_between(0, 2)};
    put_function(index);
}

static enum sim_deed draw_deed(void)
{
    /* Harm only themselves: the next call of the same worker, if it lives, is served. */
    static const enum sim_deed contained[] = {DEED_ERROR, DEED_OVERSIZE, DEED_TOO_LONG, DEED_EXIT,     DEED_CRASH,
                                              DEED_HANG,  DEED_HALF,     DEED_CLOSE,    DEED_NO_MEMORY};

    enum sim_deed deed;

    if (!sim_chance(sim_faults.call_bad))
        return DEED_OK;
    if (world.profile == BAD_CALLS)
        return contained[sim_rand(sizeof contained / sizeof *contained)];
    deed = (enum sim_deed)sim_rand(DEEDS);
    return deed == DEED_TWICE && !ANSWERS_ARE_NUMBERED ? DEED_OK : deed;
}

static void draw_calls(void)
{
    int64_t span_us = sim_between(10, sim_chance(500) ? 10000 : 1000) * 1000;
    int64_t work_us = sim_chance(500) ? 2000 : WORK_MS_MAX * 1000;
    int background =
        (int)(sim_seed / 4 % 4); /* every so many of five; drawn without a draw: the rest stays as it was */

    world.calls_count = (int)sim_between(1, sim_chance(200) ? CALLS_MAX : 80);
    for (int i = 0; i < world.calls_count; i++) {
        world.calls[i] = (struct call){.function = (int)sim_rand((uint64_t)world.functions_count),
                                       .deed = draw_deed(),
                                       .is_background = i % 5 < background,
                                       .us = sim_between(0, work_us),
                                       .bytes = sim_chance(30) ? sim_between(0, 1000000) : sim_between(0, 200),
                                       .pad = sim_chance(30) ? sim_between(0, 1000000) : sim_between(0, 200)};
        sim_at(sim_between(0, span_us), submit_next, NULL, 0);
    }
    for (int64_t changes = sim_chance(500) ? sim_between(0, 20) : 0; changes > 0; changes--)
        sim_at(sim_between(0, span_us), change_function, NULL, (int64_t)sim_rand((uint64_t)world.functions_count));
}

static bool all_told(void)
{
    return world.submitted == world.calls_count && world.done == world.calls_count;
}

static bool time_is_over(void)
{
    return sim_now >= world.until;
}

static bool all_gone(void)
{
    return sim_cells_alive() == 0 && sim_ends_owed() == 0;
}

static void on_drained(void *ctx)
{
    (void)ctx;
    if (world.is_drained)
        sim_violation("the end of the drain is told twice");
    if (admitted_of(-1) > 0)
        sim_violation("the drain ends with %d calls", admitted_of(-1));
    world.is_drained = true;
}

static bool is_drained(void)
{
    return world.is_drained;
}

static void nothing_to_check(void)
{
}

static int cells_provisioned(void)
{
    int may_stay = 0;

    for (int i = 0; i < world.functions_count; i++) {
        const struct function *function = &world.functions[i];
        bool forks = function->kind.can_fork && function->settings.fork && world.profile != EVERYTHING; /* forks hang */
        if (world.options.catalog && function->exists &&
            function->provisioned > 0) /* two versions; without forks each worker is a cell */
            may_stay += 2 * (forks ? 1 : function->provisioned + function->settings.parked);
    }
    return world.options.template_age_max_ms > 0 ? RENEWED_AT_ONCE * may_stay : may_stay;
}

/* What idles goes, unless it is provisioned.  A function may still have changed after the last call. */
static void check_idle_end(void)
{
    world.until = sim_now + 1000LL * (world.options.worker_idle_ms + world.options.template_idle_ms +
                                      world.options.init_timeout_ms + 2 * SLACK_MS);
    (void)sim_run(time_is_over, at_rest);
    if (sim_cells_alive() > cells_provisioned())
        sim_violation("%d cells live on though nobody calls", sim_cells_alive());
}

static void end_world(void)
{
    if (sim_chance(700)) {
        world.is_draining = true;
        pool_drain(world.pool, on_drained, NULL);
        world.until = sim_now + 1000;
        (void)sim_run(is_drained, at_rest);
    }
    world.is_draining = world.is_freed = true;
    pool_free(world.pool);
    if (untold() > 0)
        sim_violation("%d calls were not told when the pool went", untold());
    world.until = sim_now + SLACK_MS * 1000LL;
    if (!sim_run(all_gone, nothing_to_check))
        sim_violation("%d cells live on and %d ends are owed after the pool went", sim_cells_alive(), sim_ends_owed());
    for (int i = world.submitted; i < world.calls_count; i++)
        world.calls[i].is_done = true;
    catalog_free(world.catalog);
    total_cells += sim_cells_started();
    sim_cells_reset();
    sim_loop_reset();
}

static int descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static int64_t read_clock(void)
{
    return EPOCH_US + sim_now;
}

static void run_seed(uint64_t seed)
{
    int before = descriptors();

    sim_seed = seed;
    sim_loop_reset();
    rand_replace(seed + 1);
    memset(&world, 0, sizeof world);
    world.profile = (enum profile)(seed % 4);
    world.catalog = catalog_new();
    draw_options();
    draw_faults();
    world.functions_count = (int)sim_between(1, FUNCTIONS_MAX);
    for (int i = 0; i < world.functions_count; i++)
        draw_function(i);
    draw_calls();
    world.pool = pool_new(&world.loop, sim_keeper, &world.options);
    if (sim_chance(850)) {
        if (!sim_run(all_told, at_rest))
            sim_violation("nothing happens any more, and %d calls are not told", world.calls_count - world.done);
        if (sim_chance(500))
            check_idle_end();
    } else { /* the end comes in the middle */
        world.until = sim_between(0, 3000000);
        (void)sim_run(time_is_over, at_rest);
    }
    end_world();
    total_calls += world.submitted;
    if (descriptors() != before)
        sim_violation("%d descriptors before, %d after", before, descriptors());
}

/* Many seeds: a child runs one after the other; when one ends it, the next child goes on behind that. */

struct progress {
    uint64_t seed;
    int64_t calls, cells;
};

static void run_from(uint64_t from, uint64_t to, struct progress *progress)
{
    for (uint64_t seed = from; seed < to; seed++) {
        progress->seed = seed;
        alarm(SEED_SECONDS_MAX);
        run_seed(seed);
        progress->calls += total_calls, progress->cells += total_cells;
        total_calls = total_cells = 0;
    }
    progress->seed = to;
    exit(0); /* with the leak check */
}

static int run_many(uint64_t from, uint64_t count, const char *self)
{
    struct progress *progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t to = from + count, failed = 0;
    time_t started = time(NULL);
    int status;

    if (progress == MAP_FAILED)
        return 1;
    for (progress->seed = from; progress->seed < to; progress->seed++) {
        pid_t pid = fork();
        if (pid == 0)
            run_from(progress->seed, to, progress);
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
            return 1;
        if (status == 0)
            break;
        failed++;
        if (progress->seed == to)
            printf("# a seed leaks memory: run smaller ranges\n");
        else
            printf("# seed %llu failed (%s %d): %s --seed %llu --trace\n", (unsigned long long)progress->seed,
                   WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : status >> 8,
                   self, (unsigned long long)progress->seed);
        fflush(stdout);
    }
    printf("%lld calls, %lld cells\n", (long long)progress->calls, (long long)progress->cells);
    printf("%llu passed, %llu failed in %.1fs\n", (unsigned long long)(count - failed), (unsigned long long)failed,
           (double)(time(NULL) - started));
    return failed > 0;
}

static void settle_map_seed(void)
{
    struct map map = {0};

    rand_replace(1); /* map hashes by a secret of the process: here the same in each */
    (void)map_put(&map, STR("a"), &map);
    map_done(&map);
}

int main(int argc, char **argv)
{
    uint64_t from = 1, count = 100, only = 0;

    (void)signal(SIGPIPE, SIG_IGN); /* a virtual process may print when nobody listens any more */
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--trace") == 0)
            sim_tracing = true;
        else if (strcmp(argv[i], "--seed") == 0 && has_value)
            only = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seeds") == 0 && has_value)
            count = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--from") == 0 && has_value)
            from = strtoull(argv[++i], NULL, 10);
        else
            return fprintf(stderr, "usage: sim_pool [--seed N] [--seeds COUNT] [--from N] [--trace]\n"), 2;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* as the server does; a far end may print into a pipe that is closed */
    settle_map_seed();
    clock_replace(read_clock);
    log_set_level(sim_tracing ? LOG_DEBUG : LOG_ERROR);
    if (only == 0)
        return run_many(from, count, argv[0]);
    run_seed(only);
    printf("seed %llu: %lld calls, %lld cells\n", (unsigned long long)only, (long long)total_calls,
           (long long)total_cells);
    return 0;
}

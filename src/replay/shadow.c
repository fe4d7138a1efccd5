/*
 * A copy waits in one queue for all functions, in the order of the calls; at most SHADOW_CONCURRENCY run.  The event is
 * copied while the live call still has it, which costs that call a memcpy; everything else is done in later turns of
 * the loop, when its answer has left.
 */
#include "replay/shadow.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/map.h"
#include "base/rand.h"
#include "invoke/invoke.h"
#include "logs/store.h"
#include "replay/pace.h"

#include <stdlib.h>
#include <sys/queue.h>

#define CLIENT_CONTEXT STR("{\"custom\":{\"sculler_source\":\"shadow\"}}")

struct shadow {
    struct arena arena;
    struct shadow_setting setting;
    struct shadow_counts counts;
};

/* One live call's event, on its way to the other version. */
struct copy {
    TAILQ_ENTRY(copy) next;
    struct shadows *shadows;
    struct arena arena; /* the event and the texts */
    struct arena run;   /* of the invocation */
    struct invocation invocation;
    str function, version, detail, event;
    int64_t queued_us;
};

TAILQ_HEAD(copies, copy);

struct shadows {
    struct invoker *invoker;
    struct map all; /* function -> struct shadow */
    struct copies waiting, finished;
    int waiting_count, running;
    size_t waiting_bytes;
    struct pace pace;
    uv_timer_t timer;
    bool is_stopping;
};

static void kick(struct shadows *shadows);

/* Settings */

static struct shadow *find(const struct shadows *shadows, str function)
{
    return map_get(&shadows->all, function);
}

static void shadow_free(struct shadow *shadow)
{
    struct arena arena;

    if (!shadow)
        return;
    arena = shadow->arena;
    arena_free(&arena);
}

void shadows_put(struct shadows *shadows, const struct shadow_setting *setting)
{
    struct arena arena = {0};
    struct shadow *shadow = arena_new(&arena, struct shadow, 1);

    shadow->setting = (struct shadow_setting){
        .function = arena_copy(&arena, setting->function),
        .alias = arena_copy(&arena, setting->alias),
        .version = arena_copy(&arena, setting->version),
        .share = setting->share,
        .set_us = setting->set_us,
    };
    shadow->counts.since_us = clock_wall_us();
    shadow->arena = arena;
    shadow_free(map_put(&shadows->all, setting->function, shadow));
}

void shadows_remove(struct shadows *shadows, str function)
{
    shadow_free(map_remove(&shadows->all, function));
}

bool shadows_get(const struct shadows *shadows, str function, struct shadow_setting *ret,
                 struct shadow_counts *ret_counts)
{
    const struct shadow *shadow = find(shadows, function);

    if (!shadow)
        return false;
    *ret = shadow->setting;
    *ret_counts = shadow->counts;
    return true;
}

int shadows_count(const struct shadows *shadows)
{
    return (int)shadows->all.len;
}

/* Copies */

static void copy_free(struct copy *copy)
{
    arena_free(&copy->run);
    arena_free(&copy->arena);
    free(copy);
}

static void count_drop(struct shadows *shadows, str function, const char *why)
{
    struct shadow *shadow = find(shadows, function);

    if (!shadow)
        return;
    shadow->counts.dropped++;
    if ((shadow->counts.dropped & (shadow->counts.dropped - 1)) == 0) /* the 1st, 2nd, 4th, 8th ... */
        log_warn("a live call was not copied to its shadow", F_STR("function", function), F_CSTR("why", why),
                 F_INT("dropped", shadow->counts.dropped));
}

static void leave_queue(struct shadows *shadows, struct copy *copy)
{
    TAILQ_REMOVE(&shadows->waiting, copy, next);
    shadows->waiting_count--;
    shadows->waiting_bytes -= copy->event.len;
}

static void enter_queue(struct shadows *shadows, struct copy *copy, bool first)
{
    if (first)
        TAILQ_INSERT_HEAD(&shadows->waiting, copy, next);
    else
        TAILQ_INSERT_TAIL(&shadows->waiting, copy, next);
    shadows->waiting_count++;
    shadows->waiting_bytes += copy->event.len;
}

static bool is_meant(const struct shadow *shadow, const struct invocation *invocation, const struct record *record)
{
    return records_ran_for_somebody(record) && str_eq(invocation->alias, shadow->setting.alias) &&
           !str_eq(invocation->executed_version, shadow->setting.version);
}

static void on_recorded(void *ctx, const struct invocation *invocation, const struct record *record)
{
    struct shadows *shadows = ctx;
    struct shadow *shadow = find(shadows, record->function);
    struct copy *copy;

    if (!shadow || shadows->is_stopping || !is_meant(shadow, invocation, record))
        return;
    shadow->counts.seen++;
    if (rand_unit() >= shadow->setting.share)
        return;
    if (shadows->waiting_count == SHADOW_QUEUE_MAX ||
        shadows->waiting_bytes + invocation->event.len > SHADOW_QUEUE_BYTES_MAX) {
        count_drop(shadows, record->function, "too many wait already");
        return;
    }
    copy = calloc(1, sizeof *copy);
    if (!copy)
        abort();
    copy->shadows = shadows;
    copy->function = arena_copy(&copy->arena, record->function);
    copy->version = arena_copy(&copy->arena, shadow->setting.version);
    copy->detail = arena_printf(&copy->arena, "shadow of %s", invocation->request_id);
    copy->event = arena_copy(&copy->arena, invocation->event);
    copy->queued_us = clock_steady_us();
    shadow->counts.copied++;
    enter_queue(shadows, copy, false);
    kick(shadows);
}

/* Running */

static int status_of(struct invocation *invocation)
{
    return invocation->outcome == INVOKE_ANSWERED || invocation->outcome == INVOKE_FUNCTION_ERROR ? 200
           : invocation->outcome == INVOKE_THROTTLED                                              ? 429
           : invocation->outcome == INVOKE_NO_FUNCTION                                            ? 404
                                                                                                  : 409;
}

static void on_answer(void *ctx, struct invocation *invocation)
{
    struct copy *copy = ctx;
    struct shadows *shadows = copy->shadows;
    struct shadow *shadow = find(shadows, copy->function);
    bool refused = invocation->outcome == INVOKE_THROTTLED || invocation->outcome == INVOKE_NOT_READY;

    shadows->running--;
    if (refused && !shadows->is_stopping) {
        pace_refused(&shadows->pace, clock_steady_us());
        enter_queue(shadows, copy, true);
        kick(shadows);
        return;
    }
    pace_answered(&shadows->pace);
    if (invocation->outcome == INVOKE_NO_FUNCTION)
        count_drop(shadows, copy->function, "the version is gone");
    else if (shadow && invocation->outcome == INVOKE_ANSWERED)
        shadow->counts.answered++;
    else if (shadow)
        shadow->counts.failed++;
    TAILQ_INSERT_TAIL(&shadows->finished, copy, next); /* its arena is in use until we have returned */
    kick(shadows);
}

static void start(struct shadows *shadows, struct copy *copy)
{
    struct invocation *invocation = &copy->invocation;

    leave_queue(shadows, copy);
    arena_reset(&copy->run);
    *invocation = (struct invocation){
        .arena = &copy->run,
        .function = copy->function,
        .qualifier = copy->version,
        .event = copy->event,
        .source = RECORD_SOURCE_SHADOW,
        .detail = copy->detail,
        .client_context = CLIENT_CONTEXT,
        .background = true,
        .received_us = clock_steady_us(),
        .on_answer = on_answer,
        .status_of = status_of,
        .ctx = copy,
    };
    shadows->running++;
    pace_started(&shadows->pace, invocation->received_us);
    invoke_start(shadows->invoker, invocation);
}

static void free_finished(struct shadows *shadows)
{
    struct copy *copy;

    while ((copy = TAILQ_FIRST(&shadows->finished))) {
        TAILQ_REMOVE(&shadows->finished, copy, next);
        copy_free(copy);
    }
}

static void drop_the_late(struct shadows *shadows, int64_t now_us)
{
    struct copy *copy;

    while ((copy = TAILQ_FIRST(&shadows->waiting)) && now_us - copy->queued_us > SHADOW_WAIT_MS_MAX * 1000LL) {
        leave_queue(shadows, copy);
        count_drop(shadows, copy->function, "there was no room for so long");
        copy_free(copy);
    }
}

static void turn(uv_timer_t *timer)
{
    struct shadows *shadows = timer->data;
    int64_t now_us = clock_steady_us(), wait_us = 0;
    struct copy *copy;

    free_finished(shadows);
    drop_the_late(shadows, now_us);
    while ((copy = TAILQ_FIRST(&shadows->waiting)) && shadows->running < SHADOW_CONCURRENCY) {
        wait_us = pace_wait_us(&shadows->pace, pool_room(shadows->invoker->pool), now_us);
        if (wait_us > 0)
            break;
        start(shadows, copy);
    }
    if (wait_us > 0 && !uv_is_active((uv_handle_t *)timer))
        uv_timer_start(timer, turn, (uint64_t)(wait_us / 1000 + 1), 0);
}

/* A wait for room, or after a refusal, is not cut short by each call that comes. */
static void kick(struct shadows *shadows)
{
    if (!shadows->is_stopping && !uv_is_active((uv_handle_t *)&shadows->timer))
        uv_timer_start(&shadows->timer, turn, 0, 0);
}

/* The beginning and the end */

struct shadows *shadows_new(uv_loop_t *loop, struct invoker *invoker)
{
    struct shadows *shadows = calloc(1, sizeof *shadows);

    if (!shadows)
        abort();
    shadows->invoker = invoker;
    shadows->pace.rate = REPLAY_RATE_MAX;
    TAILQ_INIT(&shadows->waiting);
    TAILQ_INIT(&shadows->finished);
    (void)uv_timer_init(loop, &shadows->timer);
    uv_unref((uv_handle_t *)&shadows->timer);
    shadows->timer.data = shadows;
    invoke_observe(invoker, (struct invoke_observer){on_recorded, shadows});
    return shadows;
}

void shadows_stop(struct shadows *shadows)
{
    shadows->is_stopping = true;
    uv_timer_stop(&shadows->timer);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void shadows_free(struct shadows *shadows)
{
    size_t cursor = 0;
    struct copy *copy;
    void *value;
    str key;

    free_finished(shadows);
    while ((copy = TAILQ_FIRST(&shadows->waiting))) {
        leave_queue(shadows, copy);
        copy_free(copy);
    }
    while (map_next(&shadows->all, &cursor, &key, &value))
        shadow_free(value);
    map_done(&shadows->all);
    uv_close((uv_handle_t *)&shadows->timer, on_closed);
}

/*
 * replays: which there are.  REPLAYS_RUNNING_MAX run, the others wait in the order in which they came.  A replay is on
 * disk before it is acknowledged, and is taken up again by the next server.
 */
#include "replay/replay_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "codec/uuid.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Turning */

static void turn(uv_timer_t *timer)
{
    struct replays *replays = timer->data;
    int64_t now_us = clock_steady_us(), least_us = INT64_MAX;
    struct replay *replay, *next;
    int running = 0;

    for (replay = TAILQ_FIRST(&replays->all); replay && !replays->is_stopping; replay = next) {
        int64_t wait_us;

        next = TAILQ_NEXT(replay, next);
        if (replay->saved.state == REPLAY_WAITING && !replay->is_ending) {
            if (running == REPLAYS_RUNNING_MAX)
                continue;
            replay->saved.state = REPLAY_RUNNING;
            replay->saved.started_us = replay->saved.started_us ? replay->saved.started_us : clock_wall_us();
        }
        running++;
        wait_us = replay_turn(replay, now_us);
        least_us = wait_us < least_us ? wait_us : least_us;
    }
    if (least_us != INT64_MAX && !uv_is_active((uv_handle_t *)timer))
        uv_timer_start(timer, turn, (uint64_t)(least_us / 1000 + (least_us % 1000 != 0)), 0);
}

void replays_kick(struct replays *replays)
{
    if (!replays->is_stopping)
        uv_timer_start(&replays->timer, turn, 0, 0);
}

/* Beginning */

static struct replay *replay_new(struct replays *replays, const struct replay_saved *saved)
{
    struct replay *replay = calloc(1, sizeof *replay);
    struct replay_order *order;

    if (!replay)
        abort();
    replay->replays = replays;
    replay->saved = *saved;
    order = &replay->saved.order;
    order->function = arena_copy(&replay->arena, order->function);
    order->version = arena_copy(&replay->arena, order->version);
    order->against = arena_copy(&replay->arena, order->against);
    replay->saved.why = arena_copy(&replay->arena, saved->why);
    replay->pace.rate = order->rate;
    return replay;
}

static void replay_free(struct replay *replay)
{
    replay_drop_page(replay);
    arena_free(&replay->arena);
    free(replay);
}

static void add(struct replays *replays, struct replay *replay)
{
    TAILQ_INSERT_TAIL(&replays->all, replay, next);
    replays->count++;
}

void replays_on_ended(struct replay *replay)
{
    struct replays *replays = replay->replays;

    log_info("a replay ended", F_CSTR("replay", replay->saved.id), F_STR("function", replay->saved.order.function),
             F_CSTR("state", replay_state_words[replay->saved.state]), F_INT("taken", replay->saved.counts.taken),
             F_STR("why", replay->saved.why));
    TAILQ_REMOVE(&replays->all, replay, next);
    replays->count--;
    replay_free(replay);
}

struct starting {
    struct replays *replays;
    struct replay *replay;
    void (*on_started)(void *ctx, const char *id, const struct err *err);
    void *ctx;
    bool good;
    struct err err;
};

static void run_start(void *ctx)
{
    struct starting *starting = ctx;

    starting->good = replay_store_add(starting->replays->db, &starting->replay->saved, &starting->err);
}

static void done_start(void *ctx)
{
    struct starting *starting = ctx;
    struct replays *replays = starting->replays;

    replays->adding_count--;
    if (starting->good) {
        add(replays, starting->replay);
        starting->on_started(starting->ctx, starting->replay->saved.id, NULL);
        replays_kick(replays);
    } else {
        starting->on_started(starting->ctx, NULL, &starting->err);
        replay_free(starting->replay);
    }
    free(starting);
}

bool replays_has_version(const struct replays *replays, str function, str qualifier, struct err *err)
{
    str alias;
    struct runnable *what = catalog_resolve(replays->options.invoker->catalog, function, qualifier, &alias);
    bool failed = what && what->state == VERSION_FAILED;

    if (!what)
        return err_set(err, ERR_NOT_FOUND, "there is no version or alias '" STR_FMT "' of " STR_FMT, STR_ARG(qualifier),
                       STR_ARG(function));
    runnable_release(what);
    return failed ? err_set(err, ERR_INVALID, "version '" STR_FMT "' of " STR_FMT " failed to be made ready",
                            STR_ARG(qualifier), STR_ARG(function))
                  : true;
}

static bool check_bounds(const struct replay_order *order, struct err *err)
{
    if (order->last < 1 || order->last > REPLAY_CALLS_MAX)
        return err_set(err, ERR_INVALID, "last: 1 to %d calls", REPLAY_CALLS_MAX);
    if (!(order->rate > 0 && order->rate <= REPLAY_RATE_MAX))
        return err_set(err, ERR_INVALID, "rate: more than 0 and at most %d calls a second", REPLAY_RATE_MAX);
    if (order->concurrency < 1 || order->concurrency > REPLAY_CONCURRENCY_MAX)
        return err_set(err, ERR_INVALID, "concurrency: 1 to %d calls at once", REPLAY_CONCURRENCY_MAX);
    if (!(order->tolerance >= 0 && order->tolerance < 1))
        return err_set(err, ERR_INVALID, "tolerance: 0 or more, and less than 1");
    return isnan(order->threshold) || (order->threshold >= 0 && order->threshold <= 1) ||
           err_set(err, ERR_INVALID, "threshold: 0 to 1");
}

static bool check_order(const struct replays *replays, const struct replay_order *order, struct err *err)
{
    if (!catalog_function(replays->options.invoker->catalog, order->function))
        return err_set(err, ERR_NOT_FOUND, "there is no function " STR_FMT, STR_ARG(order->function));
    if (!check_bounds(order, err) || !replays_has_version(replays, order->function, order->version, err))
        return false;
    if (!str_eq(order->against, REPLAY_RECORDED) && !replays_has_version(replays, order->function, order->against, err))
        return false;
    if (str_eq(order->against, order->version))
        return err_set(err, ERR_INVALID, "'" STR_FMT "' would be compared with itself", STR_ARG(order->version));
    if (replays->count + replays->adding_count >= REPLAYS_RUNNING_MAX + REPLAYS_WAITING_MAX)
        return err_set(err, ERR_LIMIT, "%d replays run or wait already, which is the most: cancel one, or wait",
                       replays->count + replays->adding_count);
    return true;
}

bool replays_start(struct replays *replays, const struct replay_order *order,
                   void (*on_started)(void *ctx, const char *id, const struct err *err), void *ctx, struct err *err)
{
    struct replay_saved saved = {.order = *order, .state = REPLAY_WAITING, .created_us = clock_wall_us(), .calls = -1};
    struct starting *starting;

    if (!check_order(replays, order, err))
        return false;
    starting = calloc(1, sizeof *starting);
    if (!starting)
        abort();
    uuid_v7(saved.created_us / 1000, saved.id);
    *starting = (struct starting){replays, replay_new(replays, &saved), on_started, ctx};
    replays->adding_count++;
    lane_submit(replays->lane, run_start, done_start, starting);
    return true;
}

static struct replay *find(const struct replays *replays, str id)
{
    struct replay *replay;

    TAILQ_FOREACH (replay, &replays->all, next) {
        if (str_eq(id, str_of(replay->saved.id)))
            return replay;
    }
    return NULL;
}

bool replays_cancel(struct replays *replays, str id)
{
    struct replay *replay = find(replays, id);

    if (!replay)
        return false;
    replay_end(replay, REPLAY_CANCELLED, STR(""));
    return true;
}

/* Questions */

struct asking {
    struct replays *replays;
    struct replay_question question;
    struct arena arena;
    struct replay_now now;
    bool good;
    struct err err;
};

static bool tell_list(struct asking *asking)
{
    const struct replay_question *question = &asking->question;
    const struct replay_filter filter = {
        .function = question->function, .limit = question->limit, .offset = question->offset};
    struct replay_saved *saved;
    int count;

    if (!replay_store_read(asking->replays->db, &filter, &asking->arena, &saved, &count, &asking->err))
        return false;
    jw_object(question->jw);
    jw_array_key(question->jw, "replays");
    for (int i = 0; i < count; i++) {
        jw_object(question->jw);
        replay_tell(question->jw, &saved[i], NULL);
        jw_object_end(question->jw);
    }
    jw_array_end(question->jw);
    jw_object_end(question->jw);
    return true;
}

static bool tell_one(struct asking *asking)
{
    const struct replay_question *question = &asking->question;
    const struct replay_filter filter = {.id = question->id, .limit = 1};
    struct db *db = asking->replays->db;
    struct replay_change_row *rows;
    struct replay_saved *saved;
    int count;

    if (!replay_store_read(db, &filter, &asking->arena, &saved, &count, &asking->err))
        return false;
    if (count == 0)
        return err_set(&asking->err, ERR_NOT_FOUND, "there is no replay " STR_FMT, STR_ARG(question->id));
    if (!replay_store_changes(db, saved->number, question->limit, question->offset, &asking->arena, &rows, &count,
                              &asking->err))
        return false;
    jw_object(question->jw);
    replay_tell(question->jw, saved, &asking->now);
    replay_tell_changes(question->jw, rows, count);
    jw_object_end(question->jw);
    return true;
}

static void run_ask(void *ctx)
{
    struct asking *asking = ctx;

    asking->good = asking->question.id.len > 0 ? tell_one(asking) : tell_list(asking);
}

static void done_ask(void *ctx)
{
    struct asking *asking = ctx;

    asking->question.on_told(asking->question.ctx, asking->good ? NULL : &asking->err);
    arena_free(&asking->arena);
    free(asking);
}

void replays_ask(struct replays *replays, const struct replay_question *question)
{
    struct asking *asking = calloc(1, sizeof *asking);
    const struct replay *replay = find(replays, question->id);

    if (!asking)
        abort();
    *asking = (struct asking){.replays = replays, .question = *question};
    asking->question.id = arena_copy(&asking->arena, question->id);
    asking->question.function = arena_copy(&asking->arena, question->function);
    if (replay)
        asking->now = (struct replay_now){.is_there = true,
                                          .state = replay->saved.state,
                                          .started_us = replay->saved.started_us,
                                          .gives_way = replay->pace.gives_way,
                                          .in_flight = replay->in_flight,
                                          .calls = replay->page.is_there ? replay->saved.calls : -1,
                                          .taken = replay->saved.counts.taken + replay_page_done(replay),
                                          .throttled = replay->saved.counts.throttled + replay->throttled,
                                          .is_refused = replay->pace.refused_since_us > 0};
    lane_submit(replays->lane, run_ask, done_ask, asking);
}

/* The beginning and the end of all */

/* Who was cut off so often without a page in between may well be why. */
static void resume(struct replays *replays, struct replay_saved *saved)
{
    bool again = saved->resumes < REPLAY_RESUMES_MAX;
    struct err err = {0};

    saved->resumes += saved->state == REPLAY_RUNNING;
    if (!again) {
        saved->state = REPLAY_INTERRUPTED;
        saved->why = STR("the server ended again and again while it ran, and nothing of it was through");
        saved->ended_us = clock_wall_us();
    } else {
        saved->state = REPLAY_WAITING;
        add(replays, replay_new(replays, saved));
    }
    if (!replay_store_update(replays->db, saved, &err)) /* a full disk is no reason not to serve */
        log_warn("a replay's state could not be written", F_CSTR("replay", saved->id), F_CSTR("why", err.text));
}

static bool resume_all(struct replays *replays, struct err *err)
{
    const struct replay_filter filter = {.unfinished = true, .limit = REPLAYS_RUNNING_MAX + REPLAYS_WAITING_MAX};
    ARENA_AUTO arena = {0};
    struct replay_saved *saved;
    int count;

    if (!replay_store_read(replays->db, &filter, &arena, &saved, &count, err))
        return false;
    for (int i = 0; i < count; i++)
        resume(replays, &saved[i]);
    if (count > 0)
        log_info("replays that the server's end cut off go on", F_INT("count", count));
    return true;
}

static bool take_up_shadows(struct replays *replays, struct err *err)
{
    ARENA_AUTO arena = {0};
    struct shadow_setting *settings;
    int count;

    if (!replay_store_shadows(replays->db, &arena, &settings, &count, err))
        return false;
    for (int i = 0; i < count; i++)
        shadows_put(replays->shadows, &settings[i]);
    return true;
}

bool replays_open(const struct replays_options *options, struct replays **ret, struct err *err)
{
    struct replays *replays = calloc(1, sizeof *replays);
    char path[PATH_MAX];

    if (!replays)
        abort();
    replays->options = *options;
    TAILQ_INIT(&replays->all);
    (void)uv_timer_init(options->loop, &replays->timer);
    uv_unref((uv_handle_t *)&replays->timer);
    replays->timer.data = replays;
    replays->own_judge = judge_new(options->state_dir);
    replays->judge = options->judge ? options->judge : judge_face(replays->own_judge);
    replays->shadows = shadows_new(options->loop, options->invoker);
    (void)snprintf(path, sizeof path, "%s/replay.db", options->state_dir);
    if (!replay_store_open(path, &replays->db, err) || !resume_all(replays, err) || !take_up_shadows(replays, err))
        return err_wrap(err, "%s", path); /* the process ends */
    replays->lane = lane_new(options->loop, "replay");
    lane_be_nice(replays->lane);
    *ret = replays;
    replays_kick(replays);
    return true;
}

void replays_stop(struct replays *replays)
{
    if (!replays)
        return;
    replays->is_stopping = true;
    uv_timer_stop(&replays->timer);
    shadows_stop(replays->shadows);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void replays_close(struct replays *replays)
{
    struct replay *replay;

    if (!replays)
        return;
    lane_free(replays->lane);
    while ((replay = TAILQ_FIRST(&replays->all))) {
        TAILQ_REMOVE(&replays->all, replay, next);
        replay_free(replay);
    }
    shadows_free(replays->shadows);
    judge_free(replays->own_judge);
    db_close(replays->db);
    uv_close((uv_handle_t *)&replays->timer, on_closed);
}

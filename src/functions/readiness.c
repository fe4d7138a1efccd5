/*
 * Two kinds of journey, each a struct that goes from lane to loop and back and is freed at its end:
 *
 *   watch    lane: what is not ready? (at the start: also which packages are referred to)
 *            loop: one `making` for each, packages_prepare()
 *   making   loop: prepared, or why not ◀───────────┐
 *            lane: store_mark_ready(), entry_load() │ the machine's fault: after a pause
 *            loop: catalog_put() ───────────────────┘
 *
 * The lane's jobs are in order and a mark is refused when run_key is another, so a function that was changed or
 * deleted meanwhile is simply somebody else's journey.
 */
#include "functions/readiness.h"

#include "functions/layers.h"

#include "loop/lane.h"

#include "base/limits.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

struct watch {
    struct readiness *readiness;
    struct arena arena;
    str name;
    struct function_list unready;
    struct store_strings packages; /* at the start only */
    enum store_answer answer;
    struct err err;
};

struct making {
    struct readiness *readiness;
    struct arena arena;
    struct store_readiness mark;
    const struct interpreter *interpreter;
    int attempts; /* that have failed */
    uv_timer_t pause;
    str packages[1 + LAYERS_PER_FUNCTION_MAX]; /* its own, then its layers' */
    str layers[LAYERS_PER_FUNCTION_MAX];       /* their ARNs */
    int packages_count, packages_ready;
    bool used;                    /* the answer to an idle question, about packages[0] */
    struct function_entry *entry; /* NULL: the function is gone */
    enum store_answer answer;
    struct err err;
};

static void prepare(struct making *making);

static struct making *making_new(struct readiness *readiness)
{
    struct making *making = calloc(1, sizeof *making);

    if (!making)
        abort();
    making->readiness = readiness;
    return making;
}

static void making_free(struct making *making)
{
    arena_free(&making->arena);
    free(making);
}

/* Marking */

/* In the lane: the mark, then the entry as it is with it. */
static void mark_run(void *ctx)
{
    struct making *making = ctx;
    struct db *db = making->readiness->db;
    struct err *err = &making->err;

    making->answer = STORE_BROKEN;
    if (!db_begin(db, err))
        return;
    making->answer = store_mark_ready(db, &making->mark, err);
    if (making->answer != STORE_OK || !db_commit(db, err)) {
        db_rollback(db);
        making->answer = STORE_BROKEN;
        return;
    }
    making->answer = entry_load(db, making->readiness->world, making->mark.name, &making->entry, err);
}

static void on_paused_closed(uv_handle_t *handle)
{
    struct making *making = handle->data;

    if (catalog_function(making->readiness->catalog, making->mark.name))
        prepare(making);
    else
        making_free(making); /* it was deleted meanwhile */
}

static void on_pause_over(uv_timer_t *pause)
{
    uv_close((uv_handle_t *)pause, on_paused_closed);
}

/* False: it was tried often enough. */
static bool try_later(struct making *making, const char *why)
{
    const struct readiness *readiness = making->readiness;
    int first_ms = readiness->retry_ms > 0 ? readiness->retry_ms : READINESS_RETRY_MS;

    if (++making->attempts >= READINESS_ATTEMPTS_MAX)
        return false;
    log_warn("a function is not ready yet: trying again", F_STR("function", making->mark.name),
             F_STR("version", making->mark.version), F_INT("attempt", making->attempts), F_CSTR("why", why));
    making->mark.failure = making->mark.failure_code = STR("");
    making->err = (struct err){0};
    making->packages_ready = 0;
    making->pause.data = making;
    (void)uv_timer_init(readiness->loop, &making->pause);
    (void)uv_timer_start(&making->pause, on_pause_over, (uint64_t)first_ms << (making->attempts - 1), 0);
    return true;
}

static void mark_done(void *ctx)
{
    struct making *making = ctx;

    if (making->answer == STORE_BROKEN) {
        if (try_later(making, making->err.text))
            return;
        log_error("a function could not be marked as ready: the next start tries again",
                  F_STR("function", making->mark.name), F_CSTR("why", making->err.text));
    } else if (making->entry) {
        catalog_put(making->readiness->catalog, making->entry);
    }
    if (making->mark.failure.len > 0)
        log_warn("a function cannot be run", F_STR("function", making->mark.name),
                 F_STR("version", making->mark.version), F_STR("why", making->mark.failure));
    making_free(making);
}

/* AWS's codes (API_GetFunctionConfiguration, StateReasonCode). */
static void blame(struct making *making, str code, const char *why)
{
    str layer = making->packages_ready > 0 ? making->layers[making->packages_ready - 1] : STR("");

    making->mark.failure = layer.len ? arena_printf(&making->arena, "layer " STR_FMT ": %s", STR_ARG(layer), why)
                                     : arena_copy(&making->arena, str_of(why));
    making->mark.failure_code = code;
}

static void on_prepared(void *ctx, enum prepared prepared, const char *why)
{
    struct making *making = ctx;

    if (prepared == PREPARED_BROKEN && try_later(making, why))
        return;
    if (prepared == PREPARED && ++making->packages_ready < making->packages_count) {
        prepare(making);
        return;
    }
    if (prepared == PREPARED_BROKEN)
        blame(making, STORE_INTERNAL_ERROR, why);
    else if (prepared == PREPARED_REFUSED)
        blame(making, STR("InvalidZipFileException"), why);
    lane_submit(making->readiness->lane, mark_run, mark_done, making);
}

static void prepare(struct making *making)
{
    packages_prepare(making->readiness->packages, making->packages[making->packages_ready], making->interpreter,
                     on_prepared, making);
}

/* Watching */

static void list_packages(struct making *making, const struct function_config *config)
{
    struct layer_use uses[LAYERS_PER_FUNCTION_MAX];
    int count = layer_uses_read(config->layers_json, &making->arena, uses);

    making->packages[making->packages_count++] = arena_copy(&making->arena, config->package);
    for (int i = 0; i < count; i++) {
        making->layers[i] = uses[i].arn;
        making->packages[making->packages_count++] = uses[i].package;
    }
}

static void make_ready(struct readiness *readiness, const struct function_config *config)
{
    const struct interpreter *interpreter = interpreter_for(readiness->world->interpreters, config->runtime);
    struct making *making = making_new(readiness);
    struct arena *arena = &making->arena;

    making->mark.name = arena_copy(arena, config->name);
    making->mark.version = arena_copy(arena, config->version);
    making->mark.run_key = arena_copy(arena, config->run_key);
    list_packages(making, config);
    making->interpreter = interpreter;
    if (interpreter) {
        prepare(making);
        return;
    }
    making->mark.failure = arena_printf(arena, STR_FMT " is not on this machine", STR_ARG(config->runtime));
    making->mark.failure_code = STR("InvalidRuntime");
    lane_submit(readiness->lane, mark_run, mark_done, making);
}

static void watch_run(void *ctx)
{
    struct watch *watch = ctx;
    struct db *db = watch->readiness->db;

    watch->answer = store_list_unready(db, watch->name, &watch->arena, &watch->unready, &watch->err);
    if (watch->answer == STORE_OK && watch->name.len == 0)
        watch->answer = store_packages(db, &watch->arena, &watch->packages, &watch->err);
}

static void watch_done(void *ctx)
{
    struct watch *watch = ctx;

    if (watch->answer != STORE_OK)
        log_error("functions that are not ready could not be read", F_CSTR("why", watch->err.text));
    for (int i = 0; watch->answer == STORE_OK && i < watch->unready.count; i++)
        make_ready(watch->readiness, &watch->unready.at[i]);
    if (watch->answer == STORE_OK && watch->name.len == 0)
        packages_sweep(watch->readiness->packages, watch->packages.at, watch->packages.count);
    arena_free(&watch->arena);
    free(watch);
}

/* Is a package that nothing holds still referred to? */

static void idle_run(void *ctx)
{
    struct making *making = ctx;

    making->answer = store_package_used(making->readiness->db, making->packages[0], &making->used, &making->err);
}

static void idle_done(void *ctx)
{
    struct making *making = ctx;

    if (making->answer == STORE_OK && !making->used)
        packages_unused(making->readiness->packages, making->packages[0]);
    making_free(making);
}

static void on_idle(void *ctx, str hex)
{
    struct making *making = making_new(ctx);

    making->packages[0] = arena_copy(&making->arena, hex);
    lane_submit(making->readiness->lane, idle_run, idle_done, making);
}

void readiness_watch(struct readiness *readiness, str name)
{
    struct watch *watch = calloc(1, sizeof *watch);

    if (!watch)
        abort();
    packages_on_idle(readiness->packages, on_idle, readiness);
    watch->readiness = readiness;
    watch->name = arena_copy(&watch->arena, name);
    lane_submit(readiness->lane, watch_run, watch_done, watch);
}

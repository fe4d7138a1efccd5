/*
 * Two kinds of journey, each a struct that goes from lane to loop and back and is freed at its end:
 *
 *   watch    lane: what is not ready? (at the start: also which packages are referred to)
 *            loop: one `making` for each, packages_prepare()
 *   making   loop: prepared, or why not
 *            lane: store_mark_ready(), entry_load()
 *            loop: catalog_put()
 *
 * The lane's jobs are in order and a mark is refused when run_key is another, so a function that was changed or
 * deleted meanwhile is simply somebody else's journey.
 */
#include "functions/readiness.h"

#include "functions/store.h"

#include "loop/lane.h"

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
    str package; /* of an idle question: is it used? */
    bool used;
    struct function_entry *entry; /* NULL: the function is gone */
    enum store_answer answer;
    struct err err;
};

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

static void mark_done(void *ctx)
{
    struct making *making = ctx;

    if (making->answer == STORE_BROKEN)
        log_error("a function could not be marked as ready", F_STR("function", making->mark.name),
                  F_CSTR("why", making->err.text));
    else if (making->entry)
        catalog_put(making->readiness->catalog, making->entry);
    if (making->mark.failure.len > 0)
        log_warn("a function cannot be run", F_STR("function", making->mark.name),
                 F_STR("version", making->mark.version), F_STR("why", making->mark.failure));
    making_free(making);
}

static void on_prepared(void *ctx, bool good, const char *why)
{
    struct making *making = ctx;

    if (!good) {
        making->mark.failure = arena_copy(&making->arena, str_of(why));
        making->mark.failure_code = STR("InvalidZipFileException");
    }
    lane_submit(making->readiness->lane, mark_run, mark_done, making);
}

/* Watching */

static void make_ready(struct readiness *readiness, const struct function_config *config)
{
    const struct interpreter *interpreter = interpreter_for(readiness->world->interpreters, config->runtime);
    struct making *making = making_new(readiness);
    struct arena *arena = &making->arena;

    making->mark.name = arena_copy(arena, config->name);
    making->mark.version = arena_copy(arena, config->version);
    making->mark.run_key = arena_copy(arena, config->run_key);
    if (interpreter) {
        packages_prepare(readiness->packages, config->package, interpreter, on_prepared, making);
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

    making->answer = store_package_used(making->readiness->db, making->package, &making->used, &making->err);
}

static void idle_done(void *ctx)
{
    struct making *making = ctx;

    if (making->answer == STORE_OK && !making->used)
        packages_unused(making->readiness->packages, making->package);
    making_free(making);
}

static void on_idle(void *ctx, str hex)
{
    struct making *making = making_new(ctx);

    making->package = arena_copy(&making->arena, hex);
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

/* set_shadow: a shadow is on disk before it is acknowledged, and copies from then on. */
#include "replay/replay_private.h"

#include "base/clock.h"

#include <stdlib.h>

struct setting_job {
    struct replays *replays;
    struct arena arena;
    struct shadow_setting setting;
    bool is_removal, good;
    void (*on_done)(void *ctx, const struct err *err);
    void *ctx;
    struct err err;
};

static void run_set(void *ctx)
{
    struct setting_job *job = ctx;
    struct db *db = job->replays->db;

    job->good = job->is_removal ? replay_store_remove_shadow(db, job->setting.function, &job->err)
                                : replay_store_put_shadow(db, &job->setting, &job->err);
}

static void done_set(void *ctx)
{
    struct setting_job *job = ctx;

    if (job->good && job->is_removal)
        shadows_remove(job->replays->shadows, job->setting.function);
    else if (job->good)
        shadows_put(job->replays->shadows, &job->setting);
    job->on_done(job->ctx, job->good ? NULL : &job->err);
    arena_free(&job->arena);
    free(job);
}

static void submit(struct replays *replays, const struct shadow_setting *setting, bool is_removal,
                   void (*on_done)(void *ctx, const struct err *err), void *ctx)
{
    struct setting_job *job = calloc(1, sizeof *job);

    if (!job)
        abort();
    *job = (struct setting_job){
        .replays = replays, .setting = *setting, .is_removal = is_removal, .on_done = on_done, .ctx = ctx};
    job->setting.function = arena_copy(&job->arena, setting->function);
    job->setting.alias = arena_copy(&job->arena, setting->alias);
    job->setting.version = arena_copy(&job->arena, setting->version);
    job->setting.set_us = clock_wall_us();
    lane_submit(replays->lane, run_set, done_set, job);
}

static bool has_alias(const struct function_entry *entry, str alias)
{
    for (int i = 0; i < entry->aliases_count; i++)
        if (str_eq(entry->aliases[i].name, alias))
            return true;
    return false;
}

bool replays_set_shadow(struct replays *replays, const struct shadow_setting *setting,
                        void (*on_done)(void *ctx, const struct err *err), void *ctx, struct err *err)
{
    const struct catalog *catalog = replays->options.invoker->catalog;
    const struct function_entry *entry = catalog_function(catalog, setting->function);
    struct shadow_setting before;
    struct shadow_counts counts;

    if (!entry)
        return err_set(err, ERR_NOT_FOUND, "there is no function " STR_FMT, STR_ARG(setting->function));
    if (!has_alias(entry, setting->alias))
        return err_set(err, ERR_NOT_FOUND, STR_FMT " has no alias '" STR_FMT "' whose calls could be copied",
                       STR_ARG(setting->function), STR_ARG(setting->alias));
    if (!replays_has_version(replays, setting->function, setting->version, err))
        return false;
    if (!(setting->share > 0 && setting->share <= 1))
        return err_set(err, ERR_INVALID, "share: more than 0, and 1 at most");
    if (shadows_count(replays->shadows) >= SHADOWS_MAX &&
        !shadows_get(replays->shadows, setting->function, &before, &counts))
        return err_set(err, ERR_LIMIT, "%d functions have a shadow, which is the most: remove one", SHADOWS_MAX);
    submit(replays, setting, false, on_done, ctx);
    return true;
}

bool replays_remove_shadow(struct replays *replays, str function, void (*on_done)(void *ctx, const struct err *err),
                           void *ctx)
{
    const struct shadow_setting setting = {.function = function};
    struct shadow_setting before;
    struct shadow_counts counts;

    if (!shadows_get(replays->shadows, function, &before, &counts))
        return false;
    submit(replays, &setting, true, on_done, ctx);
    return true;
}

bool replays_shadow(const struct replays *replays, str function, struct shadow_setting *ret,
                    struct shadow_counts *ret_counts)
{
    return shadows_get(replays->shadows, function, ret, ret_counts);
}

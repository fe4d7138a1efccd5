/*
 * The loop's table of live stages: "API/STAGE" -> struct api_stage.
 *
 * A stage is replaced as a whole; a request that is under way keeps the one it began with (it holds a reference),
 * so a deployment never changes under a call.  There are few stages, so questions about a whole API walk the table.
 */
#include "apis/apis.h"

#include <assert.h>
#include <stdlib.h>

struct apis {
    struct map stages;
    struct arena default_arena;
    str default_id;
};

struct apis *apis_new(void)
{
    struct apis *apis = calloc(1, sizeof *apis);

    if (!apis)
        abort();
    return apis;
}

void apis_free(struct apis *apis)
{
    size_t cursor = 0;
    void *stage;
    str key;

    if (!apis)
        return;
    while (map_next(&apis->stages, &cursor, &key, &stage))
        api_stage_release(stage);
    map_done(&apis->stages);
    arena_free(&apis->default_arena);
    free(apis);
}

static str stage_key(struct arena *arena, str api_id, str stage)
{
    char *at = arena_new(arena, char, api_id.len + stage.len + 1);
    str key = {at, api_id.len + stage.len + 1};

    if (api_id.len > 0)
        memcpy(at, api_id.at, api_id.len);
    at[api_id.len] = '/';
    if (stage.len > 0)
        memcpy(at + api_id.len + 1, stage.at, stage.len);
    return key;
}

void apis_put(struct apis *apis, struct api_stage *stage)
{
    ARENA_AUTO arena = {0};

    api_stage_release(map_put(&apis->stages, stage_key(&arena, stage->api_id, stage->name), stage));
}

void apis_remove(struct apis *apis, str api_id, str stage)
{
    ARENA_AUTO arena = {0};

    api_stage_release(map_remove(&apis->stages, stage_key(&arena, api_id, stage)));
}

static struct api_stage *any_stage(const struct apis *apis, str api_id)
{
    size_t cursor = 0;
    void *stage;
    str key;

    while (map_next(&apis->stages, &cursor, &key, &stage))
        if (str_eq(((struct api_stage *)stage)->api_id, api_id))
            return stage;
    return NULL;
}

void apis_remove_all(struct apis *apis, str api_id)
{
    struct api_stage *stage;

    while ((stage = any_stage(apis, api_id)))
        apis_remove(apis, api_id, stage->name);
}

void apis_set_default(struct apis *apis, str api_id)
{
    struct arena arena = {0};
    str copy = arena_copy(&arena, api_id);

    arena_free(&apis->default_arena);
    apis->default_arena = arena;
    apis->default_id = copy;
}

str apis_default(const struct apis *apis)
{
    return apis->default_id;
}

bool apis_known(const struct apis *apis, str api_id)
{
    return any_stage(apis, api_id) != NULL;
}

struct api_stage *apis_stage(const struct apis *apis, str api_id, str stage)
{
    ARENA_AUTO arena = {0};
    struct api_stage *found = map_get(&apis->stages, stage_key(&arena, api_id, stage));

    if (found)
        found->references++;
    return found;
}

void api_stage_release(struct api_stage *stage)
{
    if (!stage)
        return;
    assert(stage->references > 0);
    if (--stage->references > 0)
        return;
    struct arena arena = stage->arena; /* the stage may live in it */
    arena_free(&arena);
}

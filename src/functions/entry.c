/*
 * Each runnable lives in an arena of its own, since it outlives the entry by the calls that hold it; the entry and
 * its aliases in another.  What cannot run is in the catalog too, as Failed and with its reason in words, so that
 * the call that meets it is told why.
 */
#include "functions/entry.h"

#include "functions/functions_private.h"
#include "functions/layers.h"
#include "functions/provisioned.h"

#include "codec/json_read.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { VERSIONS_MAX = 1 << 20, ALIASES_MAX = 1 << 20 };

static struct runnable *runnable_new(void)
{
    struct arena arena = {0};
    struct runnable *runnable = arena_new(&arena, struct runnable, 1);

    runnable->arena = arena;
    runnable->references = 1;
    return runnable;
}

/* {"Variables":{"K":"V"}} as "K=V" words. */
static void read_environment(struct runnable *runnable, str json)
{
    json_auto_t *root = NULL;
    json_t *variables, *value;
    const char *key;
    struct err ignored;

    if (json.len == 0 || !json_parse(json, &root, &ignored))
        return;
    variables = json_object_get(root, "Variables");
    runnable->environment = arena_new(&runnable->arena, str, json_object_size(variables) + 1);
    json_object_foreach (variables, key, value)
        runnable->environment[runnable->environment_count++] =
            arena_printf(&runnable->arena, "%s=" STR_FMT, key, STR_ARG(json_text(value)));
}

static void read_layers(struct runnable *runnable, str json)
{
    struct layer_use uses[LAYERS_PER_FUNCTION_MAX];

    runnable->layers_count = layer_uses_read(json, &runnable->arena, uses);
    runnable->layers = arena_new(&runnable->arena, str, LAYERS_PER_FUNCTION_MAX);
    for (int i = 0; i < runnable->layers_count; i++)
        runnable->layers[i] = uses[i].package;
}

/* The doors refuse what is not understood; a version of before such a setting was read has its default. */
static void read_settings(struct runnable *runnable)
{
    struct err err = {0};

    if (!settings_read(runnable->environment, runnable->environment_count, &runnable->settings, &err))
        log_warn("a setting of a function has its default", F_STR("function", runnable->function),
                 F_STR("version", runnable->version), F_CSTR("why", err.text));
}

static str read_log_group(struct runnable *runnable, const struct function_config *config)
{
    json_auto_t *root = NULL;
    struct err ignored;
    str group = STR("");

    if (config->logging_json.len > 0 && json_parse(config->logging_json, &root, &ignored))
        group = json_text(json_object_get(root, "LogGroup"));
    if (group.len > 0)
        return arena_copy(&runnable->arena, group);
    return arena_printf(&runnable->arena, "/aws/lambda/" STR_FMT, STR_ARG(config->name));
}

/* The state of what runs: an update that is under way or failed has nothing that may run until catalog_put() finds
 * the active one of before. */
static void set_state(struct runnable *runnable, const struct function_config *config,
                      const struct interpreter *interpreter)
{
    struct arena *arena = &runnable->arena;

    runnable->state = config->state;
    runnable->state_reason = arena_copy(arena, config->state_reason);
    if (config->state == VERSION_ACTIVE && config->update_status == UPDATE_IN_PROGRESS)
        runnable->state = VERSION_PENDING;
    if (config->state == VERSION_ACTIVE && config->update_status == UPDATE_FAILED)
        runnable->state = VERSION_FAILED;
    runnable->updating = runnable->state != config->state;
    if (runnable->updating)
        runnable->state_reason = arena_copy(arena, config->update_reason);
    if (interpreter || runnable->state != VERSION_ACTIVE)
        return;
    runnable->state = VERSION_FAILED;
    runnable->state_reason = arena_printf(arena, STR_FMT " is not on this machine", STR_ARG(config->runtime));
}

static struct runnable *make_runnable(const struct function_config *config, const struct entry_world *world)
{
    struct runnable *runnable = runnable_new();
    struct arena *arena = &runnable->arena;
    const struct interpreter *interpreter = interpreter_for(world->interpreters, config->runtime);

    runnable->function = arena_copy(arena, config->name);
    runnable->version = arena_copy(arena, config->version);
    runnable->arn = arena_printf(arena, "arn:aws:lambda:" STR_FMT ":" STR_FMT ":function:" STR_FMT,
                                 STR_ARG(world->region), STR_ARG(world->account), STR_ARG(config->name));
    runnable->key = arena_printf(arena, STR_FMT ":" STR_FMT ":" STR_FMT, STR_ARG(config->name),
                                 STR_ARG(config->version), STR_ARG(config->run_key));
    runnable->handler = arena_copy(arena, config->handler);
    runnable->runtime = arena_copy(arena, config->runtime);
    runnable->package = arena_copy(arena, config->package);
    runnable->role = arena_copy(arena, config->role);
    runnable->log_group = read_log_group(runnable, config);
    runnable->memory_mb = config->memory_mb;
    runnable->timeout_ms = config->timeout_s * 1000;
    runnable->tmp_mb = config->tmp_mb;
    read_environment(runnable, config->environment_json);
    read_layers(runnable, config->layers_json);
    read_settings(runnable);
    if (interpreter) {
        runnable->interpreter = arena_copy(arena, interpreter->path);
        runnable->prefix = arena_copy(arena, interpreter->prefix);
    }
    set_state(runnable, config, interpreter);
    return runnable;
}

static struct function_entry *make_entry(str name, const struct function_list *versions,
                                         const struct alias_list *aliases, const struct entry_world *world)
{
    struct arena arena = {0};
    struct function_entry *entry = arena_new(&arena, struct function_entry, 1);

    entry->name = arena_copy(&arena, name);
    entry->versions = arena_new(&arena, struct runnable *, (size_t)versions->count + 1);
    for (int i = 0; i < versions->count; i++)
        entry->versions[entry->versions_count++] = make_runnable(&versions->at[i], world);
    entry->aliases = arena_new(&arena, struct alias_target, (size_t)aliases->count + 1);
    for (int i = 0; i < aliases->count; i++)
        entry->aliases[entry->aliases_count++] = (struct alias_target){
            .name = arena_copy(&arena, aliases->at[i].name),
            .version = arena_copy(&arena, aliases->at[i].version),
            .second_version = arena_copy(&arena, aliases->at[i].second_version),
            .second_weight = aliases->at[i].second_weight,
        };
    entry->arena = arena;
    return entry;
}

/* Two aliases of one version may both ask. */
static void set_provisioned(struct function_entry *entry, const struct provisioned_list *list)
{
    for (int i = 0; i < list->count; i++)
        for (int k = 0; k < entry->versions_count; k++)
            if (str_eq(entry->versions[k]->version, list->at[i].version))
                entry->versions[k]->provisioned += list->at[i].requested;
}

/* While an update is under way, or after it failed, $LATEST is what it was. */
static enum store_answer take_running(struct db *db, struct function_config *latest, struct arena *arena,
                                      struct err *err)
{
    bool runs_other = latest->state == VERSION_ACTIVE &&
                      (latest->update_status == UPDATE_IN_PROGRESS || latest->update_status == UPDATE_FAILED);
    enum store_answer answer =
        runs_other ? version_get(db, latest->name, VERSION_RUNNING, arena, latest, err) : STORE_OK;

    return answer == STORE_NO_VERSION ? STORE_OK : answer;
}

enum store_answer entry_load(struct db *db, const struct entry_world *world, str name, struct function_entry **ret,
                             struct err *err)
{
    ARENA_AUTO arena = {0};
    struct function_list versions;
    struct alias_list aliases;
    struct provisioned_list provisioned;
    int reserved;
    str recursion = STR("");
    enum store_answer answer = store_list_versions(db, name, STR(""), VERSIONS_MAX, &arena, &versions, err);

    if (answer == STORE_OK && versions.count > 0)
        answer = take_running(db, &versions.at[0], &arena, err);
    if (answer == STORE_OK)
        answer = store_alias_list(db, name, STR(""), STR(""), ALIASES_MAX, &arena, &aliases, err);
    if (answer == STORE_OK)
        answer = store_concurrency_get(db, name, &reserved, err);
    if (answer == STORE_OK)
        answer = store_provisioned_list(db, name, STR(""), VERSIONS_MAX, &arena, &provisioned, err);
    if (answer == STORE_OK)
        answer = store_setting_get(db, name, STR("$LATEST"), STR("recursion"), &arena, &recursion, err);
    if (answer != STORE_OK && answer != STORE_NO_SETTING)
        return answer;
    *ret = make_entry(name, &versions, &aliases, world);
    (*ret)->reserved_concurrency = reserved;
    (*ret)->may_recurse = str_eq(recursion, STR("Allow"));
    set_provisioned(*ret, &provisioned);
    return STORE_OK;
}

void entry_free(struct function_entry *entry)
{
    struct arena arena;

    if (!entry)
        return;
    for (int i = 0; i < entry->versions_count; i++)
        runnable_release(entry->versions[i]);
    arena = entry->arena;
    arena_free(&arena);
}

bool entry_load_all(struct db *db, const struct entry_world *world, struct catalog *catalog, struct err *err)
{
    ARENA_AUTO arena = {0};
    struct function_list list;
    struct function_entry *entry;

    if (store_list(db, false, STR(""), VERSIONS_MAX, &arena, &list, err) != STORE_OK)
        return false;
    for (int i = 0; i < list.count; i++) {
        if (entry_load(db, world, list.at[i].name, &entry, err) != STORE_OK)
            return err_wrap(err, "function " STR_FMT, STR_ARG(list.at[i].name));
        catalog_put(catalog, entry);
    }
    return true;
}

/*
 * One map, of functions; an entry holds its versions and aliases as arrays, and resolving scans them ($LATEST, the
 * usual one, is first).  What is in use when an entry is replaced lives on by its references.
 *
 * An entry whose $LATEST is `updating` takes over the active runnable of the entry before, so that calls between
 * the commit of an update and its "Successful" run the old code, as AWS does it.
 */
#include "functions/catalog.h"

#include "functions/entry.h"

#include "base/rand.h"

#include <assert.h>
#include <stdlib.h>

struct catalog {
    struct map functions;
    void (*on_added)(void *ctx, const struct runnable *runnable);
    void (*on_gone)(void *ctx, const struct runnable *runnable);
    void *ctx;
};

struct catalog *catalog_new(void)
{
    struct catalog *catalog = calloc(1, sizeof *catalog);

    if (!catalog)
        abort();
    return catalog;
}

void catalog_free(struct catalog *catalog)
{
    size_t cursor = 0;
    void *entry;
    str name;

    if (!catalog)
        return;
    while (map_next(&catalog->functions, &cursor, &name, &entry))
        entry_free(entry);
    map_done(&catalog->functions);
    free(catalog);
}

void catalog_watch(struct catalog *catalog, void (*on_added)(void *ctx, const struct runnable *runnable),
                   void (*on_gone)(void *ctx, const struct runnable *runnable), void *ctx)
{
    catalog->on_added = on_added;
    catalog->on_gone = on_gone;
    catalog->ctx = ctx;
}

static struct runnable *find_version(const struct function_entry *entry, str version)
{
    for (int i = 0; i < entry->versions_count; i++)
        if (str_eq(entry->versions[i]->version, version))
            return entry->versions[i];
    return NULL;
}

/* A version that is being updated, or whose update failed, goes on with what it had. */
static void keep_what_runs(struct function_entry *entry, const struct function_entry *before)
{
    for (int i = 0; i < entry->versions_count; i++) {
        struct runnable *now = entry->versions[i], *old = find_version(before, now->version);

        if (!old || !now->updating || old->state != VERSION_ACTIVE)
            continue;
        runnable_retain(old);
        runnable_release(now);
        entry->versions[i] = old;
    }
}

static void announce(const struct catalog *catalog, const struct function_entry *entry)
{
    for (int i = 0; i < entry->versions_count && catalog->on_added; i++) {
        struct runnable *runnable = entry->versions[i];

        if (runnable->on_gone) /* known already */
            continue;
        runnable->on_gone = catalog->on_gone;
        runnable->on_gone_ctx = catalog->ctx;
        catalog->on_added(catalog->ctx, runnable);
    }
}

void catalog_put(struct catalog *catalog, struct function_entry *entry)
{
    struct function_entry *before = map_get(&catalog->functions, entry->name);

    if (before)
        keep_what_runs(entry, before);
    announce(catalog, entry);
    map_put(&catalog->functions, entry->name, entry);
    entry_free(before);
}

void catalog_remove(struct catalog *catalog, str name)
{
    entry_free(map_remove(&catalog->functions, name));
}

const struct function_entry *catalog_function(const struct catalog *catalog, str name)
{
    return map_get(&catalog->functions, name);
}

const struct function_entry *catalog_next(const struct catalog *catalog, size_t *cursor)
{
    void *entry;
    str name;

    return map_next(&catalog->functions, cursor, &name, &entry) ? entry : NULL;
}

int catalog_functions_count(const struct catalog *catalog)
{
    return (int)catalog->functions.len;
}

int catalog_reserved(const struct catalog *catalog)
{
    size_t cursor = 0;
    void *value;
    str name;
    int sum = 0;

    while (map_next(&catalog->functions, &cursor, &name, &value)) {
        const struct function_entry *entry = value;
        sum += entry->reserved_concurrency > 0 ? entry->reserved_concurrency : 0;
    }
    return sum;
}

static const struct alias_target *find_alias(const struct function_entry *entry, str name)
{
    for (int i = 0; i < entry->aliases_count; i++)
        if (str_eq(entry->aliases[i].name, name))
            return &entry->aliases[i];
    return NULL;
}

static str draw_version(const struct alias_target *alias)
{
    if (alias->second_version.len > 0 && rand_unit() < alias->second_weight)
        return alias->second_version;
    return alias->version;
}

struct runnable *catalog_resolve(const struct catalog *catalog, str name, str qualifier, str *ret_alias)
{
    const struct function_entry *entry = catalog_function(catalog, name);
    const struct alias_target *alias;
    struct runnable *found;

    *ret_alias = STR("");
    if (!entry || entry->versions_count == 0)
        return NULL;
    found = qualifier.len == 0 ? entry->versions[0] : find_version(entry, qualifier);
    if (!found && (alias = find_alias(entry, qualifier))) {
        *ret_alias = qualifier;
        found = find_version(entry, draw_version(alias));
    }
    if (found)
        runnable_retain(found);
    return found;
}

bool catalog_has(const struct catalog *catalog, const struct runnable *runnable)
{
    const struct function_entry *entry = catalog_function(catalog, runnable->function);
    const struct runnable *found = entry ? find_version(entry, runnable->version) : NULL;

    return found && str_eq(found->key, runnable->key);
}

struct runnable *catalog_next_provisioned(const struct catalog *catalog, struct catalog_walk *walk)
{
    void *entry;
    str name;

    for (;;) {
        while (walk->entry && walk->version < walk->entry->versions_count) {
            struct runnable *runnable = walk->entry->versions[walk->version++];

            if (runnable->provisioned > 0)
                return runnable;
        }
        if (!map_next(&catalog->functions, &walk->cursor, &name, &entry))
            return NULL;
        walk->entry = entry;
        walk->version = 0;
    }
}

void runnable_retain(struct runnable *runnable)
{
    assert(runnable->references > 0);
    runnable->references++;
}

/* The struct lives in its own arena: the arena is moved out before it is freed. */
void runnable_release(struct runnable *runnable)
{
    struct arena arena;

    if (!runnable)
        return;
    assert(runnable->references > 0);
    if (--runnable->references > 0)
        return;
    if (runnable->on_gone)
        runnable->on_gone(runnable->on_gone_ctx, runnable);
    arena = runnable->arena;
    arena_free(&arena);
}

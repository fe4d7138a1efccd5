#include "functions/catalog.h"

#include "functions/entry.h"

#include "base/rand.h"
#include "base/test.h"

#include <stdlib.h>

static struct runnable *runnable_of(const char *version, const char *key, enum version_state state, bool updating)
{
    struct arena arena = {0};
    struct runnable *runnable = arena_new(&arena, struct runnable, 1);

    runnable->arena = arena;
    runnable->references = 1;
    runnable->function = STR("f");
    runnable->version = str_of(version);
    runnable->key = str_of(key);
    runnable->package = STR("aa");
    runnable->state = state;
    runnable->updating = updating;
    return runnable;
}

static struct function_entry *entry_of(struct runnable *latest, struct runnable *one, struct runnable *two)
{
    struct arena arena = {0};
    struct function_entry *entry = arena_new(&arena, struct function_entry, 1);

    entry->name = STR("f");
    entry->versions = arena_new(&arena, struct runnable *, 3);
    entry->versions[entry->versions_count++] = latest;
    if (one)
        entry->versions[entry->versions_count++] = one;
    if (two)
        entry->versions[entry->versions_count++] = two;
    entry->aliases = arena_new(&arena, struct alias_target, 2);
    entry->aliases[entry->aliases_count++] = (struct alias_target){STR("prod"), STR("1"), STR(""), 0};
    entry->aliases[entry->aliases_count++] = (struct alias_target){STR("canary"), STR("1"), STR("2"), 0.25};
    entry->arena = arena;
    return entry;
}

static struct function_entry *usual_entry(void)
{
    return entry_of(runnable_of("$LATEST", "k0", VERSION_ACTIVE, false), runnable_of("1", "k1", VERSION_ACTIVE, false),
                    runnable_of("2", "k2", VERSION_ACTIVE, false));
}

static void names_resolve(void)
{
    static const struct {
        const char *name, *qualifier, *version, *alias;
    } rows[] = {
        {"f", "", "$LATEST", ""},   {"f", "$LATEST", "$LATEST", ""}, {"f", "1", "1", ""}, {"f", "prod", "1", "prod"},
        {"f", "9", NULL, ""},       {"f", "none", NULL, ""},         {"g", "", NULL, ""}, {"F", "", NULL, ""},
        {"f", "$latest", NULL, ""},
    };
    struct catalog *catalog = catalog_new();
    str alias;

    catalog_put(catalog, usual_entry());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct runnable *found = catalog_resolve(catalog, str_of(rows[i].name), str_of(rows[i].qualifier), &alias);

        ok(rows[i].version ? found && str_eq(found->version, str_of(rows[i].version)) : !found);
        ok(str_eq(alias, str_of(rows[i].alias)));
        runnable_release(found);
    }
    ok(catalog_functions_count(catalog) == 1);
    catalog_remove(catalog, STR("f"));
    ok(!catalog_resolve(catalog, STR("f"), STR(""), &alias));
    catalog_free(catalog);
}

static void weights_are_drawn(void)
{
    struct catalog *catalog = catalog_new();
    int second = 0;
    str alias;

    rand_replace(7);
    catalog_put(catalog, usual_entry());
    for (int i = 0; i < 10000; i++) {
        struct runnable *found = catalog_resolve(catalog, STR("f"), STR("canary"), &alias);

        second += str_eq(found->version, STR("2"));
        runnable_release(found);
    }
    ok(second > 2250 && second < 2750); /* 2500 +- 5.8 sigma */
    rand_replace(0);
    catalog_free(catalog);
}

static void what_is_updated_runs_on(void)
{
    struct catalog *catalog = catalog_new();
    struct runnable *found;
    str alias;

    catalog_put(catalog, entry_of(runnable_of("$LATEST", "old", VERSION_ACTIVE, false), NULL, NULL));
    catalog_put(catalog, entry_of(runnable_of("$LATEST", "new", VERSION_PENDING, true), NULL, NULL));
    found = catalog_resolve(catalog, STR("f"), STR(""), &alias);
    ok(str_eq(found->key, STR("old")) && found->state == VERSION_ACTIVE);
    runnable_release(found);
    catalog_put(catalog, entry_of(runnable_of("$LATEST", "new", VERSION_ACTIVE, false), NULL, NULL));
    found = catalog_resolve(catalog, STR("f"), STR(""), &alias);
    ok(str_eq(found->key, STR("new")));
    catalog_free(catalog);
    ok(found->references == 1 && str_eq(found->key, STR("new"))); /* the call's own reference holds */
    runnable_release(found);
}

static void what_never_ran_is_not_kept(void)
{
    struct catalog *catalog = catalog_new();
    struct runnable *found;
    str alias;

    catalog_put(catalog, entry_of(runnable_of("$LATEST", "old", VERSION_PENDING, false), NULL, NULL));
    catalog_put(catalog, entry_of(runnable_of("$LATEST", "new", VERSION_FAILED, true), NULL, NULL));
    found = catalog_resolve(catalog, STR("f"), STR(""), &alias);
    ok(str_eq(found->key, STR("new")) && found->state == VERSION_FAILED);
    runnable_release(found);
    catalog_free(catalog);
}

static int added, gone;

static void on_added(void *ctx, const struct runnable *runnable)
{
    (void)ctx;
    added += runnable->references == 1;
}

static void on_gone(void *ctx, const struct runnable *runnable)
{
    (void)ctx;
    gone += runnable->references == 0;
}

static void the_listener_hears_each_once(void)
{
    struct catalog *catalog = catalog_new();

    catalog_watch(catalog, on_added, on_gone, NULL);
    catalog_put(catalog, entry_of(runnable_of("$LATEST", "a", VERSION_ACTIVE, false), NULL, NULL));
    catalog_put(catalog, entry_of(runnable_of("$LATEST", "b", VERSION_PENDING, true), NULL, NULL));
    ok(added == 1 && gone == 0);
    catalog_put(catalog, entry_of(runnable_of("$LATEST", "b", VERSION_ACTIVE, false), NULL, NULL));
    ok(added == 2 && gone == 1);
    catalog_free(catalog);
    ok(gone == 2);
}

static void a_walk_meets_who_wants_workers(void)
{
    struct runnable *wants = runnable_of("1", "k1", VERSION_ACTIVE, false);
    struct catalog *catalog = catalog_new();
    struct catalog_walk walk = {0};

    ok(!catalog_next_provisioned(catalog, &walk));
    wants->provisioned = 3;
    catalog_put(catalog, entry_of(runnable_of("$LATEST", "k0", VERSION_ACTIVE, false), wants,
                                  runnable_of("2", "k2", VERSION_ACTIVE, false)));
    walk = (struct catalog_walk){0};
    ok(catalog_next_provisioned(catalog, &walk) == wants);
    ok(!catalog_next_provisioned(catalog, &walk) && !catalog_next_provisioned(catalog, &walk));
    catalog_free(catalog);
}

TEST_MAIN(a_walk_meets_who_wants_workers, names_resolve, weights_are_drawn, what_is_updated_runs_on,
          what_never_ran_is_not_kept, the_listener_hears_each_once)

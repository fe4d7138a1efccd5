#include "functions/entry.h"

#include "functions/schema.h"

#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct db *db;
static struct arena arena;
static struct err err;
static char folder[64];

/* A world with one interpreter, which is a script. */
static struct entry_world open_world(void)
{
    char path[128];
    FILE *file;

    snprintf(folder, sizeof folder, "/tmp/sculler-entry-XXXXXX");
    if (!mkdtemp(folder))
        abort();
    snprintf(path, sizeof path, "%s/python3.11", folder);
    file = fopen(path, "we");
    fputs("#!/bin/sh\nprintf 'cpython\\n3.11.2\\n/opt/py/bin/python3.11\\n/opt/py\\n'\n", file);
    fchmod(fileno(file), 0755);
    fclose(file);
    ok(db_open(":memory:", &db, &err) && db_migrate(db, functions_migrations, functions_migrations_count, &err));
    return (struct entry_world){STR("eu-west-1"), STR("123456789012"), interpreters_find(str_of(folder))};
}

static void close_world(struct entry_world *world)
{
    char path[128];

    interpreters_free((struct interpreters *)(uintptr_t)world->interpreters);
    db_close(db);
    arena_free(&arena);
    arena = (struct arena){0};
    snprintf(path, sizeof path, "%s/python3.11", folder);
    unlink(path);
    rmdir(folder);
}

static struct function_config create(const char *name, const char *runtime)
{
    struct function_config ret = {0},
                           config = {
                               .name = str_of(name),
                               .role = STR("arn:aws:iam::123456789012:role/r"),
                               .runtime = str_of(runtime),
                               .handler = STR("app.handler"),
                               .package = STR("aa"),
                               .memory_mb = 256,
                               .timeout_s = 7,
                               .tmp_mb = 512,
                               .environment_json =
                                   STR("{\"Variables\":{\"A\":\"1\",\"B\":\"x=y\",\"SCULLER_PARKED\":\"3\"}}"),
                               .logging_json = STR("{\"LogFormat\":\"Text\",\"LogGroup\":\"/my/group\"}"),
                           };
    struct store_creation creation = {.config = &config};

    ok(store_create(db, &creation, &arena, &ret, &err) == STORE_OK);
    return ret;
}

static void mark(const struct function_config *config, const char *failure)
{
    struct store_readiness readiness = {config->name, config->version, config->run_key, str_of(failure), STR("X")};

    ok(store_mark_ready(db, &readiness, &err) == STORE_OK);
}

static void an_entry_has_what_its_rows_have(void)
{
    struct alias_config alias = {.name = STR("prod"), .version = STR("$LATEST")}, ret;
    struct entry_world world = open_world();
    struct function_config config = create("f", "python3.11");
    struct function_entry *entry = NULL;

    mark(&config, NULL);
    ok(store_alias_create(db, STR("f"), &alias, &arena, &ret, &err) == STORE_OK);
    ok(store_concurrency_put(db, STR("f"), 5, 1000, &err) == STORE_OK);
    ok(entry_load(db, &world, STR("g"), &entry, &err) == STORE_NO_FUNCTION && !entry);
    ok(entry_load(db, &world, STR("f"), &entry, &err) == STORE_OK);
    ok(entry->versions_count == 1 && entry->aliases_count == 1 && entry->reserved_concurrency == 5);
    struct runnable *runnable = entry->versions[0];
    runnable_retain(runnable);
    entry_free(entry);
    ok(str_eq(runnable->arn, STR("arn:aws:lambda:eu-west-1:123456789012:function:f")));
    ok(str_starts(runnable->key, STR("f:$LATEST:")) && str_ends(runnable->key, config.run_key));
    ok(str_eq(runnable->interpreter, STR("/opt/py/bin/python3.11")) && str_eq(runnable->prefix, STR("/opt/py")));
    ok(runnable->environment_count == 3 && str_eq(runnable->environment[1], STR("B=x=y")));
    ok(str_eq(runnable->log_group, STR("/my/group")) && runnable->timeout_ms == 7000 && runnable->memory_mb == 256);
    ok(runnable->settings.parked == 3 && runnable->settings.fork);
    ok(runnable->state == VERSION_ACTIVE && !runnable->updating);
    runnable_release(runnable);
    close_world(&world);
}

/* Rows are created, marked and updated as the letters say; what the catalog is then told. */
static void states_are_those_of_what_runs(void)
{
    static const struct {
        const char *steps; /* r ready, f failed, u update */
        enum version_state state;
        bool updating;
    } rows[] = {
        {"", VERSION_PENDING, false},     {"r", VERSION_ACTIVE, false},   {"f", VERSION_FAILED, false},
        {"ru", VERSION_ACTIVE, false},    {"ruf", VERSION_ACTIVE, false}, {"rur", VERSION_ACTIVE, false},
        {"fu", VERSION_PENDING, false},   {"fur", VERSION_ACTIVE, false}, {"rufur", VERSION_ACTIVE, false},
        {"rufuf", VERSION_ACTIVE, false},
    };
    struct entry_world world = open_world();

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[8];

        snprintf(name, sizeof name, "f%zu", i);
        struct function_config config = create(name, "python3.11");
        for (const char *step = rows[i].steps; *step; step++)
            if (*step == 'u')
                ok(store_update(db, &config, STR(""), false, &arena, &config, &err) == STORE_OK);
            else
                mark(&config, *step == 'f' ? "no" : NULL);
        struct function_entry *entry = NULL;
        ok(entry_load(db, &world, str_of(name), &entry, &err) == STORE_OK);
        ok(entry->versions[0]->state == rows[i].state && entry->versions[0]->updating == rows[i].updating);
        entry_free(entry);
    }
    close_world(&world);
}

/* Read from the disk, as after a restart: nothing of the catalog before is needed. */
static void a_failed_update_leaves_what_ran(void)
{
    struct entry_world world = open_world();
    struct function_config made = create("f", "python3.11"), config = made;
    struct function_entry *entry = NULL;
    struct function_list list;
    struct store_usage usage;
    bool used;

    mark(&made, NULL);
    for (int i = 0; i < 2; i++) {
        config.package = STR("bb");
        ok(store_update(db, &config, STR(""), false, &arena, &config, &err) == STORE_OK);
        ok(entry_load(db, &world, STR("f"), &entry, &err) == STORE_OK);
        ok(str_eq(entry->versions[0]->package, STR("aa")) && str_ends(entry->versions[0]->key, made.run_key));
        ok(entry->versions_count == 1 && str_eq(entry->versions[0]->version, STR("$LATEST")));
        entry_free(entry);
        mark(&config, "no");
    }
    ok(entry_load(db, &world, STR("f"), &entry, &err) == STORE_OK);
    ok(str_eq(entry->versions[0]->package, STR("aa")) && entry->versions[0]->state == VERSION_ACTIVE);
    entry_free(entry);
    ok(store_list(db, true, STR(""), 9, &arena, &list, &err) == STORE_OK && list.count == 1);
    ok(store_usage(db, &usage, &err) == STORE_OK && usage.functions_count == 1);
    ok(store_package_used(db, STR("aa"), &used, &err) == STORE_OK && used);
    ok(store_publish(db, STR("f"), &(struct store_publication){0}, &arena, &config, &err) == STORE_UPDATE_FAILED);
    ok(store_get(db, STR("f"), STR(""), &arena, &config, &err) == STORE_OK);
    ok(store_update(db, &config, STR(""), false, &arena, &config, &err) == STORE_OK);
    mark(&config, NULL);
    ok(entry_load(db, &world, STR("f"), &entry, &err) == STORE_OK);
    ok(str_eq(entry->versions[0]->package, STR("bb")));
    entry_free(entry);
    ok(store_package_used(db, STR("aa"), &used, &err) == STORE_OK && !used);
    close_world(&world);
}

static void an_interpreter_that_is_gone_is_told(void)
{
    struct entry_world world = open_world();
    struct function_config config = create("f", "python3.12");
    struct catalog *catalog = catalog_new();
    str alias;

    mark(&config, NULL);
    ok(entry_load_all(db, &world, catalog, &err) && catalog_functions_count(catalog) == 1);
    struct runnable *found = catalog_resolve(catalog, STR("f"), STR(""), &alias);
    ok(found->state == VERSION_FAILED && str_eq(found->state_reason, STR("python3.12 is not on this machine")));
    runnable_release(found);
    catalog_free(catalog);
    close_world(&world);
}

TEST_MAIN(an_entry_has_what_its_rows_have, a_failed_update_leaves_what_ran, states_are_those_of_what_runs,
          an_interpreter_that_is_gone_is_told)

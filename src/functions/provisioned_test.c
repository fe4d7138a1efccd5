#include "functions/provisioned.h"

#include "functions/entry.h"
#include "functions/schema.h"

#include "base/test.h"

static struct db *db;
static struct arena arena;
static struct err err;

static void publish(const char *name, int times)
{
    struct function_config config = {.name = str_of(name), .package = STR("aa"), .memory_mb = 128}, ret = {0};
    struct store_creation creation = {.config = &config};
    struct store_publication publication = {0};

    ok(store_create(db, &creation, &arena, &ret, &err) == STORE_OK);
    for (int i = 0; i < times; i++) {
        struct store_readiness ready = {ret.name, STR("$LATEST"), ret.run_key, STR(""), STR("")};

        ok(store_mark_ready(db, &ready, &err) == STORE_OK);
        ok(store_publish(db, str_of(name), &publication, &arena, &ret, &err) == STORE_OK);
        ok(store_get(db, str_of(name), STR(""), &arena, &ret, &err) == STORE_OK);
        ret.memory_mb++;
        ok(store_update(db, &ret, STR(""), false, &arena, &ret, &err) == STORE_OK);
    }
}

static void open_store(void)
{
    struct alias_config alias = {.name = STR("live"), .version = STR("1")}, ret;

    ok(db_open(":memory:", &db, &err) && db_migrate(db, functions_migrations, functions_migrations_count, &err));
    publish("f", 3);
    publish("g", 1);
    ok(store_alias_create(db, STR("f"), &alias, &arena, &ret, &err) == STORE_OK);
}

static void close_store(void)
{
    db_close(db);
    arena_free(&arena);
    arena = (struct arena){0};
}

static enum store_answer put(const char *function, const char *qualifier, int requested)
{
    struct provisioned ret;

    return store_provisioned_put(db, str_of(function), str_of(qualifier), requested, 1000, &arena, &ret, &err);
}

/* What the catalog is told of a version. */
static int wanted(const char *version)
{
    struct entry_world world = {STR("r"), STR("a"), NULL};
    struct function_entry *entry = NULL;
    int ret = -1;

    world.interpreters = interpreters_find(STR("/nowhere"));
    ok(entry_load(db, &world, STR("f"), &entry, &err) == STORE_OK);
    for (int i = 0; i < entry->versions_count; i++)
        if (str_eq(entry->versions[i]->version, str_of(version)))
            ret = entry->versions[i]->provisioned;
    entry_free(entry);
    interpreters_free((struct interpreters *)(uintptr_t)world.interpreters);
    return ret;
}

static void is_put_read_and_taken_away(void)
{
    struct provisioned one;

    open_store();
    ok(store_provisioned_get(db, STR("f"), STR("2"), &arena, &one, &err) == STORE_NO_SETTING);
    ok(put("f", "2", 5) == STORE_OK && put("f", "2", 4) == STORE_OK);
    ok(store_provisioned_get(db, STR("f"), STR("2"), &arena, &one, &err) == STORE_OK);
    ok(one.requested == 4 && str_eq(one.version, STR("2")) && one.modified_us > 0);
    ok(wanted("2") == 4 && wanted("1") == 0 && wanted("$LATEST") == 0);
    ok(store_provisioned_delete(db, STR("f"), STR("2"), &err) == STORE_OK);
    ok(store_provisioned_delete(db, STR("f"), STR("2"), &err) == STORE_OK && wanted("2") == 0);
    ok(put("f", "9", 1) == STORE_NO_VERSION && put("f", "none", 1) == STORE_NO_ALIAS);
    ok(put("x", "1", 1) == STORE_NO_FUNCTION);
    close_store();
}

static void follows_its_alias_and_goes_with_it(void)
{
    struct alias_config alias = {.name = STR("live"), .version = STR("3")}, ret;
    struct provisioned one;

    open_store();
    ok(put("f", "live", 3) == STORE_OK && wanted("1") == 3);
    ok(store_alias_update(db, STR("f"), &alias, STR(""), &arena, &ret, &err) == STORE_OK);
    ok(wanted("1") == 0 && wanted("3") == 3);
    ok(store_provisioned_get(db, STR("f"), STR("live"), &arena, &one, &err) == STORE_OK);
    ok(str_eq(one.version, STR("3")));
    ok(store_alias_delete(db, STR("f"), STR("live"), &err) == STORE_OK && wanted("3") == 0);
    ok(put("f", "2", 3) == STORE_OK && store_delete(db, STR("f"), STR("2"), &err) == STORE_OK);
    ok(store_provisioned_get(db, STR("f"), STR("2"), &arena, &one, &err) == STORE_NO_VERSION);
    close_store();
}

static void a_version_and_its_alias_do_not_both_have_some(void)
{
    open_store();
    ok(put("f", "live", 1) == STORE_OK && put("f", "1", 1) == STORE_ALIAS_PROVISIONED && put("f", "2", 1) == STORE_OK);
    ok(store_provisioned_delete(db, STR("f"), STR("live"), &err) == STORE_OK);
    ok(put("f", "1", 1) == STORE_OK && put("f", "live", 1) == STORE_VERSION_PROVISIONED);
    close_store();
}

static void stays_within_what_there_is(void)
{
    struct store_usage usage;

    open_store();
    ok(put("f", "1", 1001) == STORE_ABOVE_ACCOUNT && put("f", "1", 901) == STORE_PROVISIONED_LIMIT);
    ok(put("f", "1", 300) == STORE_OK && put("f", "2", 200) == STORE_OK && put("f", "3", 401) != STORE_OK);
    ok(store_usage(db, &usage, &err) == STORE_OK && usage.taken_concurrency == 500);
    ok(put("g", "1", 401) == STORE_PROVISIONED_LIMIT && put("g", "1", 501) == STORE_ABOVE_ACCOUNT);
    ok(store_concurrency_put(db, STR("f"), 499, 1000, &err) == STORE_BELOW_PROVISIONED);
    ok(store_concurrency_put(db, STR("f"), 600, 1000, &err) == STORE_OK);
    ok(put("f", "3", 101) == STORE_ABOVE_RESERVED && put("f", "3", 100) == STORE_OK);
    ok(store_usage(db, &usage, &err) == STORE_OK && usage.taken_concurrency == 600);
    ok(store_concurrency_put(db, STR("g"), 301, 1000, &err) == STORE_CONCURRENCY_LIMIT);
    close_store();
}

static void lists_by_page(void)
{
    struct provisioned_list list;

    open_store();
    ok(put("f", "live", 1) == STORE_OK && put("f", "2", 2) == STORE_OK && put("f", "3", 3) == STORE_OK);
    ok(store_provisioned_list(db, STR("f"), STR(""), 2, &arena, &list, &err) == STORE_OK && list.count == 2);
    ok(store_provisioned_list(db, STR("f"), list.next_marker, 2, &arena, &list, &err) == STORE_OK);
    ok(list.count == 1 && list.next_marker.len == 0 && str_eq(list.at[0].qualifier, STR("live")));
    ok(store_provisioned_list(db, STR("x"), STR(""), 2, &arena, &list, &err) == STORE_NO_FUNCTION);
    close_store();
}

TEST_MAIN(is_put_read_and_taken_away, follows_its_alias_and_goes_with_it, a_version_and_its_alias_do_not_both_have_some,
          stays_within_what_there_is, lists_by_page)

#include "functions/layers.h"

#include "functions/schema.h"

#include "base/test.h"

static struct db *db;
static struct arena arena;
static struct err err;

static void open_store(void)
{
    ok(db_open(":memory:", &db, &err) && db_migrate(db, functions_migrations, functions_migrations_count, &err));
}

static void close_store(void)
{
    db_close(db);
    arena_free(&arena);
    arena = (struct arena){0};
}

static int64_t publish(const char *layer, const char *package, const char *runtimes)
{
    struct layer_version ret = {0}, made = {.layer = str_of(layer),
                                            .package = str_of(package),
                                            .code_size = 5,
                                            .runtimes_json = str_of(runtimes)};

    ok(store_layer_publish(db, &made, &arena, &ret, &err) == STORE_OK && ret.created_us > 0);
    return ret.version;
}

static void numbers_go_up_and_never_come_again(void)
{
    struct layer_version ret;

    open_store();
    ok(publish("l", "aa", "") == 1 && publish("l", "bb", "") == 2 && publish("m", "aa", "") == 1);
    ok(store_layer_delete(db, STR("l"), 1, &err) == STORE_OK && store_layer_delete(db, STR("l"), 2, &err) == STORE_OK);
    ok(store_layer_delete(db, STR("l"), 2, &err) == STORE_OK);
    ok(store_layer_get(db, STR("l"), 2, &arena, &ret, &err) == STORE_NO_LAYER);
    ok(publish("l", "aa", "") == 3);
    close_store();
}

static void lists_are_filtered_and_paged(void)
{
    struct layer_filter any = {0}, eleven = {.runtime = STR("python3.11")};
    struct layer_list list;

    open_store();
    publish("a", "aa", "[\"python3.11\"]");
    publish("a", "aa", "[\"python3.12\",\"python3.11\"]");
    publish("a", "aa", "[\"python3.12\"]");
    publish("b", "aa", "");
    ok(store_layer_list(db, &any, STR(""), 9, &arena, &list, &err) == STORE_OK && list.count == 2);
    ok(list.at[0].version == 3 && list.at[1].version == 1 && list.next_marker.len == 0);
    ok(store_layer_list(db, &eleven, STR(""), 9, &arena, &list, &err) == STORE_OK && list.count == 1);
    ok(list.at[0].version == 2);
    ok(store_layer_list(db, &any, STR(""), 1, &arena, &list, &err) == STORE_OK && list.count == 1);
    ok(store_layer_list(db, &any, list.next_marker, 1, &arena, &list, &err) == STORE_OK);
    ok(list.count == 1 && str_eq(list.at[0].layer, STR("b")) && list.next_marker.len == 0);
    ok(store_layer_versions(db, STR("a"), &any, STR(""), 2, &arena, &list, &err) == STORE_OK);
    ok(list.count == 2 && list.at[0].version == 3 && str_eq(list.next_marker, STR("2")));
    ok(store_layer_versions(db, STR("a"), &any, list.next_marker, 2, &arena, &list, &err) == STORE_OK);
    ok(list.count == 1 && list.at[0].version == 1 && list.next_marker.len == 0);
    ok(store_layer_versions(db, STR("z"), &any, STR(""), 2, &arena, &list, &err) == STORE_OK && list.count == 0);
    close_store();
}

static struct layer_permission permission(const char *id, str revision)
{
    return (struct layer_permission){
        .layer = STR("l"),
        .version = 1,
        .statement_id = str_of(id),
        .statement_json = arena_printf(&arena, "{\"Sid\":\"%s\",\"Effect\":\"Allow\"}", id),
        .revision_id = revision,
    };
}

static void a_policy_is_its_statements(void)
{
    struct layer_permission one, two;
    struct store_policy policy;
    str revision, later;

    open_store();
    one = permission("one", STR(""));
    ok(store_layer_permission_add(db, &one, &arena, &revision, &err) == STORE_NO_LAYER);
    publish("l", "aa", "");
    ok(store_layer_policy_get(db, STR("l"), 1, &arena, &policy, &err) == STORE_NO_POLICY);
    ok(store_layer_permission_remove(db, &one, &err) == STORE_NO_POLICY);
    ok(store_layer_permission_add(db, &one, &arena, &revision, &err) == STORE_OK && revision.len == 36);
    ok(store_layer_permission_add(db, &one, &arena, &later, &err) == STORE_STATEMENT_EXISTS);
    two = permission("two", STR("stale"));
    ok(store_layer_permission_add(db, &two, &arena, &later, &err) == STORE_WRONG_REVISION);
    ok(store_layer_permission_remove(db, &two, &err) == STORE_WRONG_REVISION);
    two.revision_id = revision;
    ok(store_layer_permission_add(db, &two, &arena, &later, &err) == STORE_OK && !str_eq(revision, later));
    ok(store_layer_policy_get(db, STR("l"), 1, &arena, &policy, &err) == STORE_OK);
    ok(str_eq(policy.revision_id, later));
    ok(str_eq(policy.json, STR("{\"Version\":\"2012-10-17\",\"Id\":\"default\",\"Statement\":["
                               "{\"Sid\":\"one\",\"Effect\":\"Allow\"},{\"Sid\":\"two\",\"Effect\":\"Allow\"}]}")));
    ok(store_layer_permission_remove(db, &one, &err) == STORE_OK);
    ok(store_layer_permission_remove(db, &one, &err) == STORE_NO_STATEMENT);
    two.revision_id = STR("");
    ok(store_layer_permission_remove(db, &two, &err) == STORE_OK);
    ok(store_layer_policy_get(db, STR("l"), 1, &arena, &policy, &err) == STORE_NO_POLICY);
    close_store();
}

static void what_a_version_has_is_text_and_back(void)
{
    struct layer_use uses[2] = {{STR("arn:l:1"), 7, STR("aa")}, {STR("arn:m:2"), 8, STR("bb")}},
                     back[LAYERS_PER_FUNCTION_MAX];
    str json = layer_uses_json(uses, 2, &arena);

    ok(layer_uses_json(uses, 0, &arena).len == 0 && layer_uses_read(STR(""), &arena, back) == 0);
    ok(layer_uses_read(json, &arena, back) == 2);
    ok(str_eq(back[0].arn, uses[0].arn) && back[1].code_size == 8 && str_eq(back[1].package, STR("bb")));
    arena_free(&arena);
    arena = (struct arena){0};
}

static void a_package_is_used_by_layers_and_by_who_has_them(void)
{
    struct function_config ret = {0}, config = {.name = STR("f"), .package = STR("ff"), .memory_mb = 128};
    struct store_creation creation = {.config = &config};
    struct layer_use use = {STR("arn:l:1"), 5, STR("aa")};
    struct store_strings packages;
    struct store_usage usage;
    bool used;

    open_store();
    publish("l", "aa", "");
    publish("l", "bb", "");
    config.layers_json = layer_uses_json(&use, 1, &arena);
    config.code_size = 100;
    ok(store_create(db, &creation, &arena, &ret, &err) == STORE_OK);
    ok(store_usage(db, &usage, &err) == STORE_OK && usage.code_bytes == 110);
    ok(store_packages(db, &arena, &packages, &err) == STORE_OK && packages.count >= 3);
    ok(store_layer_delete(db, STR("l"), 1, &err) == STORE_OK && store_layer_delete(db, STR("l"), 2, &err) == STORE_OK);
    ok(store_package_used(db, STR("aa"), &used, &err) == STORE_OK && used);
    ok(store_package_used(db, STR("bb"), &used, &err) == STORE_OK && !used);
    ok(store_packages(db, &arena, &packages, &err) == STORE_OK && packages.count == 2);
    ok(store_delete(db, STR("f"), STR(""), &err) == STORE_OK);
    ok(store_package_used(db, STR("aa"), &used, &err) == STORE_OK && !used);
    close_store();
}

TEST_MAIN(numbers_go_up_and_never_come_again, lists_are_filtered_and_paged, a_policy_is_its_statements,
          what_a_version_has_is_text_and_back, a_package_is_used_by_layers_and_by_who_has_them)

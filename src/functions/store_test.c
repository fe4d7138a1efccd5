#include "functions/store.h"

#include "functions/schema.h"

#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each test has a database of its own, in a folder that goes with it. */
static char folder[64], path[128];
static struct db *db;
static struct arena arena;
static struct err err;

static void open_db(void)
{
    snprintf(folder, sizeof folder, "/tmp/sculler-store-XXXXXX");
    if (!mkdtemp(folder))
        abort();
    snprintf(path, sizeof path, "%s/sculler.db", folder);
    ok(db_open(path, &db, &err));
    ok(db_migrate(db, functions_migrations, functions_migrations_count, &err));
}

static void close_db(void)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    char name[160];

    db_close(db);
    arena_free(&arena);
    arena = (struct arena){0};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        snprintf(name, sizeof name, "%s%s", path, tails[i]);
        unlink(name);
    }
    rmdir(folder);
}

static struct function_config sample(const char *name)
{
    return (struct function_config){
        .name = str_of(name),
        .role = STR("arn:aws:iam::000000000000:role/r"),
        .runtime = STR("python3.11"),
        .handler = STR("app.handler"),
        .package_type = STR("Zip"),
        .architecture = STR("x86_64"),
        .package = STR("aa"),
        .code_sha256 = STR("c2hh"),
        .code_size = 100,
        .memory_mb = 128,
        .timeout_s = 3,
        .tmp_mb = 512,
        .tracing_json = STR("{\"Mode\":\"PassThrough\"}"),
        .logging_json = STR("{\"LogFormat\":\"Text\"}"),
    };
}

static struct function_config create(const char *name, bool publish)
{
    struct function_config config = sample(name), ret = {0};
    struct store_creation creation = {.config = &config, .publish = publish};

    ok(store_create(db, &creation, &arena, &ret, &err) == STORE_OK);
    return ret;
}

static struct function_config get(const char *name, const char *qualifier)
{
    struct function_config ret = {0};

    ok(store_get(db, str_of(name), str_of(qualifier), &arena, &ret, &err) == STORE_OK);
    return ret;
}

static void mark_ready(const char *name, const char *failure)
{
    struct function_list list;

    ok(store_list_unready(db, str_of(name), &arena, &list, &err) == STORE_OK);
    for (int i = 0; i < list.count; i++) {
        struct store_readiness readiness = {list.at[i].name, list.at[i].version, list.at[i].run_key, str_of(failure),
                                            failure ? STR("InvalidZipFileException") : STR("")};
        ok(store_mark_ready(db, &readiness, &err) == STORE_OK);
    }
}

static struct function_config active(const char *name)
{
    create(name, false);
    mark_ready(name, NULL);
    return get(name, "");
}

static void a_function_is_pending_until_it_is_marked(void)
{
    open_db();
    struct function_config made = create("f", false);
    ok(str_eq(made.version, STR("$LATEST")) && made.state == VERSION_PENDING && made.update_status == UPDATE_NONE);
    ok(str_eq(made.state_reason, STR("The function is being created.")));
    ok(str_eq(made.state_reason_code, STR("Creating")));
    ok(made.revision_id.len == 36 && made.last_modified_us > 0);
    mark_ready("f", NULL);
    struct function_config now = get("f", "$LATEST");
    ok(now.state == VERSION_ACTIVE && now.update_status == UPDATE_SUCCESSFUL);
    ok(now.state_reason.len == 0 && now.state_reason_code.len == 0);
    ok(!str_eq(now.revision_id, made.revision_id));
    ok(str_eq(now.run_key, made.run_key));
    ok(str_eq(now.handler, STR("app.handler")) && now.memory_mb == 128 && now.code_size == 100);
    close_db();
}

static void a_name_is_taken_once(void)
{
    open_db();
    create("f", false);
    struct function_config config = sample("f"), ret;
    struct store_creation creation = {.config = &config};
    ok(store_create(db, &creation, &arena, &ret, &err) == STORE_FUNCTION_EXISTS);
    ok(store_get(db, STR("g"), STR(""), &arena, &ret, &err) == STORE_NO_FUNCTION);
    ok(store_get(db, STR("g"), STR("7"), &arena, &ret, &err) == STORE_NO_FUNCTION);
    ok(store_get(db, STR("g"), STR("prod"), &arena, &ret, &err) == STORE_NO_FUNCTION);
    ok(store_get(db, STR("f"), STR("7"), &arena, &ret, &err) == STORE_NO_VERSION);
    ok(store_get(db, STR("f"), STR("prod"), &arena, &ret, &err) == STORE_NO_ALIAS);
    close_db();
}

static void a_failed_function_can_be_mended(void)
{
    struct function_config ret;

    open_db();
    create("f", false);
    mark_ready("f", "Could not unzip uploaded file.");
    struct function_config now = get("f", "");
    ok(now.state == VERSION_FAILED && str_eq(now.state_reason_code, STR("InvalidZipFileException")));
    now.package = STR("bb");
    ok(store_update(db, &now, STR(""), false, &arena, &ret, &err) == STORE_OK);
    ok(ret.state == VERSION_PENDING && ret.update_status == UPDATE_IN_PROGRESS);
    mark_ready("f", NULL);
    ok(get("f", "").state == VERSION_ACTIVE);
    close_db();
}

static void creation_can_publish(void)
{
    open_db();
    struct function_config made = create("f", true);
    ok(str_eq(made.version, STR("1")) && made.state == VERSION_PENDING && made.update_status == UPDATE_NONE);
    mark_ready("f", NULL);
    ok(get("f", "1").state == VERSION_ACTIVE && get("f", "").state == VERSION_ACTIVE);
    close_db();
}

static void an_update_is_in_progress_and_bars_another(void)
{
    struct function_config ret, again;

    open_db();
    struct function_config config = create("f", false);
    ok(store_update(db, &config, STR(""), false, &arena, &ret, &err) == STORE_PENDING);
    mark_ready("f", NULL);
    config = get("f", "");
    config.memory_mb = 256;
    ok(store_update(db, &config, STR("not-it"), false, &arena, &ret, &err) == STORE_WRONG_REVISION);
    ok(store_update(db, &config, config.revision_id, false, &arena, &ret, &err) == STORE_OK);
    ok(ret.memory_mb == 256 && ret.state == VERSION_ACTIVE && ret.update_status == UPDATE_IN_PROGRESS);
    ok(str_eq(ret.update_reason_code, STR("Creating")));
    ok(!str_eq(ret.run_key, config.run_key) && !str_eq(ret.revision_id, config.revision_id));
    ok(store_update(db, &ret, STR(""), false, &arena, &again, &err) == STORE_UPDATING);
    mark_ready("f", "no");
    again = get("f", "");
    ok(again.state == VERSION_ACTIVE && again.update_status == UPDATE_FAILED);
    close_db();
}

static void an_update_can_publish(void)
{
    struct function_config ret;

    open_db();
    struct function_config config = active("f");
    config.package = STR("bb");
    ok(store_update(db, &config, STR(""), true, &arena, &ret, &err) == STORE_OK);
    ok(str_eq(ret.version, STR("1")) && ret.state == VERSION_PENDING && ret.update_status == UPDATE_NONE);
    ok(get("f", "").update_status == UPDATE_IN_PROGRESS);
    mark_ready("f", NULL);
    ok(get("f", "1").state == VERSION_ACTIVE && get("f", "").update_status == UPDATE_SUCCESSFUL);
    close_db();
}

static void publishing_needs_a_change(void)
{
    struct store_publication plain = {0}, described = {.description = STR("second")};
    struct function_config one, two, ret;

    open_db();
    struct function_config latest = active("f");
    ok(store_publish(db, STR("f"), &plain, &arena, &one, &err) == STORE_OK);
    ok(str_eq(one.version, STR("1")) && one.state == VERSION_ACTIVE && one.update_status == UPDATE_SUCCESSFUL);
    ok(!str_eq(get("f", "").revision_id, latest.revision_id)); /* $LATEST has a new one too */
    ok(store_publish(db, STR("f"), &plain, &arena, &two, &err) == STORE_OK);
    ok(str_eq(two.version, STR("1")) && str_eq(two.revision_id, one.revision_id));
    ok(store_publish(db, STR("f"), &described, &arena, &two, &err) == STORE_OK);
    ok(str_eq(two.version, STR("1")) && two.description.len == 0);

    latest = get("f", "");
    latest.timeout_s = 9;
    ok(store_update(db, &latest, STR(""), false, &arena, &ret, &err) == STORE_OK);
    ok(store_publish(db, STR("f"), &plain, &arena, &two, &err) == STORE_UPDATING);
    mark_ready("f", NULL);
    ok(store_publish(db, STR("f"), &described, &arena, &two, &err) == STORE_OK);
    ok(str_eq(two.version, STR("2")) && str_eq(two.description, STR("second")) && two.timeout_s == 9);
    ok(get("f", "1").timeout_s == 3);
    close_db();
}

static void publishing_checks_code_and_revision(void)
{
    struct store_publication wrong_code = {.code_sha256 = STR("other")}, wrong_revision = {.revision_id = STR("x")};
    struct store_publication right = {.code_sha256 = STR("c2hh")};
    struct function_config ret;

    open_db();
    active("f");
    ok(store_publish(db, STR("f"), &wrong_code, &arena, &ret, &err) == STORE_WRONG_CODE);
    ok(store_publish(db, STR("f"), &wrong_revision, &arena, &ret, &err) == STORE_WRONG_REVISION);
    ok(store_publish(db, STR("f"), &right, &arena, &ret, &err) == STORE_OK);
    ok(store_publish(db, STR("g"), &right, &arena, &ret, &err) == STORE_NO_FUNCTION);
    close_db();
}

/* Publishes n versions, each different. */
static void publish_some(const char *name, int n)
{
    struct store_publication plain = {0};
    struct function_config ret;

    for (int i = 0; i < n; i++) {
        struct function_config latest = get(name, "");
        latest.timeout_s = 10 + i;
        ok(store_update(db, &latest, STR(""), false, &arena, &ret, &err) == STORE_OK);
        mark_ready(name, NULL);
        ok(store_publish(db, str_of(name), &plain, &arena, &ret, &err) == STORE_OK);
    }
}

static void a_number_is_never_given_twice(void)
{
    struct store_publication plain = {0};
    struct function_config ret;

    open_db();
    active("f");
    publish_some("f", 2);
    ok(store_delete(db, STR("f"), STR("2"), &err) == STORE_OK);
    ok(store_delete(db, STR("f"), STR("2"), &err) == STORE_OK); /* a missing one is fine */
    ok(store_get(db, STR("f"), STR("2"), &arena, &ret, &err) == STORE_NO_VERSION);
    ok(store_publish(db, STR("f"), &plain, &arena, &ret, &err) == STORE_OK);
    ok(str_eq(ret.version, STR("3")));
    ok(store_delete(db, STR("g"), STR(""), &err) == STORE_NO_FUNCTION);
    ok(store_delete(db, STR("f"), STR(""), &err) == STORE_OK);
    ok(store_get(db, STR("f"), STR("1"), &arena, &ret, &err) == STORE_NO_FUNCTION);
    close_db();
}

static void lists_come_in_pages(void)
{
    struct function_list list;

    open_db();
    active("b");
    active("a");
    active("c");
    publish_some("b", 2);
    ok(store_list(db, false, STR(""), 2, &arena, &list, &err) == STORE_OK);
    ok(list.count == 2 && str_eq(list.at[0].name, STR("a")) && str_eq(list.next_marker, STR("b")));
    ok(store_list(db, false, list.next_marker, 2, &arena, &list, &err) == STORE_OK);
    ok(list.count == 1 && str_eq(list.at[0].name, STR("c")) && list.next_marker.len == 0);
    ok(store_list(db, true, STR(""), 3, &arena, &list, &err) == STORE_OK);
    ok(list.count == 3 && str_eq(list.at[2].version, STR("1")) && str_eq(list.next_marker, STR("b:1")));
    ok(store_list(db, true, list.next_marker, 3, &arena, &list, &err) == STORE_OK);
    ok(list.count == 2 && str_eq(list.at[0].version, STR("2")) && str_eq(list.at[1].name, STR("c")));
    ok(store_list_versions(db, STR("b"), STR(""), 2, &arena, &list, &err) == STORE_OK);
    ok(list.count == 2 && str_eq(list.at[0].version, STR("$LATEST")) && str_eq(list.next_marker, STR("1")));
    ok(store_list_versions(db, STR("b"), list.next_marker, 2, &arena, &list, &err) == STORE_OK);
    ok(list.count == 1 && str_eq(list.at[0].version, STR("2")) && list.next_marker.len == 0);
    ok(store_list_versions(db, STR("x"), STR(""), 2, &arena, &list, &err) == STORE_NO_FUNCTION);
    close_db();
}

static void aliases_point_at_versions(void)
{
    struct alias_config alias = {.name = STR("prod"), .version = STR("1")}, made, ret;
    struct alias_list list;

    open_db();
    active("f");
    publish_some("f", 2);
    ok(store_alias_create(db, STR("x"), &alias, &arena, &made, &err) == STORE_NO_FUNCTION);
    ok(store_alias_create(db, STR("f"), &alias, &arena, &made, &err) == STORE_OK);
    ok(made.revision_id.len == 36 && made.second_version.len == 0);
    ok(store_alias_create(db, STR("f"), &alias, &arena, &ret, &err) == STORE_ALIAS_EXISTS);
    ok(str_eq(get("f", "prod").version, STR("1")));
    made.version = STR("9");
    ok(store_alias_update(db, STR("f"), &made, STR(""), &arena, &ret, &err) == STORE_NO_VERSION);
    made.version = STR("2");
    ok(store_alias_update(db, STR("f"), &made, STR("x"), &arena, &ret, &err) == STORE_WRONG_REVISION);
    ok(store_alias_update(db, STR("f"), &made, made.revision_id, &arena, &ret, &err) == STORE_OK);
    ok(str_eq(ret.version, STR("2")) && !str_eq(ret.revision_id, made.revision_id));
    ok(store_delete(db, STR("f"), STR("2"), &err) == STORE_VERSION_ALIASED);
    alias.name = STR("canary");
    ok(store_alias_create(db, STR("f"), &alias, &arena, &ret, &err) == STORE_OK);
    ok(store_alias_list(db, STR("f"), STR(""), STR(""), 1, &arena, &list, &err) == STORE_OK);
    ok(list.count == 1 && str_eq(list.next_marker, STR("canary")));
    ok(store_alias_list(db, STR("f"), STR("2"), STR(""), 10, &arena, &list, &err) == STORE_OK);
    ok(list.count == 1 && str_eq(list.at[0].name, STR("prod")));
    ok(store_alias_delete(db, STR("f"), STR("prod"), &err) == STORE_OK);
    ok(store_alias_delete(db, STR("f"), STR("prod"), &err) == STORE_OK);
    ok(store_alias_get(db, STR("f"), STR("prod"), &arena, &ret, &err) == STORE_NO_ALIAS);
    close_db();
}

static void weights_have_rules(void)
{
    static const struct {
        const char *version, *second;
        enum store_answer answer;
    } rows[] = {
        {"1", "2", STORE_OK},
        {"1", "1", STORE_ROUTING_REPEATS},
        {"$LATEST", "1", STORE_ROUTING_LATEST},
        {"1", "9", STORE_NO_SECOND_VERSION},
        {"9", "1", STORE_NO_VERSION},
        {"$LATEST", "", STORE_OK},
    };
    struct alias_config ret;
    char name[8];

    open_db();
    active("f");
    publish_some("f", 2);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(name, sizeof name, "a%zu", i);
        struct alias_config alias = {.name = str_of(name),
                                     .version = str_of(rows[i].version),
                                     .second_version = str_of(rows[i].second),
                                     .second_weight = 0.25};
        ok(store_alias_create(db, STR("f"), &alias, &arena, &ret, &err) == rows[i].answer);
    }
    ok(store_alias_get(db, STR("f"), STR("a0"), &arena, &ret, &err) == STORE_OK);
    ok(str_eq(ret.second_version, STR("2")) && ret.second_weight > 0.2499 && ret.second_weight < 0.2501);
    ret.second_version = STR("");
    ok(store_alias_update(db, STR("f"), &ret, STR(""), &arena, &ret, &err) == STORE_OK);
    ok(ret.second_version.len == 0);
    close_db();
}

static void policies_have_a_revision_of_their_own(void)
{
    struct store_permission s3 = {STR("f"), STR(""), STR("s3"), STR("{\"Sid\":\"s3\"}"), STR("")}, api = s3, bad;
    struct store_policy policy, later;

    open_db();
    struct function_config before = active("f");
    ok(store_policy_get(db, STR("f"), STR(""), &arena, &policy, &err) == STORE_NO_POLICY);
    ok(store_permission_remove(db, &s3, &err) == STORE_NO_POLICY);
    bad = s3, bad.revision_id = STR("x");
    ok(store_permission_add(db, &bad, &err) == STORE_WRONG_REVISION);
    ok(store_permission_add(db, &s3, &err) == STORE_OK);
    ok(store_permission_add(db, &s3, &err) == STORE_STATEMENT_EXISTS);
    ok(store_policy_get(db, STR("f"), STR(""), &arena, &policy, &err) == STORE_OK);
    ok(str_eq(policy.json, STR("{\"Version\":\"2012-10-17\",\"Id\":\"default\",\"Statement\":[{\"Sid\":\"s3\"}]}")));
    ok(str_eq(get("f", "").revision_id, before.revision_id));
    api.statement_id = STR("api"), api.statement_json = STR("{\"Sid\":\"api\"}"), api.revision_id = policy.revision_id;
    ok(store_permission_add(db, &api, &err) == STORE_OK);
    ok(store_policy_get(db, STR("f"), STR(""), &arena, &later, &err) == STORE_OK);
    ok(str_ends(later.json, STR("[{\"Sid\":\"s3\"},{\"Sid\":\"api\"}]}")));
    ok(!str_eq(later.revision_id, policy.revision_id));
    bad = s3, bad.statement_id = STR("none");
    ok(store_permission_remove(db, &bad, &err) == STORE_NO_STATEMENT);
    ok(store_permission_remove(db, &api, &err) == STORE_WRONG_REVISION);
    api.revision_id = STR("");
    ok(store_permission_remove(db, &api, &err) == STORE_OK);
    ok(store_permission_remove(db, &s3, &err) == STORE_OK);
    ok(store_policy_get(db, STR("f"), STR(""), &arena, &policy, &err) == STORE_NO_POLICY);
    bad.function = STR("g");
    ok(store_permission_add(db, &bad, &err) == STORE_NO_FUNCTION);
    bad.function = STR("f"), bad.qualifier = STR("prod");
    ok(store_permission_add(db, &bad, &err) == STORE_NO_ALIAS);
    bad.qualifier = STR("7");
    ok(store_permission_add(db, &bad, &err) == STORE_NO_VERSION);
    close_db();
}

static void tags_are_counted_and_touch_the_revision(void)
{
    struct store_tag tags[STORE_TAGS_MAX + 1];
    char keys[STORE_TAGS_MAX + 1][8];
    struct tag_list list;

    open_db();
    struct function_config before = active("f");
    for (int i = 0; i <= STORE_TAGS_MAX; i++) {
        snprintf(keys[i], sizeof keys[i], "k%02d", i);
        tags[i] = (struct store_tag){str_of(keys[i]), STR("v")};
    }
    ok(store_tags_get(db, STR("f"), &arena, &list, &err) == STORE_OK && list.count == 0);
    ok(store_tags_put(db, STR("f"), tags, STORE_TAGS_MAX, &err) == STORE_OK);
    ok(!str_eq(get("f", "").revision_id, before.revision_id));
    ok(db_begin(db, &err));
    ok(store_tags_put(db, STR("f"), tags + STORE_TAGS_MAX, 1, &err) == STORE_TAGS_LIMIT);
    db_rollback(db);
    ok(store_tags_remove(db, STR("f"), &tags[0].key, 1, &err) == STORE_OK);
    ok(store_tags_remove(db, STR("f"), &tags[0].key, 1, &err) == STORE_OK);
    ok(store_tags_get(db, STR("f"), &arena, &list, &err) == STORE_OK && list.count == STORE_TAGS_MAX - 1);
    ok(str_eq(list.at[0].key, STR("k01")) && str_eq(list.at[0].value, STR("v")));
    ok(store_tags_put(db, STR("x"), tags, 1, &err) == STORE_NO_FUNCTION);
    close_db();
}

static void concurrency_leaves_a_hundred(void)
{
    struct store_usage usage;
    int reserved;

    open_db();
    active("f");
    active("g");
    ok(store_concurrency_get(db, STR("f"), &reserved, &err) == STORE_OK && reserved == -1);
    ok(store_concurrency_put(db, STR("f"), 901, 1000, &err) == STORE_CONCURRENCY_LIMIT);
    ok(store_concurrency_put(db, STR("f"), 0, 1000, &err) == STORE_OK);
    ok(store_concurrency_get(db, STR("f"), &reserved, &err) == STORE_OK && reserved == 0);
    ok(store_concurrency_put(db, STR("f"), 900, 1000, &err) == STORE_OK);
    ok(store_concurrency_put(db, STR("g"), 1, 1000, &err) == STORE_CONCURRENCY_LIMIT);
    ok(store_usage(db, &usage, &err) == STORE_OK);
    ok(usage.functions_count == 2 && usage.code_bytes == 200 && usage.taken_concurrency == 900);
    ok(store_concurrency_delete(db, STR("f"), &err) == STORE_OK);
    ok(store_concurrency_put(db, STR("g"), 1, 1000, &err) == STORE_OK);
    ok(store_concurrency_put(db, STR("x"), 1, 1000, &err) == STORE_NO_FUNCTION);
    close_db();
}

static void settings_are_stored_and_echoed(void)
{
    str json;

    open_db();
    active("f");
    ok(store_setting_get(db, STR("f"), STR("$LATEST"), STR("recursion"), &arena, &json, &err) == STORE_NO_SETTING);
    ok(store_setting_put(db, STR("f"), STR("$LATEST"), STR("recursion"), STR("{}"), &err) == STORE_OK);
    ok(store_setting_get(db, STR("f"), STR("$LATEST"), STR("recursion"), &arena, &json, &err) == STORE_OK);
    ok(str_eq(json, STR("{}")));
    ok(store_setting_delete(db, STR("f"), STR("$LATEST"), STR("recursion"), &err) == STORE_OK);
    ok(store_setting_delete(db, STR("f"), STR("$LATEST"), STR("recursion"), &err) == STORE_NO_SETTING);
    close_db();
}

static void packages_know_who_refers_to_them(void)
{
    struct store_strings packages;
    bool used;

    open_db();
    active("f");
    active("g");
    ok(store_packages(db, &arena, &packages, &err) == STORE_OK && packages.count == 1);
    ok(store_delete(db, STR("f"), STR(""), &err) == STORE_OK);
    ok(store_package_used(db, STR("aa"), &used, &err) == STORE_OK && used);
    ok(store_delete(db, STR("g"), STR(""), &err) == STORE_OK);
    ok(store_package_used(db, STR("aa"), &used, &err) == STORE_OK && !used);
    close_db();
}

static void a_stale_mark_is_refused(void)
{
    struct store_readiness stale = {STR("f"), STR("$LATEST"), STR("another"), STR(""), STR("")};

    open_db();
    create("f", false);
    ok(store_mark_ready(db, &stale, &err) == STORE_OK && get("f", "").state == VERSION_PENDING);
    stale.name = STR("gone");
    ok(store_mark_ready(db, &stale, &err) == STORE_OK);
    close_db();
}

TEST_MAIN(a_function_is_pending_until_it_is_marked, a_name_is_taken_once, a_failed_function_can_be_mended,
          creation_can_publish, an_update_is_in_progress_and_bars_another, an_update_can_publish,
          publishing_needs_a_change, publishing_checks_code_and_revision, a_number_is_never_given_twice,
          lists_come_in_pages, aliases_point_at_versions, weights_have_rules, policies_have_a_revision_of_their_own,
          tags_are_counted_and_touch_the_revision, concurrency_leaves_a_hundred, settings_are_stored_and_echoed,
          packages_know_who_refers_to_them, a_stale_mark_is_refused)

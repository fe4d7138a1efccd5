/*
 * readiness_test: the way from Pending to Active on a machine in trouble.  There is no keeper, so what needs a cell
 * fails by our fault; a trigger stands for a database that cannot be written.
 */
#include "functions/readiness.h"

#include "functions/packages_private.h"
#include "functions/schema.h"

#include "loop/lane.h"

#include "base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX "00000000000000000000000000000000000000000000000000000000000000aa"

static char folder[64];
static uv_loop_t loop;
static struct err err;
static struct entry_world world;
static struct readiness readiness;

static void put_file(const char *name, const char *text)
{
    char path[256];
    int fd;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
    ok(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void put_folder(const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    ok(mkdir(path, 0755) == 0);
}

/* What a cell would have made. */
static void unpack(void)
{
    put_file("packages/" HEX "/unpacked", "");
    put_file("packages/" HEX "/ready-python3.11", "");
}

static void create_function(void)
{
    ARENA_AUTO arena = {0};
    struct function_config ret, config = {
                                    .name = STR("f"),
                                    .role = STR("arn:aws:iam::123456789012:role/r"),
                                    .runtime = STR("python3.11"),
                                    .handler = STR("app.handler"),
                                    .package = STR(HEX),
                                    .memory_mb = 256,
                                    .timeout_s = 7,
                                    .tmp_mb = 512,
                                };
    struct store_creation creation = {.config = &config};

    ok(store_create(readiness.db, &creation, &arena, &ret, &err) == STORE_OK);
    ok(entry_load_all(readiness.db, &world, readiness.catalog, &err));
}

static void begin(void)
{
    struct packages_options options = {.loop = &loop, .state_dir = folder};
    struct packages *packages;
    struct db *db;

    snprintf(folder, sizeof folder, "/tmp/sculler-readiness-XXXXXX");
    if (!mkdtemp(folder))
        abort();
    put_file("python3.11", "#!/bin/sh\nprintf 'cpython\\n3.11.2\\n/opt/py/bin/python3.11\\n/opt/py\\n'\n");
    put_folder("packages");
    put_folder("packages/" HEX);
    put_file("packages/" HEX "/code.zip", "");
    uv_loop_init(&loop);
    ok(db_open(":memory:", &db, &err) && db_migrate(db, functions_migrations, functions_migrations_count, &err));
    ok(packages_open(&options, &packages, &err));
    world = (struct entry_world){STR("eu-west-1"), STR("123456789012"), interpreters_find(str_of(folder))};
    readiness = (struct readiness){.loop = &loop,
                                   .lane = lane_new(&loop, "state"),
                                   .db = db,
                                   .catalog = catalog_new(),
                                   .packages = packages,
                                   .world = &world,
                                   .retry_ms = 1};
    packages_watch_catalog(packages, readiness.catalog);
    create_function();
}

static void end(void)
{
    catalog_free(readiness.catalog); /* asks whether the package is used */
    uv_run(&loop, UV_RUN_DEFAULT);
    lane_free(readiness.lane);
    uv_run(&loop, UV_RUN_DEFAULT);
    packages_close(readiness.packages);
    ok(uv_loop_close(&loop) == 0);
    interpreters_free((struct interpreters *)(uintptr_t)world.interpreters);
    db_close(readiness.db);
    remove_tree(folder);
}

/* Until nothing is on its way: the lane keeps no loop alive when it is idle, a pause does. */
static void run(str name)
{
    readiness_watch(&readiness, name);
    uv_run(&loop, UV_RUN_DEFAULT);
}

static bool is_in_state(enum version_state state, const char *code)
{
    ARENA_AUTO arena = {0};
    struct function_config config;
    const struct function_entry *entry = catalog_function(readiness.catalog, STR("f"));

    return store_get(readiness.db, STR("f"), STR(""), &arena, &config, &err) == STORE_OK && config.state == state &&
           str_eq(config.state_reason_code, str_of(code)) && entry && entry->versions[0]->state == state;
}

static void a_package_that_is_there_becomes_active(void)
{
    begin();
    unpack();
    run(STR("f"));
    ok(is_in_state(VERSION_ACTIVE, ""));
    end();
}

static void our_fault_is_told_as_ours_and_tried_again_at_the_next_start(void)
{
    begin();
    run(STR("f"));
    ok(is_in_state(VERSION_FAILED, "InternalError"));
    run(STR("f"));
    ok(is_in_state(VERSION_FAILED, "InternalError")); /* not by a change of something else */
    unpack();
    run(STR(""));
    ok(is_in_state(VERSION_ACTIVE, ""));
    end();
}

static void on_mended(uv_timer_t *timer)
{
    ok(is_in_state(VERSION_PENDING, "Creating"));
    unpack();
    uv_close((uv_handle_t *)timer, NULL);
}

static void what_the_machine_recovers_from_is_never_a_failure(void)
{
    uv_timer_t timer;

    begin();
    readiness.retry_ms = 20;
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, on_mended, 30, 0);
    run(STR("f"));
    ok(is_in_state(VERSION_ACTIVE, ""));
    end();
}

static void a_mark_that_cannot_be_written_is_tried_again(void)
{
    begin();
    unpack();
    ok(db_run_values(readiness.db, &err,
                     "CREATE TRIGGER full BEFORE UPDATE ON versions BEGIN SELECT RAISE(ABORT, 'disk is full'); END",
                     NULL, 0));
    run(STR("f"));
    ok(is_in_state(VERSION_PENDING, "Creating")); /* not even Failed could be written */
    ok(db_run_values(readiness.db, &err, "DROP TRIGGER full", NULL, 0));
    run(STR(""));
    ok(is_in_state(VERSION_ACTIVE, ""));
    end();
}

static void a_function_that_is_deleted_meanwhile_is_let_go(void)
{
    begin();
    catalog_remove(readiness.catalog, STR("f"));
    run(STR("f"));
    ok(!catalog_function(readiness.catalog, STR("f")));
    end();
}

TEST_MAIN(a_package_that_is_there_becomes_active, our_fault_is_told_as_ours_and_tried_again_at_the_next_start,
          what_the_machine_recovers_from_is_never_a_failure, a_mark_that_cannot_be_written_is_tried_again,
          a_function_that_is_deleted_meanwhile_is_let_go)

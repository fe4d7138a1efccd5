#include "functions/packages.h"

#include "functions/packages_private.h"

#include "base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The smallest zip: the end of an empty directory. */
static const char empty_zip[] = "PK\005\006\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
#define EMPTY_ZIP ((str){empty_zip, 22})
#define EMPTY_HEX "8739c76e681f900923b900c9df0ef75cf421d39cabb54650c4b9ad19b6a76d85"

static char state[64];
static uv_loop_t loop;
static struct err err;

static struct packages *open_packages(void)
{
    struct packages_options options = {.loop = &loop, .state_dir = state};
    struct packages *packages = NULL;

    ok(packages_open(&options, &packages, &err));
    return packages;
}

static void begin(void)
{
    snprintf(state, sizeof state, "/tmp/sculler-packages-XXXXXX");
    if (!mkdtemp(state))
        abort();
    uv_loop_init(&loop);
}

static void end(struct packages *packages)
{
    uv_run(&loop, UV_RUN_DEFAULT);
    packages_close(packages);
    ok(uv_loop_close(&loop) == 0);
    remove_tree(state);
}

static bool there(const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/packages/%s", state, name);
    return access(path, F_OK) == 0;
}

static void put_file(const char *folder, const char *name)
{
    char path[256];
    int fd;

    snprintf(path, sizeof path, "%s/packages", state);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/packages/%s", state, folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/packages/%s/%s", state, folder, name);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
}

static struct upload *upload_zip(struct packages *packages, struct package *ret)
{
    struct upload *upload = NULL;

    ok(upload_begin(packages, &upload, &err));
    ok(upload_feed(upload, (str){empty_zip, 10}, &err) && upload_feed(upload, (str){empty_zip + 10, 12}, &err));
    ok(upload_finish(upload, ret, &err));
    return upload;
}

static void an_upload_becomes_its_hash(void)
{
    struct package package;
    struct upload *upload;

    begin();
    struct packages *packages = open_packages();
    upload = upload_zip(packages, &package);
    ok(str_eq(str_of(package.hex), STR(EMPTY_HEX)));
    ok(str_eq(str_of(package.base64), STR("hznHbmgfkAkjuQDJ3w73XPQh05yrtUZQxLmtGbanbYU=")));
    ok(package.bytes == 22 && package.files == 0 && package.unzipped_bytes == 0);
    ok(there(EMPTY_HEX "/code.zip"));
    upload_done(upload);
    upload = upload_zip(packages, &package); /* again: found there */
    upload_done(upload);
    ok(there(EMPTY_HEX "/code.zip"));
    end(packages);
}

static void what_is_no_zip_is_refused(void)
{
    struct package package;
    struct upload *upload;

    begin();
    struct packages *packages = open_packages();
    ok(upload_begin(packages, &upload, &err));
    ok(upload_feed(upload, STR("not a zip"), &err));
    ok(!upload_finish(upload, &package, &err) && err.code == ERR_INVALID);
    upload_done(upload);
    ok(upload_begin(packages, &upload, &err));
    packages->zip_bytes_max = 10;
    ok(!upload_feed(upload, EMPTY_ZIP, &err) && err.code == ERR_LIMIT);
    upload_done(upload);
    upload_done(NULL);
    end(packages);
}

static char idle[80];
static int idle_count;

static void on_idle(void *ctx, str hex)
{
    (void)ctx;
    idle_count++;
    snprintf(idle, sizeof idle, STR_FMT, STR_ARG(hex));
}

static struct runnable *runnable_of(const char *hex)
{
    struct arena arena = {0};
    struct runnable *runnable = arena_new(&arena, struct runnable, 1);

    runnable->arena = arena;
    runnable->references = 1;
    runnable->version = STR("$LATEST");
    runnable->package = str_of(hex);
    return runnable;
}

static struct function_entry *entry_of(const char *hex)
{
    struct arena arena = {0};
    struct function_entry *entry = arena_new(&arena, struct function_entry, 1);

    entry->name = STR("f");
    entry->versions = arena_new(&arena, struct runnable *, 1);
    entry->versions[entry->versions_count++] = runnable_of(hex);
    entry->arena = arena;
    return entry;
}

static void a_package_goes_when_nobody_holds_it(void)
{
    struct catalog *catalog = catalog_new();
    struct package package;
    struct upload *upload;
    str alias;

    begin();
    idle_count = 0;
    struct packages *packages = open_packages();
    packages_watch_catalog(packages, catalog);
    packages_on_idle(packages, on_idle, NULL);
    upload = upload_zip(packages, &package);
    packages_unused(packages, STR(EMPTY_HEX));
    ok(there(EMPTY_HEX)); /* the upload holds it */
    catalog_put(catalog, entry_of(EMPTY_HEX));
    upload_done(upload);
    ok(idle_count == 0);
    packages_unused(packages, STR(EMPTY_HEX));
    ok(there(EMPTY_HEX)); /* the catalog holds it */
    struct runnable *running = catalog_resolve(catalog, STR("f"), STR(""), &alias);
    catalog_remove(catalog, STR("f"));
    ok(idle_count == 0); /* a call holds it */
    runnable_release(running);
    ok(idle_count == 1 && str_eq(str_of(idle), STR(EMPTY_HEX)) && there(EMPTY_HEX));
    packages_unused(packages, STR(EMPTY_HEX));
    ok(!there(EMPTY_HEX));
    catalog_free(catalog);
    end(packages);
}

static void a_refused_upload_is_asked_about(void)
{
    struct package package;

    begin();
    idle_count = 0;
    struct packages *packages = open_packages();
    packages_on_idle(packages, on_idle, NULL);
    upload_done(upload_zip(packages, &package));
    ok(idle_count == 1);
    end(packages);
}

static void a_start_clears_what_a_crash_left(void)
{
    static const char *const hex = "00000000000000000000000000000000000000000000000000000000000000aa";
    static const char *const other = "00000000000000000000000000000000000000000000000000000000000000bb";
    static const char *const half = "00000000000000000000000000000000000000000000000000000000000000cc";
    char tmp[256];

    begin();
    put_file(hex, "code.zip");
    put_file(other, "code.zip");
    put_file(half, "something");
    put_file("gone-x", "left");
    put_file("not-ours", "kept");
    snprintf(tmp, sizeof tmp, "%s/packages/tmp-abcdef", state);
    close(open(tmp, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    struct packages *packages = open_packages();
    ok(!there("tmp-abcdef") && !there(half));
    packages_sweep(packages, &(str){hex, 64}, 1);
    ok(there(hex) && !there(other) && there("not-ours"));
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(!there("gone-x"));
    end(packages);
}

static int ready_count;
static enum prepared ready_how;

static void on_ready(void *ctx, enum prepared prepared, const char *why)
{
    (void)ctx;
    (void)why;
    ready_count++;
    ready_how = prepared;
}

static void prepare_looks_at_the_marks(void)
{
    static const char *const hex = "00000000000000000000000000000000000000000000000000000000000000aa";
    struct interpreter python = {STR("python3.11"), STR("/usr/bin/python3.11"), STR(""), STR("3.11.2")};

    begin();
    put_file(hex, "code.zip");
    put_file(hex, "unpacked");
    put_file(hex, "ready-python3.11");
    struct packages *packages = open_packages();
    ready_count = 0;
    packages_prepare(packages, str_of(hex), &python, on_ready, NULL);
    packages_prepare(packages, str_of(hex), &python, on_ready, NULL);
    ok(ready_count == 0); /* never before it returns */
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(ready_count == 2 && ready_how == PREPARED);
    python.runtime = STR("python3.12"); /* bytecode is a gain, not a need: without a cell it is ready all the same */
    ok(!packages_is_ready(packages, str_of(hex), &python));
    packages_prepare(packages, str_of(hex), &python, on_ready, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(ready_count == 3 && ready_how == PREPARED); /* there is no keeper here, so no bytecode */
    end(packages);
}

static void a_half_made_tree_is_taken_away(void)
{
    static const char *const hex = "00000000000000000000000000000000000000000000000000000000000000aa";
    struct interpreter python = {STR("python3.11"), STR("/usr/bin/python3.11"), STR(""), STR("3.11.2")};
    char path[256];

    begin();
    put_file(hex, "code.zip");
    put_file(hex, "ready-python3.11");
    snprintf(path, sizeof path, "%s/packages/%s/tree", state, hex);
    mkdir(path, 0700);
    struct packages *packages = open_packages();
    ok(!packages_is_ready(packages, str_of(hex), &python)); /* a mark is nothing without the one before it */
    packages_prepare(packages, str_of(hex), &python, on_ready, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(ready_how == PREPARED_BROKEN); /* there is no keeper here, so no tree: our fault */
    ok(there("00000000000000000000000000000000000000000000000000000000000000aa/code.zip"));
    ok(access(path, F_OK) != 0);
    end(packages);
}

TEST_MAIN(a_half_made_tree_is_taken_away, an_upload_becomes_its_hash, what_is_no_zip_is_refused,
          a_package_goes_when_nobody_holds_it, a_refused_upload_is_asked_about, a_start_clears_what_a_crash_left,
          prepare_looks_at_the_marks)

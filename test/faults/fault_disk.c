/*
 * fault_disk: what the disk may do to us: the k-th call fails, for every k.
 *
 *     fault_disk control          deploying: packages, functions, versions, aliases, policies, APIs (sculler.db)
 *     fault_disk records          calls on record: journal, drain, retention, a restart (records.db)
 *       --every N                 only each N-th k (the first is drawn from N)
 *       --modes MASK              of the table below; default all
 *       --at MODE K               one case, in this process
 *
 * A child plays the scenario with the fault and keeps a diary in shared memory; then the parent opens what is on disk,
 * without faults, and asks:
 *   - did the child end, by itself, in time; if it aborted, had an fsync failed (that is the promise: stop)?
 *   - was anything acknowledged after a failed fsync?
 *   - is the database whole (integrity_check, foreign_key_check), and does it hold exactly what was acknowledged: the
 *     same steps, without the refused ones, give the same rows in a database in memory.  A step that was begun and
 *     refused may be there as a whole, or not at all;
 *   - is every acknowledged package there with its bytes, and nothing half made after the next start?
 *   - are the records that were acknowledged there, once, in order?
 */
#include "fault_point.h"

#include "apis/rest.h"
#include "apis/schema.h"
#include "base/arena.h"
#include "base/limits.h"
#include "db/db.h"
#include "functions/packages.h"
#include "functions/schema.h"
#include "functions/store.h"
#include "logs/journal.h"
#include "logs/record.h"
#include "logs/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    CASE_SECONDS_MAX = 20, /* longer is a hang */
    PATH_MAX_ = 256,
    DUMP_MAX = 1024 * 1024,
    RECORDS_COUNT = 24,
    TRIMMED = 10, /* retention takes these, if it comes to it: it goes by thousands */
    TRIM_ROWS_MAX = 5,
    MIGRATIONS_MAX = 64,
    REFUSED_TRIED_MAX = 4, /* steps that were refused and may be there: all combinations of the first few */
};

static char folder[64];
static const char *why; /* of the first thing that is wrong */

static bool wrong(const char *text)
{
    if (!why)
        why = text;
    return false;
}

/* The control scenario.  Every step is a transaction, or a package. */

struct control {
    struct db *db;
    struct packages *packages;
    struct arena arena;
};

static enum store_answer ran(bool good)
{
    return good ? STORE_OK : STORE_BROKEN;
}

static struct function_config sample(const char *name, const char *package)
{
    return (struct function_config){
        .name = str_of(name),
        .role = STR("arn:aws:iam::000000000000:role/r"),
        .runtime = STR("python3.11"),
        .handler = STR("app.handler"),
        .package_type = STR("Zip"),
        .architecture = STR("x86_64"),
        .package = str_of(package),
        .code_sha256 = str_of(package),
        .code_size = 100,
        .memory_mb = 128,
        .timeout_s = 3,
        .tmp_mb = 512,
        .tracing_json = STR("{\"Mode\":\"PassThrough\"}"),
        .logging_json = STR("{\"LogFormat\":\"Text\"}"),
    };
}

/* An empty zip, told from others by the length of its comment. */
static str small_zip(struct arena *arena, int comment)
{
    char *bytes = arena_new(arena, char, 22 + (size_t)comment);

    memcpy(bytes, "PK\5\6", 4);
    bytes[20] = (char)comment;
    memset(bytes + 22, 'c', (size_t)comment);
    return (str){bytes, 22 + (size_t)comment};
}

static enum store_answer upload(struct control *control, int comment, struct package *ret)
{
    str zip = small_zip(&control->arena, comment);
    struct upload *upload = NULL;
    struct err err;
    bool good;

    if (!control->packages) /* when the steps are repeated in memory */
        return STORE_OK;
    good = upload_begin(control->packages, &upload, &err) && upload_feed(upload, zip, &err) &&
           upload_finish(upload, ret, &err);
    upload_done(upload);
    return ran(good);
}

static enum store_answer upload_one(struct control *control)
{
    struct package package;

    return upload(control, 1, &package);
}

static enum store_answer upload_two(struct control *control)
{
    struct package package;

    return upload(control, 2, &package);
}

static enum store_answer create(struct control *control, const char *name, const char *package)
{
    struct function_config config = sample(name, package), ret;
    struct store_tag tag = {STR("team"), STR("one")};
    struct store_creation creation = {.config = &config, .tags = &tag, .tags_count = 1};
    struct err err;

    return store_create(control->db, &creation, &control->arena, &ret, &err);
}

static enum store_answer create_f(struct control *control)
{
    return create(control, "f", "aa");
}

static enum store_answer create_g(struct control *control)
{
    return create(control, "g", "bb");
}

static enum store_answer mark_ready(struct control *control)
{
    struct function_config config;
    struct err err;
    enum store_answer answer = store_get(control->db, STR("f"), STR(""), &control->arena, &config, &err);

    if (answer != STORE_OK)
        return answer;
    return store_mark_ready(control->db, &(struct store_readiness){STR("f"), STR("$LATEST"), config.run_key}, &err);
}

static enum store_answer publish(struct control *control)
{
    struct store_publication publication = {0};
    struct function_config ret;
    struct err err;

    return store_publish(control->db, STR("f"), &publication, &control->arena, &ret, &err);
}

static enum store_answer make_alias(struct control *control)
{
    struct alias_config alias = {.name = STR("live"), .version = STR("1")}, ret;
    struct err err;

    return store_alias_create(control->db, STR("f"), &alias, &control->arena, &ret, &err);
}

static enum store_answer move_alias(struct control *control)
{
    struct alias_config alias, ret;
    struct err err;
    enum store_answer answer = store_alias_get(control->db, STR("f"), STR("live"), &control->arena, &alias, &err);

    if (answer != STORE_OK)
        return answer;
    alias.version = STR("2");
    return store_alias_update(control->db, STR("f"), &alias, STR(""), &control->arena, &ret, &err);
}

static enum store_answer update_code(struct control *control)
{
    struct function_config config, ret;
    struct err err;
    enum store_answer answer = store_get(control->db, STR("f"), STR(""), &control->arena, &config, &err);

    if (answer != STORE_OK)
        return answer;
    config.package = config.code_sha256 = STR("bb");
    config.environment_json = STR("{\"Variables\":{\"A\":\"b\"}}");
    return store_update(control->db, &config, STR(""), false, &control->arena, &ret, &err);
}

static const struct store_permission permission = {
    .function = STR("f"), .qualifier = STR("live"), .statement_id = STR("s"), .statement_json = STR("{\"Sid\":\"s\"}")};

static enum store_answer add_permission(struct control *control)
{
    struct err err;

    return store_permission_add(control->db, &permission, &err);
}

static enum store_answer remove_permission(struct control *control)
{
    struct err err;

    return store_permission_remove(control->db, &permission, &err);
}

static enum store_answer put_tags(struct control *control)
{
    struct store_tag tags[] = {{STR("team"), STR("two")}, {STR("b"), STR("c")}};
    struct err err;

    return store_tags_put(control->db, STR("f"), tags, 2, &err);
}

static enum store_answer reserve(struct control *control)
{
    struct err err;

    return store_concurrency_put(control->db, STR("f"), 5, 1000, &err);
}

static enum store_answer put_setting(struct control *control)
{
    struct err err;

    return store_setting_put(control->db, STR("f"), STR("$LATEST"), STR("recursion"), STR("{}"), &err);
}

static enum store_answer delete_g(struct control *control)
{
    struct err err;

    return store_delete(control->db, STR("g"), STR(""), &err);
}

static enum store_answer delete_version(struct control *control)
{
    struct err err;

    return store_delete(control->db, STR("f"), STR("1"), &err);
}

static enum store_answer create_api(struct control *control)
{
    struct rest_api api = {.id = STR("api"),
                           .name = STR("api"),
                           .api_key_source = STR("HEADER"),
                           .endpoint_configuration = STR("{}"),
                           .root_resource_id = STR("root"),
                           .minimum_compression_size = ROW_INT_NONE};
    struct rest_resource root = {.api_id = api.id, .id = STR("root"), .path = STR("/")};
    struct err err;

    return ran(row_insert(control->db, &rest_apis, &api, &err) &&
               row_insert(control->db, &rest_resources, &root, &err));
}

static enum store_answer put_method(struct control *control)
{
    struct rest_method method = {
        .api_id = STR("api"), .resource_id = STR("root"), .verb = STR("POST"), .authorization_type = STR("NONE")};
    struct err err;

    return ran(row_insert(control->db, &rest_methods, &method, &err));
}

static enum store_answer deploy_api(struct control *control)
{
    struct rest_deployment deployment = {.api_id = STR("api"), .id = STR("d"), .snapshot = STR("{\"resources\":[]}")};
    struct rest_stage stage = {.api_id = STR("api"), .name = STR("test"), .deployment_id = STR("d")};
    struct err err;

    return ran(row_insert(control->db, &rest_deployments, &deployment, &err) &&
               row_insert(control->db, &rest_stages, &stage, &err));
}

static enum store_answer delete_api(struct control *control)
{
    const str keys[] = {STR("api"), STR("test")};
    struct err err;

    return ran(row_delete(control->db, &rest_stages, keys, 2, &err) &&
               row_delete(control->db, &rest_apis, keys, 1, &err));
}

static const struct {
    const char *name;
    enum store_answer (*run)(struct control *control);
    bool is_package;
} steps[] = {
    {"upload one", upload_one, true},
    {"create f", create_f, false},
    {"mark f ready", mark_ready, false},
    {"publish", publish, false},
    {"make an alias", make_alias, false},
    {"add a permission", add_permission, false},
    {"upload two", upload_two, true},
    {"update the code", update_code, false},
    {"mark f ready", mark_ready, false},
    {"publish", publish, false},
    {"move the alias", move_alias, false},
    {"put tags", put_tags, false},
    {"reserve", reserve, false},
    {"put a setting", put_setting, false},
    {"create g", create_g, false},
    {"create an API", create_api, false},
    {"put a method", put_method, false},
    {"deploy the API", deploy_api, false},
    {"remove the permission", remove_permission, false},
    {"delete g", delete_g, false},
    {"upload one again", upload_one, true},
    {"delete version 1", delete_version, false},
    {"delete the API", delete_api, false},
};

enum { STEPS = sizeof steps / sizeof *steps };

static bool migrate(struct db *db, struct err *err)
{
    struct db_migration all[MIGRATIONS_MAX];
    int count = 0;

    for (int i = 0; i < functions_migrations_count; i++)
        all[count++] = functions_migrations[i];
    for (int i = 0; i < apis_migrations_count; i++)
        all[count++] = apis_migrations[i];
    for (int i = 1; i < count; i++)
        for (int k = i; k > 0 && all[k].number < all[k - 1].number; k--) {
            struct db_migration moved = all[k];
            all[k] = all[k - 1];
            all[k - 1] = moved;
        }
    return db_migrate(db, all, count, err);
}

static bool play_step(struct control *control, int step)
{
    struct err err;

    if (steps[step].is_package)
        return steps[step].run(control) == STORE_OK;
    if (!db_begin(control->db, &err))
        return false;
    if (steps[step].run(control) == STORE_OK && db_commit(control->db, &err))
        return true;
    db_rollback(control->db);
    return false;
}

static void note(int step, bool good)
{
    fault->steps[step] = good ? 1 : -1;
    if (good && fault->sync_has_failed)
        fault->acknowledged_after_sync_failed++;
}

static void path_of(const char *name, char ret[PATH_MAX_])
{
    (void)snprintf(ret, PATH_MAX_, "%s/%s", folder, name);
}

static void play_control(void)
{
    struct control control = {0};
    struct packages_options options = {.state_dir = folder};
    char path[PATH_MAX_];
    uv_loop_t loop;
    struct err err;

    (void)uv_loop_init(&loop);
    options.loop = &loop;
    path_of("sculler.db", path);
    fault->armed = true;
    if (db_open(path, &control.db, &err) && migrate(control.db, &err) &&
        packages_open(&options, &control.packages, &err)) {
        for (int step = 0; step < STEPS; step++) {
            fault->steps[step] = -2;
            note(step, play_step(&control, step));
        }
    }
    db_close(control.db);
    fault->armed = false;
    packages_close(control.packages);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
    arena_free(&control.arena);
}

/* What is in a database, as text, without what differs each time */

static bool is_volatile(str column)
{
    static const char *const ends[] = {"revision_id", "_us", "run_key"};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (str_ends(column, str_of(ends[i])))
            return true;
    return false;
}

static bool dump_table(struct db *db, str table, struct arena *arena, struct buf *ret)
{
    struct err err = {0};
    struct buf sql = {0};
    int columns = 0;

    buf_init(&sql, 4096);
    buf_add(&sql, STR("SELECT "));
    {
        DB_ROWS_AUTO names = db_query(db, &err, "SELECT name FROM pragma_table_info(?)", DB_STR(table));
        while (db_next(&names, &err)) {
            str name = db_text(&names, 0, arena);
            if (!is_volatile(name))
                buf_printf(&sql, "%s\"" STR_FMT "\"", columns++ ? ", " : "", STR_ARG(name));
        }
    }
    buf_printf(&sql, " FROM \"" STR_FMT "\" ORDER BY 1, 2, 3", STR_ARG(table));
    if (columns < 3)
        buf_consume(&sql, 0), sql.len -= columns == 2 ? 3 : columns == 1 ? 6 : 0;
    buf_printf(ret, "== " STR_FMT "\n", STR_ARG(table));
    if (columns > 0) {
        DB_ROWS_AUTO rows = db_query(db, &err, arena_cstr(arena, buf_str(&sql)));
        while (db_next(&rows, &err)) {
            for (int i = 0; i < columns; i++)
                buf_printf(ret, STR_FMT "|", STR_ARG(db_text(&rows, i, arena)));
            buf_add_char(ret, '\n');
        }
    }
    buf_free(&sql);
    return err.code == ERR_NONE;
}

static bool dump(struct db *db, struct arena *arena, struct buf *ret)
{
    struct err err = {0};
    str tables[64];
    int count = 0;

    {
        DB_ROWS_AUTO names =
            db_query(db, &err,
                     "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
                     "ORDER BY name");
        while (db_next(&names, &err) && count < 64)
            tables[count++] = db_text(&names, 0, arena);
    }
    for (int i = 0; i < count && err.code == ERR_NONE; i++)
        if (!dump_table(db, tables[i], arena, ret))
            return false;
    return err.code == ERR_NONE && buf_ok(ret);
}

/* The steps again, in memory: those acknowledged, and of the refused ones those in the mask. */
static bool repeat_is(const struct buf *wanted, unsigned extra, struct arena *arena)
{
    struct control control = {0};
    struct buf got = {0};
    struct err err;
    unsigned refused = 0;
    bool same;

    if (!db_open(":memory:", &control.db, &err) || !migrate(control.db, &err))
        return wrong("a database in memory cannot be made");
    for (int step = 0; step < STEPS; step++) {
        if (fault->steps[step] == 1)
            (void)play_step(&control, step);
        else if (fault->steps[step] < 0 && ++refused <= REFUSED_TRIED_MAX && (extra & (1U << (refused - 1))))
            (void)play_step(&control, step);
    }
    buf_init(&got, DUMP_MAX);
    same = dump(control.db, arena, &got) && str_eq(buf_str(&got), buf_str(wanted));
    buf_free(&got);
    arena_free(&control.arena);
    db_close(control.db);
    return same;
}

static bool is_whole(struct db *db, struct arena *arena)
{
    struct err err = {0};
    bool good = false;

    {
        DB_ROWS_AUTO rows = db_query(db, &err, "PRAGMA integrity_check");
        good = db_next(&rows, &err) && str_eq(db_text(&rows, 0, arena), STR("ok"));
    }
    if (!good)
        return wrong("integrity_check does not say ok");
    DB_ROWS_AUTO rows = db_query(db, &err, "PRAGMA foreign_key_check");
    return !db_next(&rows, &err) || wrong("foreign_key_check finds a row");
}

static bool package_is_there(struct packages *packages, int comment, struct arena *arena)
{
    struct control control = {.packages = packages};
    str zip = small_zip(arena, comment);
    char path[PATH_MAX_ * 4], bytes[512];
    struct package package = {0};
    ssize_t len;
    int fd;

    /* which name it has: uploading it again finds it */
    if (upload(&control, comment, &package) != STORE_OK)
        return wrong("a package cannot be uploaded after the faults have ended");
    packages_zip_path(packages, str_of(package.hex), path, sizeof path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    len = read(fd, bytes, sizeof bytes);
    (void)close(fd);
    arena_free(&control.arena);
    return (len == (ssize_t)zip.len && memcmp(bytes, zip.at, zip.len) == 0) || wrong("a package has other bytes");
}

static bool acknowledged_package_is_on_disk(int comment, struct arena *arena)
{
    char path[PATH_MAX_ * 2];
    str zip = small_zip(arena, comment);
    struct dirent *entry;
    bool found = false;
    DIR *dir;

    path_of("packages", path);
    dir = opendir(path);
    while (dir && (entry = readdir(dir))) {
        struct stat st;
        (void)snprintf(path, sizeof path, "%s/packages/%.100s/code.zip", folder, entry->d_name);
        found = found || (stat(path, &st) == 0 && st.st_size == (off_t)zip.len);
    }
    if (dir)
        closedir(dir);
    return found || wrong("an acknowledged package is not on disk");
}

static bool nothing_half_made(void)
{
    char path[PATH_MAX_];
    struct dirent *entry;
    bool good = true;
    DIR *dir;

    path_of("packages", path);
    dir = opendir(path);
    while (dir && (entry = readdir(dir)))
        good = good && strncmp(entry->d_name, "tmp-", 4) != 0 && strncmp(entry->d_name, "gone-", 5) != 0;
    if (dir)
        closedir(dir);
    return good || wrong("something half made is left in packages/ after the next start");
}

static bool check_packages(struct arena *arena)
{
    struct packages_options options = {.state_dir = folder};
    struct packages *packages = NULL;
    uv_loop_t loop;
    struct err err;
    bool good;

    if (fault->steps[0] == 1 && !acknowledged_package_is_on_disk(1, arena))
        return false;
    if (fault->steps[6] == 1 && !acknowledged_package_is_on_disk(2, arena))
        return false;
    (void)uv_loop_init(&loop);
    options.loop = &loop;
    good = packages_open(&options, &packages, &err) || wrong("packages/ cannot be opened after the faults have ended");
    good = good && nothing_half_made() && package_is_there(packages, 1, arena) && package_is_there(packages, 2, arena);
    packages_close(packages);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
    return good;
}

static bool check_control(void)
{
    ARENA_AUTO arena = {0};
    struct buf now = {0};
    struct db *db = NULL;
    char path[PATH_MAX_];
    struct err err;
    bool good;

    path_of("sculler.db", path);
    if (!db_open(path, &db, &err) || !migrate(db, &err)) {
        fprintf(stderr, "# %s\n", err.text);
        return wrong("the database cannot be opened after the faults have ended");
    }
    buf_init(&now, DUMP_MAX);
    good = is_whole(db, &arena) && (dump(db, &arena, &now) || wrong("the database cannot be read"));
    db_close(db);
    if (good) {
        unsigned extra = 0;
        while (extra < 1U << REFUSED_TRIED_MAX && !repeat_is(&now, extra, &arena))
            extra++;
        good = extra < 1U << REFUSED_TRIED_MAX || wrong("the database does not hold what was acknowledged");
    }
    buf_free(&now);
    return good && check_packages(&arena);
}

/* The scenario of records */

static struct record sample_record(int number, char id[16])
{
    static char body[2048];

    memset(body, 'b', sizeof body);
    (void)snprintf(id, 16, "request-%d", number);
    return (struct record){.request_id = str_of(id),
                           .function = STR("f"),
                           .version = STR("$LATEST"),
                           .source = STR("lambda"),
                           .received_wall_us = 1700000000000000 + number,
                           .status = 200,
                           .input = {body, sizeof body},
                           .output = STR("null"),
                           .log = STR("START\nEND\n")};
}

struct records_side {
    struct db *db;
    struct journal journal;
    struct journal_reader reader;
};

static bool open_records(struct records_side *side)
{
    struct journal_place place;
    char path[PATH_MAX_];
    struct err err;

    *side = (struct records_side){.journal.fd = -1, .reader.fd = -1};
    path_of("records.db", path);
    if (!records_store_open(path, &side->db, &err) || !records_store_place(side->db, &place, &err))
        return false;
    path_of("journal", path);
    journal_reader_init(&side->reader, path, place);
    return journal_open(&side->journal, path, &err);
}

static void close_records(struct records_side *side)
{
    journal_close(&side->journal);
    journal_reader_done(&side->reader);
    db_close(side->db);
}

static void append(struct records_side *side, int number)
{
    struct record_wire wire;
    struct record record;
    struct err err = {0};
    char id[16];

    fault->steps[number] = -2;
    record = sample_record(number, id);
    record_encode(&record, &wire);
    note(number, journal_append(&side->journal, &wire, &err));
}

/* As record.c's drain job does. */
static bool drain(struct records_side *side, int64_t rows_max)
{
    struct records_limits limits = {rows_max, RECORDS_BYTES_MAX};
    struct err err = {0};

    if (!records_store_drain(side->db, &side->reader, side->journal.end, &err) ||
        !records_store_trim(side->db, &limits, &err))
        return false;
    journal_remove_before(side->reader.folder, side->reader.place);
    return true;
}

static void play_records(void)
{
    struct records_side side;

    fault->armed = true;
    for (int start = 0; start < 2; start++) {
        if (open_records(&side)) {
            for (int i = 0; i < RECORDS_COUNT / 2; i++) {
                append(&side, start * RECORDS_COUNT / 2 + i);
                if (i % 5 == 4)
                    (void)drain(&side, start == 0 && i == TRIMMED - 1 ? TRIM_ROWS_MAX : RECORDS_ROWS_MAX);
            }
            if (start == 1)
                (void)drain(&side, RECORDS_ROWS_MAX);
        }
        close_records(&side);
    }
    fault->armed = false;
}

struct seen {
    int numbers[RECORDS_COUNT * 2];
    int count;
};

static bool see(void *ctx, int64_t id, const struct record *record)
{
    struct seen *seen = ctx;

    (void)id;
    if (seen->count < RECORDS_COUNT * 2)
        seen->numbers[seen->count++] = (int)(record->received_wall_us - 1700000000000000);
    return true;
}

static bool holds_what_was_acknowledged(const struct seen *seen)
{
    for (int i = 1; i < seen->count; i++)
        if (seen->numbers[i] <= seen->numbers[i - 1])
            return wrong("records are out of order, or one is there twice");
    for (int number = TRIMMED; number < RECORDS_COUNT; number++) {
        bool there = false;
        for (int i = 0; i < seen->count; i++)
            there = there || seen->numbers[i] == number;
        if (!there && fault->steps[number] == 1)
            return wrong("an acknowledged record is not there");
    }
    return true;
}

static bool check_records(void)
{
    ARENA_AUTO arena = {0};
    struct records_filter filter = {.limit = RECORDS_COUNT * 2};
    struct records_side side;
    struct seen seen = {0};
    struct err err = {0};
    bool good = false;

    if (!open_records(&side))
        (void)wrong("records cannot be opened after the faults have ended");
    else if (!drain(&side, RECORDS_ROWS_MAX))
        (void)wrong("what is in the journal cannot be put into the database");
    else if (!records_query(side.db, &filter, &arena, see, &seen, &err))
        (void)wrong("records cannot be read");
    else
        good = is_whole(side.db, &arena) && holds_what_was_acknowledged(&seen);
    close_records(&side);
    return good;
}

/* Every k */

struct scenario {
    const char *name;
    void (*play)(void);
    bool (*check)(void);
    int steps;
};

static const struct scenario scenarios[] = {
    {"control", play_control, check_control, STEPS},
    {"records", play_records, check_records, RECORDS_COUNT},
};

static const struct {
    const char *name;
    enum fault_how how;
    enum fault_what what;
} modes[] = {
    {"EIO once", FAULT_ONCE, FAULT_EIO},          {"EIO for good", FAULT_FOR_GOOD, FAULT_EIO},
    {"ENOSPC once", FAULT_ONCE, FAULT_ENOSPC},    {"ENOSPC for good", FAULT_FOR_GOOD, FAULT_ENOSPC},
    {"short once", FAULT_ONCE, FAULT_SHORT},      {"short for good", FAULT_FOR_GOOD, FAULT_SHORT},
    {"EIO three times", FAULT_THRICE, FAULT_EIO}, {"short three times", FAULT_THRICE, FAULT_SHORT},
};

enum { MODES = sizeof modes / sizeof *modes };

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static void make_folder(void)
{
    (void)snprintf(folder, sizeof folder, "%s/sculler-fault-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder))
        abort();
}

static bool ended_well(int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return wrong("it hangs");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && fault->sync_has_failed)
        return true; /* it stops rather than go on after a failed fsync */
    return wrong(WIFSIGNALED(status) ? "it died of a signal" : "it ended with an error");
}

static bool play_apart(const struct scenario *scenario)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(nothing, 2); /* the words of an expected stop */
        alarm(CASE_SECONDS_MAX);
        scenario->play();
        exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        abort();
    return ended_well(status);
}

/* False: something is wrong, and `why` says what. */
static bool run_case(const struct scenario *scenario, int mode, int64_t at, bool apart)
{
    bool good = true;

    *fault = (struct fault_shared){.at = at, .how = modes[mode].how, .what = modes[mode].what};
    why = NULL;
    make_folder();
    if (apart)
        good = play_apart(scenario);
    else
        scenario->play();
    fault->armed = false;
    fault->at = 0;
    if (fault->acknowledged_after_sync_failed > 0)
        good = wrong("it goes on acknowledging after a failed fsync");
    good = scenario->check() && good;
    if (good || apart)
        (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return good;
}

static void tell(const struct scenario *scenario, int mode, int64_t at)
{
    printf("# %s, %s from call %lld (%s): %s\n#   steps:", scenario->name, modes[mode].name, (long long)at,
           fault->fired_at, why ? why : "?");
    for (int i = 0; i < scenario->steps; i++)
        printf(" %d", fault->steps[i]);
    printf("\n#   again: fault_disk %s --at %d %lld\n", scenario->name, mode, (long long)at);
    fflush(stdout);
}

static int run_all(const struct scenario *scenario, unsigned mask, int64_t every)
{
    int64_t passed = 0, failed = 0, calls;
    time_t started = time(NULL);

    if (!run_case(scenario, 0, 0, true)) { /* no fault: the scenario itself must be good */
        tell(scenario, 0, 0);
        return 1;
    }
    calls = fault->calls;
    for (int i = 0; i < scenario->steps; i++)
        if (fault->steps[i] != 1) {
            printf("# step %d of %s fails without any fault\n", i, scenario->name);
            return 1;
        }
    for (int mode = 0; mode < MODES; mode++) {
        if (!(mask & (1U << mode)))
            continue;
        for (int64_t at = 1 + (mode % every); at <= calls + 1; at += every) {
            bool good = run_case(scenario, mode, at, true);
            if (good && !fault->has_fired && modes[mode].what == FAULT_EIO && at < calls)
                good = wrong("the fault did not come");
            if (!good)
                tell(scenario, mode, at);
            passed += good, failed += !good;
        }
    }
    printf("%s: %lld calls touch the disk\n", scenario->name, (long long)calls);
    printf("%lld passed, %lld failed in %.1fs\n", (long long)passed, (long long)failed, (double)(time(NULL) - started));
    return failed > 0;
}

int main(int argc, char **argv)
{
    const struct scenario *scenario = NULL;
    unsigned mask = (1U << MODES) - 1;
    int64_t every = 1, at = 0;
    int mode = -1;

    fault = mmap(NULL, sizeof *fault, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fault == MAP_FAILED)
        return 1;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios && argc > 1; i++)
        if (strcmp(argv[1], scenarios[i].name) == 0)
            scenario = &scenarios[i];
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--every") == 0 && i + 1 < argc)
            every = strtoll(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--modes") == 0 && i + 1 < argc)
            mask = (unsigned)strtoul(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--at") == 0 && i + 2 < argc)
            mode = (int)strtol(argv[i + 1], NULL, 10), at = strtoll(argv[i + 2], NULL, 10), i += 2;
        else
            scenario = NULL;
    }
    if (!scenario || every < 1 || mode >= MODES)
        return fprintf(stderr, "usage: fault_disk control|records [--every N] [--modes MASK] [--at MODE K]\n"), 2;
    fault_vfs_register();
    if (mode < 0)
        return run_all(scenario, mask, every);
    if (!run_case(scenario, mode, at, false)) {
        tell(scenario, mode, at);
        printf("state kept in %s\n", folder);
        return 1;
    }
    return 0;
}

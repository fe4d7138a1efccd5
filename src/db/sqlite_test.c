#include "db/db.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

static char folder[64];
static char path[128];

#define FIRST                                                                                                       \
    {                                                                                                               \
        1, "CREATE TABLE functions(name TEXT PRIMARY KEY, memory INTEGER NOT NULL, weight REAL, code BLOB) STRICT;" \
           "CREATE TABLE versions(name TEXT NOT NULL REFERENCES functions(name), number INTEGER NOT NULL,"          \
           " PRIMARY KEY(name, number)) STRICT"                                                                     \
    }

static const struct db_migration first[] = {FIRST};

static const struct db_migration second[] = {
    FIRST, {2, "ALTER TABLE functions ADD COLUMN note TEXT"}, {5, "CREATE INDEX by_memory ON functions(memory)"}};

static const struct db_migration broken[] = {FIRST, {2, "CREATE TABLE extra(x) STRICT; nonsense"}};

static struct db *open_new(void)
{
    struct err err = {0};
    struct db *db = NULL;

    snprintf(folder, sizeof folder, "/tmp/sculler-db-XXXXXX");
    if (!mkdtemp(folder))
        abort();
    snprintf(path, sizeof path, "%s/test.db", folder);
    ok(db_open(path, &db, &err));
    ok(db_migrate(db, first, 1, &err));
    return db;
}

static void close_and_remove(struct db *db)
{
    char text[160];

    db_close(db);
    static const char *const tails[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        snprintf(text, sizeof text, "%s%s", path, tails[i]);
        unlink(text);
    }
    ok(rmdir(folder) == 0);
}

static int64_t count_of(struct db *db, const char *sql)
{
    struct err err = {0};
    DB_ROWS_AUTO rows = db_query(db, &err, sql);

    return db_next(&rows, &err) ? db_int(&rows, 0) : -1;
}

static void brings_back_what_was_put_in(void)
{
    ARENA_AUTO arena = {0};
    struct err err = {0};
    struct db *db = open_new();
    str odd = {"a\0b'\"", 5};

    ok(db_run(db, &err, "INSERT INTO functions VALUES(?,?,?,?)", DB_STR(odd), DB_INT(1LL << 40), DB_REAL(0.1),
              DB_BLOB(odd)));
    ok(db_changes(db) == 1 && db_last_rowid(db) == 1);
    ok(db_run(db, &err, "INSERT INTO functions VALUES(?,?,?,?)", DB_STR(((str){0})), DB_INT(-1), DB_NULL,
              DB_STR_OR_NULL(STR(""))));
    {
        DB_ROWS_AUTO rows = db_query(db, &err, "SELECT name, memory, weight, code FROM functions ORDER BY memory");

        ok(db_next(&rows, &err));
        ok(db_text(&rows, 0, &arena).len == 0 && !db_is_null(&rows, 0));
        ok(db_is_null(&rows, 2) && db_is_null(&rows, 3));
        ok(db_text(&rows, 3, &arena).len == 0);
        ok(db_next(&rows, &err));
        ok(str_eq(db_text(&rows, 0, &arena), odd));
        ok(db_int(&rows, 1) == 1LL << 40);
        ok(db_real(&rows, 2) == 0.1);
        ok(str_eq(db_text(&rows, 3, &arena), odd));
        ok(!db_next(&rows, &err) && err.code == ERR_NONE);
        ok(!db_next(&rows, &err) && err.code == ERR_NONE);
    }
    close_and_remove(db);
}

static void is_its_owners_alone(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct db *db = open_new();
    char file[160];
    struct stat info;

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(file, sizeof file, "%s%s", path, suffixes[i]);
        ok(stat(file, &info) == 0 && (info.st_mode & 0777) == 0600);
    }
    close_and_remove(db);
}

static void says_what_was_wrong(void)
{
    struct err err = {0};
    struct db *db = open_new();
    struct db_rows rows;

    ok(db_run(db, &err, "INSERT INTO functions(name, memory) VALUES('a', 1)"));
    ok(!db_run(db, &err, "INSERT INTO functions(name, memory) VALUES('a', 1)"));
    ok(err.code == ERR_CONFLICT);
    err = (struct err){0};
    ok(!db_run(db, &err, "INSERT INTO versions VALUES('nobody', 1)")); /* foreign keys are on */
    ok(err.code == ERR_CONFLICT);
    ok(!db_run(db, &err, "SELEKT"));
    ok(err.code == ERR_SYSTEM);
    ok(!db_run(db, &err, "INSERT INTO functions(name, memory) VALUES(\"b\", 1)")); /* "…" is never text */
    rows = db_query(db, &err, "SELECT nothing FROM nowhere");
    ok(!db_next(&rows, &err));
    db_rows_done(&rows);
    ok(!db_open("/nowhere/at/all.db", &db, &err));
    close_and_remove(db);
}

static void keeps_statements_apart_that_run_at_once(void)
{
    struct err err = {0};
    struct db *db = open_new();
    int pairs = 0;

    ok(db_run(db, &err, "INSERT INTO functions(name, memory) VALUES('a', 1), ('b', 2), ('c', 3)"));
    {
        DB_ROWS_AUTO outer = db_query(db, &err, "SELECT memory FROM functions WHERE memory > ?", DB_INT(0));

        while (db_next(&outer, &err)) {
            DB_ROWS_AUTO inner = db_query(db, &err, "SELECT memory FROM functions WHERE memory > ?", DB_INT(1));

            while (db_next(&inner, &err))
                pairs++;
        }
    }
    ok(pairs == 6 && err.code == ERR_NONE);
    close_and_remove(db);
}

static void undoes_what_was_not_committed(void)
{
    struct err err = {0};
    struct db *db = open_new();

    db_rollback(db);
    ok(db_begin(db, &err));
    ok(!db_begin(db, &err));
    ok(db_run(db, &err, "INSERT INTO functions(name, memory) VALUES('a', 1)"));
    db_rollback(db);
    ok(count_of(db, "SELECT count(*) FROM functions") == 0);
    ok(db_begin(db, &err));
    ok(db_run(db, &err, "INSERT INTO functions(name, memory) VALUES('a', 1)"));
    ok(db_commit(db, &err));
    ok(count_of(db, "SELECT count(*) FROM functions") == 1);
    close_and_remove(db);
}

static void is_durable_and_careful(void)
{
    ARENA_AUTO arena = {0};
    struct err err = {0};
    struct db *db = open_new();

    ok(count_of(db, "PRAGMA synchronous") == 2);
    ok(count_of(db, "PRAGMA foreign_keys") == 1);
    ok(count_of(db, "PRAGMA trusted_schema") == 0);
    {
        DB_ROWS_AUTO rows = db_query(db, &err, "PRAGMA journal_mode");

        ok(db_next(&rows, &err) && str_eq(db_text(&rows, 0, &arena), STR("wal")));
    }
    close_and_remove(db);
}

static void reads_without_writing(void)
{
    struct err err = {0};
    struct db *db = open_new(), *reader = NULL;

    ok(db_run(db, &err, "INSERT INTO functions(name, memory) VALUES('a', 1)"));
    ok(db_open_readonly(path, &reader, &err));
    ok(count_of(reader, "SELECT count(*) FROM functions") == 1);
    ok(!db_run(reader, &err, "DELETE FROM functions"));
    db_close(reader);
    close_and_remove(db);
}

static void migrates_once_and_in_order(void)
{
    struct err err = {0};
    struct db *db = open_new();

    ok(db_run(db, &err, "INSERT INTO functions(name, memory) VALUES('a', 1)"));
    ok(db_migrate(db, second, 3, &err));
    ok(db_migrate(db, second, 3, &err));
    ok(count_of(db, "PRAGMA user_version") == 5);
    ok(count_of(db, "SELECT count(*) FROM functions WHERE note IS NULL") == 1);

    ok(!db_migrate(db, first, 1, &err)); /* an older sculler */
    ok(err.code == ERR_CONFLICT);
    printf("# %s\n", err.text);
    close_and_remove(db);
}

static void leaves_no_half_migration(void)
{
    struct err err = {0};
    struct db *db = open_new();

    ok(!db_migrate(db, broken, 2, &err));
    ok(str_starts(str_of(err.text), STR("migration 2: ")));
    ok(count_of(db, "PRAGMA user_version") == 1);
    ok(count_of(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'extra'") == 0);
    ok(db_migrate(db, second, 3, &err));
    close_and_remove(db);
}

/* SQLite syncs through these, instead of libc's: a disk that breaks when told. */
static bool disk_is_broken;

static int sync_or_fail(int fd)
{
    if (!disk_is_broken)
        return (int)syscall(SYS_fsync, fd);
    errno = EIO;
    return -1;
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    return sync_or_fail(fd);
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    return sync_or_fail(fd);
}

static void stops_when_the_disk_refuses_a_sync(void)
{
    struct db *db = open_new();
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        struct err err = {0};
        struct rlimit no_core = {0, 0};

        setrlimit(RLIMIT_CORE, &no_core);
        disk_is_broken = true;
        _exit(db_run(db, &err, "INSERT INTO functions(name, memory) VALUES('a', 1)"));
    }
    waitpid(pid, &status, 0);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    close_and_remove(db);
}

TEST_MAIN(brings_back_what_was_put_in, is_its_owners_alone, says_what_was_wrong,
          keeps_statements_apart_that_run_at_once, undoes_what_was_not_committed, is_durable_and_careful,
          reads_without_writing, migrates_once_and_in_order, leaves_no_half_migration,
          stops_when_the_disk_refuses_a_sync)

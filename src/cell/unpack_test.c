/*
 * unpack_test: zips of the kind that are uploaded, and of the kind that should not be, through a real cell.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/test.h"
#include "cell/keeper.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <zip.h>

enum { BYTES_MAX = 1000, FILES_MAX = 5, LARGE_FILES = 60, LARGE_FILE_BYTES = 1 << 20 };

int test_count, test_failures;
static char state[64], zip_path[128];
static int packages_count;

struct entry {
    const char *name, *content;
    mode_t mode; /* 0: none stored */
};

static void add_entry(zip_t *zip, const struct entry *entry, bool encrypted)
{
    zip_int64_t index;

    if (entry->name[strlen(entry->name) - 1] == '/')
        index = zip_dir_add(zip, entry->name, 0);
    else
        index = zip_file_add(zip, entry->name, zip_source_buffer(zip, entry->content, strlen(entry->content), 0), 0);

    if (index < 0)
        abort();
    if (entry->mode)
        zip_file_set_external_attributes(zip, (zip_uint64_t)index, 0, ZIP_OPSYS_UNIX, entry->mode << 16);
    zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0);
    if (encrypted && zip_file_set_encryption(zip, (zip_uint64_t)index, ZIP_EM_TRAD_PKWARE, "secret") < 0)
        abort();
}

/* Every `from` in the finished file becomes `to`, of the same length: what no library would write. */
static void patch(const char *from, const char *to)
{
    static char bytes[1 << 20];
    FD_AUTO fd = open(zip_path, O_RDWR | O_CLOEXEC);
    ssize_t len = read(fd, bytes, sizeof bytes);
    size_t from_len = strlen(from);
    char *at = bytes;

    while (from_len > 0 && (at = memmem(at, (size_t)(bytes + len - at), from, from_len)))
        memcpy(at, to, from_len);
    if (pwrite(fd, bytes, (size_t)len, 0) != len)
        abort();
}

static void make_zip(const struct entry *entries, bool encrypted)
{
    int error;
    zip_t *zip = zip_open(zip_path, ZIP_CREATE | ZIP_TRUNCATE, &error);

    if (!zip)
        abort();
    for (; entries->name; entries++)
        add_entry(zip, entries, encrypted);
    if (zip_close(zip) < 0)
        abort();
}

struct seen {
    bool ended;
    int status;
    char words[512], package[32];
};

static void on_ended(void *ctx, int status)
{
    struct seen *seen = ctx;

    seen->ended = true;
    seen->status = status;
}

static void unpack(struct seen *seen, unsigned long long bytes_max)
{
    struct cell_options options = {.kind = CELL_UNPACKER,
                                   .tmp_mb = 1,
                                   .unpacked_bytes_max = bytes_max,
                                   .unpacked_files_max = bytes_max == BYTES_MAX ? FILES_MAX : LARGE_FILES};
    struct keeper *keeper;
    struct err err = {0};
    uv_loop_t loop;
    char path[160];
    int pipes[2];
    ssize_t len;

    *seen = (struct seen){0};
    (void)uv_loop_init(&loop);
    (void)snprintf(seen->package, sizeof seen->package, "p%d", ++packages_count);
    (void)snprintf(options.package, sizeof options.package, "%s", seen->package);
    (void)snprintf(path, sizeof path, "%s/packages/%s", state, seen->package);
    if (mkdir(path, 0755) < 0 || pipe2(pipes, O_CLOEXEC) < 0 || !keeper_start(&loop, state, &keeper, &err))
        abort();
    options.control_fd = open(zip_path, O_RDONLY | O_CLOEXEC);
    options.output_fd = pipes[1];
    ok(keeper_start_cell(keeper, &options, on_ended, seen, &err) > 0);
    close(options.control_fd), close(pipes[1]);
    while (!seen->ended)
        (void)uv_run(&loop, UV_RUN_ONCE);
    len = read(pipes[0], seen->words, sizeof seen->words - 1);
    seen->words[len > 0 ? len : 0] = '\0';
    if (seen->status == -1)
        printf("# %s\n", keeper_last_error(keeper));
    close(pipes[0]);
    keeper_stop(keeper);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
}

static mode_t mode_of(const struct seen *seen, const char *name)
{
    struct stat st;
    char path[256];

    (void)snprintf(path, sizeof path, "%s/packages/%s/tree/%s", state, seen->package, name);
    return lstat(path, &st) == 0 ? st.st_mode : 0;
}

static void unpacks_files_folders_and_executable_bits(void)
{
    static const struct entry entries[] = {
        {"main.py", "hello", S_IFREG | 0666},
        {"bin/", "", S_IFDIR | 0700},
        {"bin/run", "#!", S_IFREG | 06711},
        {"a/b/c.txt", "deep", 0},
        {"empty", "", 0},
        {0},
    };
    struct seen seen;

    make_zip(entries, false);
    unpack(&seen, BYTES_MAX);
    printf("# %s", seen.words);
    ok(seen.status == 0 && strcmp(seen.words, "unzipped 11 files 4\n") == 0);
    ok(mode_of(&seen, "main.py") == (S_IFREG | 0644));
    ok(mode_of(&seen, "bin/run") == (S_IFREG | 0755));
    ok(mode_of(&seen, "a/b") == (S_IFDIR | 0755) && mode_of(&seen, "a/b/c.txt") == (S_IFREG | 0644));
}

static void refuses_in_words_what_should_not_be(void)
{
    static const struct {
        struct entry entries[8];
        const char *from, *to, *words;
        bool encrypted;
    } rows[] = {
        {{{"../up", "x", 0}}, "", "", "name that cannot be used", false},
        {{{"a/../../up", "x", 0}}, "", "", "name that cannot be used", false},
        {{{"/etc/x", "x", 0}}, "", "", "name that cannot be used", false},
        {{{"a//b", "x", 0}}, "", "", "name that cannot be used", false},
        {{{"a/./b", "x", 0}}, "", "", "name that cannot be used", false},
        {{{"a\\b", "x", 0}}, "", "", "name that cannot be used", false},
        {{{"a\nb", "x", 0}}, "", "", "name that cannot be used", false},
        {{{"link", "/etc/passwd", S_IFLNK | 0777}}, "", "", "is a link or a device", false},
        {{{"dev", "x", S_IFCHR | 0666}}, "", "", "is a link or a device", false},
        {{{"aa1", "x", 0}, {"aa2", "y", 0}}, "aa2", "aa1", "is there twice", false},
        {{{"aa", "x", 0}, {"aa/b", "y", 0}}, "", "", "Could not make the folder of aa/b", false},
        {{{"1", "", 0}, {"2", "", 0}, {"3", "", 0}, {"4", "", 0}, {"5", "", 0}, {"6", "", 0}},
         "",
         "",
         "more than 5 files",
         false},
        {{{"secret", "x", 0}}, "", "", "is encrypted", true},
        {{{"spoilt", "content", 0}}, "content", "cOntent", "Could not unzip uploaded file. Please check", false},
        {{{"not", "a zip at all", 0}}, "PK", "XX", "Could not unzip uploaded file. Please check", false},
    };
    struct seen seen;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make_zip(rows[i].entries, rows[i].encrypted);
        patch(rows[i].from, rows[i].to);
        unpack(&seen, BYTES_MAX);
        printf("# %s", seen.words);
        ok(WIFEXITED(seen.status) && WEXITSTATUS(seen.status) == UNPACK_REFUSED && strstr(seen.words, rows[i].words));
    }
}

static void cuts_no_name_at_a_nul(void)
{
    static const struct entry entries[] = {{"main.pyXtxt", "x", 0}, {0}};
    struct seen seen;

    make_zip(entries, false);
    patch("main.pyX", "main.py\0");
    unpack(&seen, BYTES_MAX);
    ok(seen.status == 0 && !mode_of(&seen, "main.py") && S_ISREG(mode_of(&seen, "main.py txt")));
}

static void believes_no_size_but_what_it_writes(void)
{
    static char much[BYTES_MAX + 2];
    struct entry entries[] = {{"much", much, 0}, {0}};
    struct seen seen;

    memset(much, 'x', BYTES_MAX + 1);
    make_zip(entries, false);
    unpack(&seen, BYTES_MAX);
    ok(seen.status == UNPACK_REFUSED << 8 &&
       strcmp(seen.words, "Unzipped size must be smaller than 1000 bytes\n") == 0);
}

static void tells_what_a_large_zip_costs(void)
{
    static char content[LARGE_FILE_BYTES];
    char name[32];
    struct seen seen;
    int error;
    zip_t *zip = zip_open(zip_path, ZIP_CREATE | ZIP_TRUNCATE, &error);
    int64_t began;

    for (size_t i = 0; i < sizeof content; i++)
        content[i] = "etaoinshrdlu 0123"[(i * i / 7) % 17];
    for (int i = 0; zip && i < LARGE_FILES; i++) {
        (void)snprintf(name, sizeof name, "folder%d/file%d", i % 7, i);
        if (zip_file_add(zip, name, zip_source_buffer(zip, content, sizeof content, 0), 0) < 0)
            abort();
    }
    if (!zip || zip_close(zip) < 0)
        abort();
    began = clock_steady_us();
    unpack(&seen, 1ULL << 30);
    printf("# %d MB in %lld ms\n", LARGE_FILES, (long long)(clock_steady_us() - began) / 1000);
    ok(seen.status == 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static void (*const tests[])(void) = {
    unpacks_files_folders_and_executable_bits, refuses_in_words_what_should_not_be, cuts_no_name_at_a_nul,
    believes_no_size_but_what_it_writes,       tells_what_a_large_zip_costs,
};

int main(int argc, char **argv)
{
    char packages[128];

    if (argc > 1 && strcmp(argv[1], "keeper") == 0)
        return keeper_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "unpack") == 0)
        return unpack_main(argc - 1, argv + 1);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)snprintf(state, sizeof state, "/tmp/unpack_test.XXXXXX");
    if (!mkdtemp(state))
        return 1;
    (void)snprintf(packages, sizeof packages, "%s/packages", state);
    (void)snprintf(zip_path, sizeof zip_path, "%s/code.zip", state);
    if (mkdir(packages, 0755) < 0)
        return 1;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tests[i]();
    (void)nftw(state, remove_entry, 32, FTW_DEPTH | FTW_PHYS);
    printf("1..%d\n", test_count);
    return test_failures != 0;
}

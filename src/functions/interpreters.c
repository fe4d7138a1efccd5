/*
 * Candidates are pythonX.Y in the folders of the search path and in pyenv's.  All are asked at once, since each takes
 * some 20 ms to say who it is; one that does not answer in time is killed and left out.  The path kept is what the
 * interpreter says of itself with its links resolved: a cell has no links into a home.
 *
 * Answers are kept in a file, a line each: path, device, inode, size, time of change, then the answer, tabs between.  A
 * candidate whose line begins as the file system says now is believed.  The file is the server's own; who could forge
 * it can ask the keeper for any interpreter anyway.
 */
#include "functions/interpreters.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PYTHON_MINOR_MIN = 9,
    PYTHON_MINOR_MAX = 14,
    CANDIDATES_MAX = 64,
    FOLDERS_MAX = 64,
    ANSWER_BYTES_MAX = 2048,
    ANSWER_TIMEOUT_MS = 5000,
    KEY_BYTES_MAX = 512,
    KEY_WORDS = 5,
    KNOWN_BYTES_MAX = 128 * 1024,
};

struct interpreters {
    struct arena arena;
    struct interpreter at[PYTHON_MINOR_MAX + 1];
    int count;
    str known;   /* the lines to keep */
    bool is_new; /* somebody was asked, or is gone */
};

struct candidate {
    const char *path;
    pid_t pid; /* 0: could not be started */
    int fd;
    bool is_known; /* `answer` is there already */
    char key[KEY_BYTES_MAX];
    char answer[ANSWER_BYTES_MAX];
    size_t answer_len;
};

struct search {
    struct arena arena;
    struct candidate at[CANDIDATES_MAX];
    int count;
    const char *folders[FOLDERS_MAX];
    int folders_count;
};

static const char question[] = "import sys,os;print(sys.implementation.name,'.'.join(map(str,sys.version_info[:3])),"
                               "os.path.realpath(sys.executable),os.path.realpath(sys.base_prefix),sep='\\n')";

/* Candidates */

/* A shim of pyenv is a shell script that starts whatever the working directory says: not an interpreter. */
static void add_folder(struct search *search, str folder)
{
    if (folder.len > 0 && folder.at[0] == '/' && !str_ends(folder, STR("/shims")) &&
        search->folders_count < FOLDERS_MAX)
        search->folders[search->folders_count++] = arena_cstr(&search->arena, folder);
}

static void add_folders(struct search *search, str list)
{
    str folder, rest = list;

    while (rest.len > 0) {
        str_cut(rest, ':', &folder, &list);
        add_folder(search, folder);
        rest = folder.len == rest.len ? STR("") : list;
    }
}

static void add_pyenv(struct search *search)
{
    const char *home = getenv("HOME");
    glob_t found;

    if (!home || glob(arena_cstr(&search->arena, arena_printf(&search->arena, "%s/.pyenv/versions/3.*/bin", home)), 0,
                      NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        add_folder(search, str_of(found.gl_pathv[i]));
    globfree(&found);
}

static void add_candidate(struct search *search, const char *path)
{
    struct candidate *candidate = &search->at[search->count];

    for (int i = 0; i < search->count; i++)
        if (strcmp(search->at[i].path, path) == 0)
            return;
    if (search->count < CANDIDATES_MAX) {
        *candidate = (struct candidate){.path = path, .fd = -1};
        search->count++;
    }
}

static void add_candidates(struct search *search, int minor)
{
    for (int i = 0; i < search->folders_count; i++) {
        str path = arena_printf(&search->arena, "%s/python3.%d", search->folders[i], minor);
        const char *cstr = arena_cstr(&search->arena, path);

        if (access(cstr, X_OK) == 0)
            add_candidate(search, cstr);
    }
}

/* What is known of earlier */

static str read_known(struct arena *arena, const char *path)
{
    FD_AUTO fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    char *text = fd >= 0 ? arena_new(arena, char, KNOWN_BYTES_MAX) : NULL;
    ssize_t len = text ? read(fd, text, KNOWN_BYTES_MAX) : 0;

    return (str){text, len > 0 && len < KNOWN_BYTES_MAX ? (size_t)len : 0};
}

/* Of those that were found and cannot be looked at now. */
static void add_unseen(struct search *search, str known)
{
    str line, path, rest;

    while (str_cut(known, '\n', &line, &known)) {
        if (str_cut(line, '\t', &path, &rest))
            add_candidate(search, arena_cstr(&search->arena, path));
    }
}

/* Empty when the file system says nothing and did not forbid it: it is gone. */
static void make_key(struct candidate *candidate)
{
    struct stat file;

    if (stat(candidate->path, &file) == 0)
        (void)snprintf(candidate->key, sizeof candidate->key, "%s\t%llu\t%llu\t%lld\t%lld.%09ld\t", candidate->path,
                       (unsigned long long)file.st_dev, (unsigned long long)file.st_ino, (long long)file.st_size,
                       (long long)file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
    else if (errno == EACCES)
        (void)snprintf(candidate->key, sizeof candidate->key, "%s\t", candidate->path);
}

/* The four lines of an answer are the last four words of a line. */
static void recall(struct candidate *candidate, str known)
{
    str line, word, key;

    make_key(candidate);
    key = str_of(candidate->key);
    if (key.len == 0)
        return;
    while (!candidate->is_known && str_cut(known, '\n', &line, &known)) {
        if (!str_starts(line, key))
            continue;
        for (int i = 0; i < KEY_WORDS; i++)
            str_cut(line, '\t', &word, &line);
        if (line.len + 1 >= sizeof candidate->answer)
            continue;
        for (size_t i = 0; i < line.len; i++)
            candidate->answer[i] = line.at[i];
        candidate->answer[line.len] = '\n';
        candidate->answer_len = line.len + 1;
        for (size_t i = 0; i < line.len; i++)
            if (candidate->answer[i] == '\t')
                candidate->answer[i] = '\n';
        candidate->is_known = true;
    }
}

/* Asking */

static void ask(struct candidate *candidate)
{
    char *argv[] = {(char *)(uintptr_t)candidate->path,
                    (char[]){"-I"},
                    (char[]){"-S"},
                    (char[]){"-c"},
                    (char *)(uintptr_t)question,
                    NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (posix_spawn(&candidate->pid, candidate->path, &actions, NULL, argv, environ) != 0)
        candidate->pid = 0;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    candidate->fd = ends[0];
}

/* Reads to the end of the answer, or to the deadline. */
static bool read_answer(struct candidate *candidate, int64_t deadline_us)
{
    while (candidate->answer_len < sizeof candidate->answer) {
        int64_t left_ms = (deadline_us - clock_steady_us()) / 1000;
        struct pollfd ready = {.fd = candidate->fd, .events = POLLIN};
        ssize_t n;

        if (left_ms <= 0 || (poll(&ready, 1, (int)left_ms) <= 0 && errno != EINTR))
            return false;
        n = read(candidate->fd, candidate->answer + candidate->answer_len,
                 sizeof candidate->answer - candidate->answer_len);
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
        candidate->answer_len += n > 0 ? (size_t)n : 0;
    }
    return false;
}

static bool end_candidate(struct candidate *candidate, int64_t deadline_us)
{
    bool answered;
    int status = -1;

    if (candidate->pid == 0) {
        fd_close(&candidate->fd);
        return false;
    }
    answered = read_answer(candidate, deadline_us);
    if (!answered)
        kill(candidate->pid, SIGKILL);
    while (waitpid(candidate->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    fd_close(&candidate->fd);
    return answered && status == 0;
}

/* Four lines: implementation, version, executable, prefix. */
static void keep_answer(struct interpreters *interpreters, const struct candidate *candidate)
{
    struct arena *arena = &interpreters->arena;
    str rest = {candidate->answer, candidate->answer_len}, line[4], minor, patch, major;

    for (int i = 0; i < 4; i++)
        if (!str_cut(rest, '\n', &line[i], &rest))
            return;
    if (!str_eq(line[0], STR("cpython")) || !str_cut(line[1], '.', &major, &minor))
        return;
    str_cut(minor, '.', &minor, &patch);
    str runtime = arena_printf(arena, "python" STR_FMT "." STR_FMT, STR_ARG(major), STR_ARG(minor));
    if (interpreter_for(interpreters, runtime) || interpreters->count > PYTHON_MINOR_MAX || line[2].len == 0)
        return;
    interpreters->at[interpreters->count++] = (struct interpreter){
        .runtime = runtime,
        .version = arena_copy(arena, line[1]),
        .path = arena_copy(arena, line[2]),
        .prefix =
            str_eq(line[3], STR("/usr")) || str_starts(line[3], STR("/usr/")) ? STR("") : arena_copy(arena, line[3]),
    };
}

/* Its line: the key, and the answer in one line.  Not of one whose file could not be looked at: its key is not whole,
 * so the line is the one that was known. */
static void keep_line(struct buf *out, const struct candidate *candidate, str known)
{
    str line, key = str_of(candidate->key);
    bool is_whole = key.len > strlen(candidate->path) + 1;

    while (!is_whole && str_cut(known, '\n', &line, &known))
        if (str_starts(line, key)) {
            buf_add(out, line);
            buf_add(out, STR("\n"));
            return;
        }
    if (!is_whole)
        return;
    buf_add(out, key);
    for (size_t i = 0; i + 1 < candidate->answer_len; i++)
        buf_add(out, candidate->answer[i] == '\n' ? STR("\t") : (str){candidate->answer + i, 1});
    buf_add(out, STR("\n"));
}

static void find_candidates(struct search *search, str search_path)
{
    add_folders(search, search_path.len > 0 ? search_path : str_of(getenv("PATH")));
    if (search_path.len == 0) {
        add_folders(search, STR("/usr/local/bin:/usr/bin"));
        add_pyenv(search);
    }
    for (int minor = PYTHON_MINOR_MIN; minor <= PYTHON_MINOR_MAX; minor++)
        add_candidates(search, minor);
}

struct interpreters *interpreters_find_known(str search_path, const char *known_path, bool again)
{
    struct interpreters *interpreters = calloc(1, sizeof *interpreters);
    struct search *search = calloc(1, sizeof *search);
    int64_t deadline_us = clock_steady_us() + ANSWER_TIMEOUT_MS * 1000LL;
    BUF_AUTO kept = {0};

    if (!interpreters || !search)
        abort();
    buf_init(&kept, KNOWN_BYTES_MAX);
    str known = read_known(&search->arena, known_path);
    if (again)
        add_unseen(search, known);
    find_candidates(search, search_path);
    for (int i = 0; i < search->count; i++) {
        recall(&search->at[i], known);
        if (!search->at[i].is_known)
            ask(&search->at[i]);
    }
    for (int i = 0; i < search->count; i++)
        if (search->at[i].is_known || end_candidate(&search->at[i], deadline_us)) {
            keep_answer(interpreters, &search->at[i]);
            keep_line(&kept, &search->at[i], known);
        }
    interpreters->known = arena_copy(&interpreters->arena, buf_str(&kept));
    interpreters->is_new = !str_eq(interpreters->known, known);
    arena_free(&search->arena);
    free(search);
    return interpreters;
}

struct interpreters *interpreters_find(str search_path)
{
    return interpreters_find_known(search_path, NULL, false);
}

bool interpreters_keep(const struct interpreters *interpreters, const char *known_path, struct err *err)
{
    struct arena arena = {0};

    if (!interpreters->is_new)
        return true;
    const char *part = arena_cstr(&arena, arena_printf(&arena, "%s.part", known_path));
    str text = interpreters->known;
    FD_AUTO fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool done = fd >= 0 && write(fd, text.at, text.len) == (ssize_t)text.len && rename(part, known_path) == 0;
    arena_free(&arena);
    return done || err_sys(err, "%s", known_path);
}

void interpreters_free(struct interpreters *interpreters)
{
    if (!interpreters)
        return;
    arena_free(&interpreters->arena);
    free(interpreters);
}

/* Looking up */

const struct interpreter *interpreter_for(const struct interpreters *interpreters, str runtime)
{
    for (int i = 0; i < interpreters->count; i++)
        if (str_eq(interpreters->at[i].runtime, runtime))
            return &interpreters->at[i];
    return NULL;
}

int interpreters_count(const struct interpreters *interpreters)
{
    return interpreters->count;
}

const struct interpreter *interpreters_at(const struct interpreters *interpreters, int index)
{
    return &interpreters->at[index];
}

str interpreters_words(const struct interpreters *interpreters, struct arena *arena)
{
    str words = STR("none");

    for (int i = 0; i < interpreters->count; i++)
        words = i == 0
                    ? interpreters->at[i].runtime
                    : arena_printf(arena, STR_FMT ", " STR_FMT, STR_ARG(words), STR_ARG(interpreters->at[i].runtime));
    return words;
}

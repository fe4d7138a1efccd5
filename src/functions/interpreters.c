/*
 * Candidates are pythonX.Y in the folders of the search path and in pyenv's.  All are asked at once, since each takes
 * some 20 ms to say who it is; one that does not answer in time is killed and left out.  The path kept is what the
 * interpreter says of itself with its links resolved: a cell has no links into a home.
 */
#include "functions/interpreters.h"

#include "base/arena.h"
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
#include <sys/wait.h>
#include <unistd.h>

enum {
    PYTHON_MINOR_MIN = 9,
    PYTHON_MINOR_MAX = 14,
    CANDIDATES_MAX = 64,
    FOLDERS_MAX = 64,
    ANSWER_BYTES_MAX = 2048,
    ANSWER_TIMEOUT_MS = 5000,
};

struct interpreters {
    struct arena arena;
    struct interpreter at[PYTHON_MINOR_MAX + 1];
    int count;
};

struct candidate {
    const char *path;
    pid_t pid; /* 0: could not be started */
    int fd;
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

static void add_candidates(struct search *search, int minor)
{
    for (int i = 0; i < search->folders_count && search->count < CANDIDATES_MAX; i++) {
        str path = arena_printf(&search->arena, "%s/python3.%d", search->folders[i], minor);
        const char *cstr = arena_cstr(&search->arena, path);

        if (access(cstr, X_OK) == 0)
            search->at[search->count++] = (struct candidate){.path = cstr, .fd = -1};
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

struct interpreters *interpreters_find(str search_path)
{
    struct interpreters *interpreters = calloc(1, sizeof *interpreters);
    struct search *search = calloc(1, sizeof *search);
    int64_t deadline_us = clock_steady_us() + ANSWER_TIMEOUT_MS * 1000LL;

    if (!interpreters || !search)
        abort();
    add_folders(search, search_path.len > 0 ? search_path : str_of(getenv("PATH")));
    if (search_path.len == 0) {
        add_folders(search, STR("/usr/local/bin:/usr/bin"));
        add_pyenv(search);
    }
    for (int minor = PYTHON_MINOR_MIN; minor <= PYTHON_MINOR_MAX; minor++)
        add_candidates(search, minor);
    for (int i = 0; i < search->count; i++)
        ask(&search->at[i]);
    for (int i = 0; i < search->count; i++)
        if (end_candidate(&search->at[i], deadline_us))
            keep_answer(interpreters, &search->at[i]);
    arena_free(&search->arena);
    free(search);
    return interpreters;
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

#include "cli/install.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/files.h"
#include "cli/output.h"
#include "codec/hash.h"

/*
 * Only wheels, and for the target: a source build would yield this machine's libraries.  AWS's Python up to 3.11
 * stands on glibc 2.26, from 3.12 on 2.34; what is deployed here should run there.
 */
enum { WORDS_MAX = 40, PLATFORMS_COUNT = 5, NEW_GLIBC_FROM_MINOR = 12 };

static const char *const platforms_old[] = {"manylinux2014", "manylinux_2_17", "manylinux_2_24", "manylinux_2_26",
                                            NULL};
static const char *const platforms_new[] = {"manylinux2014",  "manylinux_2_17", "manylinux_2_28",
                                            "manylinux_2_31", "manylinux_2_34", NULL};

extern char **environ;

const char *cache_dir(struct arena *arena)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (cache && *cache)
        return arena_cstr(arena, arena_printf(arena, "%s/sculler", cache));
    return arena_cstr(arena, arena_printf(arena, "%s/.cache/sculler", home && *home ? home : "/tmp"));
}

/* Runs it with its output there; the exit status, -1 when it cannot be started. */
static int run(const char *const *words, int output)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    int failed = posix_spawnp(&pid, words[0], &actions, NULL, (char *const *)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed)
        return -1;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool works(const char *program, const char *module)
{
    const char *words[] = {
        "sh",    "-c",   "command -v \"$0\" >/dev/null && { [ -z \"$1\" ] || \"$0\" -c \"import $1\" 2>/dev/null; }",
        program, module, NULL};

    return run(words, STDERR_FILENO) == 0;
}

struct words {
    const char *at[WORDS_MAX];
    int count;
};

static void add(struct words *words, const char *word)
{
    if (words->count < WORDS_MAX - 1)
        words->at[words->count++] = word;
}

static const char *machine(struct arena *arena)
{
    struct utsname name;

    return uname(&name) == 0 ? arena_cstr(arena, str_of(name.machine)) : "x86_64";
}

static void uv_words(const struct project *project, struct arena *arena, struct words *ret)
{
    long long minor = 0;

    (void)str_to_int(str_from(project->python, 2), 0, 99, &minor);
    const char *const fixed[] = {
        "uv",
        "pip",
        "install",
        "--quiet",
        "--only-binary",
        ":all:",
        "--python-version",
        arena_cstr(arena, project->python),
        "--python-platform",
        arena_cstr(arena, arena_printf(arena, "%s-%s", machine(arena),
                                       minor < NEW_GLIBC_FROM_MINOR ? "manylinux2014" : "manylinux_2_34"))};

    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        add(ret, fixed[i]);
}

static void pip_words(const struct project *project, const char *python, struct arena *arena, struct words *ret)
{
    long long minor = 0;
    const char *const fixed[] = {python,
                                 "-m",
                                 "pip",
                                 "install",
                                 "--quiet",
                                 "--no-input",
                                 "--no-compile",
                                 "--disable-pip-version-check",
                                 "--only-binary=:all:",
                                 "--implementation",
                                 "cp",
                                 "--python-version",
                                 arena_cstr(arena, project->python)};

    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        add(ret, fixed[i]);
    (void)str_to_int(str_from(project->python, 2), 0, 99, &minor);
    for (const char *const *p = minor < NEW_GLIBC_FROM_MINOR ? platforms_old : platforms_new; *p; p++) {
        add(ret, "--platform");
        add(ret, arena_cstr(arena, arena_printf(arena, "%s_%s", *p, machine(arena))));
    }
}

/* uv when there is one, unless the environment speaks to pip alone. */
MUST_USE static bool choose_installer(const struct project *project, struct arena *arena, struct words *ret,
                                      struct err *err)
{
    const char *pythons[] = {arena_cstr(arena, project->runtime), "python3", "/usr/bin/python3"};
    bool for_pip = getenv("PIP_NO_INDEX") || getenv("PIP_INDEX_URL");

    if (!for_pip && works("uv", "")) {
        uv_words(project, arena, ret);
        return true;
    }
    for (size_t i = 0; i < sizeof pythons / sizeof *pythons; i++)
        if (works(pythons[i], "pip")) {
            pip_words(project, pythons[i], arena, ret);
            return true;
        }
    return err_set(err, ERR_NOT_FOUND,
                   "neither uv nor pip is here to install the requirements; on Debian: "
                   "apt-get install python3-pip");
}

MUST_USE static bool write_whole(const char *path, str text, struct err *err)
{
    FD_AUTO fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || write(fd, text.at, text.len) != (ssize_t)text.len)
        return err_sys(err, "%s", path);
    return true;
}

/* What it says is for a failure: else it is advice about this machine's Python, which is not the one that is served. */
static int run_quietly(const char *const *words)
{
    FD_AUTO output = memfd_create("installer", MFD_CLOEXEC);
    char piece[4096];
    ssize_t len;

    (void)setenv("PIP_ROOT_USER_ACTION", "ignore", 0); /* a pip that is too old for it passes over it */
    int status = run(words, output >= 0 ? output : STDERR_FILENO);
    if (status != 0)
        say("    %s says:", words[0]);
    if (status != 0 && output >= 0 && lseek(output, 0, SEEK_SET) == 0)
        while ((len = read(output, piece, sizeof piece)) > 0)
            fwrite(piece, 1, (size_t)len, stderr);
    return status;
}

/* Installs into a folder beside the final one and renames it, so that a folder with the final name is whole. */
MUST_USE static bool install_into(const char *dir, const struct project *project, struct arena *arena, struct err *err)
{
    const char *part = arena_cstr(arena, arena_printf(arena, "%s.part-%d", dir, (int)getpid()));
    const char *list = arena_cstr(arena, arena_printf(arena, "%s.txt", part));
    struct words words = {0};

    if (!folder_make(part, err) || !choose_installer(project, arena, &words, err))
        return false;
    /* The user's own file when there is one: it may name others (-r, -c) beside it. */
    const char *own = arena_cstr(arena, arena_printf(arena, "%s/requirements.txt", project->dir));
    if (access(own, R_OK) == 0)
        list = own;
    else if (!write_whole(list, project->requirements, err))
        return false;
    add(&words, "--target");
    add(&words, part);
    add(&words, "-r");
    add(&words, list);
    int status = run_quietly(words.at);
    if (list != own)
        (void)unlink(list);
    if (status != 0) {
        folder_remove(part);
        return err_set(err, ERR_SYSTEM,
                       "%s could not install the requirements for " STR_FMT
                       " (its words are above); what runs stays as it is",
                       words.at[0], STR_ARG(project->runtime));
    }
    if (rename(part, dir) != 0 && errno != EEXIST && errno != ENOTEMPTY)
        return err_sys(err, "%s", dir);
    folder_remove(part); /* another deploy was first */
    return true;
}

bool install_requirements(const struct project *project, struct arena *arena, struct installed *ret, struct err *err)
{
    char hex[SHA256_HEX_CHARS];
    struct stat info;

    *ret = (struct installed){.key = STR("none")};
    if (!project->requirements.len)
        return true;
    sha256_hex(arena_printf(arena, "1 " STR_FMT " %s\n" STR_FMT, STR_ARG(project->runtime), machine(arena),
                            STR_ARG(project->requirements)),
               hex);
    ret->key = arena_copy(arena, str_of(hex));
    ret->dir = arena_cstr(arena, arena_printf(arena, "%s/requirements/%s", cache_dir(arena), hex));
    ret->cached = stat(ret->dir, &info) == 0;
    return ret->cached || install_into(ret->dir, project, arena, err);
}

/*
 * restart: the server of a state directory begins anew, from the binary that is on disk now.  The lock file says who
 * it is and, afterwards, what came of it; so this works for who may signal the server, and for nobody else.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "codec/json_read.h"

enum { WAIT_MS = 120 * 1000, LOOK_MS = 10, LOCK_BYTES_MAX = 4096 };

struct holder {
    int pid;
    json_int_t starts, asked;
    bool is_ready;
    char problem[512];
};

/* False: it is just being written, or no server of this version wrote it. */
static bool read_holder(int fd, struct holder *ret)
{
    char text[LOCK_BYTES_MAX];
    ssize_t len = pread(fd, text, sizeof text, 0);
    json_auto_t *value = len > 0 ? json_loadb(text, (size_t)len, 0, NULL) : NULL;
    const char *state, *problem;

    if (!value || json_unpack(value, "{s:i, s:I, s:I, s:s, s:s}", "pid", &ret->pid, "starts", &ret->starts, "asked",
                              &ret->asked, "state", &state, "problem", &problem) != 0)
        return false;
    ret->is_ready = strcmp(state, "ready") == 0;
    snprintf(ret->problem, sizeof ret->problem, "%s", problem);
    return true;
}

static bool is_held(int fd)
{
    if (flock(fd, LOCK_SH | LOCK_NB) != 0)
        return true;
    flock(fd, LOCK_UN);
    return false;
}

/* Until it is ready again, or has said why it goes on as it is. */
static int wait_for(int fd, const struct holder *before, struct holder *ret)
{
    int64_t end_us = clock_steady_us() + WAIT_MS * 1000LL;
    struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};

    while (clock_steady_us() < end_us) {
        if (!is_held(fd)) {
            say_error("restart", "the server has ended; its log says why");
            return EXIT_NO_SERVER;
        }
        if (read_holder(fd, ret) && ret->is_ready && ret->starts > before->starts)
            return EXIT_OK;
        if (ret->is_ready && ret->starts == before->starts && ret->asked > before->asked && ret->problem[0]) {
            say_error("restart", ret->problem);
            say("The server goes on as it was.");
            return EXIT_FAILED;
        }
        nanosleep(&look, NULL);
    }
    say_error("restart", "the server has not begun anew in time; its log says what it waits for");
    return EXIT_FAILED;
}

static int restart(const char *state_dir, const char *path, bool json)
{
    FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC);
    struct holder before = {0}, after = {0};
    int64_t began_us = clock_steady_us();
    char why[600];

    if (fd < 0 && errno != ENOENT) {
        snprintf(why, sizeof why, "%.400s: %s; only who started the server, or root, may restart it", path,
                 strerror(errno));
        say_error("restart", why);
        return EXIT_FAILED;
    }
    if (fd < 0 || !is_held(fd) || !read_holder(fd, &before)) {
        snprintf(why, sizeof why, "no server works on %.400s; name another state directory with --state", state_dir);
        say_error("restart", why);
        return EXIT_NO_SERVER;
    }
    if (kill(before.pid, SIGHUP) != 0) {
        snprintf(why, sizeof why, "process %d: %s; only who started the server, or root, may restart it", before.pid,
                 strerror(errno));
        say_error("restart", why);
        return EXIT_FAILED;
    }
    int status = wait_for(fd, &before, &after);
    if (status != EXIT_OK)
        return status;
    int ms = (int)((clock_steady_us() - began_us) / 1000);
    if (json)
        printf("{\"pid\":%d,\"starts\":%lld,\"ms\":%d}\n", after.pid, (long long)after.starts, ms);
    else
        printf("restarted: pid %d, after %d ms\n", after.pid, ms);
    return EXIT_OK;
}

static int restart_run(const struct arguments *arguments)
{
    struct session session;
    struct err err = {0};

    if (!session_open(arguments, &session, &err)) {
        say_error("restart", err.text);
        return EXIT_NO_SERVER;
    }
    const char *path = arena_cstr(&session.arena, arena_printf(&session.arena, "%s/lock", session.state_dir));
    int status = restart(session.state_dir, path, option_flag(arguments, "json"));
    session_close(&session);
    return status;
}

const struct command restart_command = {
    .name = "restart",
    .summary = "Let the server begin anew, with the program now on disk, without refusing anybody",
    .usage = "[--state DIR]",
    .text = "  sculler restart --state /var/lib/sculler\n\n"
            "What runs ends first; who calls meanwhile waits, some 100 ms. A program or settings that do not\n"
            "load are refused, and the server goes on. The same by signal: kill -HUP PID.\n",
    .run = restart_run,
};

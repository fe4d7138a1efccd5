/*
 * handover: what a server gives to the program that takes its place, and to whom it says how it is.
 *
 * A restart is an exec of the binary now on disk, in the same process: it has the same pid, so whoever supervises it
 * (a terminal, systemd, a container) notices nothing; and there never are two servers, so the state directory has one
 * writer at each moment, and its lock is never let go.  What goes over is descriptors and no memory: the listening
 * socket with the connections that wait in it, idle connections, the lock, and the line to the keeper, which keeps the
 * privilege that this process has dropped.  All else is read again from disk, as after a crash; the names of the
 * functions that were warm go along, so that the next call need not wait for the whole of their imports.
 *
 * A socket of systemd's (LISTEN_PID, LISTEN_FDS) is taken over in the same way at a first start.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum { HANDED_CONNS_MAX = 8192 };

struct handed {
    bool is_restart; /* else only `listener` may be there */
    int listener;    /* 0: none, as with all of these: descriptor 0 is never one of them */
    int lock, keeper, certificate;
    pid_t keeper_pid;
    uint32_t keeper_cells; /* numbers that were given to cells */
    int64_t starts;        /* how often this process has begun anew */
    int64_t asked_us;      /* clock_steady_us() when its end was begun */
    int *conns;
    int conns_count;
    char *warm; /* versions whose processes stood: NAME:VERSION, a comma between; NULL: none */
};

void handed_take(struct handed *ret); /* from the environment, where it is then no more */
/* Does not return when all goes well. */
MUST_USE bool handed_exec(const char *binary, char **argv, const struct handed *handed, struct err *err);

/* The lock file tells who holds it, as JSON with these names and "pid".  `sculler restart` reads it. */
struct lock_words {
    int64_t starts, asked; /* how often it began anew; how often this start was asked to */
    const char *state;     /* "starting", "ready", "restarting" */
    const char *problem;   /* why the last restart was refused, or "" */
};
void lock_say(int lock_fd, const struct lock_words *words);

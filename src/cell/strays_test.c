/* strays_test: processes in a mount namespace of their own, daemons among them, and one that is in ours. */
#include "cell/strays.h"

#include "base/fd.h"
#include "base/test.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DAEMONS = 3, GONE_MS = 5000 };

/* In a namespace apart: daemons, one of them not dumpable.  Each says that it is there; all hold `alive` open. */
static void haunt(int ready)
{
    if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) < 0)
        _exit(2);
    for (int i = 0; i < DAEMONS; i++) {
        if (fork() == 0) {
            (void)setsid();
            (void)signal(SIGTERM, SIG_IGN);
            if (i == 0)
                (void)prctl(PR_SET_DUMPABLE, 0);
            (void)!write(ready, "r", 1);
            (void)sleep(60);
            _exit(0);
        }
    }
    (void)sleep(60);
    _exit(0);
}

static void kills_all_of_a_namespace_and_nobody_else(void)
{
    int ready[2], alive[2], status;
    char byte, path[32];
    pid_t beside, ghost;

    if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(alive, O_CLOEXEC) < 0)
        abort();
    beside = fork();
    if (beside == 0) {
        close(alive[1]);
        (void)sleep(60);
        _exit(0);
    }
    ghost = fork();
    if (ghost == 0)
        haunt(ready[1]);
    close(ready[1]), close(alive[1]);
    for (int i = 0; i < DAEMONS; i++)
        ok(read(ready[0], &byte, 1) == 1);
    (void)snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)ghost);

    FD_AUTO mounts = open(path, O_RDONLY | O_CLOEXEC);
    FD_AUTO proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct pollfd end = {.fd = alive[0], .events = POLLIN};

    ok(strays_kill(proc, -1) == 0);
    ok(strays_kill(proc, mounts) >= DAEMONS + 1);
    ok(poll(&end, 1, GONE_MS) == 1 && read(alive[0], &byte, 1) == 0); /* nobody holds it any more */
    ok(waitpid(ghost, &status, 0) == ghost && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ok(strays_kill(proc, mounts) == 0);
    ok(waitpid(beside, &status, WNOHANG) == 0);
    (void)kill(beside, SIGKILL);
    (void)waitpid(beside, &status, 0);
    close(ready[0]), close(alive[0]);
}

TEST_MAIN(kills_all_of_a_namespace_and_nobody_else)

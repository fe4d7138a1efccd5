#include "base/rand.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

static void never_repeats(void)
{
    unsigned char a[16] = {0}, b[16] = {0}, large[8192] = {0};

    rand_bytes(a, sizeof a);
    rand_bytes(b, sizeof b);
    ok(memcmp(a, b, sizeof a) != 0);
    rand_bytes(large, sizeof large);
    ok(memcmp(large + 4096, large, 4096) != 0);
    rand_bytes(a, 0);
}

/* A child that libc knows nothing of. */
static pid_t clone_bare(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
}

static void differs_in_a_child(pid_t (*make_child)(void))
{
    unsigned char ours[16], theirs[16] = {0};
    int ends[2];
    pid_t pid;

    rand_bytes(ours, sizeof ours);
    ok(pipe(ends) == 0);
    pid = make_child();
    if (pid == 0) {
        rand_bytes(theirs, sizeof theirs);
        _exit(write(ends[1], theirs, sizeof theirs) != sizeof theirs);
    }
    rand_bytes(ours, sizeof ours);
    ok(read(ends[0], theirs, sizeof theirs) == sizeof theirs);
    waitpid(pid, NULL, 0);
    ok(memcmp(ours, theirs, sizeof ours) != 0);
    close(ends[0]);
    close(ends[1]);
}

static void differs_in_every_child(void)
{
    differs_in_a_child(fork);
    differs_in_a_child(clone_bare);
}

static void fills_the_unit_interval(void)
{
    double sum = 0, least = 1, most = 0;

    for (int i = 0; i < 10000; i++) {
        double x = rand_unit();

        sum += x;
        least = x < least ? x : least;
        most = x > most ? x : most;
    }
    ok(least >= 0 && least < 0.01 && most < 1 && most > 0.99);
    ok(sum > 4700 && sum < 5300);
}

static void repeats_with_a_seed(void)
{
    unsigned char a[100], b[100];

    rand_replace(7);
    rand_bytes(a, sizeof a);
    rand_replace(7);
    rand_bytes(b, sizeof b);
    ok(memcmp(a, b, sizeof a) == 0);
    rand_replace(0);
    rand_bytes(b, sizeof b);
    ok(memcmp(a, b, sizeof a) != 0);
}

TEST_MAIN(never_repeats, differs_in_every_child, fills_the_unit_interval, repeats_with_a_seed)

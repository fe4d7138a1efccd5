#include "cell/cgroup.h"

#include "base/clock.h"
#include "base/test.h"
#include "cell/cgroup_private.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Reading where things are */

static void stop_at(const struct err *err)
{
    printf("Bail out! %s\n", err->text);
    exit(1);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

static void finds_places_in_mountinfo(void)
{
    static struct cgroup_place places[8];
    struct cgroup_sources sources = {"mountinfo", "cgroup"};
    char folder[] = "/tmp/cgroup_test.XXXXXX";

    if (!mkdtemp(folder) || chdir(folder) < 0)
        abort();
    write_text("mountinfo", "30 1 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
                            "31 30 0:27 / /sys/fs/cgroup/a\\040b rw,relatime shared:9 - cgroup cgroup rw,memory\n"
                            "32 30 0:28 /box /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
                            "33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
                            "34 30 0:30 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n"
                            "nonsense\n");
    write_text("cgroup", "5:memory:/user/me\n4:cpu,cpuacct:/box/mine\n0::/session\n");
    ok(cgroup_find_places(&sources, places, 8) == 3);
    ok(places[0].controls == CONTROLS_MEMORY && strcmp(places[0].path, "/sys/fs/cgroup/a b/user/me") == 0);
    ok(places[1].controls == (CONTROLS_CPU | CONTROLS_CPUACCT) &&
       strcmp(places[1].path, "/sys/fs/cgroup/cpu/mine") == 0);
    ok(places[2].controls == CONTROLS_UNIFIED && strcmp(places[2].path, "/sys/fs/cgroup/unified/session") == 0);
    ok(cgroup_parse_controls("hugetlb memory pids\n", " \n") == (CONTROLS_MEMORY | CONTROLS_PIDS));
    (void)unlink("mountinfo"), (void)unlink("cgroup");
    ok(chdir("/") == 0 && rmdir(folder) == 0);
}

static void goes_without_where_there_are_none(void)
{
    char note[200];
    struct cgroup_host *host = cgroup_open_at(&(struct cgroup_sources){"/dev/null", "/dev/null"}, note);
    struct cgroup_figures figures;
    struct err err = {0};

    ok(cgroup_backend(host) == CGROUP_NONE && strstr(note, "no limits"));
    ok(cgroup_make_cell(host, 1, &(struct cell_limits){.memory_bytes = 1 << 20}, &err));
    ok(cgroup_attach(host, (struct cgroup){1, 0}, getpid(), &err));
    cgroup_figures(host, (struct cgroup){1, 0}, &figures);
    ok(!figures.out_of_memory && figures.memory_peak_bytes == 0);
    ok(cgroup_is_empty(host, (struct cgroup){1, 0}) && cgroup_remove_cell(host, 1));
    cgroup_close(host);
}

/* Limits that hold: on the host as it is */

static struct cgroup_host *host;
static const struct cgroup worker = {7, 3};

static pid_t run_in_group(const struct cell_limits *limits, void (*what)(void))
{
    struct err err = {0};
    int go[2];
    pid_t pid;
    char byte;

    if (!cgroup_make_cell(host, worker.cell, &(struct cell_limits){0}, &err) ||
        !cgroup_make_worker(host, worker, limits, &err) || pipe(go) < 0)
        stop_at(&err);
    pid = fork();
    if (pid == 0) {
        close(go[1]);
        (void)!read(go[0], &byte, 1);
        what();
        _exit(0);
    }
    ok(cgroup_attach(host, worker, pid, &err));
    close(go[0]), close(go[1]);
    return pid;
}

static void end_group(void)
{
    cgroup_kill_cell(host, worker.cell);
    for (int tries = 0; tries < 200 && !cgroup_remove_cell(host, worker.cell); tries++)
        (void)usleep(5000);
    ok(cgroup_is_empty(host, worker));
}

static void eat(void)
{
    for (;;) {
        char *at = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (at != MAP_FAILED)
            memset(at, 1, 1 << 20);
    }
}

static void kills_who_takes_too_much_memory(void)
{
    struct cell_limits limits = {.memory_bytes = 32 << 20};
    struct cgroup_figures figures;
    pid_t pid = run_in_group(&limits, eat);
    int status = 0;

    ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    cgroup_figures(host, worker, &figures);
    ok(figures.out_of_memory);
    if (figures.memory_peak_bytes > 0) /* older kernels do not tell */
        ok(figures.memory_peak_bytes > 16 << 20 && figures.memory_peak_bytes <= 33 << 20);
    end_group();
}

static volatile int *refused_forks; /* shared */

static void bomb(void)
{
    (void)signal(SIGTERM, SIG_IGN);
    for (;;) {
        if (fork() < 0)
            ++*refused_forks;
    }
}

static void ends_a_fork_bomb(void)
{
    struct cell_limits limits = {.pids_max = 64};
    int64_t started_us;
    pid_t pid;

    refused_forks = mmap(NULL, sizeof *refused_forks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid = run_in_group(&limits, bomb);
    (void)usleep(200 * 1000);
    ok(*refused_forks > 0);
    started_us = clock_steady_us();
    cgroup_kill(host, worker);
    while (!cgroup_is_empty(host, worker) && clock_steady_us() - started_us < 5000000)
        (void)waitpid(pid, NULL, WNOHANG);
    printf("# a fork bomb of 64 was gone after %lld us\n", (long long)(clock_steady_us() - started_us));
    ok(clock_steady_us() - started_us < 2000000);
    end_group();
}

static void spin(void)
{
    for (int64_t end_us = clock_steady_us() + 1000000; clock_steady_us() < end_us;)
        continue;
}

static void holds_a_spinner_to_its_quota(void)
{
    struct cell_limits limits = {.cpu_quota_us = 25000, .cpu_weight = 50};
    struct cgroup_figures figures;
    pid_t pid = run_in_group(&limits, spin);

    (void)waitpid(pid, NULL, 0);
    cgroup_figures(host, worker, &figures);
    printf("# a quarter of a CPU for a second: %llu us\n", (unsigned long long)figures.cpu_us);
    ok(figures.cpu_us == 0 || (figures.cpu_us > 50000 && figures.cpu_us < 500000));
    end_group();
}

static void tells_what_a_move_costs(void)
{
    enum { MOVES = 20 };
    struct err err = {0};
    int64_t us[3] = {0};

    if (!cgroup_make_cell(host, worker.cell, &(struct cell_limits){0}, &err))
        stop_at(&err);
    for (int warm = 0; warm < 3; warm++) {
        for (int i = 0; i < MOVES; i++) {
            pid_t pid = fork();
            if (pid == 0)
                _exit(pause());
            for (int pause = 0; warm != 1 && pause < 12; pause++) {
                (void)usleep(8 * 1000);
                if (warm == 2)
                    cgroup_keep_warm(host);
            }
            int64_t started_us = clock_steady_us();
            if (!cgroup_attach(host, (struct cgroup){worker.cell, 0}, pid, &err))
                stop_at(&err);
            us[warm] += clock_steady_us() - started_us;
            (void)kill(pid, SIGKILL), (void)waitpid(pid, NULL, 0);
        }
    }
    printf("# moving a process: %lld us after a pause, %lld us in a row, %lld us after a pause and kept warm\n",
           (long long)us[0] / MOVES, (long long)us[1] / MOVES, (long long)us[2] / MOVES);
    ok(us[1] / MOVES < 1000000);
    end_group();
}

static void leaves_nothing(void)
{
    char note[200];
    struct stat st;
    int status, fd = host->count ? dup(host->at[0].parent) : -1;
    char name[32];
    pid_t pid = fork();

    if (pid == 0) { /* a keeper that is killed */
        struct err err = {0};
        struct cgroup_host *other = cgroup_open(note);
        _exit(other && cgroup_make_cell(other, 1, &(struct cell_limits){0}, &err) ? 0 : 1);
    }
    ok(waitpid(pid, &status, 0) == pid && status == 0);
    (void)snprintf(name, sizeof name, "sculler-%d", (int)pid);
    ok(fd < 0 || fstatat(fd, name, &st, 0) == 0);
    cgroup_close(cgroup_open(note));
    ok(fd < 0 || fstatat(fd, name, &st, 0) < 0);
    close(fd);
}

int test_count, test_failures;

int main(void)
{
    char note[200];

    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* the tests fork */
    finds_places_in_mountinfo();
    goes_without_where_there_are_none();
    host = cgroup_open(note);
    printf("# this host: %s %s\n", cgroup_backend_name(cgroup_backend(host)), note);
    if (cgroup_backend(host) != CGROUP_NONE) {
        kills_who_takes_too_much_memory();
        ends_a_fork_bomb();
        holds_a_spinner_to_its_quota();
        tells_what_a_move_costs();
        leaves_nothing();
    }
    cgroup_close(host);
    printf("1..%d\n", test_count);
    return test_failures != 0;
}

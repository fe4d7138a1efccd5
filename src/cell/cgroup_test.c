/* cgroup_test: where cgroups are and what a host gives, by files of our own; then limits, on the host as it is. */
#include "cell/cgroup.h"

#include "base/clock.h"
#include "base/test.h"
#include "cell/cgroup_private.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
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

static void says_why_a_host_gives_nothing(void)
{
    static const struct {
        const char *below, *kind, *self, *words;
    } rows[] = {
        {"", "cgroup2 cgroup2 rw", "0::/\n", "not given memory and pids"},
        {"/gone", "cgroup2 cgroup2 rw", "0::/\n", "No such file"},
        {"/gone", "cgroup cgroup rw,memory", "4:memory:/\n", "No such file"},
    };
    char folder[] = "/tmp/cgroup_test.XXXXXX", note[200];

    if (!mkdtemp(folder) || chdir(folder) < 0)
        abort();
    write_text("cgroup.controllers", "hugetlb misc\n"); /* a v2 directory beside v1: not empty, and yet nothing */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        FILE *file = fopen("mountinfo", "we");
        if (!file || fprintf(file, "33 30 0:29 / %s%s rw - %s\n", folder, rows[i].below, rows[i].kind) < 0 ||
            fclose(file) != 0)
            abort();
        write_text("cgroup", rows[i].self);
        struct cgroup_host *none = cgroup_open_at(&(struct cgroup_sources){"mountinfo", "cgroup"}, note);
        ok(cgroup_backend(none) == CGROUP_NONE && strstr(note, rows[i].words));
        cgroup_close(none);
    }
    (void)unlink("mountinfo"), (void)unlink("cgroup"), (void)unlink("cgroup.controllers");
    ok(chdir("/") == 0 && rmdir(folder) == 0); /* nothing of ours is left in it */
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
    for (size_t i = 0; i < host->count; i++)
        ok(!cgroup_has(host->at[i].root, "cell-7", ""));
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
    for (int tries = 0; tries < 2000 && *refused_forks == 0; tries++)
        (void)usleep(5000);
    ok(*refused_forks > 0);
    started_us = clock_steady_us();
    cgroup_kill(host, worker);
    while (!cgroup_is_empty(host, worker) && clock_steady_us() - started_us < 5000000)
        (void)waitpid(pid, NULL, WNOHANG);
    printf("# a fork bomb of 64 was gone after %lld us\n", (long long)(clock_steady_us() - started_us));
    ok(clock_steady_us() - started_us < 2000000); /* 14 to 21 ms where nobody else works */
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

/* v1 refuses such a quota, v2 takes it; in both the tighter one holds. */
static void takes_a_worker_wider_than_its_cell(void)
{
    struct err err = {0};

    ok(cgroup_make_cell(host, worker.cell, &(struct cell_limits){.cpu_quota_us = 20000, .pids_max = 10}, &err));
    ok(cgroup_make_worker(host, worker, &(struct cell_limits){.cpu_quota_us = 90000, .pids_max = 100}, &err));
    end_group();
}

/* Whatever the cells do together, the host's own processes have memory left. */
static void leaves_memory_to_the_host(void)
{
    uint64_t limit = UINT64_MAX, machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    int root = cgroup_root_of(host, CONTROLS_MEMORY);

    if (root < 0)
        return;
    ok(cgroup_read_number(root, "", "memory.max", &limit) ||
       cgroup_read_number(root, "", "memory.limit_in_bytes", &limit));
    ok(limit < machine && limit > machine / 2);
}

/* A keeper that ends without a word, and leaves a process that inherited all its descriptors. */
static NORETURN void be_killed(int tell)
{
    char note[200];
    struct err err = {0};
    struct cgroup_host *other = cgroup_open(note);
    pid_t pid = fork();

    if (pid == 0)
        _exit(pause());
    _exit(cgroup_make_cell(other, 1, &(struct cell_limits){0}, &err) &&
                  cgroup_attach(other, (struct cgroup){1, 0}, pid, &err) && write(tell, &pid, sizeof pid) == sizeof pid
              ? 0
              : 1);
}

static void sweeps_what_a_killed_keeper_left(void)
{
    char note[200], name[32];
    int status, lines[2];
    pid_t pid, orphan = 0;

    if (pipe(lines) < 0)
        abort();
    pid = fork();
    if (pid == 0)
        be_killed(lines[1]);
    ok(waitpid(pid, &status, 0) == pid && status == 0);
    ok(read(lines[0], &orphan, sizeof orphan) == sizeof orphan);
    (void)snprintf(name, sizeof name, "sculler-%d", (int)pid);
    cgroup_close(cgroup_open(note));
    /* Another test's keeper may be at the same just now, and holds its lock. */
    for (size_t i = 0; i < host->count; i++) {
        for (int tries = 0; tries < 400 && cgroup_has(host->at[i].parent, name, ""); tries++)
            (void)usleep(5000);
        ok(!cgroup_has(host->at[i].parent, name, "") && cgroup_has(host->at[i].root, "", "cgroup.procs"));
    }
    for (int tries = 0; tries < 400 && kill(orphan, 0) == 0; tries++)
        (void)waitpid(orphan, NULL, WNOHANG), (void)usleep(5000);
    ok(orphan > 0 && kill(orphan, 0) < 0);
    close(lines[0]), close(lines[1]);
}

int test_count, test_failures;

int main(void)
{
    const char *expected = getenv("SCULLER_TEST_CGROUPS");
    char note[200];

    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* the tests fork */
    finds_places_in_mountinfo();
    says_why_a_host_gives_nothing();
    goes_without_where_there_are_none();
    host = cgroup_open(note);
    printf("# this host: %s %s\n", cgroup_backend_name(cgroup_backend(host)), note);
    if (expected) /* a machine that was made so */
        ok(strcmp(cgroup_backend_name(cgroup_backend(host)), expected) == 0);
    if (cgroup_backend(host) != CGROUP_NONE) {
        kills_who_takes_too_much_memory();
        ends_a_fork_bomb();
        holds_a_spinner_to_its_quota();
        tells_what_a_move_costs();
        takes_a_worker_wider_than_its_cell();
        leaves_memory_to_the_host();
        sweeps_what_a_killed_keeper_left();
    } else {
        printf("ok %d # SKIP limits: %s\n", ++test_count, note);
    }
    cgroup_close(host);
    printf("1..%d\n", test_count);
    return test_failures != 0;
}

/*
 * admission_test: workers at their gates.  The roles are a template and its workers in plain C, so this is also the
 * shortest account of what the guest has to do (gate.h, README.md).
 */
#include "cell/cell_testing.h"

#include "cell/gate.h"
#include "cell/keeper_private.h"
#include "cell/landlock.h"

#include <dirent.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

enum { FORKS_MEASURED = 200, CELLS_MEASURED = 40, CROWD = 400, CROWD_OF_WORKERS = 100 };

enum { STUFF_MB = 6 }; /* two of it are more than a worker's memory here */

enum { GONE_MS = 500 }; /* the aim is 100; a sanitized build on a loaded machine needs most of that */

/* -- inside the cell --------------------------------------------------------------------------------------------- */

/* -1: end of file. */
static int pass_gate(int gate, int *ret_mounts)
{
    unsigned char byte = GATE_HELLO;
    char words[ASK_BYTES];
    int fds[ASK_FDS];

    if (send(gate, &byte, 1, MSG_NOSIGNAL) != 1 || !receive_words(gate, words, fds))
        return -1;
    *ret_mounts = fds[0];
    return words[0];
}

static bool seal(void)
{
    static const struct landlock_rule rules[] = {{"/dev", LANDLOCK_DEVICES}, {"/tmp", LANDLOCK_FILES}, {NULL, 0}};
    static const struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setns, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_capset, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, (struct sock_filter *)code};
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    struct err err;

    return syscall(SYS_capset, &header, none) == 0 && landlock_enter(rules, &err) &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

static bool become_worker(int gate)
{
    int mounts = -1, word = pass_gate(gate, &mounts);
    bool entered = word == GATE_STAY || (word == GATE_ENTER && setns(mounts, CLONE_NEWNS) == 0);

    close(gate);
    if (mounts >= 0)
        close(mounts);
    return entered && chdir("/var/task") == 0 && seal();
}

/* fds: gate, the worker's line. */
static void play_fork(int fds[static ASK_FDS], char *ret)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (!become_worker(fds[0]))
            _exit(1);
        send_words(fds[1], "ready", NULL, 0);
        answer_on(fds[1]);
    }
    (void)snprintf(ret, ASK_BYTES, "%d", (int)pid);
}

static void play_hello(int fds[static ASK_FDS], char *ret)
{
    int mounts = -1, word = pass_gate(fds[0], &mounts);

    (void)snprintf(ret, ASK_BYTES, "word %d mounts %s", word, mounts >= 0 ? "yes" : "no");
    fd_close(&mounts);
}

static void play_wrong_word(int fds[static ASK_FDS], char *ret)
{
    char words[ASK_BYTES];
    int none[ASK_FDS];

    (void)!write(fds[0], "\7", 1);
    (void)snprintf(ret, ASK_BYTES, "%s", receive_words(fds[0], words, none) ? "answered" : "hung up");
}

/* Two hellos, before anything is answered. */
static void play_two_hellos(int fds[static ASK_FDS], char *ret)
{
    unsigned char byte = GATE_HELLO;
    char words[ASK_BYTES];
    int got[ASK_FDS], answers = 0, namespaces = 0;

    (void)!write(fds[0], &byte, 1);
    (void)!write(fds[0], &byte, 1);
    while (receive_words(fds[0], words, got)) {
        answers++;
        namespaces += got[0] >= 0;
    }
    (void)snprintf(ret, ASK_BYTES, "%s", answers <= 1 && namespaces == answers ? "at most one" : "too many");
}

static void play_list(int fds[static ASK_FDS], char *ret)
{
    DIR *folder = opendir("/tmp");
    struct dirent *entry;

    (void)fds;
    ret[0] = '\0';
    while (folder && (entry = readdir(folder))) {
        if (entry->d_name[0] != '.')
            (void)snprintf(ret + strlen(ret), ASK_BYTES - strlen(ret), "<%s>", entry->d_name);
    }
    if (folder)
        closedir(folder);
}

static void play_write(int fds[static ASK_FDS], char *ret)
{
    char path[64];

    (void)fds;
    (void)snprintf(path, sizeof path, "/tmp/of-%d", (int)getpid());

    FD_AUTO fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    (void)snprintf(ret, ASK_BYTES, "%s", fd >= 0 ? path : strerror(errno));
}

static void play_fill(int fds[static ASK_FDS], char *ret)
{
    static const char megabyte[1024 * 1024];
    FD_AUTO fd = open("/tmp/big", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    struct statvfs st;
    int count = 0;

    (void)fds;
    while (write(fd, megabyte, sizeof megabyte) == (ssize_t)sizeof megabyte)
        count++;
    (void)snprintf(ret, ASK_BYTES, "%d MB, %s, %lu inodes", count, strerror(errno),
                   statvfs("/tmp", &st) == 0 ? (unsigned long)st.f_files : 0);
    (void)unlink("/tmp/big");
}

static void play_stuff(int fds[static ASK_FDS], char *ret)
{
    static const char megabyte[1024 * 1024];
    FD_AUTO fd = open("/tmp/stuff", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    int count = 0;

    (void)fds;
    while (count < STUFF_MB && write(fd, megabyte, sizeof megabyte) == (ssize_t)sizeof megabyte)
        count++;
    (void)snprintf(ret, ASK_BYTES, "%d MB", count);
}

/* A process that nobody waits for, in a session of its own, that no SIGTERM ends. */
static void play_stray(int fds[static ASK_FDS], char *ret)
{
    pid_t pid = fork();

    if (pid == 0) {
        setsid();
        (void)signal(SIGTERM, SIG_IGN);
        if (fork() == 0)
            for (;;)
                poll(NULL, 0, 1000);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    (void)fds;
    (void)snprintf(ret, ASK_BYTES, "stray");
}

/* Many that sleep, each deaf to all it may be deaf to. */
static void play_crowd(int fds[static ASK_FDS], char *ret)
{
    int count = 0;

    (void)fds;
    for (; count < CROWD; count++) {
        pid_t pid = fork();
        if (pid < 0)
            break;
        if (pid > 0)
            continue;
        setsid();
        for (int number = 1; number < NSIG; number++)
            (void)signal(number, SIG_IGN);
        for (;;)
            poll(NULL, 0, 1000);
    }
    (void)snprintf(ret, ASK_BYTES, "%d", count);
}

/* Each child forks for ever too; nobody reaps. */
static void play_bomb(int fds[static ASK_FDS], char *ret)
{
    (void)fds;
    if (fork() == 0) {
        for (;;) {
            if (fork() < 0)
                sched_yield();
        }
    }
    (void)snprintf(ret, ASK_BYTES, "lit");
}

static void play_eat(int fds[static ASK_FDS], char *ret)
{
    size_t bytes = 256UL * 1024 * 1024;
    char *memory = malloc(bytes);

    (void)fds;
    for (size_t i = 0; memory && i < bytes; i += 4096)
        memory[i] = 1;
    (void)snprintf(ret, ASK_BYTES, "eaten %d", memory ? memory[bytes / 2] : 0);
    free(memory);
}

static const char *outcome(long result)
{
    return result < 0 ? strerrorname_np(errno) : "done";
}

static void add(char *ret, const char *what, const char *how)
{
    (void)snprintf(ret + strlen(ret), ASK_BYTES - strlen(ret), "%s %s\n", what, how);
}

/* What a sealed worker, or a bad template, would try. */
static void play_break_out(int fds[static ASK_FDS], char *ret)
{
    int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), user = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
    int pids = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC), map = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
    char path[64];

    (void)fds;
    ret[0] = '\0';
    add(ret, "setns-mnt", outcome(setns(own, CLONE_NEWNS)));
    add(ret, "setns-user", outcome(setns(user, CLONE_NEWUSER)));
    add(ret, "setns-any", outcome(setns(pids, 0)));
    add(ret, "unshare-mnt", outcome(unshare(CLONE_NEWNS)));
    add(ret, "unshare-user", outcome(unshare(CLONE_NEWUSER)));
    add(ret, "clone-user", outcome(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)));
    add(ret, "clone3", outcome(syscall(SYS_clone3, NULL, 0)));
    add(ret, "mount", outcome(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL)));
    add(ret, "umount", outcome(syscall(SYS_umount2, "/tmp", 2)));
    add(ret, "fsopen", outcome(syscall(SYS_fsopen, "tmpfs", 0)));
    add(ret, "open_tree", outcome(syscall(SYS_open_tree, -100, "/", 1)));
    add(ret, "pivot_root", outcome(syscall(SYS_pivot_root, ".", ".")));
    add(ret, "chroot", outcome(syscall(SYS_chroot, "/tmp")));
    add(ret, "ptrace", outcome(syscall(SYS_ptrace, 16, getppid(), 0, 0)));
    add(ret, "listener",
        outcome(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, NULL)));
    add(ret, "ambient", outcome(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0)));
    add(ret, "kill-1", outcome(kill(1, SIGKILL)));
    add(ret, "kill-parent", getppid() > 1 ? outcome(kill(getppid(), 0)) : "ESRCH");
    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)getppid());
    add(ret, "mem-parent", outcome(open(path, O_RDWR | O_CLOEXEC)));
    add(ret, "mem-1", outcome(open("/proc/1/mem", O_RDONLY | O_CLOEXEC)));
    add(ret, "root-1", outcome(open("/proc/1/root/etc/shadow", O_RDONLY | O_CLOEXEC)));
    add(ret, "uid-map", outcome(write(map, "0 0 1", 5)));
    close(own), close(user), close(pids), close(map);
}

/* What a compiler at run time does: memory that was written becomes code. */
static void play_new_code(int fds[static ASK_FDS], char *ret)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)fds;
    (void)snprintf(ret, ASK_BYTES, "%s", outcome(mprotect(memory, 4096, PROT_READ | PROT_EXEC)));
}

/* A namespace's descriptor handed on: the second one in enters the same. */
static void play_hand_on(int fds[static ASK_FDS], char *ret)
{
    int mounts = -1, word = pass_gate(fds[0], &mounts);
    pid_t first, second;
    int status[2] = {0};

    first = fork();
    if (first == 0)
        _exit(setns(mounts, CLONE_NEWNS) == 0 && open("/tmp/first", O_CREAT | O_WRONLY, 0600) >= 0 ? 0 : 1);
    waitpid(first, &status[0], 0);
    second = fork();
    if (second == 0)
        _exit(setns(mounts, CLONE_NEWNS) == 0 && access("/tmp/first", F_OK) == 0 ? 0 : 1);
    waitpid(second, &status[1], 0);
    fd_close(&mounts);
    (void)snprintf(ret, ASK_BYTES, "word %d %d %d here %d", word, status[0], status[1], access("/tmp/first", F_OK));
}

static const struct role roles[] = {
    {"fork", play_fork},   {"hello", play_hello},         {"wrong", play_wrong_word}, {"two", play_two_hellos},
    {"list", play_list},   {"write", play_write},         {"fill", play_fill},        {"stray", play_stray},
    {"bomb", play_bomb},   {"break out", play_break_out}, {"hand on", play_hand_on},  {"eat", play_eat},
    {"crowd", play_crowd}, {"new code", play_new_code},   {"stuff", play_stuff},      {NULL, NULL},
};

/* -- outside ----------------------------------------------------------------------------------------------------- */

struct told {
    bool is_told;
    int count;
    struct worker_end end;
};

static void on_told(void *ctx, const struct worker_end *end)
{
    struct told *told = ctx;

    told->is_told = true;
    told->count++;
    told->end = *end;
}

/* The template's end of a new gate, whose other end the keeper has. */
static int admit(struct room *room, uint32_t worker, const struct worker_options *wanted)
{
    int gate[2], yes = 1;
    struct worker_options options = wanted ? *wanted : (struct worker_options){0};
    struct err err = {0};

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, gate) < 0 ||
        setsockopt(gate[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) < 0)
        abort();
    options.gate_fd = gate[0];
    if (!keeper_admit_worker(room->keeper, room->cell, worker, &options, &err))
        printf("# %s\n", err.text);
    close(gate[0]);
    return gate[1];
}

/* Its line, when it is ready; else -1. */
static int start_worker(struct room *room, uint32_t worker, const struct worker_options *options)
{
    char words[ASK_BYTES];
    int line[2], none[ASK_FDS], gate = admit(room, worker, options);
    struct pollfd ready;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0)
        abort();
    int fds[] = {gate, line[1]};
    (void)ask(room, room->line, "fork", fds, 2);
    close(gate), close(line[1]);
    ready = (struct pollfd){.fd = line[0], .events = POLLIN};
    while (poll(&ready, 1, 1) == 0)
        (void)uv_run(&room->loop, UV_RUN_NOWAIT);
    if (receive_words(line[0], words, none) && strcmp(words, "ready") == 0)
        return line[0];
    printf("# %s\n", keeper_last_error(room->keeper));
    close(line[0]);
    return -1;
}

static struct worker_end end_worker(struct room *room, uint32_t worker, bool keep_tmp)
{
    struct told told = {0};

    keeper_end_worker(room->keeper, room->cell, worker, keep_tmp, on_told, &told);
    run_until(room, &told.is_told);
    ok(told.count == 1);
    return told.end;
}

static void gives_each_worker_a_tmp_of_its_own(void)
{
    struct room room;
    int first, second;

    room_open(&room);
    ok(says(ask_template(&room, "write"), "/tmp/of-2"));
    first = start_worker(&room, 1, NULL);
    second = start_worker(&room, 2, NULL);
    ok(first >= 0 && second >= 0);
    ok(strcmp(ask(&room, first, "list", NULL, 0), "") == 0);
    ok(says(ask(&room, first, "write", NULL, 0), "/tmp/of-"));
    ok(says(ask(&room, first, "list", NULL, 0), "<of-"));
    ok(strcmp(ask(&room, second, "list", NULL, 0), "") == 0);
    ok(strcmp(ask_template(&room, "list"), "<of-2>") == 0);
    ok(says(ask(&room, second, "fill", NULL, 0), "8 MB, No space left on device, 2048 inodes"));
    ok(says(ask(&room, first, "write", NULL, 0), "/tmp/of-"));
    close(first), close(second);
    room_close(&room);
}

static void hands_a_tmp_on_to_a_successor(void)
{
    struct room room;
    struct worker_options after = {.tmp_of = 1}, again = {.tmp_of = 1};
    int line;

    room_open(&room);
    line = start_worker(&room, 1, NULL);
    ok(says(ask(&room, line, "write", NULL, 0), "/tmp/of-"));
    close(line);
    ok(end_worker(&room, 1, true).was_admitted);
    line = start_worker(&room, 2, &after);
    ok(says(ask(&room, line, "list", NULL, 0), "<of-"));
    close(line);
    ok(end_worker(&room, 2, false).was_admitted);
    line = start_worker(&room, 3, &again); /* it is gone by now: a fresh one */
    ok(line >= 0 && strcmp(ask(&room, line, "list", NULL, 0), "") == 0);
    close(line);
    room_close(&room);
}

/* It is memory, and in nobody's group. */
static void keeps_no_more_tmp_than_a_worker_may_have(void)
{
    struct room room;
    const struct cell_limits limits = {.memory_bytes = (STUFF_MB * 2 - 2) << 20};
    const char *found[2];
    int line;

    room_open(&room);
    for (uint32_t worker = 1; worker <= 2; worker++) {
        line = start_worker(&room, worker, &(struct worker_options){.limits = limits});
        ok(says(ask(&room, line, "stuff", NULL, 0), "6 MB"));
        close(line);
        (void)end_worker(&room, worker, true);
    }
    for (uint32_t kept = 1; kept <= 2; kept++) {
        line = start_worker(&room, 2 + kept, &(struct worker_options){.limits = limits, .tmp_of = kept});
        found[kept - 1] = strcmp(ask(&room, line, "list", NULL, 0), "<stuff>") == 0 ? "kept" : "fresh";
        close(line);
    }
    ok(strcmp(found[0], "fresh") == 0 && strcmp(found[1], "kept") == 0);
    room_close(&room);
}

static void lets_nobody_else_in(void)
{
    struct room room;
    int gate;
    char words[ASK_BYTES];
    int none[ASK_FDS];
    unsigned char byte = GATE_HELLO;

    room_open(&room);
    gate = admit(&room, 1, NULL);
    ok(write(gate, &byte, 1) == 1 && !receive_words(gate, words, none)); /* we are no process of the cell */
    close(gate);
    ok(!end_worker(&room, 1, false).was_admitted);
    ok(says(keeper_last_error(room.keeper), "no process of its cell"));

    gate = admit(&room, 2, NULL);
    ok(says(ask(&room, room.line, "wrong", &gate, 1), "hung up"));
    close(gate);
    gate = admit(&room, 3, NULL);
    ok(says(ask(&room, room.line, "two", &gate, 1), "at most one"));
    close(gate);
    gate = admit(&room, 3, NULL); /* a number that is taken */
    ok(says(ask(&room, room.line, "hello", &gate, 1), "word -1 mounts no"));
    close(gate);
    gate = admit(&room, 4, NULL); /* the template itself may: it is in its own cell */
    ok(says(ask(&room, room.line, "hello", &gate, 1), "word 2 mounts yes"));
    close(gate);
    (void)end_worker(&room, 4, false);  /* its figures are known or not: its cell goes with it */
    run_until(&room, &room.seen.ended); /* who was let in as a worker ends as one: so did the template */
    room_close(&room);
}

static void walls_hold_after_the_gate(void)
{
    static const char *const refused[] = {
        "unshare-mnt EPERM", "unshare-user EPERM", "clone-user EPERM", "clone3 ENOSYS",    "mount EPERM",
        "umount EPERM",      "fsopen EPERM",       "open_tree EPERM",  "pivot_root EPERM", "chroot EPERM",
        "ptrace EPERM",      "listener EPERM",     "ambient EPERM",    "setns-user EPERM", "setns-any EPERM",
        "mem-1 E",           "root-1 E",           "uid-map E",
    };
    static const char *const of_a_worker[] = {"setns-mnt EPERM", "kill-parent EPERM", "mem-parent E", "kill-1 EPERM"};
    struct room room;
    int line, gate;
    char answer[ASK_BYTES];

    room_open(&room);
    (void)snprintf(answer, sizeof answer, "%s", ask_template(&room, "break out"));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        ok(says(answer, refused[i]));
    line = start_worker(&room, 1, NULL);
    (void)snprintf(answer, sizeof answer, "%s", ask(&room, line, "break out", NULL, 0));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        ok(says(answer, refused[i]));
    for (size_t i = 0; i < sizeof of_a_worker / sizeof *of_a_worker; i++) {
        if (strncmp(of_a_worker[i], "kill", 4) != 0 || landlock_abi() >= LANDLOCK_ABI_SCOPE)
            ok(says(answer, of_a_worker[i])); /* before 6.12 workers may signal each other: the keeper says so */
    }
    close(line);
    gate = admit(&room, 2, NULL);
    ok(says(ask(&room, room.line, "hand on", &gate, 1), "word 2 0 0 here -1"));
    close(gate);
    room_close(&room);
}

static void tells_the_end_of_a_worker_once(void)
{
    struct room room;
    struct told told = {0}, never = {0};
    int line;

    room_open(&room);
    line = start_worker(&room, 1, NULL);
    ok(!end_worker(&room, 7, false).was_admitted); /* there never was one */
    keeper_end_worker(room.keeper, room.cell, 1, false, on_told, &told);
    keeper_kill_cell(room.keeper, room.cell);
    run_until(&room, &room.seen.ended);
    ok(told.count == 1);
    keeper_end_worker(room.keeper, room.cell, 1, false, on_told, &never);
    ok(never.count == 0);
    run_until(&room, &never.is_told);
    ok(never.count == 1 && !never.end.was_admitted);
    close(line);
    room_close(&room);
}

static void refuses_new_code_where_asked_to(void)
{
    struct room room;
    struct cell_options options = room_options();

    room_keeper(&room);
    room_cell(&room, &options);
    ok(says(ask_template(&room, "new code"), "done"));
    room_close(&room);
    if (prctl(66 /* PR_GET_MDWE */, 0, 0, 0, 0) < 0) {
        printf("# this kernel cannot (before 6.3)\n");
        return;
    }
    options.refuses_new_code = true;
    room_keeper(&room);
    room_cell(&room, &options);
    ok(says(ask_template(&room, "new code"), "EACCES"));
    room_close(&room);
}

static int compare(const void *a, const void *b)
{
    return *(const int64_t *)a < *(const int64_t *)b ? -1 : *(const int64_t *)a > *(const int64_t *)b;
}

static void report_times(const char *what, int64_t *us, int count)
{
    qsort(us, (size_t)count, sizeof *us, compare);
    printf("# %s: median %d us, p99 %d us, worst %d us of %d\n", what, (int)us[count / 2], (int)us[count * 99 / 100],
           (int)us[count - 1], count);
}

static void starts_workers_fast(void)
{
    static int64_t us[FORKS_MEASURED];
    struct room room;

    room_open(&room);
    (void)ask_template(&room, "list");
    for (int i = 0; i < FORKS_MEASURED; i++) {
        int64_t start_us = clock_steady_us();
        int line = start_worker(&room, (uint32_t)i + 1, NULL);
        us[i] = clock_steady_us() - start_us;
        if (line < 0)
            break;
        close(line);
        (void)end_worker(&room, (uint32_t)i + 1, false);
    }
    report_times("admit -> fork -> sealed -> ready, idle in between", us, FORKS_MEASURED);
    ok(us[FORKS_MEASURED / 2] > 0 && us[FORKS_MEASURED / 2] < 100 * 1000);
    room_close(&room);
}

/* All asked for before the first is looked at: the stock runs out, and is made while they wait. */
static void starts_a_hundred_at_once(void)
{
    struct room room;
    int lines[CROWD_OF_WORKERS], ready = 0, none[ASK_FDS];
    char words[ASK_BYTES];
    int64_t start_us;

    room_open(&room);
    (void)ask_template(&room, "list");
    start_us = clock_steady_us();
    for (int i = 0; i < CROWD_OF_WORKERS; i++) {
        int line[2], gate = admit(&room, (uint32_t)i + 1, NULL);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0)
            abort();
        int fds[] = {gate, line[1]};
        send_words(room.line, "fork", fds, 2);
        close(gate), close(line[1]);
        lines[i] = line[0];
        (void)uv_run(&room.loop, UV_RUN_NOWAIT);
    }
    for (int i = 0; i < CROWD_OF_WORKERS; i++) {
        ready += receive_words(lines[i], words, none) && strcmp(words, "ready") == 0;
        close(lines[i]);
    }
    start_us = clock_steady_us() - start_us;
    printf("# %d workers asked for at once, until all are ready: %d us\n", ready, (int)start_us);
    ok(ready == CROWD_OF_WORKERS && start_us < 5 * 1000 * 1000 * slowness());
    room_close(&room);
}

/* Everything that ever ran in a cell holds its output: end of file says that all is gone. */
static int64_t kill_and_wait_us(struct room *room, int output)
{
    int64_t start_us = clock_steady_us();
    char c;

    keeper_kill_cell(room->keeper, room->cell);
    while (read(output, &c, 1) > 0) {
    }
    start_us = clock_steady_us() - start_us;
    run_until(room, &room->seen.ended);
    fd_close(&room->line);
    close(output);
    return start_us;
}

static int open_with_output(struct room *room)
{
    struct cell_options options = room_options();
    int output[2];

    if (pipe2(output, O_CLOEXEC) < 0)
        abort();
    options.output_fd = output[1];
    room_cell(room, &options);
    close(output[1]);
    return output[0];
}

static void everything_is_gone_soon_after_a_kill(void)
{
    static int64_t start_us[CELLS_MEASURED], end_us[CELLS_MEASURED];
    struct room room;
    int output;

    room_keeper(&room);
    for (int i = 0; i < CELLS_MEASURED; i++) {
        start_us[i] = clock_steady_us();
        output = open_with_output(&room);
        (void)ask_template(&room, "list");
        start_us[i] = clock_steady_us() - start_us[i];
        end_us[i] = kill_and_wait_us(&room, output);
    }
    report_times("a cell, from asked for to its program's first word", start_us, CELLS_MEASURED);
    report_times("a cell of one process, from kill to gone", end_us, CELLS_MEASURED);
    output = open_with_output(&room);
    ok(says(ask_template(&room, "crowd"), "400"));
    end_us[0] = kill_and_wait_us(&room, output);
    printf("# a cell of %d processes, from kill to gone: %d us\n", CROWD, (int)end_us[0]);
    ok(end_us[0] < GONE_MS * 1000 * slowness());
    room_close(&room);
}

static void (*const tests[])(void) = {
    gives_each_worker_a_tmp_of_its_own,
    hands_a_tmp_on_to_a_successor,
    keeps_no_more_tmp_than_a_worker_may_have,
    lets_nobody_else_in,
    walls_hold_after_the_gate,
    tells_the_end_of_a_worker_once,
    refuses_new_code_where_asked_to,
    starts_workers_fast,
    starts_a_hundred_at_once,
    everything_is_gone_soon_after_a_kill,
};

int main(int argc, char **argv)
{
    return run_tests(argc, argv, roles, tests, sizeof tests / sizeof *tests);
}

/*
 * cell_test: cells as the host really makes them.  The test's executable is its own keeper and unpacker, as the
 * server's is.  A probe in Python stands in for the guest: it prints what it sees from inside, line by line.
 */
#include "base/fd.h"
#include "base/str.h"
#include "base/test.h"
#include "cell/keeper.h"
#include "cell/keeper_private.h"
#include "cell/network.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PYTHON "/usr/bin/python3"

int test_count, test_failures;
static char state[64];

static const char probe[] =
    "import os, sys\n"
    "def can(f, *a, **k):\n"
    "    try: f(*a, **k); return 'yes'\n"
    "    except OSError as e: return 'no'\n"
    "status = {}\n"
    "try: status = dict(l.split(':\\t') for l in open('/proc/self/status').read().splitlines() if ':\\t' in l)\n"
    "except OSError: print('proc none')\n"
    "print('uid', os.getuid(), os.getgid(), 'pid', os.getpid())\n"
    "print('caps', status.get('CapEff', '0').strip('0') or 'none', status.get('CapBnd', '0').strip('0') or 'none')\n"
    "print('nnp', status.get('NoNewPrivs', '1'))\n"
    "print('root', ' '.join(sorted(os.listdir('/'))))\n"
    "print('cwd', os.getcwd(), os.listdir('.'))\n"
    "print('task-write', can(open, '/var/task/x', 'w'))\n"
    "print('usr-write', can(open, '/usr/x', 'w'))\n"
    "print('root-write', can(os.mkdir, '/x'))\n"
    "print('tmp-write', can(open, '/tmp/x', 'w'))\n"
    "print('shadow', can(open, '/etc/shadow'))\n"
    "print('mknod', can(os.mknod, '/tmp/n', 0o20666, 259))\n"
    "print('null', can(open, '/dev/null', 'w'))\n"
    "def fill():\n"
    "    with open('/tmp/big', 'wb', 0) as f:\n"
    "        for i in range(64): f.write(bytes(1 << 20))\n"
    "print('tmp-full', can(fill))\n"
    "print('fds', sorted(int(f) for f in os.listdir('/proc/self/fd'))[:-1] if status else [0, 1, 2])\n"
    "print('user', __import__('pwd').getpwuid(os.getuid()).pw_name)\n"
    "print('env', sorted(os.environ))\n"
    "print('opt', [(n, open('/opt/' + n).read()) for n in sorted(os.listdir('/opt'))], can(open, '/opt/x', 'w'))\n"
    "print('shm', os.path.realpath('/dev/shm'), 'run', os.listdir('/run'))\n"
    "if os.path.exists('/var/task/port'):\n"
    "    import socket\n"
    "    port = int(open('/var/task/port').read())\n"
    "    def reach(p):\n"
    "        with socket.create_connection(('127.0.0.1', p), 5): pass\n"
    "    print('net', can(socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect, ('192.0.2.1', 9)))\n"
    "    own = socket.create_server(('127.0.0.1', 0))\n"
    "    print('own', can(reach, own.getsockname()[1]), 'host', can(reach, port))\n"
    "sys.stdout.flush()\n"
    "if os.path.exists('/var/task/sleep'): __import__('time').sleep(60)\n"
    "if os.path.exists('/var/task/crash'): os.kill(os.getpid(), 11)\n"
    "os._exit(7)\n";

struct seen {
    bool ended;
    int status;
    char text[4096];
};

static void put_file(const char *path, const char *text)
{
    char full[256];
    FILE *file;

    (void)snprintf(full, sizeof full, "%s/%s", state, path);
    file = fopen(full, "we");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

static void put_folder(const char *path)
{
    char full[256];

    (void)snprintf(full, sizeof full, "%s/%s", state, path);
    if (mkdir(full, 0755) < 0)
        abort();
}

static void on_exit_seen(void *ctx, int status)
{
    struct seen *seen = ctx;

    seen->ended = true;
    seen->status = status;
}

static struct keeper *start_keeper(uv_loop_t *loop)
{
    struct keeper *keeper = NULL;
    struct err err;

    (void)uv_loop_init(loop);
    if (!keeper_start(loop, state, &keeper, &err))
        abort();
    return keeper;
}

static void stop_keeper(uv_loop_t *loop, struct keeper *keeper)
{
    keeper_stop(keeper);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(loop);
}

static struct cell_options template_options(const char *package, int output)
{
    struct cell_options options = {
        .kind = CELL_TEMPLATE, .interpreter = PYTHON, .tmp_mb = 16, .control_fd = -1, .output_fd = output};

    (void)snprintf(options.package, sizeof options.package, "%s", package);
    return options;
}

static void run_options(struct cell_options *options, struct seen *seen)
{
    uv_loop_t loop;
    struct keeper *keeper = start_keeper(&loop);
    int pipes[2];
    struct err err = {0};
    ssize_t len;

    if (pipe2(pipes, O_CLOEXEC) < 0)
        abort();
    options->output_fd = pipes[1];
    ok(keeper_start_cell(keeper, options, on_exit_seen, seen, &err) > 0);
    close(pipes[1]);
    while (!seen->ended)
        (void)uv_run(&loop, UV_RUN_ONCE);
    len = read(pipes[0], seen->text, sizeof seen->text - 1);
    seen->text[len > 0 ? len : 0] = '\0';
    if (seen->status == -1)
        printf("# %s\n", keeper_last_error(keeper));
    close(pipes[0]);
    stop_keeper(&loop, keeper);
}

static void run_cell(const char *package, struct seen *seen)
{
    struct cell_options options = template_options(package, -1);

    run_options(&options, seen);
}

static bool told(const struct seen *seen, const char *line)
{
    bool there = strstr(seen->text, line) != NULL;

    if (!there)
        printf("# not told: %s\n# %s\n", line, seen->text);
    return there;
}

static void shows_its_process_only_what_the_table_names(void)
{
    struct seen seen = {0};

    put_folder("packages/plain");
    put_folder("packages/plain/tree");
    put_file("packages/plain/tree/main.py", "");
    run_cell("plain", &seen);
    ok(WIFEXITED(seen.status) && WEXITSTATUS(seen.status) == 7);
    ok(told(&seen, "uid 993 990 pid 2"));
    ok(told(&seen, strstr(seen.text, "proc none") ? "nnp 1" : "caps 24 none\nnnp 1")); /* a masked host gives none */
    ok(told(&seen, "cwd /var/task ['main.py']"));
    ok(told(&seen, "task-write no\nusr-write no\nroot-write no\ntmp-write yes\nshadow no\nmknod no\nnull yes"));
    ok(told(&seen, "tmp-full no"));
    ok(told(&seen, "fds [0, 1, 2]"));
    ok(told(&seen, "user sbx_user1051"));
    ok(told(&seen, "env ['LC_CTYPE', 'LD_LIBRARY_PATH', 'PATH']"));
    ok(strstr(seen.text, "home") == NULL);
}

static void passes_on_the_signal_that_ended_it(void)
{
    struct seen seen = {0};

    put_folder("packages/crash");
    put_folder("packages/crash/tree");
    put_file("packages/crash/tree/crash", "");
    run_cell("crash", &seen);
    ok(WIFSIGNALED(seen.status) && WTERMSIG(seen.status) == SIGSEGV);
}

static void put_layer(const char *name, const char *file)
{
    char path[128];

    (void)snprintf(path, sizeof path, "packages/%s", name);
    put_folder(path);
    (void)snprintf(path, sizeof path, "packages/%s/tree", name);
    put_folder(path);
    (void)snprintf(path, sizeof path, "packages/%s/tree/both", name);
    put_file(path, name);
    (void)snprintf(path, sizeof path, "packages/%s/tree/%s", name, file);
    put_file(path, name);
}

/* One layer is what it holds; of several the later covers the earlier. */
static void lays_layers_over_each_other_at_opt(void)
{
    struct seen one = {0}, two = {0}, wrong = {0};
    struct cell_options options = template_options("plain", -1);

    put_layer("low", "a");
    put_layer("high", "b");
    (void)snprintf(options.layers[0], sizeof options.layers[0], "low");
    run_options(&options, &one);
    ok(told(&one, "opt [('a', 'low'), ('both', 'low')] no"));
    (void)snprintf(options.layers[1], sizeof options.layers[1], "high");
    run_options(&options, &two);
    ok(told(&two, "opt [('a', 'low'), ('b', 'high'), ('both', 'high')] no"));
    ok(told(&two, "shm /tmp run []"));
    (void)snprintf(options.layers[1], sizeof options.layers[1], "../etc");
    run_options(&options, &wrong);
    ok(wrong.status == -1);
}

static int listen_on_loopback(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        abort();
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* Each has a loopback of its own; the host's is reached by who asked for it, or at the one port that was named. */
static void gives_each_cell_the_network_it_asked_for(void)
{
    static const struct {
        enum cell_network network;
        bool names_port;
        const char *words;
    } rows[] = {
        {CELL_NETWORK_NONE, true, "net no\nown yes host no"},
        {CELL_NETWORK_HOST, false, "own yes host yes"},
        {CELL_NETWORK_EGRESS, false, "own yes host no"},
        {CELL_NETWORK_EGRESS, true, "own yes host yes"},
    };
    char note[200], text[16];
    uint16_t port;
    int listener = listen_on_loopback(&port);

    put_folder("packages/net");
    put_folder("packages/net/tree");
    (void)snprintf(text, sizeof text, "%u", (unsigned)port);
    put_file("packages/net/tree/port", text);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct seen seen = {0};
        struct cell_options options = template_options("net", -1);
        options.network = rows[i].network;
        options.api_port = rows[i].names_port ? port : 0;
        if (rows[i].network == CELL_NETWORK_EGRESS && !network_has_uplink(note)) {
            printf("# no uplink here: %s\n", note);
            continue;
        }
        run_options(&options, &seen);
        ok(told(&seen, rows[i].words));
    }
    close(listener);
}

static void says_why_a_cell_cannot_be_built(void)
{
    uv_loop_t loop;
    struct keeper *keeper = start_keeper(&loop);
    const char *packages[] = {"not-there", "../etc", "a/b", ""};
    struct err err = {0};

    for (size_t i = 0; i < sizeof packages / sizeof *packages; i++) {
        struct seen seen = {0};
        struct cell_options options = template_options(packages[i], -1);
        ok(keeper_start_cell(keeper, &options, on_exit_seen, &seen, &err) > 0);
        while (!seen.ended)
            (void)uv_run(&loop, UV_RUN_ONCE);
        ok(seen.status == -1 && keeper_last_error(keeper)[0]);
    }
    struct seen seen = {0};
    struct cell_options options = template_options("plain", -1);
    (void)snprintf(options.interpreter, sizeof options.interpreter, "/usr/bin/python9");
    ok(keeper_start_cell(keeper, &options, on_exit_seen, &seen, &err) > 0);
    while (!seen.ended)
        (void)uv_run(&loop, UV_RUN_ONCE);
    ok(seen.status == -1 && strstr(keeper_last_error(keeper), "/usr/bin/python9"));
    stop_keeper(&loop, keeper);
}

static void kills_a_cell_and_all_when_the_keeper_stops(void)
{
    uv_loop_t loop;
    struct keeper *keeper = start_keeper(&loop);
    struct seen seen[2] = {{0}};
    struct err err = {0};
    struct cell_options options;
    int pipes[2];
    char c;
    uint32_t first;

    put_folder("packages/sleep");
    put_folder("packages/sleep/tree");
    put_file("packages/sleep/tree/sleep", "");
    if (pipe2(pipes, O_CLOEXEC) < 0)
        abort();
    options = template_options("sleep", pipes[1]);
    first = keeper_start_cell(keeper, &options, on_exit_seen, &seen[0], &err);
    ok(first > 0 && keeper_start_cell(keeper, &options, on_exit_seen, &seen[1], &err) > first);
    close(pipes[1]);
    keeper_kill_cell(keeper, first); /* in the midst of its building: the keeper's lines to it break */
    while (!seen[0].ended)
        (void)uv_run(&loop, UV_RUN_ONCE);
    ok(WIFSIGNALED(seen[0].status) && WTERMSIG(seen[0].status) == SIGKILL && !seen[1].ended);
    stop_keeper(&loop, keeper);
    while (read(pipes[0], &c, 1) > 0) {
    }
    ok(true); /* end of file: the other is gone too */
    close(pipes[0]);
}

static void kills_a_cell_though_the_line_is_full(void)
{
    uv_loop_t loop;
    struct keeper *keeper = start_keeper(&loop);
    struct seen seen = {0};
    struct err err = {0};
    struct cell_options options = template_options("sleep", -1);
    uint32_t cell = keeper_start_cell(keeper, &options, on_exit_seen, &seen, &err);

    ok(cell > 0 && kill(keeper_pid(keeper), SIGSTOP) == 0);
    while (keeper_remove_package(keeper, "not-there", NULL, NULL, &err) > 0) {
    }
    ok(err.os_errno == EAGAIN);
    keeper_kill_cell(keeper, cell);
    ok(kill(keeper_pid(keeper), SIGCONT) == 0);
    while (!seen.ended)
        (void)uv_run(&loop, UV_RUN_ONCE);
    ok(WIFSIGNALED(seen.status) && WTERMSIG(seen.status) == SIGKILL);
    stop_keeper(&loop, keeper);
}

static void removes_a_package_whoever_owns_it(void)
{
    uv_loop_t loop;
    struct keeper *keeper = start_keeper(&loop);
    struct seen seen = {0};
    struct stat st;
    struct err err = {0};
    char path[128];

    ok(keeper_remove_package(keeper, "crash", on_exit_seen, &seen, &err) > 0);
    while (!seen.ended)
        (void)uv_run(&loop, UV_RUN_ONCE);
    (void)snprintf(path, sizeof path, "%s/packages/crash", state);
    ok(seen.status == 0 && stat(path, &st) < 0);
    stop_keeper(&loop, keeper);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static void (*const tests[])(void) = {
    shows_its_process_only_what_the_table_names,
    passes_on_the_signal_that_ended_it,
    lays_layers_over_each_other_at_opt,
    gives_each_cell_the_network_it_asked_for,
    says_why_a_cell_cannot_be_built,
    kills_a_cell_and_all_when_the_keeper_stops,
    kills_a_cell_though_the_line_is_full,
    removes_a_package_whoever_owns_it,
};

int main(int argc, char **argv)
{
    char guest[128];

    if (argc > 1 && strcmp(argv[1], "keeper") == 0)
        return keeper_main(argc - 1, argv + 1);
    (void)snprintf(state, sizeof state, "/tmp/cell_test.XXXXXX");
    if (!mkdtemp(state))
        return 1;
    put_folder("packages");
    put_folder("guest");
    put_file("guest/bootstrap.py", probe);
    (void)snprintf(guest, sizeof guest, "%s/guest", state);
    (void)setenv("SCULLER_GUEST_DIR", guest, 1);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tests[i]();
    (void)nftw(state, remove_entry, 32, FTW_DEPTH | FTW_PHYS);
    printf("1..%d\n", test_count);
    return test_failures != 0;
}

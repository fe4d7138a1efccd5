/*
 * cell_testing: what tests of cells share.  The test's own executable is everything: the test, its keeper (`keeper`),
 * and, copied into the guest's folder, the template inside the cell (`-I`), which plays the roles that it is asked for.
 *
 * Included by one test each.
 */
#pragma once

#include "base/clock.h"
#include "base/fd.h"
#include "base/test.h"
#include "cell/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

int test_count, test_failures;

enum { ASK_BYTES = 4096, ASK_FDS = 2, ASK_MS = 20 * 1000, TEST_TMP_MB = 8 };

/* By how much a machine that is emulated is slower: SCULLER_TEST_SLOW, set where that is known. */
static inline int slowness(void)
{
    const char *text = getenv("SCULLER_TEST_SLOW");
    long factor = text ? strtol(text, NULL, 10) : 1;

    return factor >= 1 && factor <= 100 ? (int)factor : 1;
}

/* In the cell: answers in `ret`, of ASK_BYTES; fds: -1 where none came.  Closed by the caller. */
struct role {
    const char *name;
    void (*play)(int fds[static ASK_FDS], char *ret);
};
static const struct role *roles_played; /* a row without a name ends it */

static char state[64];

static inline void send_words(int line, const char *words, const int *fds, int count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(ASK_FDS * sizeof(int))];
    } control = {0};
    struct iovec iov = {(void *)words, strlen(words) + 1};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    if (count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
        control.align = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN((size_t)count * sizeof(int))};
        memcpy(CMSG_DATA(&control.align), fds, (size_t)count * sizeof(int));
    }
    (void)sendmsg(line, &message, MSG_NOSIGNAL);
}

static inline bool receive_words(int line, char *ret, int fds[static ASK_FDS])
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(ASK_FDS * sizeof(int))];
    } control;
    struct iovec iov = {ret, ASK_BYTES};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t len = recvmsg(line, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *rights = len > 0 ? CMSG_FIRSTHDR(&message) : NULL;

    for (int i = 0; i < ASK_FDS; i++)
        fds[i] = -1;
    if (rights && rights->cmsg_type == SCM_RIGHTS && rights->cmsg_len <= CMSG_LEN(ASK_FDS * sizeof(int)))
        memcpy(fds, CMSG_DATA(rights), rights->cmsg_len - CMSG_LEN(0));
    if (len <= 0)
        return false;
    ret[len < ASK_BYTES ? len : ASK_BYTES - 1] = '\0';
    return true;
}

/* Inside: one question after the other, until nobody asks. */
static inline void answer_on(int line)
{
    static char words[ASK_BYTES], answer[ASK_BYTES];
    int fds[ASK_FDS];

    while (receive_words(line, words, fds)) {
        (void)snprintf(answer, sizeof answer, "there is no such role");
        for (const struct role *role = roles_played; role->name; role++) {
            if (strcmp(role->name, words) == 0)
                role->play(fds, answer);
        }
        send_words(line, answer, NULL, 0);
        for (int i = 0; i < ASK_FDS; i++)
            fd_close(&fds[i]);
    }
    _exit(0);
}

/* Outside. */

struct seen {
    bool ended;
    int status;
    int64_t ended_us;
};

struct room {
    uv_loop_t loop;
    struct keeper *keeper;
    uint32_t cell;
    int line;
    struct seen seen;
};

static inline void on_exit_seen(void *ctx, int status)
{
    *(struct seen *)ctx = (struct seen){true, status, clock_steady_us()};
}

static inline void run_until(struct room *room, const bool *flag)
{
    while (!*flag) { /* UV_RUN_ONCE would wait for a descriptor after a timer was told */
        (void)uv_run(&room->loop, UV_RUN_NOWAIT);
        poll(NULL, 0, *flag ? 0 : 1);
    }
}

static inline void room_keeper(struct room *room)
{
    struct err err = {0};

    *room = (struct room){.line = -1};
    (void)uv_loop_init(&room->loop);
    if (!keeper_start(&room->loop, state, &room->keeper, &err)) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
}

static inline struct cell_options room_options(void)
{
    struct cell_options options = {.kind = CELL_TEMPLATE,
                                   .package = "plain",
                                   .interpreter = "/var/runtime/program",
                                   .network = CELL_NETWORK_HOST,
                                   .tmp_mb = TEST_TMP_MB,
                                   .control_fd = -1,
                                   .output_fd = -1};
    return options;
}

static inline void room_cell(struct room *room, struct cell_options *options)
{
    int pair[2];
    struct err err = {0};

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        abort();
    options->control_fd = pair[1];
    if (options->output_fd < 0)
        options->output_fd = STDERR_FILENO;
    room->seen = (struct seen){0};
    room->cell = keeper_start_cell(room->keeper, options, on_exit_seen, &room->seen, &err);
    room->line = pair[0];
    close(pair[1]);
}

static inline void room_open(struct room *room)
{
    struct cell_options options = room_options();

    room_keeper(room);
    room_cell(room, &options);
}

static inline void room_close(struct room *room)
{
    fd_close(&room->line);
    keeper_stop(room->keeper);
    (void)uv_run(&room->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&room->loop);
}

/* "" when nobody answered.  The loop runs meanwhile. */
static const char *ask(struct room *room, int line, const char *role, const int *fds, int count)
{
    static char answer[ASK_BYTES];
    int none[ASK_FDS];
    struct pollfd wait = {.fd = line, .events = POLLIN};
    int64_t until_us = clock_steady_us() + ASK_MS * 1000LL * slowness();

    send_words(line, role, fds, count);
    answer[0] = '\0';
    while (clock_steady_us() < until_us && poll(&wait, 1, 1) == 0)
        (void)uv_run(&room->loop, UV_RUN_NOWAIT);
    if (!wait.revents || !receive_words(line, answer, none))
        answer[0] = '\0';
    return answer;
}

static const char *ask_template(struct room *room, const char *role)
{
    return ask(room, room->line, role, NULL, 0);
}

static inline bool says(const char *answer, const char *words)
{
    bool there = strstr(answer, words) != NULL;

    if (!there)
        printf("# said: %s\n# not:  %s\n", answer, words);
    return there;
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static inline void make_folder(const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", state, name);
    if (mkdir(path, 0755) < 0)
        abort();
}

static inline void copy_program(void)
{
    char path[256], bytes[8192];
    FD_AUTO from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ssize_t len;

    (void)snprintf(path, sizeof path, "%s/guest/program", state);

    FD_AUTO to = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);

    while ((len = read(from, bytes, sizeof bytes)) > 0) {
        if (write(to, bytes, (size_t)len) != len)
            abort();
    }
}

static inline int run_tests(int argc, char **argv, const struct role *roles, void (*const *tests)(void), size_t count)
{
    char guest[128];

    roles_played = roles;
    if (argc > 1 && strcmp(argv[1], "keeper") == 0)
        return keeper_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "-I") == 0)
        answer_on(3);
    setvbuf(stdout, NULL, _IOLBF, 0);
    (void)snprintf(state, sizeof state, "/tmp/cell_test.XXXXXX");
    if (!mkdtemp(state) || chmod(state, 0755) < 0)
        return 1;
    make_folder("packages");
    make_folder("packages/plain");
    make_folder("packages/plain/tree");
    make_folder("guest");
    copy_program();
    (void)snprintf(guest, sizeof guest, "%s/guest", state);
    (void)setenv("SCULLER_GUEST_DIR", guest, 1);
    for (size_t i = 0; i < count; i++)
        tests[i]();
    (void)nftw(state, remove_entry, 32, FTW_DEPTH | FTW_PHYS);
    printf("1..%d\n", test_count);
    return test_failures != 0;
}

/*
 * keeper: the server's side of the line.
 *
 * All calls return at once: a message goes out, an answer comes on the loop.  Cells are numbered by us and never
 * reused, so a late answer cannot be taken for another's.
 *
 * The line may be full.  A start is then refused, since the caller can try again; a kill is not the caller's to
 * repeat, so it is noted at the cell and sent when there is room: no more can wait than there are cells.
 */
#include "cell/keeper.h"

#include "base/fd.h"
#include "base/str.h"
#include "cell/keeper_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { EXEC_FAILED = 127 };

struct cell {
    LIST_ENTRY(cell) next;
    uint32_t number;
    bool kill_waits; /* for room on the line */
    cell_on_exit *on_exit;
    void *ctx;
};

struct keeper {
    uv_poll_t poll;
    int fd;
    pid_t pid;
    uint32_t last_number;
    bool is_lost;
    LIST_HEAD(, cell) cells;
    void (*on_lost)(void *ctx);
    void *lost_ctx;
    char error[KEEPER_TEXT_BYTES], note[KEEPER_TEXT_BYTES];
};

/* Between fork and exec of a process with threads: nothing but system calls. */
static NORETURN void exec_keeper(int fd, const char *state_dir)
{
    const char *arguments[] = {"sculler", "keeper", state_dir, NULL};
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (fd == KEEPER_FD ? fcntl(fd, F_SETFD, 0) == 0 : dup2(fd, KEEPER_FD) == KEEPER_FD) {
        syscall(SYS_close_range, (unsigned)KEEPER_FD + 1, ~0U, 0U);
        execve("/proc/self/exe", (char **)arguments, environ);
    }
    _exit(EXEC_FAILED);
}

static struct cell *find_cell(struct keeper *keeper, uint32_t number)
{
    struct cell *cell;

    LIST_FOREACH (cell, &keeper->cells, next) {
        if (cell->number == number)
            return cell;
    }
    return NULL;
}

static void end_cell(struct cell *cell, int status)
{
    cell_on_exit *on_exit = cell->on_exit;
    void *ctx = cell->ctx;

    LIST_REMOVE(cell, next);
    free(cell);
    if (on_exit)
        on_exit(ctx, status);
}

static void on_ended(struct keeper *keeper, const struct keeper_message *message)
{
    struct cell *cell = find_cell(keeper, message->cell);

    if (message->status == -1)
        memcpy(keeper->error, message->text, sizeof keeper->error);
    if (cell)
        end_cell(cell, message->status);
}

static void on_note(struct keeper *keeper, const struct keeper_message *message)
{
    memcpy(keeper->note, message->text, sizeof keeper->note);
}

static const struct {
    enum keeper_message_type type;
    void (*handle)(struct keeper *keeper, const struct keeper_message *message);
} accepted[] = {
    {KEEPER_ENDED, on_ended},
    {KEEPER_NOTE, on_note},
};

static void lose_keeper(struct keeper *keeper)
{
    keeper->is_lost = true;
    (void)uv_poll_stop(&keeper->poll);
    (void)snprintf(keeper->error, sizeof keeper->error, "the keeper is gone");
    while (!LIST_EMPTY(&keeper->cells))
        end_cell(LIST_FIRST(&keeper->cells), -1);
    if (keeper->on_lost)
        keeper->on_lost(keeper->lost_ctx);
}

static bool send_message(struct keeper *keeper, const struct keeper_message *message, const int *fds, int count,
                         struct err *err)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = {0};
    struct iovec iov = {(void *)message, sizeof *message};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

    if (keeper->is_lost)
        return err_set(err, ERR_SYSTEM, "the keeper is gone");
    if (count > 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
        control.align = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN((size_t)count * sizeof(int))};
        memcpy(CMSG_DATA(&control.align), fds, (size_t)count * sizeof(int));
    }
    if (sendmsg(keeper->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return err_sys(err, "asking the keeper");
    return true;
}

static void on_line(uv_poll_t *poll, int status, int events);

/* False: there was no room, and it waits. */
static bool send_kill(struct keeper *keeper, struct cell *cell)
{
    struct keeper_message message = {.type = KEEPER_KILL_CELL, .cell = cell->number};
    struct err err = {0};

    /* Any other failure is the end of the line, and a lost keeper has taken its cells along. */
    cell->kill_waits = !send_message(keeper, &message, NULL, 0, &err) && err.os_errno == EAGAIN;
    return !cell->kill_waits;
}

static void send_waiting_kills(struct keeper *keeper)
{
    struct cell *cell;

    LIST_FOREACH (cell, &keeper->cells, next) {
        if (cell->kill_waits && !send_kill(keeper, cell))
            return;
    }
    (void)uv_poll_start(&keeper->poll, UV_READABLE, on_line);
}

static void read_line(struct keeper *keeper)
{
    struct keeper_message message;
    ssize_t len = recv(keeper->fd, &message, sizeof message, MSG_DONTWAIT);

    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len != (ssize_t)sizeof message) {
        lose_keeper(keeper);
        return;
    }
    message.text[sizeof message.text - 1] = '\0';
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        if (accepted[i].type == message.type) {
            accepted[i].handle(keeper, &message);
            return;
        }
    }
}

static void on_line(uv_poll_t *poll, int status, int events)
{
    struct keeper *keeper = poll->data;

    if (status == 0 && (events & UV_WRITABLE))
        send_waiting_kills(keeper);
    if (status < 0 || (events & UV_READABLE))
        read_line(keeper);
}

bool keeper_start(uv_loop_t *loop, const char *state_dir, struct keeper **ret, struct err *err)
{
    struct keeper *keeper;
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(err, "a line to the keeper");
    pid = fork();
    if (pid == 0)
        exec_keeper(pair[1], state_dir);
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return err_sys(err, "starting the keeper");
    }
    keeper = calloc(1, sizeof *keeper);
    if (!keeper)
        abort();
    keeper->fd = pair[0];
    keeper->pid = pid;
    keeper->poll.data = keeper;
    LIST_INIT(&keeper->cells);
    (void)uv_poll_init(loop, &keeper->poll, keeper->fd);
    (void)uv_poll_start(&keeper->poll, UV_READABLE, on_line);
    *ret = keeper;
    return true;
}

static uint32_t start(struct keeper *keeper, struct keeper_message *message, const int *fds, int count,
                      struct cell *cell, struct err *err)
{
    message->cell = ++keeper->last_number;
    if (!send_message(keeper, message, fds, count, err)) {
        free(cell);
        return 0;
    }
    cell->number = message->cell;
    LIST_INSERT_HEAD(&keeper->cells, cell, next);
    return cell->number;
}

static struct cell *new_cell(cell_on_exit *on_exit, void *ctx)
{
    struct cell *cell = calloc(1, sizeof *cell);

    if (!cell)
        abort();
    cell->on_exit = on_exit;
    cell->ctx = ctx;
    return cell;
}

uint32_t keeper_start_cell(struct keeper *keeper, const struct cell_options *options, cell_on_exit *on_exit, void *ctx,
                           struct err *err)
{
    struct keeper_message message = {.type = KEEPER_START_CELL, .options = *options};
    int fds[2], count = 0;

    message.has_control = options->control_fd >= 0;
    message.has_output = options->output_fd >= 0;
    if (message.has_control)
        fds[count++] = options->control_fd;
    if (message.has_output)
        fds[count++] = options->output_fd;
    return start(keeper, &message, fds, count, new_cell(on_exit, ctx), err);
}

uint32_t keeper_remove_package(struct keeper *keeper, const char *package, cell_on_exit *on_exit, void *ctx,
                               struct err *err)
{
    struct keeper_message message = {.type = KEEPER_REMOVE_PACKAGE};

    (void)snprintf(message.options.package, sizeof message.options.package, "%s", package);
    return start(keeper, &message, NULL, 0, new_cell(on_exit, ctx), err);
}

void keeper_kill_cell(struct keeper *keeper, uint32_t number)
{
    struct cell *cell = find_cell(keeper, number);

    if (cell && !send_kill(keeper, cell))
        (void)uv_poll_start(&keeper->poll, UV_READABLE | UV_WRITABLE, on_line);
}

/* It stays in the list: its kill may have to wait. */
void keeper_drop_cell(struct keeper *keeper, uint32_t number)
{
    struct cell *cell = find_cell(keeper, number);

    if (!cell)
        return;
    cell->on_exit = NULL;
    keeper_kill_cell(keeper, number);
}

const char *keeper_last_error(const struct keeper *keeper)
{
    return keeper->error;
}

const char *keeper_note(const struct keeper *keeper)
{
    return keeper->note;
}

void keeper_on_lost(struct keeper *keeper, void (*on_lost)(void *ctx), void *ctx)
{
    keeper->on_lost = on_lost;
    keeper->lost_ctx = ctx;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

pid_t keeper_pid(const struct keeper *keeper)
{
    return keeper->pid;
}

void keeper_stop(struct keeper *keeper)
{
    if (!keeper)
        return;
    while (!LIST_EMPTY(&keeper->cells)) {
        struct cell *cell = LIST_FIRST(&keeper->cells);
        LIST_REMOVE(cell, next);
        free(cell);
    }
    uv_close((uv_handle_t *)&keeper->poll, on_closed);
    close(keeper->fd);
    (void)waitpid(keeper->pid, NULL, WNOHANG);
}

/*
 * keeper: the server's side of the line.
 *
 * All calls return at once: a message goes out, an answer comes on the loop.  Cells are numbered by us and never
 * reused, so a late answer cannot be taken for another's.
 *
 * The line may be full.  A start is then refused, since the caller can try again; the end of a cell or of a worker is
 * not the caller's to repeat, so it is noted and sent when there is room: no more can wait than there are of them.
 */
#include "cell/keeper.h"

#include "base/fd.h"
#include "base/log.h"
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

enum { EXEC_FAILED = 127, OOM_SCORE_OF_OURS = -900 };

struct cell {
    LIST_ENTRY(cell) next;
    uint32_t number;
    bool kill_waits; /* for room on the line */
    cell_on_exit *on_exit;
    void *ctx;
};

/* Of a worker: asked for, and not told yet. */
struct ending {
    LIST_ENTRY(ending) next;
    uint32_t cell, worker;
    bool keep_tmp, waits; /* for room on the line */
    worker_on_end *on_end;
    void *ctx;
};

struct keeper {
    uv_poll_t poll;
    uv_timer_t turn; /* tells of ends that need no answer, on the next turn of the loop */
    int fd;
    pid_t pid;
    uint32_t last_number;
    bool is_lost, was_out_of_memory;
    int handles;
    LIST_HEAD(, cell) cells;
    LIST_HEAD(, ending) endings;
    void (*on_lost)(void *ctx);
    void *lost_ctx;
    char error[KEEPER_TEXT_BYTES], note[KEEPER_NOTES_BYTES];
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

static void end_worker(struct ending *ending, const struct worker_end *end)
{
    worker_on_end *on_end = ending->on_end;
    void *ctx = ending->ctx;

    LIST_REMOVE(ending, next);
    free(ending);
    on_end(ctx, end);
}

/* Of this cell, or of all that are gone: nobody will answer. */
static void end_workers(struct keeper *keeper, uint32_t cell)
{
    struct ending *ending, *after;
    const struct worker_end unknown = {0};

    for (ending = LIST_FIRST(&keeper->endings); ending; ending = after) {
        after = LIST_NEXT(ending, next);
        if (cell ? ending->cell == cell : !find_cell(keeper, ending->cell)) {
            end_worker(ending, &unknown);
            after = LIST_FIRST(&keeper->endings); /* what was told may have asked for more */
        }
    }
}

static void end_cell(struct keeper *keeper, struct cell *cell, int status)
{
    cell_on_exit *on_exit = cell->on_exit;
    void *ctx = cell->ctx;
    uint32_t number = cell->number;

    LIST_REMOVE(cell, next);
    free(cell);
    end_workers(keeper, number);
    if (on_exit)
        on_exit(ctx, status);
}

static void on_ended(struct keeper *keeper, const struct keeper_message *message)
{
    struct cell *cell = find_cell(keeper, message->cell);

    keeper->was_out_of_memory = message->end.out_of_memory;
    if (message->status == -1)
        memcpy(keeper->error, message->text, sizeof keeper->error);
    if (cell)
        end_cell(keeper, cell, message->status);
}

/* Each is kept once, as far as there is room. */
static void on_note(struct keeper *keeper, const struct keeper_message *message)
{
    size_t len = strlen(keeper->note);

    if (strstr(keeper->note, message->text))
        return;
    log_warn("this host does not give everything to cells", F_CSTR("lacks", message->text));
    (void)snprintf(keeper->note + len, sizeof keeper->note - len, "%s%s", len > 0 ? "; " : "", message->text);
}

static void on_worker_refused(struct keeper *keeper, const struct keeper_message *message)
{
    memcpy(keeper->error, message->text, sizeof keeper->error);
}

static void on_worker_ended(struct keeper *keeper, const struct keeper_message *message)
{
    struct ending *ending;

    LIST_FOREACH (ending, &keeper->endings, next) {
        if (ending->cell == message->cell && ending->worker == message->worker) {
            end_worker(ending, &message->end);
            return;
        }
    }
}

static const struct {
    enum keeper_message_type type;
    void (*handle)(struct keeper *keeper, const struct keeper_message *message);
} accepted[] = {
    {KEEPER_ENDED, on_ended},
    {KEEPER_NOTE, on_note},
    {KEEPER_WORKER_REFUSED, on_worker_refused},
    {KEEPER_WORKER_ENDED, on_worker_ended},
};

static void lose_keeper(struct keeper *keeper)
{
    keeper->is_lost = true;
    (void)uv_poll_stop(&keeper->poll);
    keeper->was_out_of_memory = false;
    (void)snprintf(keeper->error, sizeof keeper->error, "the keeper is gone");
    while (!LIST_EMPTY(&keeper->cells))
        end_cell(keeper, LIST_FIRST(&keeper->cells), -1);
    end_workers(keeper, 0);
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

/* False: there was no room, and it waits.  Any other failure is the end of the line: a lost keeper has taken all along.
 */
static bool send_or_wait(struct keeper *keeper, const struct keeper_message *message, bool *ret_waits)
{
    struct err err = {0};

    *ret_waits = !send_message(keeper, message, NULL, 0, &err) && err.os_errno == EAGAIN;
    if (*ret_waits)
        (void)uv_poll_start(&keeper->poll, UV_READABLE | UV_WRITABLE, on_line);
    return !*ret_waits;
}

static bool send_kill(struct keeper *keeper, struct cell *cell)
{
    struct keeper_message message = {.type = KEEPER_KILL_CELL, .cell = cell->number};

    return send_or_wait(keeper, &message, &cell->kill_waits);
}

static bool send_end(struct keeper *keeper, struct ending *ending)
{
    struct keeper_message message = {
        .type = KEEPER_END_WORKER, .cell = ending->cell, .worker = ending->worker, .keep_tmp = ending->keep_tmp};

    return send_or_wait(keeper, &message, &ending->waits);
}

static void send_waiting(struct keeper *keeper)
{
    struct cell *cell;
    struct ending *ending;

    LIST_FOREACH (cell, &keeper->cells, next) {
        if (cell->kill_waits && !send_kill(keeper, cell))
            return;
    }
    LIST_FOREACH (ending, &keeper->endings, next) {
        if (ending->waits && !send_end(keeper, ending))
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
        send_waiting(keeper);
    if (status < 0 || (events & UV_READABLE))
        read_line(keeper);
}

static void on_turn(uv_timer_t *timer)
{
    end_workers(timer->data, 0);
}

/* We and, by inheritance, the keeper: the last that the kernel kills when the host is out of memory, since all cells go
 * with either.  Cells get another score (cell.c).  An ordinary user may not. */
static void outlive_others(void)
{
    FD_AUTO fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    char text[16] = "";

    if (fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strtol(text, NULL, 10) > OOM_SCORE_OF_OURS)
        dprintf(fd, "%d", OOM_SCORE_OF_OURS);
}

bool keeper_start(uv_loop_t *loop, const char *state_dir, struct keeper **ret, struct err *err)
{
    int pair[2], bytes = KEEPER_LINE_BYTES;
    pid_t pid;

    outlive_others();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(err, "a line to the keeper");
    for (int end = 0; end < 2; end++) { /* the first is root's, past the host's maximum */
        if (setsockopt(pair[end], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
            (void)setsockopt(pair[end], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    }
    pid = fork();
    if (pid == 0)
        exec_keeper(pair[1], state_dir);
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return err_sys(err, "starting the keeper");
    }
    *ret = keeper_adopt(loop, pair[0], pid, 0);
    return true;
}

struct keeper *keeper_adopt(uv_loop_t *loop, int fd, pid_t pid, uint32_t cells)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);

    if (!keeper)
        abort();
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    keeper->fd = fd;
    keeper->pid = pid;
    keeper->last_number = cells; /* a late word about a cell of before must find none */
    keeper->poll.data = keeper->turn.data = keeper;
    keeper->handles = 2;
    LIST_INIT(&keeper->cells);
    LIST_INIT(&keeper->endings);
    (void)uv_timer_init(loop, &keeper->turn);
    (void)uv_poll_init(loop, &keeper->poll, keeper->fd);
    (void)uv_poll_start(&keeper->poll, UV_READABLE, on_line);
    return keeper;
}

int keeper_hand_on(struct keeper *keeper, pid_t *ret_pid, uint32_t *ret_cells)
{
    struct keeper_message message = {.type = KEEPER_RENEW, .cell = 1};

    /* It must arrive: wait for room. */
    (void)fcntl(keeper->fd, F_SETFL, fcntl(keeper->fd, F_GETFL) & ~O_NONBLOCK);
    if (!keeper->is_lost)
        (void)send(keeper->fd, &message, sizeof message, MSG_NOSIGNAL);
    *ret_pid = keeper->pid;
    *ret_cells = keeper->last_number;
    return keeper->fd;
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

    if (cell)
        (void)send_kill(keeper, cell);
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

bool keeper_admit_worker(struct keeper *keeper, uint32_t cell, uint32_t worker, const struct worker_options *options,
                         struct err *err)
{
    struct keeper_message message = {
        .type = KEEPER_ADMIT_WORKER, .cell = cell, .worker = worker, .admission = *options};

    if (!find_cell(keeper, cell))
        return err_set(err, ERR_NOT_FOUND, "there is no cell %u", cell);
    return send_message(keeper, &message, &options->gate_fd, 1, err);
}

void keeper_end_worker(struct keeper *keeper, uint32_t cell, uint32_t worker, bool keep_tmp, worker_on_end *on_end,
                       void *ctx)
{
    struct ending *ending = calloc(1, sizeof *ending);

    if (!ending)
        abort();
    *ending = (struct ending){.cell = cell, .worker = worker, .keep_tmp = keep_tmp, .on_end = on_end, .ctx = ctx};
    LIST_INSERT_HEAD(&keeper->endings, ending, next);
    if (!keeper->is_lost && find_cell(keeper, cell))
        (void)send_end(keeper, ending);
    else
        (void)uv_timer_start(&keeper->turn, on_turn, 0, 0);
}

const char *keeper_last_error(const struct keeper *keeper)
{
    return keeper->error;
}

bool keeper_was_out_of_memory(const struct keeper *keeper)
{
    return keeper->was_out_of_memory;
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
    struct keeper *keeper = handle->data;

    if (--keeper->handles == 0)
        free(keeper);
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
    while (!LIST_EMPTY(&keeper->endings)) {
        struct ending *ending = LIST_FIRST(&keeper->endings);
        LIST_REMOVE(ending, next);
        free(ending);
    }
    uv_close((uv_handle_t *)&keeper->turn, on_closed);
    uv_close((uv_handle_t *)&keeper->poll, on_closed);
    close(keeper->fd);
    (void)waitpid(keeper->pid, NULL, WNOHANG);
}

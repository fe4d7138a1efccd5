/*
 * sim_cell: the keeper's face (cell/keeper.h), and behind it templates and workers that are state machines.
 *
 * A far end reads and writes its sockets as the guest does: FRAME_INIT and FRAME_FORK with descriptors, READY,
 * answers, FRAME_EXITED after the socket of who died is closed.  Everything takes a while drawn from the seed, and
 * goes wrong as often as sim_faults says.  What is dead stays in memory until the seed ends, since planned events
 * point at it; `alive` is asked first everywhere.
 */
#include "sim.h"

#include "base/buf.h"
#include "base/limits.h"
#include "cell/keeper.h"
#include "runtime/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PENDING_MAX = 256, DEEDS_PIECE_MIN = 7 };

struct pending {
    int64_t call, us, bytes;
    enum sim_deed deed;
    uint32_t echo; /* FRAME_INVOKE's pid, which its answer repeats */
};

struct worker {
    TAILQ_ENTRY(worker) next;
    struct cell *cell;
    uint32_t number;
    bool alive, is_ready, is_template; /* the last: FRAME_START_BECOME */
    bool needs_gate, is_admitted, is_owed_exit;
    bool admit_asked, end_asked, no_memory;
    int work, log, gate;
    struct buf in, out;
    size_t out_sent;
    bool deaf;     /* does not read */
    bool is_bad;   /* spoke out of turn, or was killed in vain: the pool may be done with it */
    bool is_stray; /* dead; a child of its own has its descriptors */
    struct pending pending[PENDING_MAX];
    int pending_count, to_come; /* of a batch: more events follow */
};

TAILQ_HEAD(workers, worker);

struct cell {
    TAILQ_ENTRY(cell) next;
    uint32_t id;
    char package[CELL_PACKAGE_BYTES];
    const struct sim_function *function;
    cell_on_exit *on_exit; /* NULL: dropped or told */
    void *ctx;
    bool alive, dying, is_stopped, is_deaf, is_ready, has_become;
    int control, output, status;
    struct workers workers;
};

TAILQ_HEAD(cells, cell);

struct owed {
    worker_on_end *on_end;
    void *ctx;
    struct worker_end end;
};

struct keeper {
    int nothing;
};

static struct keeper the_keeper;
struct keeper *sim_keeper = &the_keeper;
struct sim_faults sim_faults;
static struct cells cells = TAILQ_HEAD_INITIALIZER(cells);
static uint32_t last_cell;
static int64_t cells_started;
static int ends_owed;

static int64_t soon(void)
{
    return sim_chance(300) ? 0 : sim_chance(50) ? sim_between(0, 50000) : sim_between(0, 2000);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Frames from the far end */

static void send_control(struct cell *cell, struct frame_header header, str body)
{
    char bytes[4096];

    if (!cell->alive || cell->control < 0)
        return;
    header.body_bytes = body.len;
    memcpy(bytes, &header, sizeof header);
    if (body.len > 0)
        memcpy(bytes + sizeof header, body.at, body.len);
    (void)!send(cell->control, bytes, sizeof header + body.len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void flush(void *ctx, int64_t unused)
{
    struct worker *worker = ctx;

    (void)unused;
    while (worker->work >= 0 && worker->out_sent < worker->out.len) {
        size_t left = worker->out.len - worker->out_sent;
        bool piece = sim_chance(sim_faults.dribble);
        size_t want =
            piece ? (size_t)sim_between(1, left < DEEDS_PIECE_MIN ? (int64_t)left : (int64_t)left / 2 + 1) : left;
        ssize_t done = send(worker->work, worker->out.at + worker->out_sent, want, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done < 0)
            return;
        worker->out_sent += (size_t)done;
        if (piece) {
            sim_at(soon(), flush, worker, 0);
            return;
        }
    }
}

static void say(struct worker *worker, struct frame_header header, str body)
{
    header.body_bytes = body.len;
    header.worker = worker->number;
    buf_add(&worker->out, (str){(const char *)&header, sizeof header});
    buf_add(&worker->out, body);
    flush(worker, 0);
}

static void print(int fd, int64_t call)
{
    char line[64];
    int len = snprintf(line, sizeof line, "call %lld\n", (long long)call);

    (void)!write(fd, line, (size_t)len);
}

/* Death */

static void say_exited(void *ctx, int64_t status)
{
    struct worker *worker = ctx;

    if (!worker->is_owed_exit)
        return;
    if (!worker->cell->alive || worker->cell->is_stopped)
        return; /* nobody reaps */
    worker->is_owed_exit = false;
    sim_trace("cell %u says that worker %u exited with %lld", worker->cell->id, worker->number, (long long)status);
    send_control(worker->cell,
                 (struct frame_header){.type = FRAME_EXITED, .worker = worker->number, .status = (int32_t)status},
                 STR(""));
}

static void close_worker(struct worker *worker)
{
    close_fd(&worker->work);
    close_fd(&worker->log);
    close_fd(&worker->gate);
}

static void cell_dies(void *ctx, int64_t status);

static void worker_dies(struct worker *worker, int status, bool leaves_stray)
{
    if (!worker->alive)
        return;
    sim_trace("worker %u dies with status %d%s", worker->number, status, leaves_stray ? ", and leaves a child" : "");
    worker->alive = false;
    worker->pending_count = 0;
    worker->is_stray = leaves_stray;
    if (!leaves_stray)
        close_worker(worker);
    if (worker->is_template)
        cell_dies(worker->cell, status);
    else
        sim_at(soon(), say_exited, worker, status);
}

static void tell_exit(void *ctx, int64_t status)
{
    struct cell *cell = ctx;
    cell_on_exit *on_exit = cell->on_exit;

    if (!on_exit)
        return; /* dropped meanwhile */
    cell->on_exit = NULL;
    ends_owed--;
    sim_trace("cell %u is told to have ended with %lld", cell->id, (long long)status);
    on_exit(cell->ctx, (int)status);
}

/* pid 1 goes, and everything with it */
static void cell_dies(void *ctx, int64_t status)
{
    struct cell *cell = ctx;
    struct worker *worker;

    if (!cell->alive)
        return;
    sim_trace("cell %u dies with %lld", cell->id, (long long)status);
    cell->alive = false;
    close_fd(&cell->control);
    close_fd(&cell->output);
    TAILQ_FOREACH (worker, &cell->workers, next) {
        worker->alive = worker->is_stray = false;
        worker->pending_count = 0;
        close_worker(worker);
    }
    sim_at(soon(), tell_exit, cell, status);
}

/* Deeds */

static void answer(struct worker *worker, enum frame_type type, const struct pending *one)
{
    struct buf body = {0};

    buf_init(&body, 2 * 1024 * 1024);
    buf_printf(&body, "{\"n\":%lld,\"pad\":\"", (long long)one->call);
    for (int64_t i = 0; i < one->bytes; i++)
        buf_add_char(&body, 'x');
    buf_add(&body, STR("\"}"));
    if (sim_chance(300))
        print(worker->log, one->call);
    say(worker, (struct frame_header){.type = type, .pid = one->echo, .memory_kb = 1000}, buf_str(&body));
    buf_free(&body);
}

static void deed_ok(struct worker *worker, const struct pending *one)
{
    answer(worker, FRAME_RESPONSE, one);
}

static void deed_error(struct worker *worker, const struct pending *one)
{
    answer(worker, FRAME_ERROR, one);
}

static void deed_oversize(struct worker *worker, const struct pending *one)
{
    say(worker, (struct frame_header){.type = FRAME_OVERSIZE, .pid = one->echo}, STR(""));
}

static void deed_too_long(struct worker *worker, const struct pending *one)
{
    struct frame_header header = {
        .type = FRAME_RESPONSE, .worker = worker->number, .body_bytes = INVOKE_RESPONSE_BYTES_MAX + 1ULL};

    (void)one;
    buf_add(&worker->out, (str){(const char *)&header, sizeof header});
    flush(worker, 0);
}

static void deed_exit(struct worker *worker, const struct pending *one)
{
    (void)one;
    worker_dies(worker, (int)sim_rand(3) << 8, false);
}

static void deed_crash(struct worker *worker, const struct pending *one)
{
    (void)one;
    worker_dies(worker, SIGSEGV, false);
}

static void deed_hang(struct worker *worker, const struct pending *one)
{
    (void)one;
    worker->deaf = true;
}

static void deed_close(struct worker *worker, const struct pending *one)
{
    (void)one;
    close_fd(&worker->work);
}

static void deed_garbage(struct worker *worker, const struct pending *one)
{
    (void)one;
    buf_add(&worker->out, STR("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthis is no frame at all"));
    flush(worker, 0);
}

static void deed_twice(struct worker *worker, const struct pending *one)
{
    answer(worker, FRAME_RESPONSE, one);
    answer(worker, FRAME_RESPONSE, one);
}

static void deed_ok_exit(struct worker *worker, const struct pending *one)
{
    answer(worker, FRAME_RESPONSE, one);
    worker_dies(worker, 0, false);
}

static void deed_ok_stray(struct worker *worker, const struct pending *one)
{
    answer(worker, FRAME_RESPONSE, one);
    worker_dies(worker, 0, true);
}

static void deed_exit_stray(struct worker *worker, const struct pending *one)
{
    (void)one;
    worker_dies(worker, 1 << 8, true);
}

static void deed_half(struct worker *worker, const struct pending *one)
{
    struct frame_header header = {
        .type = FRAME_RESPONSE, .worker = worker->number, .pid = one->echo, .body_bytes = 100};

    buf_add(&worker->out, (str){(const char *)&header, (size_t)sim_between(1, sizeof header)});
    flush(worker, 0);
    worker_dies(worker, SIGKILL, false);
}

static void deed_no_memory(struct worker *worker, const struct pending *one)
{
    (void)one;
    worker->no_memory = true;
    worker_dies(worker, SIGKILL, false);
}

static void deed_kills_template(struct worker *worker, const struct pending *one)
{
    if (sim_chance(500))
        answer(worker, FRAME_RESPONSE, one);
    cell_dies(worker->cell, SIGKILL);
}

static void deed_stops_template(struct worker *worker, const struct pending *one)
{
    (void)one;
    worker->cell->is_stopped = true;
    worker_dies(worker, 0, false);
}

static void deed_ready(struct worker *worker, const struct pending *one)
{
    (void)one;
    say(worker, (struct frame_header){.type = FRAME_READY}, STR(""));
}

static const struct {
    void (*run)(struct worker *worker, const struct pending *one);
    const char *name;
    bool is_bad;
} deeds[DEEDS] = {
    [DEED_OK] = {deed_ok, "answers"},
    [DEED_ERROR] = {deed_error, "raises"},
    [DEED_OVERSIZE] = {deed_oversize, "has too large an answer"},
    [DEED_TOO_LONG] = {deed_too_long, "begins a frame that is too long", true},
    [DEED_EXIT] = {deed_exit, "exits"},
    [DEED_CRASH] = {deed_crash, "crashes"},
    [DEED_HANG] = {deed_hang, "hangs"},
    [DEED_CLOSE] = {deed_close, "closes its socket"},
    [DEED_GARBAGE] = {deed_garbage, "writes garbage", true},
    [DEED_TWICE] = {deed_twice, "answers twice", true},
    [DEED_OK_EXIT] = {deed_ok_exit, "answers and exits"},
    [DEED_OK_STRAY] = {deed_ok_stray, "answers, exits, leaves a child"},
    [DEED_EXIT_STRAY] = {deed_exit_stray, "exits, leaves a child"},
    [DEED_HALF] = {deed_half, "dies in its answer"},
    [DEED_NO_MEMORY] = {deed_no_memory, "runs out of memory"},
    [DEED_KILLS_TEMPLATE] = {deed_kills_template, "kills its template"},
    [DEED_STOPS_TEMPLATE] = {deed_stops_template, "stops its template"},
    [DEED_READY] = {deed_ready, "says ready again", true},
};

/* A worker's life */

static void do_next(void *ctx, int64_t unused)
{
    struct worker *worker = ctx;
    struct pending one;

    (void)unused;
    if (!worker->alive || worker->pending_count == 0 || worker->deaf)
        return;
    one = worker->pending[0];
    sim_trace("worker %u: call %lld %s", worker->number, (long long)one.call, deeds[one.deed].name);
    if (one.deed != DEED_HANG) { /* who hangs stays busy */
        worker->pending_count--;
        memmove(worker->pending, worker->pending + 1, (size_t)worker->pending_count * sizeof one);
    }
    worker->is_bad = worker->is_bad || deeds[one.deed].is_bad;
    deeds[one.deed].run(worker, &one);
    if (worker->alive && worker->pending_count > 0)
        sim_at(soon(), do_next, worker, 0); /* a batch is one call of the handler: its answers come together */
}

static void on_event(struct worker *worker, const struct frame_header *header, str head, str body)
{
    const struct sim_function *function = worker->cell->function;
    struct pending one = {0};
    str request_id = {head.at, strlen(head.at)};

    if (worker->to_come == 0 && worker->pending_count > 0)
        sim_violation("worker %u gets a call while it has %d", worker->number, worker->pending_count);
    if (worker->to_come > 0 && header->status != worker->to_come - 1)
        sim_violation("worker %u: after a batch's event with %d to come follows one with %d", worker->number,
                      worker->to_come, header->status);
    if (header->status > 0 && !function->can_batch)
        sim_violation("worker %u gets a batch, and its module has no batch_handler", worker->number);
    if (worker->to_come == 0 && header->status + 1 > (function->can_batch ? function->batch_max : 1))
        sim_violation("worker %u gets a batch of %d", worker->number, header->status + 1);
    if (!worker->is_ready)
        sim_violation("worker %u gets a call before it is ready", worker->number);
    if (worker->end_asked)
        sim_violation("worker %u gets a call after the keeper was told to end it", worker->number);
    if (!sim_call_is_known(body, &one.call, &one.deed, &one.us, &one.bytes))
        sim_violation("worker %u gets an event that nobody sent: %.80s", worker->number, body.at);
    if (worker->pending_count == PENDING_MAX)
        sim_violation("worker %u has more calls than a batch can have", worker->number);
    one.echo = header->pid;
    worker->to_come = header->status;
    worker->pending[worker->pending_count++] = one;
    sim_on_invoke(one.call, worker->cell->package, worker->number, request_id, header->time_us);
    if (worker->to_come == 0)
        sim_at(worker->pending[0].us, do_next, worker, 0);
}

static void ends_by_itself(struct worker *worker)
{
    worker_dies(worker, 0, false);
}

static void on_work(void *ctx, int64_t revents)
{
    struct worker *worker = ctx;
    struct frame_header header;
    static char bytes[65536]; /* one thread */
    ssize_t got;

    if (revents & POLLOUT)
        flush(worker, 0);
    if (!worker->alive || worker->work < 0 || worker->deaf || !(revents & (POLLIN | POLLHUP | POLLERR)))
        return;
    got = recv(worker->work, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        ends_by_itself(worker);
        return;
    }
    buf_add(&worker->in, (str){bytes, (size_t)got});
    while (worker->in.len >= sizeof header) {
        memcpy(&header, worker->in.at, sizeof header);
        if (header.type != FRAME_INVOKE || header.head_bytes > FRAME_HEAD_BYTES_MAX ||
            header.body_bytes > INVOKE_EVENT_BYTES_MAX)
            sim_violation("worker %u gets what is no event", worker->number);
        if (worker->in.len < sizeof header + header.head_bytes + header.body_bytes)
            return;
        on_event(worker, &header, (str){worker->in.at + sizeof header, header.head_bytes},
                 (str){worker->in.at + sizeof header + header.head_bytes, (size_t)header.body_bytes});
        buf_consume(&worker->in, sizeof header + header.head_bytes + header.body_bytes);
    }
}

static void get_ready(void *ctx, int64_t unused)
{
    struct worker *worker = ctx;

    (void)unused;
    if (!worker->alive || worker->is_ready || (worker->needs_gate && !worker->is_admitted))
        return;
    if (sim_chance(sim_faults.ready_never)) {
        worker->deaf = true;
        return;
    }
    if (sim_chance(sim_faults.born_dead)) {
        worker_dies(worker, sim_chance(500) ? SIGKILL : 5 << 8, false);
        return;
    }
    worker->is_ready = true;
    sim_trace("worker %u is ready", worker->number);
    say(worker, (struct frame_header){.type = FRAME_READY, .memory_kb = 900}, STR(""));
}

static struct worker *find_worker(struct cell *cell, uint32_t number)
{
    struct worker *worker;

    TAILQ_FOREACH (worker, &cell->workers, next) {
        if (worker->number == number)
            return worker;
    }
    return NULL;
}

/* Known to the keeper, to the template, or both: whoever comes first. */
static struct worker *take_worker(struct cell *cell, uint32_t number)
{
    struct worker *worker = find_worker(cell, number);

    if (worker)
        return worker;
    worker = calloc(1, sizeof *worker);
    if (!worker)
        abort();
    worker->cell = cell;
    worker->number = number;
    worker->work = worker->log = worker->gate = -1;
    buf_init(&worker->in, 16 * 1024 * 1024);
    buf_init(&worker->out, 64 * 1024 * 1024);
    TAILQ_INSERT_TAIL(&cell->workers, worker, next);
    return worker;
}

static void take_hello(void *ctx, int64_t unused)
{
    struct worker *worker = ctx;

    (void)unused;
    if (!worker->alive || !worker->needs_gate || !worker->admit_asked || worker->is_admitted || worker->end_asked)
        return;
    if (sim_chance(sim_faults.admit_lost)) /* the keeper could not: the worker waits at its gate, or goes */ {
        if (sim_chance(500))
            worker_dies(worker, 1 << 8, false);
        return;
    }
    worker->is_admitted = true;
    sim_at(soon(), get_ready, worker, 0);
}

/* A template's life */

static void fork_it(void *ctx, int64_t status)
{
    struct worker *worker = ctx;
    struct cell *cell = worker->cell;
    struct frame_header forked = {.type = FRAME_FORKED, .worker = worker->number, .pid = 100 + worker->number};

    if (!cell->alive || cell->is_stopped)
        return;
    if (sim_chance(sim_faults.fork_fails)) {
        forked.pid = 0, forked.status = EAGAIN;
        close_worker(worker);
        sim_trace("cell %u cannot fork worker %u", cell->id, worker->number);
        send_control(cell, forked, STR(""));
        return;
    }
    if (sim_chance(sim_faults.fork_hangs)) { /* in a hook before the fork, descriptors in hand */
        cell->is_stopped = true;
        return;
    }
    worker->alive = worker->is_owed_exit = true;
    worker->is_template = (status & FRAME_START_BECOME) != 0;
    cell->has_become = cell->has_become || worker->is_template;
    sim_trace("cell %u %s worker %u", cell->id, worker->is_template ? "becomes" : "forks", worker->number);
    send_control(cell, forked, STR(""));
    if (worker->needs_gate)
        sim_at(soon(), take_hello, worker, 0);
    else
        sim_at(sim_chance(sim_faults.ready_late) ? sim_between(0, 7000000) : cell->function->fork_us + soon(),
               get_ready, worker, 0);
}

static void on_fork(struct cell *cell, const struct frame_header *header, const int *fds, int count)
{
    struct worker *worker;

    if (!cell->is_ready)
        sim_violation("cell %u is asked to fork before its init is done", cell->id);
    if (cell->has_become)
        sim_violation("cell %u is asked to fork after it became a worker", cell->id);
    if (!(header->status & FRAME_START_BECOME) && !cell->function->can_fork)
        sim_violation("cell %u is asked to fork, and said that it cannot", cell->id);
    if (count < 2)
        sim_violation("cell %u gets %d descriptors for worker %u", cell->id, count, header->worker);
    worker = take_worker(cell, header->worker);
    if (worker->work >= 0 || worker->alive)
        sim_violation("cell %u is asked for worker %u twice", cell->id, header->worker);
    worker->work = fds[0];
    worker->log = fds[1];
    worker->gate = count > 2 ? fds[2] : -1;
    worker->needs_gate = count > 2;
    if (sim_chance(sim_faults.fork_lost)) { /* it holds the descriptors and never forks */
        sim_trace("cell %u forgets worker %u", cell->id, worker->number);
        return;
    }
    sim_at(cell->function->fork_us + soon(), fork_it, worker, header->status);
}

static int receive(struct cell *cell, struct frame_header *ret, int fds[4])
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } control;
    struct iovec iov = {ret, sizeof *ret};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(cell->control, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *rights = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    int count = rights ? (int)((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0;

    if (got < 0 && errno == EAGAIN)
        return -1;
    if (got <= 0) {
        cell_dies(cell, 0);
        return -1;
    }
    if (got != sizeof *ret)
        sim_violation("cell %u gets %zd bytes instead of a header", cell->id, got);
    if (count > 0)
        memcpy(fds, CMSG_DATA(rights), (size_t)count * sizeof(int));
    return count;
}

static void on_init(struct cell *cell, const struct frame_header *header)
{
    static char head[FRAME_HEAD_BYTES_MAX];

    if (header->head_bytes > sizeof head || header->body_bytes != 0 ||
        recv(cell->control, head, header->head_bytes, MSG_DONTWAIT) != (ssize_t)header->head_bytes)
        sim_violation("cell %u gets half an init", cell->id);
}

static void on_control(void *ctx, int64_t revents)
{
    struct cell *cell = ctx;
    struct frame_header header;
    int fds[4];
    int count;

    (void)revents;
    if (!cell->alive || cell->is_stopped || cell->is_deaf || (count = receive(cell, &header, fds)) < 0)
        return;
    if (header.type == FRAME_INIT)
        on_init(cell, &header);
    else if (header.type == FRAME_FORK)
        on_fork(cell, &header, fds, count);
    else
        sim_violation("cell %u gets frame %u", cell->id, header.type);
}

static void init_ends(void *ctx, int64_t unused)
{
    struct cell *cell = ctx;
    const struct sim_function *function = cell->function;
    struct frame_header done = {.type = FRAME_INIT_DONE, .memory_kb = 20000, .time_us = function->init_us};

    (void)unused;
    if (!cell->alive)
        return;
    for (int i = 0; i < function->init_prints; i++)
        (void)!write(cell->output, "importing\n", 10);
    if (sim_chance(sim_faults.init_hang)) {
        return;
    } else if (sim_chance(sim_faults.init_exit)) {
        cell_dies(cell, sim_chance(500) ? 3 << 8 : SIGSEGV);
    } else if (sim_chance(sim_faults.init_garbage)) {
        (void)!send(cell->control, "\xff\xff\xff\xff garbage of forty bytes and some more than that", 50, MSG_NOSIGNAL);
    } else if (sim_chance(sim_faults.init_deaf)) {
        close_fd(&cell->control);
        cell->is_deaf = true;
    } else if (sim_chance(sim_faults.init_error)) {
        send_control(cell, (struct frame_header){.type = FRAME_INIT_ERROR}, STR("{\"errorType\":\"ImportError\"}"));
    } else {
        done.status = (function->can_fork ? FRAME_CAN_FORK : 0) | (function->can_batch ? FRAME_CAN_BATCH : 0);
        cell->is_ready = true;
        sim_trace("cell %u is ready", cell->id);
        send_control(cell, done, STR(""));
        if (sim_chance(sim_faults.template_dies))
            sim_at(sim_between(0, 2000000), cell_dies, cell, SIGKILL);
        else if (sim_chance(sim_faults.template_stops))
            cell->is_stopped = true;
    }
}

/* keeper.h */

static void cannot_build(void *ctx, int64_t status)
{
    struct cell *cell = ctx;

    close_fd(&cell->control);
    close_fd(&cell->output);
    cell->alive = false;
    tell_exit(cell, status);
}

uint32_t keeper_start_cell(struct keeper *keeper, const struct cell_options *options, cell_on_exit *on_exit, void *ctx,
                           struct err *err)
{
    struct cell *cell;

    (void)keeper;
    cells_started++;
    if (sim_chance(sim_faults.start_refused)) {
        (void)err_set(err, ERR_SYSTEM, "the keeper's line is full");
        return 0;
    }
    cell = calloc(1, sizeof *cell);
    if (!cell)
        abort();
    cell->id = ++last_cell;
    (void)snprintf(cell->package, sizeof cell->package, "%s", options->package);
    cell->function = sim_function_of(options->package);
    cell->on_exit = on_exit;
    cell->ctx = ctx;
    cell->alive = true;
    cell->control = fcntl(options->control_fd, F_DUPFD_CLOEXEC, 0);
    cell->output = fcntl(options->output_fd, F_DUPFD_CLOEXEC, 0);
    TAILQ_INIT(&cell->workers);
    TAILQ_INSERT_TAIL(&cells, cell, next);
    ends_owed++;
    sim_trace("cell %u starts for %s", cell->id, cell->package);
    if (sim_chance(sim_faults.cell_broken))
        sim_at(soon(), cannot_build, cell, -1);
    else
        sim_at(cell->function->init_us + soon(), init_ends, cell, 0);
    return cell->id;
}

static struct cell *find_cell(uint32_t id)
{
    struct cell *cell;

    TAILQ_FOREACH (cell, &cells, next) {
        if (cell->id == id)
            return cell;
    }
    sim_violation("the keeper is told of cell %u, and there was none", id);
}

void keeper_kill_cell(struct keeper *keeper, uint32_t id)
{
    struct cell *cell = find_cell(id);

    (void)keeper;
    sim_trace("cell %u is to be killed", id);
    if (cell->alive && !cell->dying)
        sim_at(soon(), cell_dies, cell, SIGKILL);
    cell->dying = true;
}

void keeper_drop_cell(struct keeper *keeper, uint32_t id)
{
    struct cell *cell = find_cell(id);

    if (cell->on_exit)
        ends_owed--;
    cell->on_exit = NULL;
    keeper_kill_cell(keeper, id);
}

bool keeper_admit_worker(struct keeper *keeper, uint32_t id, uint32_t number, const struct worker_options *options,
                         struct err *err)
{
    struct cell *cell = find_cell(id);
    struct worker *worker;

    (void)keeper;
    if (options->gate_fd < 0)
        sim_violation("worker %u is to be admitted without a gate", number);
    if (sim_chance(sim_faults.admit_refused))
        return err_set(err, ERR_SYSTEM, "the keeper's line is full");
    worker = take_worker(cell, number);
    if (worker->admit_asked)
        sim_violation("worker %u is admitted twice", number);
    worker->admit_asked = true;
    sim_at(soon(), take_hello, worker, 0);
    return true;
}

static void tell_end(void *ctx, int64_t unused)
{
    struct owed *owed = ctx;

    (void)unused;
    ends_owed--;
    if (owed->on_end)
        owed->on_end(owed->ctx, &owed->end);
    free(owed);
}

static void kill_what_is_left(void *ctx, int64_t unused)
{
    struct worker *worker = ctx;

    (void)unused;
    worker_dies(worker, SIGKILL, false);
    worker->is_stray = false;
    if (!worker->cell->has_become)
        close_worker(worker);
}

void keeper_end_worker(struct keeper *keeper, uint32_t id, uint32_t number, bool keep_tmp, worker_on_end *on_end,
                       void *ctx)
{
    struct worker *worker = take_worker(find_cell(id), number);
    struct owed *owed = calloc(1, sizeof *owed);

    (void)keeper, (void)keep_tmp;
    if (!owed)
        abort();
    if (worker->end_asked)
        sim_violation("worker %u is ended twice", number);
    worker->end_asked = true;
    *owed = (struct owed){on_end, ctx, {worker->is_admitted, worker->no_memory, worker->is_admitted ? 4000 : 0, 1000}};
    ends_owed++;
    kill_what_is_left(worker, 0);
    sim_at(soon(), tell_end, owed, 0);
}

const char *keeper_last_error(const struct keeper *keeper)
{
    (void)keeper;
    return "no \"cell\" today";
}

bool keeper_was_out_of_memory(const struct keeper *keeper)
{
    (void)keeper;
    return false;
}

const char *keeper_note(const struct keeper *keeper)
{
    (void)keeper;
    return "";
}

/* What the loop and the scenario ask */

bool sim_has_stray(const char *package)
{
    struct cell *cell;
    struct worker *worker;

    TAILQ_FOREACH (cell, &cells, next) {
        TAILQ_FOREACH (worker, &cell->workers, next) {
            if (cell->alive && worker->is_stray && strcmp(cell->package, package) == 0)
                return true;
        }
    }
    return false;
}

void sim_cells_poll(void (*add)(int fd, short events, sim_do *what, void *ctx))
{
    struct cell *cell;
    struct worker *worker;

    TAILQ_FOREACH (cell, &cells, next) {
        if (!cell->alive)
            continue;
        if (cell->control >= 0 && !cell->is_stopped && !cell->is_deaf)
            add(cell->control, POLLIN, on_control, cell);
        TAILQ_FOREACH (worker, &cell->workers, next) {
            short out = worker->out_sent < worker->out.len ? POLLOUT : 0;
            if (worker->alive && worker->work >= 0 && !worker->deaf)
                add(worker->work, (short)(POLLIN | out), on_work, worker);
        }
    }
}

int sim_cells_alive(void)
{
    struct cell *cell;
    int count = 0;

    TAILQ_FOREACH (cell, &cells, next)
        count += cell->alive;
    return count;
}

static int count_workers(const char *package, bool idle)
{
    struct cell *cell;
    struct worker *worker;
    int count = 0;

    TAILQ_FOREACH (cell, &cells, next) {
        if (!cell->alive || (package && strcmp(cell->package, package) != 0))
            continue;
        TAILQ_FOREACH (worker, &cell->workers, next)
            count += worker->alive &&
                     (!idle || (worker->is_ready && worker->pending_count == 0 && !worker->deaf && worker->work >= 0 &&
                                worker->to_come == 0 && !cell->dying && !worker->is_bad && !cell->is_stopped &&
                                worker->out_sent == worker->out.len));
    }
    return count;
}

int sim_workers_alive(void)
{
    return count_workers(NULL, false);
}

int sim_workers_alive_of(const char *package)
{
    return count_workers(package, false);
}

int sim_workers_idle_of(const char *package)
{
    return count_workers(package, true);
}

void sim_workers_list(void)
{
    struct cell *cell;
    struct worker *worker;

    TAILQ_FOREACH (cell, &cells, next) {
        TAILQ_FOREACH (worker, &cell->workers, next) {
            if (cell->alive && worker->alive)
                sim_trace("  worker %u lives in cell %u (%s)%s%s%s%s", worker->number, cell->id, cell->package,
                          cell->dying ? ", cell is to be killed" : "", cell->is_stopped ? ", template is stopped" : "",
                          worker->end_asked ? ", to be ended" : "", worker->is_bad ? ", bad" : "");
        }
    }
}

int64_t sim_cells_started(void)
{
    return cells_started;
}

int sim_ends_owed(void)
{
    return ends_owed;
}

void sim_cells_reset(void)
{
    struct cell *cell;
    struct worker *worker;

    while ((cell = TAILQ_FIRST(&cells))) {
        TAILQ_REMOVE(&cells, cell, next);
        while ((worker = TAILQ_FIRST(&cell->workers))) {
            TAILQ_REMOVE(&cell->workers, worker, next);
            close_worker(worker);
            buf_free(&worker->in);
            buf_free(&worker->out);
            free(worker);
        }
        close_fd(&cell->control);
        close_fd(&cell->output);
        free(cell);
    }
    last_cell = 0;
    cells_started = ends_owed = 0;
}

/* See admission.h. */
#include "cell/admission.h"

#include "base/clock.h"
#include "base/fd.h"
#include "cell/gate.h"
#include "cell/keeper_private.h"
#include "cell/strays.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum admission_state { AWAITED, GREETED, ADMITTED, REFUSED, ENDING, KEPT };

enum {
    END_AGAIN_MS = 1,      /* between two tries to take a cgroup away; most succeed at the first or second */
    END_AGAIN_MAX_MS = 20, /* it doubles up to this */
    END_TOLD_MS = 2000,    /* after this the server is told, whether it is gone or not */
    WARM_AFTER_START_MS = 2000,
};

struct keeper_worker {
    LIST_ENTRY(keeper_worker) next;
    struct keeper_cell *cell;
    uint32_t number;
    enum admission_state state;
    struct watch gate;
    int process;             /* a pidfd */
    struct stock_item place; /* its mount namespace and /tmp */
    uint64_t memory_bytes;   /* its limit; 0: none */
    bool takes_all, has_cgroup, was_admitted, keep_tmp, is_told;
    struct worker_end end;
    struct moment again;
    int64_t ending_us;
    int again_ms;
};

static struct cgroup group_of(const struct keeper_worker *worker)
{
    return (struct cgroup){.cell = worker->cell->number, .worker = worker->number};
}

static struct keeper_worker *find_worker(struct keeper_cell *cell, uint32_t number)
{
    struct keeper_worker *worker;

    LIST_FOREACH (worker, &cell->workers, next) {
        if (worker->number == number)
            return worker;
    }
    return NULL;
}

static void close_gate(struct keeper_worker *worker)
{
    int fd = worker->gate.fd;

    watch_stop(&worker->gate);
    fd_close(&fd);
}

static void worker_free(struct keeper_worker *worker)
{
    close_gate(worker);
    moment_drop(&worker->again);
    fd_close(&worker->process);
    stock_item_close(&worker->place);
    LIST_REMOVE(worker, next);
    free(worker);
}

static void refuse(struct keeper_worker *worker, const char *why)
{
    struct keeper_message message = {
        .type = KEEPER_WORKER_REFUSED, .cell = worker->cell->number, .worker = worker->number};

    (void)snprintf(message.text, sizeof message.text, "a worker was not let in: %s", why);
    worker->state = REFUSED;
    close_gate(worker);
    fd_close(&worker->process); /* whoever it is, it is not ours to kill */
    keeper_tell(&message);
}

/* Mount namespaces */

static void drop_stock(struct keeper_cell *cell)
{
    while (cell->stock_count > 0)
        stock_item_close(&cell->stock[--cell->stock_count]);
}

static bool send_answer(int gate, enum gate_word word, int mounts)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    unsigned char byte = (unsigned char)word;
    struct iovec iov = {&byte, 1};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    if (word == GATE_ENTER) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        control.align =
            (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(&control.align), &mounts, sizeof mounts);
    }
    return sendmsg(gate, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

/* It stays GREETED when there is no namespace yet, but may be one. */
static void let_in(struct keeper_worker *worker)
{
    struct keeper_cell *cell = worker->cell;

    if (worker->place.mounts < 0 && cell->stock_count > 0)
        worker->place = cell->stock[--cell->stock_count];
    cells_hear(cell); /* a template told of its namespaces before it could fork */
    if (worker->place.mounts < 0 && stock_place_is_complete(&cell->place))
        return;
    if (!send_answer(worker->gate.fd, worker->place.mounts >= 0 ? GATE_ENTER : GATE_STAY, worker->place.mounts)) {
        refuse(worker, "it went away");
        return;
    }
    worker->state = ADMITTED;
    worker->was_admitted = true;
    close_gate(worker);
}

static int count_waiting(const struct keeper_cell *cell)
{
    const struct keeper_worker *worker;
    int count = 0;

    LIST_FOREACH (worker, &cell->workers, next)
        count += worker->state == GREETED && worker->place.mounts < 0;
    return count;
}

/* why: NULL, or there will be none for them.  They are not let in without: what they would share is not theirs. */
static void tell_waiting(struct keeper_cell *cell, const char *why)
{
    struct keeper_worker *worker;

    LIST_FOREACH (worker, &cell->workers, next) {
        if (worker->state == GREETED && why)
            refuse(worker, why);
        else if (worker->state == GREETED)
            let_in(worker);
    }
}

static void take_made(struct keeper_cell *cell, struct stock_item *made)
{
    if (cell->stock_mb != cell->tmp_mb || cell->stock_count == sizeof cell->stock / sizeof *cell->stock)
        stock_item_close(made);
    else
        cell->stock[cell->stock_count++] = *made;
    tell_waiting(cell, NULL);
}

static void on_stock(struct watch *watch)
{
    struct keeper_cell *cell = OWNER_OF(watch, struct keeper_cell, stock_line);
    struct stock_item made = {-1, -1};
    int line = watch->fd;
    struct err err = {0};

    switch (stock_receive(line, &made, &err)) {
    case STOCK_NONE_YET:
        return;
    case STOCK_MADE:
        take_made(cell, &made);
        return;
    case STOCK_FAILED:
        tell_waiting(cell, err.text); /* the next one that comes tries again */
        return;
    case STOCK_END:
        watch_stop(watch);
        close(line);
        if (count_waiting(cell) > 0) /* they came meanwhile */
            admission_stock(cell);
        return;
    }
}

void admission_stock(struct keeper_cell *cell)
{
    int waiting = count_waiting(cell), missing = waiting + STOCK_READY - cell->stock_count, line;
    struct err err = {0};

    if (cell->stock_line.fd >= 0 || cell->is_killed || !stock_place_is_complete(&cell->place))
        return;
    if (missing * 2 < STOCK_READY && waiting == 0) /* a helper costs a fork: not for one */
        return;
    cell->stock_mb = cell->tmp_mb;
    if (stock_make(&cell->place, cell->tmp_mb, missing, &line, &err)) {
        watch_start(&cell->stock_line, line, on_stock);
        return;
    }
    tell_waiting(cell, err.text);
}

/* The gate */

/* The kernel's word, not the sender's: who wrote the byte, by its pid as we see it. */
static pid_t receive_hello(int gate)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(4 * sizeof(int))];
    } control;
    unsigned char byte = 0;
    struct iovec iov = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t len = recvmsg(gate, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    struct ucred who = {0};
    int sent;

    for (struct cmsghdr *c = len == 1 ? CMSG_FIRSTHDR(&message) : NULL; c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof who))
            memcpy(&who, CMSG_DATA(c), sizeof who);
        for (size_t at = 0; c->cmsg_type == SCM_RIGHTS && CMSG_LEN(at + sizeof sent) <= c->cmsg_len;
             at += sizeof sent) {
            memcpy(&sent, CMSG_DATA(c) + at, sizeof sent);
            close(sent); /* nobody asked for it */
        }
    }
    return len == 1 && byte == GATE_HELLO ? who.pid : 0;
}

/* The number may have gone to another process since: so first a handle on it, then the question, then whether the
 * handle's process still lives, in which case the answer was about it. */
static bool is_of_cell(const struct keeper_worker *worker, pid_t pid)
{
    char path[64];
    struct stat st;
    struct pollfd ended = {.fd = worker->process, .events = POLLIN};

    (void)snprintf(path, sizeof path, "%d/ns/pid", (int)pid);
    return fstatat(keeper.host.proc, path, &st, 0) == 0 && st.st_ino == worker->cell->pid_namespace &&
           poll(&ended, 1, 0) == 0;
}

static void on_gate(struct watch *watch)
{
    struct keeper_worker *worker = OWNER_OF(watch, struct keeper_worker, gate);
    pid_t pid;
    struct err err = {0};

    if (worker->state != AWAITED) { /* it hung up while it waited for its namespace, or says more than it should */
        refuse(worker, "it did not wait");
        return;
    }
    pid = receive_hello(watch->fd);
    worker->process = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (worker->process < 0 || !is_of_cell(worker, pid)) {
        refuse(worker, pid > 0 ? "it is no process of its cell" : "it did not say hello");
        return;
    }
    if (!cgroup_attach(keeper.cgroups, group_of(worker), pid, &err) ||
        (worker->takes_all && !cgroup_attach_rest(keeper.cgroups, group_of(worker), worker->cell->pid1, &err))) {
        refuse(worker, err.text);
        return;
    }
    worker->state = GREETED;
    let_in(worker);
    admission_stock(worker->cell);
}

/* An ended worker whose /tmp was kept; its record goes, its namespace is the successor's. */
static struct stock_item take_kept(struct keeper_cell *cell, uint32_t number)
{
    const struct stock_item none = {-1, -1};
    struct keeper_worker *kept = number ? find_worker(cell, number) : NULL;
    struct stock_item place = kept && kept->state == KEPT ? kept->place : none;

    if (place.mounts < 0)
        return none;
    kept->place = none;
    worker_free(kept);
    return place;
}

/* A worker that starts is mostly followed by another: see cgroup_keep_warm. */
static struct moment warmth;
static int64_t warm_until_us;

static void stay_warm(struct moment *moment)
{
    cgroup_keep_warm(keeper.cgroups);
    if (clock_steady_us() < warm_until_us)
        moment_set(moment, CGROUP_WARM_MS, stay_warm);
}

static void expect_more(void)
{
    warm_until_us = clock_steady_us() + WARM_AFTER_START_MS * 1000LL;
    if (warmth.due_us == 0)
        moment_set(&warmth, CGROUP_WARM_MS, stay_warm);
}

void admission_admit(struct keeper_cell *cell, const struct keeper_message *message, int gate)
{
    const struct worker_options *options = &message->admission;
    struct keeper_worker *worker;
    struct err err = {0};

    if (gate < 0 || message->worker == 0 || message->worker == CGROUP_UPLINK || find_worker(cell, message->worker)) {
        fd_close(&gate);
        return;
    }
    worker = calloc(1, sizeof *worker);
    if (!worker)
        abort();
    *worker = (struct keeper_worker){.cell = cell,
                                     .number = message->worker,
                                     .process = -1,
                                     .memory_bytes = options->limits.memory_bytes,
                                     .takes_all = options->takes_all};
    worker->place = take_kept(cell, options->tmp_of);
    LIST_INSERT_HEAD(&cell->workers, worker, next);
    if (options->tmp_mb && options->tmp_mb != cell->tmp_mb) {
        drop_stock(cell);
        cell->tmp_mb = options->tmp_mb;
    }
    watch_start(&worker->gate, gate, on_gate);
    expect_more();
    worker->has_cgroup = cgroup_make_worker(keeper.cgroups, group_of(worker), &options->limits, &err);
    if (!worker->has_cgroup)
        refuse(worker, err.text);
}

/* The end */

static void tell_end(struct keeper_worker *worker)
{
    struct keeper_message message = {
        .type = KEEPER_WORKER_ENDED, .cell = worker->cell->number, .worker = worker->number, .end = worker->end};

    message.end.was_admitted = worker->was_admitted;
    worker->is_told = true;
    keeper_tell(&message);
}

static void keep_figures(struct keeper_worker *worker)
{
    struct cgroup_figures figures = {0};

    if (!worker->has_cgroup)
        return;
    cgroup_figures(keeper.cgroups, group_of(worker), &figures);
    worker->end.out_of_memory = figures.out_of_memory;
    worker->end.memory_peak_kb = (uint32_t)(figures.memory_peak_bytes / 1024);
    worker->end.cpu_us = figures.cpu_us;
}

static struct keeper_worker *longest_kept(struct keeper_cell *cell, uint64_t *ret_sum_bytes)
{
    struct keeper_worker *worker, *longest = NULL;

    *ret_sum_bytes = 0;
    LIST_FOREACH (worker, &cell->workers, next) {
        if (worker->state != KEPT)
            continue;
        *ret_sum_bytes += stock_item_used_bytes(&worker->place);
        if (!longest || worker->ending_us < longest->ending_us)
            longest = worker;
    }
    return longest;
}

/* What lies in /tmp is memory, and of ended workers it is in nobody's group: all of it is no more than one may have. */
static void drop_excess(struct keeper_cell *cell, uint64_t bytes_max)
{
    struct keeper_worker *longest;
    uint64_t sum_bytes;

    while ((longest = longest_kept(cell, &sum_bytes)) && bytes_max > 0 && sum_bytes > bytes_max)
        worker_free(longest);
}

/* Without cgroups a daemon that it left is known by its mount namespace; who shares its template's is not. */
static bool nothing_is_left(const struct keeper_worker *worker)
{
    if (!worker->has_cgroup)
        return true;
    if (cgroup_backend(keeper.cgroups) == CGROUP_NONE)
        return strays_kill(keeper.host.proc, worker->place.mounts) == 0;
    return cgroup_is_empty(keeper.cgroups, group_of(worker));
}

/* Told once, when it is gone or has taken too long; freed when it is gone, unless its /tmp waits for a successor. */
static void try_end(struct moment *moment)
{
    struct keeper_worker *worker = OWNER_OF(moment, struct keeper_worker, again);
    bool is_gone = nothing_is_left(worker);

    if (!worker->is_told)
        keep_figures(worker);
    if (is_gone && worker->has_cgroup)
        is_gone = cgroup_remove(keeper.cgroups, group_of(worker));
    if (!worker->is_told && (is_gone || clock_steady_us() - worker->ending_us > END_TOLD_MS * 1000LL))
        tell_end(worker);
    if (!is_gone) {
        worker->again_ms = worker->again_ms * 2 < END_AGAIN_MAX_MS ? worker->again_ms * 2 : END_AGAIN_MAX_MS;
        moment_set(moment, worker->again_ms, try_end);
    } else if (worker->keep_tmp && worker->place.mounts >= 0) {
        worker->has_cgroup = false;
        worker->state = KEPT;
        drop_excess(worker->cell, worker->memory_bytes);
    } else {
        worker_free(worker);
    }
}

void admission_end(struct keeper_cell *cell, uint32_t number, bool keep_tmp)
{
    struct keeper_worker *worker = find_worker(cell, number);
    struct keeper_message unknown = {.type = KEEPER_WORKER_ENDED, .cell = cell->number, .worker = number};

    if (!worker || worker->state == KEPT) {
        keeper_tell(&unknown);
        return;
    }
    if (worker->state == ENDING)
        return;
    worker->state = ENDING;
    worker->keep_tmp = keep_tmp;
    worker->ending_us = clock_steady_us();
    worker->again_ms = END_AGAIN_MS;
    close_gate(worker);
    if (worker->has_cgroup)
        cgroup_kill(keeper.cgroups, group_of(worker));
    if (worker->process >= 0)
        (void)syscall(SYS_pidfd_send_signal, worker->process, SIGKILL, NULL, 0);
    try_end(&worker->again);
}

void admission_end_all(struct keeper_cell *cell)
{
    int line = cell->stock_line.fd;

    watch_stop(&cell->stock_line);
    fd_close(&line);
    drop_stock(cell);
    while (!LIST_EMPTY(&cell->workers))
        worker_free(LIST_FIRST(&cell->workers));
}

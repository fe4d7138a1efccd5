/* See keeper_cells.h. */
#include "cell/keeper_cells.h"

#include "base/fd.h"
#include "cell/admission.h"
#include "cell/cell_kind.h"
#include "cell/helper.h"
#include "cell/keeper_private.h"
#include "cell/network.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum {
    GRAVE_FIRST_MS = 2,
    GRAVE_MS = 50,
    GRAVE_TRIES_MAX = 200,  /* ten seconds; a keeper's start sweeps what is left */
    UPLINK_MEMORY_MB = 256, /* it has 70 MB of data; the rest is for its sockets */
    UPLINK_PIDS_MAX = 16,
};

struct keeper_state keeper = {.cells = LIST_HEAD_INITIALIZER(keeper.cells)};

/* The cgroup of a cell that is no more. */
struct grave {
    struct moment again;
    uint32_t cell;
    int tries;
};

struct keeper_cell *cells_find(uint32_t number)
{
    struct keeper_cell *cell;

    LIST_FOREACH (cell, &keeper.cells, next) {
        if (cell->number == number)
            return cell;
    }
    return NULL;
}

/* The end */

static void on_grave(struct moment *moment)
{
    struct grave *grave = OWNER_OF(moment, struct grave, again);

    if (cgroup_remove_cell(keeper.cgroups, grave->cell) || ++grave->tries == GRAVE_TRIES_MAX)
        free(grave);
    else
        moment_set(moment, grave->tries < 10 ? GRAVE_FIRST_MS : GRAVE_MS, on_grave);
}

static void bury(uint32_t cell)
{
    struct grave *grave = calloc(1, sizeof *grave);

    if (!grave)
        abort();
    grave->cell = cell;
    on_grave(&grave->again);
}

static void cell_free(struct keeper_cell *cell)
{
    admission_end_all(cell);
    watch_stop(&cell->reports);
    watch_stop(&cell->network);
    if (cell->network_helper > 0)
        kill(cell->network_helper, SIGKILL); /* pasta goes with it */
    fd_close(&cell->started.reports);
    fd_close(&cell->started.go);
    fd_close(&cell->place.cell_user);
    fd_close(&cell->place.cell_mounts);
    fd_close(&cell->place.template_user);
    fd_close(&cell->place.template_mounts);
    bury(cell->number);
    LIST_REMOVE(cell, next);
    keeper.cells_count--;
    free(cell);
}

void cells_kill(struct keeper_cell *cell)
{
    cell->is_killed = true;
    cgroup_kill_cell(keeper.cgroups, cell->number);
    kill(cell->pid1, SIGKILL); /* and the kernel all of its pid namespace */
}

static void fail(struct keeper_cell *cell, const char *why)
{
    if (!cell->is_killed) /* else what failed was killed with it */
        (void)snprintf(cell->failure, sizeof cell->failure, "%s", why);
    cells_kill(cell);
}

void cells_kill_all(void)
{
    struct keeper_cell *cell;

    LIST_FOREACH (cell, &keeper.cells, next)
        cells_kill(cell);
    while ((cell = LIST_FIRST(&keeper.cells))) {
        (void)waitpid(cell->pid1, NULL, 0); /* it has its SIGKILL */
        cell_free(cell);
    }
}

/* What it tells */

static void hear(struct keeper_cell *cell, const struct cell_report *report, int fds[static 2])
{
    if (report->kind == CELL_REPORT_NOTE)
        keeper_tell_note(report->text);
    if (report->kind == CELL_REPORT_NAMESPACES && fds[0] >= 0 && cell->place.template_user < 0) {
        cell->place.template_user = fd_take(&fds[0]);
        cell->place.template_mounts = fd_take(&fds[1]);
        admission_stock(cell);
    }
    fd_close(&fds[0]);
    fd_close(&fds[1]);
}

/* Its end, and why, is left there for when it has ended. */
void cells_hear(struct keeper_cell *cell)
{
    struct cell_report report;
    int fds[2];

    while (recv(cell->started.reports, &report, sizeof report, MSG_PEEK | MSG_DONTWAIT) == (ssize_t)sizeof report &&
           report.kind != CELL_REPORT_FAILED && report.kind != CELL_REPORT_STATUS &&
           cell_read_report(cell->started.reports, &report, fds))
        hear(cell, &report, fds);
}

static void on_reports(struct watch *watch)
{
    struct keeper_cell *cell = OWNER_OF(watch, struct keeper_cell, reports);
    struct cell_report report;

    cells_hear(cell);
    if (recv(cell->started.reports, &report, sizeof report, MSG_PEEK | MSG_DONTWAIT) >= 0)
        watch_stop(watch); /* only its end is left */
}

static void cell_ended(struct keeper_cell *cell, int status)
{
    struct cell_report report;
    struct keeper_message message = {.type = KEEPER_ENDED, .cell = cell->number};
    struct cgroup_figures figures;
    int fds[2];

    cgroup_figures(keeper.cgroups, (struct cgroup){.cell = cell->number}, &figures);
    message.end.out_of_memory = figures.out_of_memory;
    (void)snprintf(message.text, sizeof message.text, "%s", cell->failure);
    while (cell_read_report(cell->started.reports, &report, fds)) {
        hear(cell, &report, fds);
        if (report.kind == CELL_REPORT_FAILED)
            (void)snprintf(message.text, sizeof message.text, "%s", report.text);
        if (report.kind == CELL_REPORT_FAILED || (report.kind == CELL_REPORT_STATUS && !message.text[0]))
            status = report.status;
    }
    message.status = message.text[0] ? -1 : status;
    cell_free(cell);
    keeper_tell(&message);
}

bool cells_reap(pid_t pid, int status)
{
    struct keeper_cell *cell;

    LIST_FOREACH (cell, &keeper.cells, next) {
        if (cell->pid1 == pid) {
            cell_ended(cell, status);
            return true;
        }
        if (cell->network_helper != pid)
            continue;
        cell->network_helper = 0;
        if (cell->network.fd < 0 && !cell->is_killed && status != 0)
            fail(cell, "the uplink of the cell's network ended");
        return true;
    }
    return false;
}

/* The network: made by a helper, which stays for as long as there is an uplink, since that dies with its parent. */

struct network_told {
    bool is_up;
    struct err err;
};

static NORETURN void run_network(pid_t pid1, const struct cell_options *options, int line)
{
    struct network_told told = {0};
    pid_t uplink = 0;
    sigset_t none;
    int status;
    char go;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (read(line, &go, 1) != 1)
        _exit(1);
    told.is_up = options->network == CELL_NETWORK_EGRESS ? network_start(pid1, options->api_port, &uplink, &told.err)
                                                         : network_start_none(pid1, &told.err);
    (void)!write(line, &told, sizeof told);
    close(line);
    if (uplink <= 0)
        _exit(0);
    while (waitpid(uplink, &status, 0) < 0 && errno == EINTR)
        continue;
    _exit(1);
}

static void let_go(struct keeper_cell *cell)
{
    struct err err = {0};

    if (!cell_let_go(&cell->started, &err))
        fail(cell, err.text);
}

static void on_network(struct watch *watch)
{
    struct keeper_cell *cell = OWNER_OF(watch, struct keeper_cell, network);
    struct network_told told = {0};
    int line = watch->fd;
    bool is_whole = read(line, &told, sizeof told) == (ssize_t)sizeof told;

    watch_stop(watch);
    close(line);
    if (is_whole && told.is_up)
        let_go(cell);
    else
        fail(cell, is_whole ? told.err.text : "the cell's network was not made");
}

/* What the uplink uses it uses for its cell.  The cell cannot kill it: it is not in its pid namespace. */
static bool limit_helper(const struct keeper_cell *cell, const struct cell_options *options, struct err *err)
{
    static const struct cell_limits limits = {.memory_bytes = UPLINK_MEMORY_MB << 20, .pids_max = UPLINK_PIDS_MAX};
    const struct cgroup group = {cell->number, CGROUP_UPLINK};

    return options->network != CELL_NETWORK_EGRESS || (cgroup_make_worker(keeper.cgroups, group, &limits, err) &&
                                                       cgroup_attach(keeper.cgroups, group, cell->network_helper, err));
}

/* It waits for our byte: what it starts is to be in its group. */
static bool start_network(struct keeper_cell *cell, const struct cell_options *options, struct err *err)
{
    int line[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0)
        return err_sys(err, "a line to a helper");
    cell->network_helper = helper_fork(&line[1], 1);
    if (cell->network_helper == 0)
        run_network(cell->pid1, options, line[1]);
    close(line[1]);
    if (cell->network_helper < 0) {
        cell->network_helper = 0;
        close(line[0]);
        return err_sys(err, "a helper for the cell's network");
    }
    watch_start(&cell->network, line[0], on_network);
    return limit_helper(cell, options, err) &&
           (send(line[0], "", 1, MSG_NOSIGNAL) == 1 || err_sys(err, "a helper for the cell's network"));
}

/* The start */

static int open_of(pid_t pid, const char *name)
{
    char path[64];

    (void)snprintf(path, sizeof path, "%d/%s", (int)pid, name);
    return openat(keeper.host.proc, path, O_RDONLY | O_CLOEXEC);
}

static bool know_namespaces(struct keeper_cell *cell, struct err *err)
{
    FD_AUTO pids = open_of(cell->pid1, "ns/pid");
    struct stat st;

    cell->place.cell_user = open_of(cell->pid1, "ns/user");
    cell->place.cell_mounts = open_of(cell->pid1, "ns/mnt");
    if (pids < 0 || fstat(pids, &st) < 0 || cell->place.cell_user < 0 || cell->place.cell_mounts < 0)
        return err_sys(err, "the cell's namespaces");
    cell->pid_namespace = st.st_ino;
    return true;
}

static bool put_in_cgroup(const struct keeper_cell *cell, const struct cell_options *options, struct err *err)
{
    const struct cgroup template = {.cell = cell->number};

    return cgroup_make_cell(keeper.cgroups, cell->number, &options->limits, err) &&
           cgroup_make_worker(keeper.cgroups, template, &options->own, err) &&
           cgroup_attach(keeper.cgroups, template, cell->pid1, err);
}

static bool furnish(struct keeper_cell *cell, const struct cell_options *options, struct err *err)
{
    const struct cell_kind_row *kind = cell_kind_row(options->kind);

    if (!know_namespaces(cell, err) || !put_in_cgroup(cell, options, err))
        return false;
    if (kind->has_network && options->network != CELL_NETWORK_HOST)
        return start_network(cell, options, err);
    let_go(cell);
    return true;
}

static struct keeper_cell *cell_new(const struct keeper_message *message)
{
    struct keeper_cell *cell = calloc(1, sizeof *cell);

    if (!cell)
        abort();
    *cell = (struct keeper_cell){
        .number = message->cell,
        .tmp_mb = message->options.tmp_mb,
        .started = {.reports = -1, .go = -1},
        .reports.fd = -1,
        .network.fd = -1,
        .stock_line.fd = -1,
        .place = {keeper.host.proc, -1, -1, -1, -1},
    };
    LIST_INIT(&cell->workers);
    return cell;
}

void cells_start(const struct keeper_message *message, const struct cell_fds *fds)
{
    struct keeper_message answer = {.type = KEEPER_ENDED, .cell = message->cell, .status = -1};
    struct keeper_cell *cell;
    struct err err = {0};

    if (keeper.cells_count == KEEPER_CELLS_MAX)
        (void)err_set(&err, ERR_LIMIT, "there are %d cells, more cannot be", KEEPER_CELLS_MAX);
    cell = cell_new(message);
    if (err.code || !cell_start(&keeper.host, &message->options, message->cell, fds, &cell->started, &err)) {
        free(cell);
        (void)snprintf(answer.text, sizeof answer.text, "%s", err.text);
        keeper_tell(&answer);
        return;
    }
    cell->pid1 = cell->started.pid1;
    LIST_INSERT_HEAD(&keeper.cells, cell, next);
    keeper.cells_count++;
    watch_start(&cell->reports, cell->started.reports, on_reports);
    if (!furnish(cell, &message->options, &err))
        fail(cell, err.text);
}

/*
 * process: one cell with an interpreter, as the server sees it.
 *
 *     process_start -> [in init] --INIT_DONE--> [ready] -> (process_kill, or it ends) -> [ending] -> gone
 *                          | INIT_ERROR, init's time is up, its cell cannot be built
 *                          v
 *                  template_on_init_failed, and its end
 *
 * Nothing is told from within a call of process_start: a failure comes on the next turn of the loop, as every other.
 */
#include "runtime/runtime_private.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { FRAMES_OF_INIT = 1, FRAMES_A_WORKER = 2 }; /* FORKED, EXITED */

static const struct frame_rule accepted[] = {
    {FRAME_INIT_DONE, 4096},
    {FRAME_INIT_ERROR, INVOKE_RESPONSE_BYTES_MAX},
    {FRAME_FORKED, 0},
    {FRAME_EXITED, 0},
};

static void on_output(uv_poll_t *poll, int status, int events);

static void on_closed(uv_handle_t *handle)
{
    struct process *process = handle->data;

    if (--process->handles > 0)
        return;
    buf_free(&process->in);
    free(process);
}

void process_close(struct process *process)
{
    LIST_REMOVE(process, next);
    process->template = NULL;
    if (process->control_fd >= 0) {
        uv_close((uv_handle_t *)&process->control, on_closed);
        uv_close((uv_handle_t *)&process->output, on_closed);
    }
    uv_close((uv_handle_t *)&process->timer, on_closed);
    fd_close(&process->control_fd);
    fd_close(&process->output_fd);
}

bool process_send(struct process *process, const struct frame_header *header, const int *fds, int count)
{
    if (!process->template || process->is_ending || !frame_send(process->control_fd, header, fds, count))
        return false;
    process->may_say += FRAMES_A_WORKER;
    if (process->idle_output > IDLE_OUTPUT_BYTES_MAX) /* a hook of this fork may want to print, too */
        (void)uv_poll_start(&process->output, UV_READABLE, on_output);
    process->idle_output = 0;
    return true;
}

/* What it says */

static void read_output(struct process *process, bool to_end)
{
    struct template *template = process->template;

    if (!log_pipe_read(process->output_fd, to_end, log_keep_init, template))
        (void)uv_poll_stop(&process->output);
}

static void count_output(void *ctx, str bytes)
{
    struct process *process = ctx;

    process->idle_output += bytes.len;
    log_keep_init(process->template, bytes);
}

/* A flood waits in the pipe, so that it costs nobody's time. */
static void read_idle_output(struct process *process)
{
    if (!log_pipe_read(process->output_fd, false, count_output, process) ||
        process->idle_output > IDLE_OUTPUT_BYTES_MAX)
        (void)uv_poll_stop(&process->output);
}

static void fail_init(struct process *process, const struct init_failure *failure)
{
    bool in_init = process->in_init;

    process->in_init = false;
    read_output(process, true);
    process_kill(process);
    if (in_init)
        template_on_init_failed(process, failure);
}

/* Only code that the import left running, and that writes to a descriptor which is not its own, comes here. */
static void end_liar(struct process *process)
{
    template_note(process->template, "what the import started speaks in the runtime's name: its process is ended");
    if (process->in_init)
        fail_init(process, &(struct init_failure){.kind = INIT_EXITED, .status = SIGKILL});
    else
        process_kill(process);
}

static void on_frame(struct process *process, const struct frame *frame)
{
    bool of_init = frame->header.type == FRAME_INIT_ERROR || frame->header.type == FRAME_INIT_DONE;

    if (--process->may_say < 0 || of_init != process->in_init) {
        end_liar(process);
        return;
    }
    if (frame->header.type == FRAME_INIT_ERROR && process->in_init) {
        fail_init(process, &(struct init_failure){.kind = INIT_RAISED, .payload = frame->body});
    } else if (frame->header.type == FRAME_INIT_DONE && process->in_init) {
        process->in_init = false;
        (void)uv_timer_stop(&process->timer);
        read_output(process, true);
        template_on_init_done(process, frame);
    } else if (frame->header.type == FRAME_FORKED || frame->header.type == FRAME_EXITED) {
        template_on_frame(process, frame);
    }
}

static void on_deaf(uv_timer_t *timer)
{
    struct process *process = timer->data;

    if (process->in_init)
        fail_init(process, &(struct init_failure){.kind = INIT_EXITED, .status = SIGKILL});
    else
        process_kill(process);
}

static void on_control(uv_poll_t *poll, int status, int events)
{
    struct process *process = poll->data;
    enum frame_status got;
    struct frame frame;

    (void)status, (void)events;
    while (process->template && !process->is_ending) { /* a frame may bring its end */
        got = frame_receive(process->control_fd, &process->in, accepted, sizeof accepted / sizeof *accepted, &frame);
        if (got == FRAME_PARTIAL)
            return;
        if (got != FRAME_COMPLETE) { /* mostly it has ended, and its exit status is worth waiting for */
            (void)uv_poll_stop(poll);
            (void)uv_timer_start(&process->timer, on_deaf, GRACE_MS, 0);
            return;
        }
        on_frame(process, &frame);
        frame_drop(&process->in, &frame);
    }
    (void)uv_poll_stop(poll);
}

static void on_output(uv_poll_t *poll, int status, int events)
{
    struct process *process = poll->data;

    (void)events;
    if (status < 0 || !process->template)
        (void)uv_poll_stop(poll);
    else if (process->in_init)
        read_output(process, false);
    else
        read_idle_output(process);
}

static void on_init_timeout(uv_timer_t *timer)
{
    struct process *process = timer->data;

    fail_init(process, &(struct init_failure){.kind = INIT_TIMED_OUT, .timeout_ms = process->init_timeout_ms});
}

static void note_memory(struct process *process)
{
    BUF_AUTO words = {0};

    if (!keeper_was_out_of_memory(process->template->pool->keeper))
        return;
    buf_init(&words, 256);
    buf_printf(
        &words,
        "out of memory: the import took more than %d MB (the server's template_memory_mb; if that is not set: %d MB "
        "more than MemorySize, and %d MB at least)",
        (int)process_memory_mb_max(process->template), TEMPLATE_BESIDE_WORKER_MB, TEMPLATE_MB_MIN);
    buf_add_char(&words, '\0');
    template_note(process->template, words.at);
}

/* The cell is no more, and with it every process in it. */
static void on_cell_exit(void *ctx, int status)
{
    struct process *process = ctx;
    bool in_init = process->in_init;
    struct init_failure failure = {.kind = INIT_EXITED, .status = status};

    process->cell = 0;
    process->is_ending = true;
    process->in_init = false;
    if (status == -1) {
        failure.kind = INIT_REFUSED;
        failure.why = keeper_last_error(process->template->pool->keeper);
    }
    if (in_init) {
        read_output(process, true);
        note_memory(process);
        template_on_init_failed(process, &failure);
    }
    template_on_process_gone(process, status == -1 ? SIGKILL : status);
}

/* Birth */

enum { ENVIRONMENT_BYTES_MAX = FRAME_HEAD_BYTES_MAX };

static bool send_init(int fd, struct template *template, struct err *err)
{
    struct frame frame = {.header = {.type = FRAME_INIT}};
    BUF_AUTO head = {0};
    size_t sent = 0;

    buf_init(&head, ENVIRONMENT_BYTES_MAX);
    buf_add(&head, template->what->handler);
    buf_add(&head, STR("\0/var/task\0"));
    template_environment(template, &head);
    frame.head = buf_str(&head);
    frame.header.head_bytes = (uint32_t)head.len;
    if (!buf_ok(&head))
        return err_set(err, ERR_LIMIT, "the environment is larger than %d bytes", ENVIRONMENT_BYTES_MAX);
    if (!frame_write(fd, &frame, &sent) || sent != frame_bytes(&frame)) /* a new socket holds it all */
        return err_sys(err, "talking to the template");
    return true;
}

/* An import is a stranger's code, and a template has it without a call: no more than a setting says, else than a worker
 * may have and some, since what is imported once is not counted in each worker. */
int64_t process_memory_mb_max(const struct template *template)
{
    int64_t megabytes = template->what->memory_mb + TEMPLATE_BESIDE_WORKER_MB;
    int64_t budget_mb = template->pool->memory_budget_kb / 1024;

    if (template->pool->options.template_memory_mb > 0)
        return template->pool->options.template_memory_mb;
    megabytes = megabytes < TEMPLATE_MB_MIN ? TEMPLATE_MB_MIN : megabytes;
    return megabytes < budget_mb ? megabytes : budget_mb;
}

/* Of CPU a template has the weight that each group has by default: that of one worker.  They hold all its life, and
 * whatever it forks and does not tell of: to end such once, after the import, would hold nobody who forks again. */
static struct cell_limits own_limits(const struct template *template)
{
    return (struct cell_limits){.pids_max = PIDS_A_TEMPLATE_MAX,
                                .memory_bytes = (uint64_t)process_memory_mb_max(template) << 20};
}

/* A share that grows with MemorySize, 100 (the kernel's own) where AWS gives a CPU.  It tells between functions, so a
 * cell has it: many workers of one are together no more than one of another. */
static uint32_t cpu_weight(const struct runnable *what)
{
    int64_t weight = what->memory_mb * 100LL / MB_A_CPU;

    return weight > 0 ? (uint32_t)weight : 1;
}

/* What its parts may have, together: so what ended workers left in /tmp, which is memory too, is not beside it. */
static struct cell_limits cell_limits(const struct template *template)
{
    const struct runnable *what = template->what;
    int64_t workers = template->is_solo ? 1 : template->pool->options.workers_per_version_max;
    int64_t megabytes = process_memory_mb_max(template) + workers * what->memory_mb;

    return (struct cell_limits){
        .pids_max = PIDS_A_CELL_MAX, .cpu_weight = cpu_weight(what), .memory_bytes = (uint64_t)megabytes << 20};
}

static bool start_cell(struct process *process, int control, int output, struct err *err)
{
    struct template *template = process->template;
    const struct runnable *what = template->what;
    struct cell_options options = {.kind = CELL_TEMPLATE,
                                   .tmp_mb = (uint32_t)what->tmp_mb,
                                   .network = (enum cell_network)what->settings.network,
                                   .api_port = template->pool->options.api_port,
                                   .limits = cell_limits(template),
                                   .own = own_limits(template),
                                   .control_fd = control,
                                   .output_fd = output};

    if (what->package.len >= sizeof options.package || what->interpreter.len >= sizeof options.interpreter ||
        what->prefix.len >= sizeof options.prefix)
        return err_set(err, ERR_LIMIT, "a path of the interpreter is too long");
    if (options.network == CELL_NETWORK_HOST && !template->pool->options.allow_host_network)
        return err_set(err, ERR_INVALID,
                       "the function asks for the host's network (SCULLER_NETWORK=host), which this server does not "
                       "give: start it with --allow-host-network, or set SCULLER_NETWORK=egress");
    (void)snprintf(options.package, sizeof options.package, STR_FMT, STR_ARG(what->package));
    (void)snprintf(options.interpreter, sizeof options.interpreter, STR_FMT, STR_ARG(what->interpreter));
    (void)snprintf(options.prefix, sizeof options.prefix, STR_FMT, STR_ARG(what->prefix));
    for (int i = 0; i < what->layers_count && i < CELL_LAYERS_MAX; i++)
        (void)snprintf(options.layers[i], sizeof options.layers[i], STR_FMT, STR_ARG(what->layers[i]));
    process->cell = keeper_start_cell(template->pool->keeper, &options, on_cell_exit, process, err);
    return process->cell > 0;
}

static void listen_to(struct process *process)
{
    uv_loop_t *loop = process->template->pool->loop;

    process->handles = 3;
    process->control.data = process->output.data = process;
    buf_init(&process->in, sizeof(struct frame_header) + 2 * (size_t)INVOKE_RESPONSE_BYTES_MAX);
    (void)uv_poll_init(loop, &process->control, process->control_fd);
    (void)uv_poll_init(loop, &process->output, process->output_fd);
    (void)uv_poll_start(&process->control, UV_READABLE, on_control);
    (void)uv_poll_start(&process->output, UV_READABLE, on_output);
}

static void on_refused(uv_timer_t *timer)
{
    struct process *process = timer->data;
    struct init_failure failure = {.kind = INIT_REFUSED, .why = process->refusal};

    process->in_init = false;
    template_on_init_failed(process, &failure);
    template_on_process_gone(process, SIGKILL);
}

static bool start(struct process *process, struct err *err)
{
    int control[2], output[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0)
        return err_sys(err, "a socket for the template");

    FD_AUTO ours = control[0];
    FD_AUTO theirs = control[1];

    if (pipe2(output, O_CLOEXEC) < 0)
        return err_sys(err, "a pipe for the template");

    FD_AUTO write_end = output[1];

    process->control_fd = fd_take(&ours);
    process->output_fd = output[0];
    (void)fcntl(process->output_fd, F_SETFL, O_NONBLOCK);
    listen_to(process);
    return send_init(process->control_fd, process->template, err) && start_cell(process, theirs, write_end, err);
}

static int init_timeout_ms(const struct template *template)
{
    int own = template->what->settings.init_timeout_ms;

    if (template->is_rerun)
        return template->what->timeout_ms;
    return own > 0 ? own : template->pool->options.init_timeout_ms;
}

struct process *process_start(struct template *template, struct worker *solo)
{
    struct process *process = calloc(1, sizeof *process);
    struct err err = {0};

    if (!process)
        abort();
    *process = (struct process){.template = template,
                                .solo = solo,
                                .in_init = true,
                                .may_say = FRAMES_OF_INIT,
                                .control_fd = -1,
                                .output_fd = -1,
                                .handles = 1,
                                .init_timeout_ms = init_timeout_ms(template),
                                .started_us = clock_steady_us()};
    process->timer.data = process;
    LIST_INSERT_HEAD(&template->processes, process, next);
    (void)uv_timer_init(template->pool->loop, &process->timer);
    if (start(process, &err)) {
        (void)uv_timer_start(&process->timer, on_init_timeout, (uint64_t)process->init_timeout_ms, 0);
        return process;
    }
    if (process->control_fd >= 0) { /* nobody is at the other ends */
        (void)uv_poll_stop(&process->control);
        (void)uv_poll_stop(&process->output);
    }
    (void)snprintf(process->refusal, sizeof process->refusal, "%s", err.text);
    (void)uv_timer_start(&process->timer, on_refused, 0, 0);
    return process;
}

void process_kill(struct process *process)
{
    if (process->cell == 0)
        return;
    (void)uv_timer_stop(&process->timer);
    process->is_ending = true;
    keeper_kill_cell(process->template->pool->keeper, process->cell);
}

void process_drop(struct process *process)
{
    if (process->cell > 0)
        keeper_drop_cell(process->template->pool->keeper, process->cell);
    process->cell = 0;
    process->is_ending = true;
}

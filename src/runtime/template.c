/*
 * template: one process a key, that has imported the handler and forks workers; as the server sees it.
 *
 *              template_start             INIT_DONE
 *     [COLD] ----------------> [STARTING] ----------> [READY]
 *        ^                         |                     |
 *        |                         | INIT_ERROR, init    | template_kill: idle, retired, deaf
 *        |                         | timeout             v
 *        +---------------------- [ENDING] <--------------+
 *          its cell's end, which may come from any state: workers gone, then pool_on_template_gone
 *
 * A template is long-lived as a place for waiting calls; its process comes and goes.
 */
#include "runtime/runtime_private.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/rand.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static const struct frame_rule accepted[] = {
    {FRAME_INIT_DONE, 0},
    {FRAME_INIT_ERROR, INVOKE_RESPONSE_BYTES_MAX},
    {FRAME_FORKED, 0},
    {FRAME_EXITED, 0},
};

enum { ENVIRONMENT_BYTES_MAX = FRAME_HEAD_BYTES_MAX };

struct template *template_new(struct pool *pool, struct runnable *what, struct function_load *load)
{
    struct template *template = calloc(1, sizeof *template);

    if (!template)
        abort();
    runnable_retain(what);
    template->pool = pool;
    template->what = what;
    template->load = load;
    TAILQ_INIT(&template->waiting);
    for (int i = 0; i < WORKER_STATES; i++)
        TAILQ_INIT(&template->workers[i]);
    buf_init(&template->init_log, RECORD_LOG_BYTES_MAX);
    template->timer.data = template;
    (void)uv_timer_init(pool->loop, &template->timer);
    template->used_us = clock_steady_us();
    return template;
}

static void on_freed(uv_handle_t *handle)
{
    struct template *template = handle->data;

    buf_free(&template->init_log);
    free(template);
}

void template_free(struct template *template)
{
    runnable_release(template->what);
    template->what = NULL;
    uv_close((uv_handle_t *)&template->timer, on_freed);
}

int template_workers(const struct template *template)
{
    int count = 0;

    for (int i = 0; i < WORKER_STATES; i++)
        count += template->workers_count[i];
    return count;
}

bool template_send(struct template *template, enum frame_type type, uint32_t worker, const int *fds, int count)
{
    struct frame_header header = {.type = type, .worker = worker};

    return template->line && frame_send(template->line->control_fd, &header, fds, count);
}

/* The environment that AWS documents ("Defined runtime environment variables").  Later words win, so the customer's
 * come last. */

static void add_variable(struct buf *head, const char *name, str value)
{
    buf_printf(head, "%s=" STR_FMT, name, STR_ARG(value));
    buf_add_char(head, '\0');
}

static str region_of(str arn)
{
    str part = STR(""), rest = arn;

    for (int i = 0; i < 4; i++)
        (void)str_cut(rest, ':', &part, &rest);
    return part;
}

static void add_log_stream(struct buf *head, str version)
{
    uint64_t id[2];
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm day;

    rand_bytes(id, sizeof id);
    (void)gmtime_r(&now, &day);
    buf_printf(head, "AWS_LAMBDA_LOG_STREAM_NAME=%04d/%02d/%02d/[" STR_FMT "]%016llx%016llx", day.tm_year + 1900,
               day.tm_mon + 1, day.tm_mday, STR_ARG(version), (unsigned long long)id[0], (unsigned long long)id[1]);
    buf_add_char(head, '\0');
}

static const struct {
    const char *name;
    str value;
} fixed_variables[] = {
    {"AWS_LAMBDA_INITIALIZATION_TYPE", STR("on-demand")},
    {"AWS_XRAY_CONTEXT_MISSING", STR("LOG_ERROR")},
    {"LAMBDA_TASK_ROOT", STR("/var/task")},
    {"LAMBDA_RUNTIME_DIR", STR("/var/runtime")},
    {"LD_LIBRARY_PATH", STR("/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:"
                            "/opt/lib")},
    {"PATH", STR("/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin")},
    {"PYTHONPATH", STR("/var/runtime")},
    {"LANG", STR("en_US.UTF-8")},
    {"LC_CTYPE", STR("C.UTF-8")},
    {"TZ", STR(":UTC")},
    {"PWD", STR("/var/task")},
    {"SHLVL", STR("0")},
    {"HOME", STR("/tmp")},
};

/* With which its code calls us back, as its role would call AWS. */
static void add_credentials(struct buf *head, const struct runnable *what, const struct pool_options *options)
{
    ARENA_AUTO arena = {0};
    struct pool_credentials keys = {0};

    if (options->credentials)
        options->credentials(options->credentials_ctx, what, &arena, &keys);
    const struct {
        const char *name;
        str value;
    } variables[] = {
        {"AWS_ACCESS_KEY_ID", keys.access_key},
        {"AWS_SECRET_ACCESS_KEY", keys.secret},
        {"AWS_SESSION_TOKEN", keys.session_token},
        {"AWS_ENDPOINT_URL", keys.endpoint},
    };
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        if (variables[i].value.len)
            add_variable(head, variables[i].name, variables[i].value);
}

static void add_environment(struct buf *head, const struct runnable *what, const struct pool_options *options)
{
    char memory[16], runtime[64];
    str region = region_of(what->arn);

    for (size_t i = 0; i < sizeof fixed_variables / sizeof *fixed_variables; i++)
        add_variable(head, fixed_variables[i].name, fixed_variables[i].value);
    (void)snprintf(memory, sizeof memory, "%d", what->memory_mb);
    (void)snprintf(runtime, sizeof runtime, "AWS_Lambda_" STR_FMT, STR_ARG(what->runtime));
    add_variable(head, "AWS_REGION", region);
    add_variable(head, "AWS_DEFAULT_REGION", region);
    add_variable(head, "AWS_EXECUTION_ENV", str_of(runtime));
    add_variable(head, "AWS_LAMBDA_FUNCTION_NAME", what->function);
    add_variable(head, "AWS_LAMBDA_FUNCTION_VERSION", what->version);
    add_variable(head, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", str_of(memory));
    add_variable(head, "AWS_LAMBDA_LOG_GROUP_NAME", what->log_group);
    add_log_stream(head, what->version);
    add_credentials(head, what, options);
    for (int i = 0; i < what->environment_count; i++) {
        buf_add(head, what->environment[i]);
        buf_add_char(head, '\0');
    }
    add_variable(head, "_HANDLER", what->handler);
}

static bool send_init(int fd, const struct template *template, struct err *err)
{
    const struct runnable *what = template->what;
    struct frame frame = {.header = {.type = FRAME_INIT}};
    BUF_AUTO head = {0};
    size_t sent = 0;

    buf_init(&head, ENVIRONMENT_BYTES_MAX);
    buf_add(&head, what->handler);
    buf_add(&head, STR("\0/var/task\0"));
    add_environment(&head, what, &template->pool->options);
    frame.head = buf_str(&head);
    frame.header.head_bytes = (uint32_t)head.len;
    if (!buf_ok(&head))
        return err_set(err, ERR_LIMIT, "the environment is larger than %d bytes", ENVIRONMENT_BYTES_MAX);
    if (!frame_write(fd, &frame, &sent) || sent != frame_bytes(&frame)) /* a new socket holds it all */
        return err_sys(err, "talking to the template");
    return true;
}

/* What the template says */

static void read_output(struct template *template, bool to_end)
{
    struct template_line *line = template->line;

    if (!log_pipe_read(line->output_fd, to_end, &template->init_log, &template->init_log_dropped))
        (void)uv_poll_stop(&line->output);
}

static void on_init_error(struct template *template, const struct frame *frame)
{
    struct init_failure failure = {.kind = INIT_RAISED, .payload = frame->body};

    if (template->state != TEMPLATE_STARTING)
        return;
    read_output(template, true);
    template_kill(template);
    pool_on_init_failed(template, &failure);
}

/* Ends its process; who waited for an init is told. */
static void end_init(struct template *template, const struct init_failure *failure)
{
    bool in_init = template->state == TEMPLATE_STARTING && template->line;

    template_kill(template);
    if (in_init)
        pool_on_init_failed(template, failure);
}

static void on_init_done(struct template *template)
{
    if (template->state != TEMPLATE_STARTING)
        return;
    read_output(template, true);
    (void)uv_timer_stop(&template->timer);
    template->state = TEMPLATE_READY;
    template->ready_us = clock_steady_us();
    template->init_us = template->ready_us - template->started_us; /* with the interpreter's start */
    pool_on_template_ready(template);
}

static void on_frame(struct template *template, const struct frame *frame)
{
    struct worker *worker = worker_find(template, frame->header.worker);

    if (frame->header.type == FRAME_INIT_DONE) {
        on_init_done(template);
    } else if (frame->header.type == FRAME_INIT_ERROR) {
        on_init_error(template, frame);
    } else if (worker && frame->header.type == FRAME_FORKED) {
        worker_on_forked(worker, frame->header.status);
    } else if (worker && frame->header.type == FRAME_EXITED) {
        worker_gone(worker, frame->header.status);
        pool_on_worker_free(template);
    }
}

static void on_deaf(uv_timer_t *timer)
{
    end_init(timer->data, &(struct init_failure){.kind = INIT_EXITED, .status = SIGKILL});
}

/* Its line is closed: mostly it has ended, and its exit status is worth waiting for. */
static void kill_later(struct template *template)
{
    (void)uv_timer_start(&template->timer, on_deaf, GRACE_MS, 0);
}

static void on_control(uv_poll_t *poll, int status, int events)
{
    struct template_line *line = poll->data;
    enum frame_status got;
    struct frame frame;

    (void)status, (void)events;
    while (line->template) { /* a frame may bring the line's end */
        got = frame_receive(line->control_fd, &line->in, accepted, sizeof accepted / sizeof *accepted, &frame);
        if (got == FRAME_PARTIAL)
            return;
        if (got != FRAME_COMPLETE) {
            (void)uv_poll_stop(poll); /* it has ended, or speaks another language: its cell's end tells the rest */
            kill_later(line->template);
            return;
        }
        on_frame(line->template, &frame);
        frame_drop(&line->in, &frame);
    }
}

static void on_output(uv_poll_t *poll, int status, int events)
{
    struct template_line *line = poll->data;

    (void)events;
    if (status < 0)
        (void)uv_poll_stop(poll);
    else
        read_output(line->template, false);
}

static void on_timer(uv_timer_t *timer)
{
    end_init(timer->data, &(struct init_failure){.kind = INIT_TIMED_OUT});
}

/* The process */

static void on_line_closed(uv_handle_t *handle)
{
    struct template_line *line = handle->data;

    if (--line->handles > 0)
        return;
    buf_free(&line->in);
    free(line);
}

/* Descriptors and handles of one process; they outlive it by a turn of the loop, hence apart from the template. */
static void open_line(struct template *template, int control_fd, int output_fd)
{
    struct template_line *line = calloc(1, sizeof *line);
    uv_loop_t *loop = template->pool->loop;

    if (!line)
        abort();
    *line =
        (struct template_line){.template = template, .control_fd = control_fd, .output_fd = output_fd, .handles = 2};
    line->control.data = line->output.data = line;
    buf_init(&line->in, sizeof(struct frame_header) + 2 * (size_t)INVOKE_RESPONSE_BYTES_MAX);
    (void)uv_poll_init(loop, &line->control, control_fd);
    (void)uv_poll_init(loop, &line->output, output_fd);
    (void)uv_poll_start(&line->control, UV_READABLE, on_control);
    (void)uv_poll_start(&line->output, UV_READABLE, on_output);
    template->line = line;
}

static void close_line(struct template *template)
{
    struct template_line *line = template->line;

    if (!line)
        return;
    template->line = NULL;
    line->template = NULL;
    uv_close((uv_handle_t *)&line->control, on_line_closed);
    uv_close((uv_handle_t *)&line->output, on_line_closed);
    fd_close(&line->control_fd);
    fd_close(&line->output_fd);
}

static void end_workers(struct template *template, int status)
{
    struct worker *worker;

    for (int state = 0; state < WORKER_STATES; state++) {
        while ((worker = TAILQ_FIRST(&template->workers[state])))
            worker_gone(worker, status);
    }
}

/* The cell is no more, and with it every worker. */
static void on_cell_exit(void *ctx, int status)
{
    struct template *template = ctx;
    bool in_init = template->state == TEMPLATE_STARTING;
    struct init_failure failure = {.kind = INIT_EXITED, .status = status};

    (void)uv_timer_stop(&template->timer);
    template->cell = 0;
    template->state = TEMPLATE_ENDING;
    if (status == -1) {
        failure.kind = INIT_REFUSED;
        failure.why = keeper_last_error(template->pool->keeper);
    }
    if (in_init && template->line)
        read_output(template, true);
    close_line(template);
    end_workers(template, status == -1 ? SIGKILL : status);
    template->state = TEMPLATE_COLD;
    if (in_init)
        pool_on_init_failed(template, &failure);
    pool_on_template_gone(template);
}

static bool start_cell(struct template *template, int control, int output, struct err *err)
{
    const struct runnable *what = template->what;
    struct cell_options options = {.kind = CELL_TEMPLATE,
                                   .tmp_mb = (uint32_t)what->tmp_mb,
                                   .network = (enum cell_network)what->settings.network,
                                   .api_port = template->pool->options.api_port,
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
    template->cell = keeper_start_cell(template->pool->keeper, &options, on_cell_exit, template, err);
    return template->cell > 0;
}

static bool start(struct template *template, struct err *err)
{
    int control[2], output[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0)
        return err_sys(err, "a socket for the template");

    FD_AUTO ours = control[0];
    FD_AUTO theirs = control[1];

    if (pipe2(output, O_CLOEXEC) < 0)
        return err_sys(err, "a pipe for the template");

    FD_AUTO read_end = output[0];
    FD_AUTO write_end = output[1];

    (void)fcntl(read_end, F_SETFL, O_NONBLOCK);
    if (!send_init(ours, template, err) || !start_cell(template, theirs, write_end, err))
        return false;
    open_line(template, fd_take(&ours), fd_take(&read_end));
    return true;
}

static void on_refused(uv_timer_t *timer)
{
    struct template *template = timer->data;
    struct init_failure failure = {.kind = INIT_REFUSED, .why = template->refusal};

    template->state = TEMPLATE_COLD;
    pool_on_init_failed(template, &failure);
    pool_on_template_gone(template);
}

/* Nothing is told from within: a failure comes on the next turn of the loop, as every other does. */
void template_start(struct template *template)
{
    struct err err = {0};

    template->state = TEMPLATE_STARTING;
    template->started_us = clock_steady_us();
    buf_clear(&template->init_log);
    template->init_log_dropped = 0;
    if (start(template, &err)) {
        (void)uv_timer_start(&template->timer, on_timer, (uint64_t) template->pool->options.init_timeout_ms, 0);
        return;
    }
    (void)snprintf(template->refusal, sizeof template->refusal, "%s", err.text);
    (void)uv_timer_start(&template->timer, on_refused, 0, 0);
}

void template_kill(struct template *template)
{
    if (template->cell == 0)
        return;
    (void)uv_timer_stop(&template->timer);
    template->state = TEMPLATE_ENDING;
    keeper_kill_cell(template->pool->keeper, template->cell);
}

/* The pool goes: nobody wants to hear of it again. */
void template_abandon(struct template *template)
{
    if (template->cell > 0)
        keeper_drop_cell(template->pool->keeper, template->cell);
    template->cell = 0;
    close_line(template);
    end_workers(template, SIGKILL);
    template->state = TEMPLATE_COLD;
}

#include "roof/restart.h"

#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/server.h"
#include "loop/lane.h"
#include "runtime/pool.h"

enum { LOOK_MS = 2, ARGUMENTS_MAX = 128 };

static void refuse(struct restart *restart, const char *why)
{
    restart->state = RESTART_IDLE;
    uv_timer_stop(&restart->timer);
    log_error("no restart", F_CSTR("why", why));
    restart->on_refused(restart->ctx, why);
}

/* ---- Waiting for a quiet moment ---- */

static void enter(struct restart *restart, int state)
{
    restart->state = state;
    restart->since_ms = clock_steady_us() / 1000;
    http_server_freeze(restart->http, state == RESTART_FROZEN);
}

/* Calls without an exchange, too: those that an API's client does not wait for. */
static bool is_quiet(const struct restart *restart)
{
    struct pool_counts counts = pool_counts(restart->pool);

    return http_server_underway(restart->http) == 0 && counts.workers_busy == 0 && counts.waiting == 0 &&
           lane_waiting(restart->state_lane) == 0;
}

static void on_look(uv_timer_t *timer)
{
    struct restart *restart = timer->data;
    int64_t now_ms = clock_steady_us() / 1000, all_ms = now_ms - restart->begun_ms;
    bool is_last_try = all_ms >= restart->patience_ms;

    if (restart->state == RESTART_THAWED && (is_last_try || now_ms - restart->since_ms >= RESTART_SERVE_MS))
        enter(restart, RESTART_FROZEN);
    if (restart->state != RESTART_FROZEN)
        return;
    if (is_quiet(restart) || all_ms >= 2 * restart->patience_ms) {
        uv_timer_stop(timer);
        restart->on_quiet(restart->ctx);
    } else if (!is_last_try && now_ms - restart->since_ms >= RESTART_FREEZE_MS) {
        enter(restart, RESTART_THAWED);
    }
}

static void begin_waiting(struct restart *restart)
{
    restart->begun_ms = clock_steady_us() / 1000;
    enter(restart, RESTART_FROZEN);
    uv_timer_start(&restart->timer, on_look, 0, LOOK_MS);
}

/* ---- Checking what would come ---- */

static void on_checked(uv_process_t *process, int64_t status, int term_signal)
{
    struct restart *restart = process->data;

    uv_close((uv_handle_t *)process, NULL);
    if (restart->state != RESTART_CHECKING)
        return;
    uv_timer_stop(&restart->timer);
    if (status == 0 && term_signal == 0)
        begin_waiting(restart);
    else
        refuse(restart, "the program on disk does not take these settings; the log has its words");
}

static void on_check_timeout(uv_timer_t *timer)
{
    struct restart *restart = timer->data;

    uv_process_kill(&restart->check, SIGKILL);
}

/* A binary that does not run, or settings that it does not take, must not cost the server that runs. */
void restart_begin(struct restart *restart)
{
    char *arguments[ARGUMENTS_MAX] = {restart->argv[0], (char[]){"config"}};
    uv_stdio_container_t io[] = {
        {.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO}};
    uv_process_options_t options = {.file = restart->binary,
                                    .args = arguments,
                                    .exit_cb = on_checked,
                                    .stdio = io,
                                    .stdio_count = sizeof io / sizeof *io};
    char why[256];
    int code;

    if (restart->state != RESTART_IDLE)
        return;
    for (int i = 2; restart->argv[i]; i++) {
        if (i + 1 >= ARGUMENTS_MAX) {
            refuse(restart, "the command line is too long");
            return;
        }
        arguments[i] = restart->argv[i];
    }
    restart->state = RESTART_CHECKING;
    restart->asked_us = clock_steady_us();
    restart->check.data = restart;
    code = uv_spawn(restart->loop, &restart->check, &options);
    if (code != 0) {
        uv_close((uv_handle_t *)&restart->check, NULL);
        snprintf(why, sizeof why, "%s: %s", restart->binary, uv_strerror(code));
        refuse(restart, why);
        return;
    }
    uv_timer_start(&restart->timer, on_check_timeout, RESTART_CHECK_MS, 0);
}

void restart_init(struct restart *restart)
{
    uv_timer_init(restart->loop, &restart->timer);
    restart->timer.data = restart;
}

void restart_forget(struct restart *restart)
{
    uv_timer_stop(&restart->timer);
    if (restart->state == RESTART_FROZEN)
        http_server_freeze(restart->http, false);
    restart->state = RESTART_IDLE;
}

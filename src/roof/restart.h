/*
 * restart: from the wish to begin anew to the moment at which this program can be replaced.
 *
 *     IDLE ──restart_begin──▶ CHECKING ──the new binary reads its settings──▶ FROZEN ──all is quiet──▶ on_quiet
 *       ▲                        │ it does not: refused, all goes on            │ ▲
 *       └────────────────────────┘                          something runs long ▼ │ RESTART_SERVE_MS
 *                                                                             THAWED
 *
 * Frozen, the server begins no request, and clients wait.  A call that runs longer than RESTART_FREEZE_MS does not make
 * them wait for it: the server thaws and tries again a little later, until its patience ends; then it stays frozen for
 * as long as a stop may take, and what still runs is cut off.
 */
#pragma once

#include <uv.h>

#include "base/err.h"
#include "roof/config.h"

struct http_server;
struct lane;
struct pool;

struct restart {
    /* in */
    uv_loop_t *loop;
    struct http_server *http;
    struct pool *pool;
    struct lane *state_lane;
    int64_t patience_ms;
    const char *binary; /* the path that this program was started from */
    char **argv;        /* of main: "sculler", "server", ... */
    void (*on_quiet)(void *ctx);
    void (*on_refused)(void *ctx, const char *why);
    void *ctx;
    /* its own */
    enum { RESTART_IDLE, RESTART_CHECKING, RESTART_FROZEN, RESTART_THAWED } state;
    uv_timer_t timer;
    uv_process_t check;
    int64_t begun_ms, since_ms, asked_us;
};

void restart_init(struct restart *restart); /* the `in` part is filled */
void restart_begin(struct restart *restart);
void restart_forget(struct restart *restart); /* it is to end instead */

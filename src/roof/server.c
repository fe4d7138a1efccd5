#include "roof/server.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "apis/apis.h"
#include "apis/schema.h"
#include "apis/store.h"
#include "aws/door.h"
#include "aws/session.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "cell/keeper.h"
#include "console/console.h"
#include "db/db.h"
#include "functions/entry.h"
#include "functions/packages.h"
#include "functions/readiness.h"
#include "functions/schema.h"
#include "gateway/gateway.h"
#include "http/server.h"
#include "invoke/invoke.h"
#include "logs/record.h"
#include "loop/lane.h"
#include "monitor/monitor.h"
#include "replay/replay.h"
#include "roof/certificate.h"
#include "roof/config.h"
#include "roof/credentials.h"
#include "roof/handover.h"
#include "roof/privilege.h"
#include "roof/restart.h"
#include "roof/routes.h"
#include "runtime/pool.h"

/*
 * Starting is a list of steps, each standing on those before it; a step that fails says why and the process ends
 * (what a half-started server holds, the kernel takes back, and the keeper ends every cell when its line closes).
 * The order matters in one place: the keeper is started, and the port is taken, while there still is privilege.
 *
 *     settings ─ state ─ credentials ─ port ─ keeper, interpreters ─ DROP ─ database ─ records ─ functions ─ apis ─
 * pool ─ doors
 *
 * Stopping goes the other way: no new connections, running calls finish (bounded), records reach the disk.
 */

enum { WARM_MAX = 8, WARM_BYTES_MAX = 2048 }; /* versions that a restart starts again before they are called */

struct server {
    uv_loop_t loop;
    uv_signal_t on_int, on_term, on_hup, on_usr2;
    uv_timer_t stop_timer;
    struct config config;
    struct privilege privilege;
    int lock_fd;
    int64_t restarts_asked;
    struct handed handed; /* by the program that was here before */
    struct restart restart;
    char binary[PATH_MAX];
    char **argv;
    struct credentials credentials;
    struct certificate certificate;
    struct aws_credential aws_credential;
    struct aws_credentials aws_credentials;
    struct session_key session_key;
    uint16_t api_port; /* by which functions reach us, on loopback; 0: none */
    struct keeper *keeper;
    struct db *db;
    struct lane *state_lane;
    struct interpreters *interpreters;
    struct entry_world world;
    struct catalog *catalog;
    struct packages *packages;
    struct readiness readiness;
    struct apis *apis;
    struct records *records;
    struct monitor *monitor;
    struct pool *pool;
    struct invoker invoker;
    struct replays *replays;
    struct aws_door door;
    struct gateway gateway;
    struct console console;
    struct routes routes;
    struct http_server *http;
    struct http_server *inner; /* plain, on loopback, for functions of a server that speaks TLS; or NULL */
    char path[512], endpoint[256];
    bool stopping;
};

static const char version[] = SCULLER_VERSION;

static str setting(const char *text)
{
    return str_of(text);
}

MUST_USE static bool start_log(struct server *server, struct err *err)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};

    log_set_json(server->config.log_json);
    for (int i = 0; i < 4; i++)
        if (strcmp(server->config.log_level, levels[i]) == 0) {
            log_set_level((enum log_level)i);
            return true;
        }
    return err_set(err, ERR_INVALID, "log_level is error, warn, info or debug, not '%s'", server->config.log_level);
}

static bool is_loopback(const char *listen)
{
    return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "localhost:", 10) == 0 ||
           strncmp(listen, "[::1]:", 6) == 0 || strncmp(listen, "unix:", 5) == 0;
}

MUST_USE static bool check_auth(struct server *server, struct err *err)
{
    if (server->config.auth)
        return true;
    if (!is_loopback(server->config.listen))
        return err_set(
            err, ERR_INVALID,
            "--auth off is possible on loopback only, and --listen is %.100s: anyone there could run code here",
            server->config.listen);
    log_warn("authentication is OFF: every program on this machine may deploy and call functions");
    return true;
}

static void say_state(const struct server *server, const char *state, const char *problem)
{
    lock_say(server->lock_fd, &(struct lock_words){
                                  .starts = server->handed.starts,
                                  .asked = server->restarts_asked,
                                  .state = state,
                                  .problem = problem,
                              });
}

MUST_USE static bool start_state(struct server *server, struct err *err)
{
    if (!privilege_find(server->config.user, &server->privilege, err))
        return false;
    server->lock_fd = server->handed.lock;
    if (!server->handed.is_restart &&
        !privilege_make_state(&server->privilege, server->config.state, &server->lock_fd, err))
        return false;
    say_state(server, "starting", "");
    return credentials_load(server->config.state, &server->credentials, err);
}

static bool say_other_port(struct err *err)
{
    const struct err why = *err;

    return err_set(err, ERR_CONFLICT, "%s; stop that, or listen elsewhere: --listen HOST:PORT, or SCULLER_LISTEN",
                   why.text);
}

/*
 * A certificate is seldom one for 127.0.0.1, and a function knows nobody who vouches for it, so with TLS functions get
 * a plain port of their own; what they say there does not leave the machine.  It is not handed on by a restart, and not
 * frozen for one: who knows it ends with its cell.  Who listens at a path means to have no port at all.
 */
MUST_USE static bool start_inner_port(struct server *server, struct err *err)
{
    struct http_server_options options = {.listen = "127.0.0.1:0",
                                          .spool_dir = server->path,
                                          .handlers = routes_handlers(&server->routes),
                                          .connections_max = (int)server->config.connections};

    if (!server->certificate.context || server->routes.listens_on_unix)
        return true;
    return http_server_open(&server->loop, &options, &server->inner, err) ||
           err_wrap(err, "a plain port, by which functions reach a server that speaks TLS");
}

MUST_USE static bool start_port(struct server *server, struct err *err)
{
    struct http_server_options options = {
        .listen = server->config.listen, .spool_dir = server->path, .listener_fd = server->handed.listener};

    if (!certificate_load(&server->config, server->handed.certificate, &server->certificate, err))
        return false;
    if (server->certificate.is_old)
        log_warn("the certificate's files may be read by root only, so the one of before is used until the next start");
    options.connections_max = (int)server->config.connections;
    options.tls = server->certificate.context;
    snprintf(server->path, sizeof server->path, "%s/spool", server->config.state);
    server->routes = (struct routes){
        .aws = &server->door,
        .console = &server->console,
        .gateway = &server->gateway,
        .allowed_hosts = server->config.allowed_hosts,
        .listens_on_unix = str_starts(setting(server->config.listen), STR("unix:")),
    };
    options.handlers = routes_handlers(&server->routes);
    if (!http_server_open(&server->loop, &options, &server->http, err))
        return err->code == ERR_CONFLICT ? say_other_port(err) : false;
    server->routes.own_address = http_server_address(server->http);
    snprintf(server->endpoint, sizeof server->endpoint, "%s" STR_FMT,
             server->routes.listens_on_unix ? ""
             : server->certificate.context  ? "https://"
                                            : "http://",
             STR_ARG(server->routes.own_address));
    return start_inner_port(server, err);
}

static void on_keeper_lost(void *ctx)
{
    (void)ctx;
    log_error("the keeper is gone, so no cell can be built or ended any more: stopping");
    raise(SIGTERM);
}

MUST_USE static bool start_keeper(struct server *server, struct err *err)
{
    const struct handed *handed = &server->handed;

    if (handed->is_restart)
        server->keeper = keeper_adopt(&server->loop, handed->keeper, handed->keeper_pid, handed->keeper_cells);
    else if (!keeper_start(&server->loop, server->config.state, &server->keeper, err))
        return false;
    keeper_on_lost(server->keeper, on_keeper_lost, server);
    snprintf(server->path, sizeof server->path, "%s/interpreters", server->config.state);
    /* some live where only their owner may look */
    server->interpreters = interpreters_find_known(STR(""), server->path, handed->is_restart);
    if (!privilege_drop(&server->privilege, err) || !interpreters_keep(server->interpreters, server->path, err))
        return false;
    return credentials_save(server->config.state, &server->credentials, server->endpoint, server->config.region,
                            server->config.account, certificate_ca(&server->certificate), err);
}

MUST_USE static bool open_monitor(struct server *server, struct err *err)
{
    if (!monitor_open(&server->loop, server->config.state, &server->monitor, err) ||
        !records_open(&server->loop, server->config.state, monitor_kept_file(server->monitor), &server->records, err))
        return false;
    monitor_keep_months(server->monitor, (int)server->config.monitor_months);
    return monitor_follow(server->monitor, server->records) || err_set(err, ERR_LIMIT, "too many watch the records");
}

MUST_USE static bool start_database(struct server *server, struct err *err)
{
    struct db_migration all[64];
    int count = 0;

    for (int i = 0; i < functions_migrations_count; i++)
        all[count++] = functions_migrations[i];
    for (int i = 0; i < apis_migrations_count; i++)
        all[count++] = apis_migrations[i];
    for (int i = 1; i < count; i++) /* in order of number, whichever room a migration is of */
        for (int k = i; k > 0 && all[k].number < all[k - 1].number; k--) {
            struct db_migration moved = all[k];
            all[k] = all[k - 1];
            all[k - 1] = moved;
        }
    snprintf(server->path, sizeof server->path, "%s/sculler.db", server->config.state);
    if (!db_open(server->path, &server->db, err) || !db_migrate(server->db, all, count, err))
        return false;
    server->state_lane = lane_new(&server->loop, "state");
    return open_monitor(server, err);
}

MUST_USE static bool start_functions(struct server *server, struct err *err)
{
    struct packages_options options = {
        .loop = &server->loop,
        .state_dir = server->config.state,
        .keeper = server->keeper,
        .aws_limits = server->config.aws_limits,
    };

    server->world = (struct entry_world){
        .region = setting(server->config.region),
        .account = setting(server->config.account),
        .interpreters = server->interpreters,
    };
    server->catalog = catalog_new();
    server->apis = apis_new();
    if (!packages_open(&options, &server->packages, err))
        return false;
    packages_watch_catalog(server->packages, server->catalog);
    server->readiness = (struct readiness){
        .loop = &server->loop,
        .lane = server->state_lane,
        .db = server->db,
        .catalog = server->catalog,
        .packages = server->packages,
        .world = &server->world,
    };
    if (!entry_load_all(server->db, &server->world, server->catalog, err) ||
        !apis_load_all(server->db, server->apis, err))
        return false;
    readiness_watch(&server->readiness, STR(""));
    return true;
}

/* Functions reach us by a TCP port of the host's loopback. */
static uint16_t loopback_port(str address)
{
    static const char *const hosts[] = {"127.0.0.1:", "localhost:", "0.0.0.0:", "[::]:"};
    long long port;

    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (str_starts(address, str_of(hosts[i])) &&
            str_to_int(str_from(address, strlen(hosts[i])), 1, UINT16_MAX, &port))
            return (uint16_t)port;
    log_warn("this server does not listen on 127.0.0.1, so functions get no endpoint to call it by",
             F_STR("listen", address));
    return 0;
}

/* What a function finds in its environment.  Good for as long as a template lives, and its last call. */
static void give_credentials(void *ctx, const struct runnable *what, struct arena *arena, struct pool_credentials *ret)
{
    enum { DAYS_WITHOUT_END = 3650, DAY_S = 24 * 60 * 60 }; /* of a template that is never started anew */
    const struct server *server = ctx;
    int64_t age_s = server->config.template_age_max_ms
                        ? (server->config.template_age_max_ms + FUNCTION_TIMEOUT_MS_MAX) / 1000
                        : (int64_t)DAYS_WITHOUT_END * DAY_S;
    int64_t now_s = clock_wall_ms() / 1000;
    const struct session session = {
        .function = what->function,
        .account = setting(server->config.account),
        .role = what->role,
        .issued_s = now_s,
        .expires_s = now_s + age_s,
    };
    struct session_credentials keys;

    session_issue(&server->session_key, &session, arena, &keys);
    *ret = (struct pool_credentials){keys.access_key, keys.secret, keys.token, STR("")};
    if (server->api_port && what->settings.network != CELL_NETWORK_NONE)
        ret->endpoint = arena_printf(arena, "http://127.0.0.1:%u", (unsigned)server->api_port);
}

static void start_pool(struct server *server)
{
    const struct config *config = &server->config;
    struct pool_options options = {
        .catalog = server->catalog,
        .workers_per_version_max = (int)config->workers_per_version,
        .workers_total_max = (int)config->workers,
        .queue_per_function_max = (int)config->queue,
        .queue_wait_ms_max = (int)config->queue_wait_ms,
        .worker_idle_ms = (int)config->worker_idle_ms,
        .template_idle_ms = (int)config->template_idle_ms,
        .init_timeout_ms = (int)config->init_timeout_ms,
        .account_concurrency = (int)config->account_concurrency,
        .templates_memory_mb = config->templates_memory_mb,
        .template_memory_mb = config->template_memory_mb,
        .template_age_max_ms = (int)config->template_age_max_ms,
        .allow_host_network = config->allow_host_network,
        .api_port = loopback_port(http_server_address(server->inner ? server->inner : server->http)),
        .credentials = give_credentials,
        .credentials_ctx = server,
    };

    server->api_port = options.api_port;
    session_key_derive(setting(server->credentials.secret), &server->session_key);

    server->pool = pool_new(&server->loop, server->keeper, &options);
    server->invoker = (struct invoker){
        .catalog = server->catalog,
        .pool = server->pool,
        .records = server->records,
        .monitor = server->monitor,
        .region = setting(config->region),
        .account = setting(config->account),
        .slow_us = config->slow_ms * 1000,
    };
}

MUST_USE static bool start_replays(struct server *server, struct err *err)
{
    const struct replays_options options = {
        .loop = &server->loop, .state_dir = server->config.state, .invoker = &server->invoker};

    return replays_open(&options, &server->replays, err);
}

/* The gateway knows no keys and aws/ knows no APIs: a method that asks for AWS_IAM is checked here. */
static enum gateway_auth authorize(void *ctx, const struct http_exchange *exchange, struct err *err)
{
    bool unknown_key;
    enum sigv4_fault fault = aws_door_verify(ctx, exchange, &unknown_key, err);

    if (fault == SIGV4_OK)
        return GATEWAY_AUTH_OK;
    if (fault == SIGV4_ABSENT)
        return GATEWAY_AUTH_ABSENT;
    return unknown_key ? GATEWAY_AUTH_UNKNOWN_KEY : GATEWAY_AUTH_BAD_SIGNATURE;
}

/* Nor does aws/ know the dashboard's cookie. */
static bool vouch(void *ctx, const struct http_request *request)
{
    return console_vouches(ctx, request);
}

static void start_doors(struct server *server)
{
    const struct config *config = &server->config;

    console_init(&server->console, setting(server->credentials.token), !config->auth,
                 server->certificate.context != NULL);

    server->aws_credential =
        (struct aws_credential){setting(server->credentials.access_key), setting(server->credentials.secret)};
    server->aws_credentials = (struct aws_credentials){&server->aws_credential, 1};
    server->door = (struct aws_door){
        .loop = &server->loop,
        .catalog = server->catalog,
        .apis = server->apis,
        .invoker = &server->invoker,
        .monitor = server->monitor,
        .state_lane = server->state_lane,
        .db = server->db,
        .packages = server->packages,
        .readiness = &server->readiness,
        .interpreters = server->interpreters,
        .replays = server->replays,
        .credentials = &server->aws_credentials,
        .session_key = &server->session_key,
        .region = setting(config->region),
        .account = setting(config->account),
        .base_url = setting(server->endpoint),
        .version = setting(version),
        .vouches = vouch,
        .vouches_ctx = &server->console,
        .auth_off = !config->auth,
        .aws_limits = config->aws_limits,
        .account_concurrency = (int)config->account_concurrency,
    };
    server->gateway = (struct gateway){
        .loop = &server->loop,
        .apis = server->apis,
        .invoker = &server->invoker,
        .region = setting(config->region),
        .account = setting(config->account),
        .authorize = authorize,
        .authorize_ctx = &server->door,
    };
}

/* -- stopping ------------------------------------------------------------------------------------------- */

static void on_drained(void *ctx)
{
    struct server *server = ctx;

    uv_stop(&server->loop);
}

static void on_http_closed(void *ctx)
{
    struct server *server = ctx;

    pool_drain(server->pool, on_drained, server);
}

static void on_stop_timeout(uv_timer_t *timer)
{
    struct server *server = timer->data;

    log_warn("calls still run after stop_ms; they are ended", F_INT("running", pool_counts(server->pool).workers_busy));
    uv_stop(&server->loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct server *server = handle->data;

    (void)number;
    if (server->stopping) { /* asked twice, or the time is up: at once */
        uv_stop(&server->loop);
        return;
    }
    server->stopping = true;
    restart_forget(&server->restart);
    log_info("stopping: running calls may finish; once more to stop at once",
             F_INT("running", pool_counts(server->pool).workers_busy));
    if (server->inner)
        http_server_close(server->inner, (int)server->config.stop_ms, NULL, NULL);
    /* Who still waits when the time is up is told that its call was ended, so its connection must be there a little
     * longer. */
    http_server_close(server->http, (int)server->config.stop_ms + HTTP_LINGER_MS, on_http_closed, server);
    uv_timer_init(&server->loop, &server->stop_timer);
    server->stop_timer.data = server;
    uv_timer_start(&server->stop_timer, on_stop_timeout, (uint64_t)server->config.stop_ms, 0);
}

/* What is on disk is complete; memory goes with the process. */
static void close_all(struct server *server)
{
    replays_stop(server->replays);
    pool_free(server->pool);
    lane_free(server->state_lane);
    monitor_close(server->monitor);
    records_close(server->records);
    replays_close(server->replays);
    db_close(server->db);
}

static void stop(struct server *server)
{
    close_all(server);
    keeper_stop(server->keeper);
    log_info("stopped");
}

/* -- beginning anew ------------------------------------------------------------------------------------- */

static void on_restart_signal(uv_signal_t *handle, int number)
{
    struct server *server = handle->data;

    (void)number;
    if (server->stopping)
        return;
    server->restarts_asked++;
    say_state(server, "restarting", "");
    restart_begin(&server->restart);
}

static void on_restart_refused(void *ctx, const char *why)
{
    struct server *server = ctx;

    say_state(server, "ready", why);
}

/* Where the settings were read from, for a program that is not root any more and would look elsewhere. */
static void keep_places(const struct server *server)
{
    setenv("SCULLER_STATE", server->config.state, 1);
    if (server->config.file)
        setenv("SCULLER_CONFIG", server->config.file, 1);
}

/* The names of what is warm, for handed.warm. */
static char *warm_words(const struct pool *pool)
{
    struct runnable *warm[WARM_MAX];
    int count = pool_worth_keeping(pool, warm, WARM_MAX);
    BUF_AUTO words = {0};

    buf_init(&words, WARM_BYTES_MAX);
    for (int i = 0; i < count; i++)
        buf_printf(&words, "%s" STR_FMT ":" STR_FMT, i > 0 ? "," : "", STR_ARG(warm[i]->function),
                   STR_ARG(warm[i]->version));
    return buf_ok(&words) && count > 0 ? strndup(words.at, words.len) : NULL;
}

static void warm_up(struct server *server)
{
    str rest = server->handed.warm ? str_of(server->handed.warm) : STR(""), word, name, qualifier, alias;

    while (rest.len > 0) {
        struct runnable *what;
        str_cut(rest, ',', &word, &rest);
        if (!str_cut(word, ':', &name, &qualifier) ||
            !(what = catalog_resolve(server->catalog, name, qualifier, &alias)))
            continue;
        if (what->state == VERSION_ACTIVE)
            pool_warm(server->pool, what);
        runnable_release(what);
    }
    free(server->handed.warm);
    server->handed.warm = NULL;
}

static void on_quiet(void *ctx)
{
    struct server *server = ctx;
    struct handed next = {.lock = server->lock_fd,
                          .starts = server->handed.starts + 1,
                          .asked_us = server->restart.asked_us,
                          .certificate = server->certificate.texts_fd,
                          .warm = warm_words(server->pool)};
    struct http_handed sockets;
    struct err err = {0};

    if (pool_counts(server->pool).workers_busy > 0)
        log_warn("calls still run; they are ended, since a restart may wait no longer",
                 F_INT("running", pool_counts(server->pool).workers_busy));
    http_server_hand_on(server->http, &sockets);
    close_all(server);
    next.listener = sockets.listener;
    next.conns = sockets.conns;
    next.conns_count = sockets.conns_count;
    next.keeper = keeper_hand_on(server->keeper, &next.keeper_pid, &next.keeper_cells);
    keep_places(server);
    log_info("restarting", F_CSTR("binary", server->binary), F_INT("connections", next.conns_count));
    if (!handed_exec(server->binary, server->argv, &next, &err))
        log_error("the restart failed, and nothing is left to serve with: ending", F_CSTR("why", err.text));
    exit(EXIT_FAILURE);
}

static void adopt_connections(struct server *server)
{
    for (int i = 0; i < server->handed.conns_count; i++)
        http_server_adopt(server->http, server->handed.conns[i]);
    free(server->handed.conns);
    server->handed.conns = NULL;
}

static void watch_signals(struct server *server)
{
    const struct {
        uv_signal_t *handle;
        int number;
        uv_signal_cb on_signal;
    } rows[] = {
        {&server->on_int, SIGINT, on_signal},
        {&server->on_term, SIGTERM, on_signal},
        {&server->on_hup, SIGHUP, on_restart_signal},
        {&server->on_usr2, SIGUSR2, on_restart_signal},
    };
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uv_signal_init(&server->loop, rows[i].handle);
        rows[i].handle->data = server;
        uv_signal_start(rows[i].handle, rows[i].on_signal, rows[i].number);
        sigaddset(&set, rows[i].number);
    }
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* held back over the exec of a restart */
}

static void ready_restart(struct server *server)
{
    server->restart = (struct restart){
        .loop = &server->loop,
        .http = server->http,
        .pool = server->pool,
        .state_lane = server->state_lane,
        .patience_ms = server->config.stop_ms,
        .binary = server->binary,
        .argv = server->argv,
        .on_quiet = on_quiet,
        .on_refused = on_restart_refused,
        .ctx = server,
    };
    restart_init(&server->restart);
}

/* -- running -------------------------------------------------------------------------------------------- */

static void say_ready(const struct server *server)
{
    struct arena arena = {0};

    if (server->handed.is_restart)
        log_info("restarted", F_INT("ms", (clock_steady_us() - server->handed.asked_us) / 1000));
    log_info("sculler " SCULLER_VERSION " is ready", F_CSTR("url", server->endpoint),
             F_CSTR("state", server->config.state), F_CSTR("user", server->privilege.name),
             F_STR("pythons", interpreters_words(server->interpreters, &arena)));
    str state = server->config.state_is_default ? STR("") : arena_printf(&arena, " --state %s", server->config.state);
    str words = arena_printf(&arena, "clients find the way with: eval \"$(sculler env" STR_FMT ")\"", STR_ARG(state));
    log_info(arena_cstr(&arena, words));
    if (!server->routes.listens_on_unix) /* for people, so no line of the log: a log may be read by others */
        fprintf(stderr, "Dashboard: %s/%s%s\n", server->endpoint, server->config.auth ? "?token=" : "",
                server->config.auth ? server->credentials.token : "");
    arena_free(&arena);
}

MUST_USE static bool start(struct server *server, struct err *err)
{
    if (!start_log(server, err) || !check_auth(server, err) || !start_state(server, err) || !start_port(server, err) ||
        !start_keeper(server, err) || !start_database(server, err) || !start_functions(server, err))
        return false;
    start_pool(server);
    if (!start_replays(server, err))
        return false;
    start_doors(server);
    ready_restart(server);
    watch_signals(server);
    adopt_connections(server);
    warm_up(server);
    say_state(server, "ready", "");
    return true;
}

/* Two descriptors a worker, one a connection.  And the kernel counts by user the descriptors that are under way in
 * sockets: as many as code in a cell of this user may have there must not be more than we may. */
static void raise_files_max(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

int server_main(int argc, char **argv)
{
    static struct server server;
    struct err err = {0};

    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) {
            config_print_help();
            return 0;
        }
    if (!config_load(argc - 1, argv + 1, &server.config, &err)) {
        fprintf(stderr, "sculler server: %s\n", err.text);
        return 2;
    }
    raise_files_max();
    handed_take(&server.handed);
    server.argv = argv - 1;
    (void)!readlink("/proc/self/exe", server.binary, sizeof server.binary - 1);
    uv_loop_init(&server.loop);
    if (!start(&server, &err)) {
        fprintf(stderr, "sculler server: %s\n", err.text);
        return 1;
    }
    say_ready(&server);
    uv_run(&server.loop, UV_RUN_DEFAULT);
    stop(&server);
    return 0;
}

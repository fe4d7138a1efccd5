#include "cli/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/exit.h"
#include "cli/files.h"
#include "cli/output.h"
#include "codec/base64.h"
#include "codec/json_read.h"
#include "codec/key_file.h"
#include "codec/url.h"

enum { CREDENTIALS_BYTES_MAX = 4096, PATH_CHARS_MAX = 2048, LOG_TAIL_BYTES_MAX = 64 * 1024 };

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static const char *default_state_dir(struct arena *arena)
{
    const char *state = environment("XDG_STATE_HOME"), *home = environment("HOME");

    if (environment("SCULLER_STATE"))
        return environment("SCULLER_STATE");
    if (!state && geteuid() == 0)
        return "/var/lib/sculler";
    if (state)
        return arena_cstr(arena, arena_printf(arena, "%s/sculler", state));
    return arena_cstr(arena, arena_printf(arena, "%s/.local/state/sculler", home ? home : ""));
}

static bool read_credentials(struct session *session, bool must, struct err *err)
{
    const char *path = arena_cstr(&session->arena, arena_printf(&session->arena, "%s/credentials", session->state_dir));
    str text;
    struct err why = {0};

    if (!file_read(path, CREDENTIALS_BYTES_MAX, &session->arena, &text, &why)) {
        if (!must)
            return true;
        if (access(path, F_OK) == 0)
            return err_set(err, ERR_SYSTEM, "%s; it belongs to who started the server", why.text);
        return err_set(err, ERR_NOT_FOUND,
                       "no server has been started with its state in %s; start one with `sculler server`, or say "
                       "where it is with --state or --endpoint",
                       session->state_dir);
    }
    session->access_key = key_file_value(text, STR("access_key_id"));
    session->secret = key_file_value(text, STR("secret_access_key"));
    session->region = key_file_value(text, STR("region"));
    session->account = key_file_value(text, STR("account"));
    str ca = key_file_value(text, STR("ca")), endpoint = key_file_value(text, STR("endpoint"));
    bool is_its_own = !session->endpoint || str_eq(str_of(session->endpoint), endpoint);
    if (is_its_own)
        session->dashboard_token = key_file_value(text, STR("dashboard_token"));
    session->ca_is_servers = ca.len && (is_its_own || !session->ca); /* else a bundle is for other servers */
    if (session->ca_is_servers)
        session->ca = arena_cstr(&session->arena, ca);
    if (!session->endpoint)
        session->endpoint = arena_cstr(&session->arena, endpoint);
    return true;
}

bool session_open(const struct arguments *arguments, struct session *ret, struct err *err)
{
    struct session session = {0};
    const char *region = environment("AWS_REGION");

    session.state_dir = option_text(arguments, "state");
    session.endpoint = option_text(arguments, "endpoint");
    if (!session.endpoint && !session.state_dir) {
        session.endpoint = environment("SCULLER_ENDPOINT");
        if (!session.endpoint)
            session.endpoint = environment("AWS_ENDPOINT_URL");
    }
    session.ca = environment("AWS_CA_BUNDLE");
    bool told = session.endpoint != NULL;
    if (!session.state_dir)
        session.state_dir = default_state_dir(&session.arena);
    if (!read_credentials(&session, !told, err)) {
        arena_free(&session.arena);
        return false;
    }
    if (told && environment("AWS_ACCESS_KEY_ID") && environment("AWS_SECRET_ACCESS_KEY")) {
        session.access_key = str_of(environment("AWS_ACCESS_KEY_ID"));
        session.secret = str_of(environment("AWS_SECRET_ACCESS_KEY"));
        session.token = str_of(environment("AWS_SESSION_TOKEN"));
        if (!region)
            region = environment("AWS_DEFAULT_REGION");
        if (region)
            session.region = str_of(region);
    }
    if (!session.region.len)
        session.region = STR("us-east-1");
    if (!session.account.len)
        session.account = STR("000000000000");
    *ret = session;
    return true;
}

bool session_is_aws(const struct session *session)
{
    return strstr(session->endpoint, ".amazonaws.com") != NULL;
}

void session_close(struct session *session)
{
    arena_free(&session->arena);
}

bool session_call(struct session *session, const struct session_call *call, struct http_result *ret, struct err *err)
{
    return session_call_in(session, &session->arena, call, ret, err);
}

bool session_call_in(struct session *session, struct arena *arena, const struct session_call *call,
                     struct http_result *ret, struct err *err)
{
    struct sigv4_credentials credentials = {session->access_key, session->secret, session->token, session->region,
                                            str_of(call->service)};
    struct http_call http = {.endpoint = session->endpoint,
                             .ca = session->ca,
                             .method = call->method,
                             .path = call->path,
                             .query = call->query,
                             .headers = call->headers,
                             .headers_count = call->headers_count,
                             .body = call->body,
                             .credentials = session->access_key.len ? &credentials : NULL,
                             .timeout_ms = call->timeout_ms,
                             .on_piece = call->on_piece,
                             .ctx = call->ctx};

    session->no_server = false;
    if (http_call(&http, arena, ret, err))
        return true;
    session->no_server = err->code == ERR_SYSTEM;
    return false;
}

static enum err_code code_of_status(int status)
{
    switch (status) {
    case 404:
        return ERR_NOT_FOUND;
    case 409:
        return ERR_CONFLICT;
    case 429:
        return ERR_LIMIT;
    default:
        return status < 500 ? ERR_INVALID : ERR_SYSTEM;
    }
}

bool session_refused(struct err *err, enum err_code code, const char *before, str text)
{
    bool fits = strlen(before) + text.len < sizeof err->text;

    if (!fits)
        say("%s" STR_FMT, before, STR_ARG(text));
    return err_set(err, code, "%s" STR_FMT, before, STR_ARG(text));
}

bool session_answer_json(const struct http_result *answer, json_t **ret, struct err *err)
{
    json_auto_t *value = json_loadb(answer->body.at, answer->body.len, JSON_DECODE_ANY, NULL);

    if (answer->status >= 200 && answer->status < 300) {
        if (!value && answer->body.len)
            return err_set(err, ERR_SYSTEM, "the server's answer is no JSON; is this a Sculler?");
        *ret = value ? json_incref(value) : json_object();
        return true;
    }
    str text = json_text(json_object_get(value, "message"));
    if (!text.len)
        text = json_text(json_object_get(value, "Message"));
    if (!text.len)
        return err_set(err, code_of_status(answer->status), "the server answered with status %d", answer->status);
    return session_refused(err, code_of_status(answer->status), "", text);
}

bool session_json(struct session *session, const char *service, const char *method, str path, json_t *body,
                  json_t **ret, struct err *err)
{
    json_auto_t *owned = body;
    struct http_header type = {STR("Content-Type"), STR("application/json")};
    struct session_call call = {
        .service = service, .method = method, .headers = &type, .headers_count = 1, .timeout_ms = SESSION_CALL_MS};
    struct http_result answer;

    if (!str_cut(path, '?', &call.path, &call.query))
        call.query = STR("");
    if (owned)
        call.body = json_compact(owned, &session->arena);
    return session_call(session, &call, &answer, err) && session_answer_json(&answer, ret, err);
}

str session_log(struct session *session, const struct http_result *answer)
{
    BUF_AUTO log = {0};

    buf_init(&log, LOG_TAIL_BYTES_MAX);
    if (!base64_decode(http_result_header(answer, STR("X-Amz-Log-Result")), &log))
        return STR("");
    return arena_copy(&session->arena, buf_str(&log));
}

str session_path(struct session *session, const char *fmt, ...)
{
    char text[PATH_CHARS_MAX];
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len < 0 || len >= (int)sizeof text)
        len = 0;
    return arena_copy(&session->arena, (str){text, (size_t)len});
}

int session_failed(struct session *session, const char *command, const struct err *err)
{
    say_error(command, err->text);
    return session->no_server ? EXIT_NO_SERVER : EXIT_FAILED;
}

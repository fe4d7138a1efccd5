#include "cli/send.h"

#include "base/buf.h"
#include "cli/files.h"
#include "cli/output.h"
#include "codec/base64.h"
#include "codec/json_read.h"

enum {
    PACKAGE_BYTES_MAX = 300 * 1024 * 1024,
    BODY_BYTES_MAX = PACKAGE_BYTES_MAX / 3 * 4 + 1024 * 1024,
    UPLOAD_MS = 600 * 1000,
};

/* {"Code":{"ZipFile":"..."},...rest} */
MUST_USE static bool make_body(struct session *session, const struct package *package,
                               const struct package_target *target, struct buf *ret, struct err *err)
{
    ARENA_AUTO arena = {0};
    str zip, rest = target->rest ? json_compact(target->rest, &session->arena) : STR("{}");

    if (package->zip_bytes > PACKAGE_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "the package is %lld MB zipped; by this way %d MB can be sent",
                       (long long)package->zip_bytes / 1000000, PACKAGE_BYTES_MAX / 1000000);
    if (!file_read(package->path, PACKAGE_BYTES_MAX, &arena, &zip, err))
        return false;
    buf_init(ret, BODY_BYTES_MAX);
    buf_add_char(ret, '{');
    if (target->within)
        buf_printf(ret, "\"%s\":{", target->within);
    buf_add(ret, STR("\"ZipFile\":\""));
    base64_encode(ret, zip);
    buf_add(ret, target->within ? STR("\"}") : STR("\""));
    if (rest.len > 2) /* not {} */
        buf_add_char(ret, ',');
    buf_add(ret, str_from(rest, 1));
    return buf_ok(ret) || err_set(err, ERR_LIMIT, "the package and its settings are too large to send");
}

bool package_send(struct session *session, const struct package *package, const struct package_target *target,
                  json_t **ret, struct err *err)
{
    BUF_AUTO body = {0};
    struct http_header type = {STR("Content-Type"), STR("application/json")};
    struct http_result answer;
    char size[16];

    if (!make_body(session, package, target, &body, err))
        return false;
    struct session_call call = {.service = "lambda",
                                .method = target->method,
                                .path = target->path,
                                .headers = &type,
                                .headers_count = 1,
                                .body = buf_str(&body),
                                .timeout_ms = UPLOAD_MS};
    say_waiting("publish", "sending %s", human_bytes(package->zip_bytes, size));
    return session_call(session, &call, &answer, err) && session_answer_json(&answer, ret, err);
}

#include "cli/prove.h"

#include <glob.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cli/fault.h"
#include "cli/files.h"
#include "cli/output.h"
#include "codec/base64.h"
#include "codec/json_read.h"

enum {
    EVENT_BYTES_MAX = 6291456,
    EVENTS_MAX = 100,
    SHOWN_CHARS = 120,
    PROVE_MS = 900 * 1000,
    TAIL_BYTES_MAX = 64 * 1024
};

static str first_chars(str text)
{
    return (str){text.at, text.len < SHOWN_CHARS ? text.len : SHOWN_CHARS};
}

/* JSON, compared as values: 1 and 1.0 are one number, the order of an object's members means nothing. */
static bool equal_values(const json_t *a, const json_t *b)
{
    const char *name;
    json_t *member;

    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) >= json_number_value(b) && json_number_value(a) <= json_number_value(b);
    if (json_is_array(a) && json_is_array(b)) {
        for (size_t i = 0; i < json_array_size(a); i++)
            if (!equal_values(json_array_get(a, i), json_array_get(b, i)))
                return false;
        return json_array_size(a) == json_array_size(b);
    }
    if (json_is_object(a) && json_is_object(b)) {
        json_object_foreach ((json_t *)a, name, member)
            if (!equal_values(member, json_object_get(b, name)))
                return false;
        return json_object_size(a) == json_object_size(b);
    }
    return json_equal(a, b);
}

MUST_USE static bool compare(const char *event_path, const char *expected_path, struct session *session, str answer,
                             struct err *err)
{
    json_auto_t *expected = NULL, *have = json_loadb(answer.at, answer.len, JSON_DECODE_ANY, NULL);
    str text;

    if (!file_read(expected_path, EVENT_BYTES_MAX, &session->arena, &text, err))
        return false;
    expected = json_loadb(text.at, text.len, JSON_DECODE_ANY, NULL);
    if (!expected)
        return err_set(err, ERR_INVALID, "%s is no JSON", expected_path);
    if (equal_values(expected, have))
        return true;
    return err_set(err, ERR_INVALID, "%s is answered differently than expected: " STR_FMT, strrchr(event_path, '/') + 1,
                   STR_ARG(first_chars(answer)));
}

/* "...Max Memory Used: 85 MB..." in the last of its log -> 85 */
static long long memory_of(const struct http_result *answer)
{
    static const char mark[] = "Max Memory Used: ";
    BUF_AUTO log = {0};
    long long ret = 0;

    buf_init(&log, TAIL_BYTES_MAX);
    if (!base64_decode(http_result_header(answer, STR("X-Amz-Log-Result")), &log) || log.len == 0)
        return 0;
    const char *at = memmem(log.at, log.len, mark, strlen(mark));
    if (!at)
        return 0;
    str number = str_from(buf_str(&log), (size_t)(at - log.at) + strlen(mark)), rest;
    (void)str_cut(number, ' ', &number, &rest);
    return str_to_int(number, 0, LLONG_MAX, &ret) ? ret : 0;
}

MUST_USE static bool prove_event(struct session *session, str path, const char *event_path, struct proof *proof,
                                 struct err *err)
{
    struct http_header headers[] = {
        {STR("Content-Type"), STR("application/json")},
        {STR("X-Amz-Log-Type"), STR("Tail")},
    };
    struct session_call call = {
        .service = "lambda", .method = "POST", .headers = headers, .headers_count = 2, .timeout_ms = PROVE_MS};
    struct http_result answer;
    json_auto_t *none = NULL;

    (void)str_cut(path, '?', &call.path, &call.query);
    if (!file_read(event_path, EVENT_BYTES_MAX, &session->arena, &call.body, err) ||
        !session_call(session, &call, &answer, err))
        return false;
    if (answer.status >= 300)
        return session_answer_json(&answer, &none, err);
    if (http_result_header(&answer, STR("X-Amz-Function-Error")).len) {
        say_fault(answer.body);
        return err_set(err, ERR_INVALID, "%s ends in an error", strrchr(event_path, '/') + 1);
    }
    if (memory_of(&answer) > proof->memory_mb)
        proof->memory_mb = memory_of(&answer);
    str stem = {event_path, strlen(event_path) - strlen(".json")};
    const char *expected =
        arena_cstr(&session->arena, arena_printf(&session->arena, STR_FMT ".expected.json", STR_ARG(stem)));
    return access(expected, R_OK) != 0 || compare(event_path, expected, session, answer.body, err);
}

bool prove_version(struct session *session, const struct project *project, str version, struct proof *ret,
                   struct err *err)
{
    glob_t found = {0};
    str path = session_path(session, "/2015-03-31/functions/" STR_FMT "/invocations?Qualifier=" STR_FMT,
                            STR_ARG(project->name), STR_ARG(version));
    const char *pattern = arena_cstr(&session->arena, arena_printf(&session->arena, "%s/events/*.json", project->dir));
    bool done = true;

    *ret = (struct proof){0};
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; done && i < found.gl_pathc && ret->events < EVENTS_MAX; i++) {
            if (str_ends(str_of(found.gl_pathv[i]), STR(".expected.json")))
                continue;
            say_waiting("prove", "%s", strrchr(found.gl_pathv[i], '/') + 1);
            done = prove_event(session, path, found.gl_pathv[i], ret, err);
            ret->events++;
        }
    globfree(&found);
    return done;
}

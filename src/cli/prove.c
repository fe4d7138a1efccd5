#include "cli/prove.h"

#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "cli/files.h"
#include "codec/json_read.h"

enum { EVENT_BYTES_MAX = 6291456, EVENTS_MAX = 100, SHOWN_CHARS = 120, PROVE_MS = 900 * 1000 };

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

MUST_USE static bool prove_event(struct session *session, str path, const char *event_path, struct err *err)
{
    struct http_header type = {STR("Content-Type"), STR("application/json")};
    struct session_call call = {
        .service = "lambda", .method = "POST", .headers = &type, .headers_count = 1, .timeout_ms = PROVE_MS};
    struct http_result answer;
    json_auto_t *none = NULL;

    (void)str_cut(path, '?', &call.path, &call.query);
    if (!file_read(event_path, EVENT_BYTES_MAX, &session->arena, &call.body, err) ||
        !session_call(session, &call, &answer, err))
        return false;
    if (answer.status >= 300)
        return session_answer_json(&answer, &none, err);
    if (http_result_header(&answer, STR("X-Amz-Function-Error")).len)
        return err_set(err, ERR_INVALID, "%s ends in an error: " STR_FMT, strrchr(event_path, '/') + 1,
                       STR_ARG(first_chars(answer.body)));
    str stem = {event_path, strlen(event_path) - strlen(".json")};
    const char *expected =
        arena_cstr(&session->arena, arena_printf(&session->arena, STR_FMT ".expected.json", STR_ARG(stem)));
    return access(expected, R_OK) != 0 || compare(event_path, expected, session, answer.body, err);
}

bool prove_version(struct session *session, const struct project *project, str version, int *ret_count, struct err *err)
{
    glob_t found = {0};
    str path = session_path(session, "/2015-03-31/functions/" STR_FMT "/invocations?Qualifier=" STR_FMT,
                            STR_ARG(project->name), STR_ARG(version));
    const char *pattern = arena_cstr(&session->arena, arena_printf(&session->arena, "%s/events/*.json", project->dir));
    bool done = true;

    *ret_count = 0;
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; done && i < found.gl_pathc && *ret_count < EVENTS_MAX; i++) {
            if (str_ends(str_of(found.gl_pathv[i]), STR(".expected.json")))
                continue;
            done = prove_event(session, path, found.gl_pathv[i], err);
            ++*ret_count;
        }
    globfree(&found);
    return done;
}

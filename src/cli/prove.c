#include "cli/prove.h"

#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "cli/fault.h"
#include "cli/output.h"
#include "codec/json_compare.h"
#include "codec/json_read.h"

enum {
    PROVE_MS = 900 * 1000,
    DIFFERENCE_BYTES_MAX = 4096,
};

/* -- the import ---------------------------------------------------------------------------------------------------- */

static void tell_import_failed(const struct project *project, const json_t *told)
{
    str error = json_text(json_object_get(told, "error"));

    say_step_failed("prove", STR_FMT " cannot be imported", STR_ARG(project->handler));
    say_fault(error.len ? error : json_text(json_object_get(told, "cause")));
    say_notes(json_text(json_object_get(told, "log")));
}

static void tell_imported(const struct project *project, const json_t *told)
{
    long long init_ms = json_integer_value(json_object_get(told, "init_ms"));

    say_step("prove", STR_FMT " imported  %.1f s", STR_ARG(project->handler), (double)init_ms / 1000);
    say_notes(json_text(json_object_get(told, "log")));
}

/* Not found, and not because the function is not there: another server, or one that was started before an upgrade. */
static bool knows_no_import(const struct http_result *answer)
{
    return answer->status == 404 &&
           !str_eq(http_result_header(answer, STR("x-amzn-ErrorType")), STR("ResourceNotFoundException"));
}

MUST_USE static bool prove_import(struct session *session, const struct project *project, str version, struct err *err)
{
    struct session_call call = {
        .service = "sculler",
        .method = "POST",
        .path = session_path(session, "/v1/functions/" STR_FMT "/import", STR_ARG(project->name)),
        .query = session_path(session, "Qualifier=" STR_FMT, STR_ARG(version)),
        .timeout_ms = PROVE_MS,
    };
    struct http_result answer;
    json_auto_t *told = NULL;

    if (session_is_aws(session)) /* it has no such operation: its dry run imports nothing */
        return true;
    say_waiting("prove", "importing " STR_FMT, STR_ARG(project->handler));
    if (!session_call(session, &call, &answer, err))
        return false;
    if (knows_no_import(&answer)) {
        say("    Its import was not tried: %s cannot be asked for one (an older Sculler? `sculler restart`).",
            session->endpoint);
        return true;
    }
    if (!session_answer_json(&answer, &told, err))
        return false;
    if (json_is_true(json_object_get(told, "imported"))) {
        tell_imported(project, told);
        return true;
    }
    tell_import_failed(project, told);
    return err_set(err, ERR_INVALID, "its import failed");
}

/* -- the samples --------------------------------------------------------------------------------------------------- */

/* "...Max Memory Used: 85 MB..." in the last of its log -> 85 */
static long long memory_of(str log)
{
    static const char mark[] = "Max Memory Used: ";
    const char *at = log.len ? memmem(log.at, log.len, mark, strlen(mark)) : NULL;
    long long ret = 0;

    if (!at)
        return 0;
    str number = str_from(log, (size_t)(at - log.at) + strlen(mark)), rest;
    (void)str_cut(number, ' ', &number, &rest);
    return str_to_int(number, 0, LLONG_MAX, &ret) ? ret : 0;
}

static bool is_as_expected(const struct sample *sample, str answer)
{
    json_auto_t *got = json_loadb(answer.at, answer.len, JSON_DECODE_ANY, NULL);
    BUF_AUTO words = {0};

    buf_init(&words, DIFFERENCE_BYTES_MAX);
    if (!sample->expected ||
        json_compare(sample->expected, got, JSON_TOLERANCE_DEFAULT, &json_compare_expected, &words) == 0)
        return true;
    say_step_failed("prove", STR_FMT " is answered differently than expected:", STR_ARG(sample->name));
    say("    " STR_FMT, STR_ARG(buf_str(&words)));
    return false;
}

/* False with err: it could not be asked.  *ret_holds: whether it was answered as it should. */
MUST_USE static bool prove_sample(struct session *session, str path, const struct sample *sample, struct proof *proof,
                                  bool *ret_holds, struct err *err)
{
    struct http_header headers[] = {
        {STR("Content-Type"), STR("application/json")},
        {STR("X-Amz-Log-Type"), STR("Tail")},
        {STR("X-Sculler-Sample"), STR("true")},
    };
    struct session_call call = {.service = "lambda",
                                .method = "POST",
                                .headers = headers,
                                .headers_count = sizeof headers / sizeof *headers,
                                .body = sample->event,
                                .timeout_ms = PROVE_MS};
    struct http_result answer;
    json_auto_t *none = NULL;

    (void)str_cut(path, '?', &call.path, &call.query);
    if (!session_call(session, &call, &answer, err))
        return false;
    if (answer.status >= 300)
        return session_answer_json(&answer, &none, err);
    str log = session_log(session, &answer);
    if (http_result_header(&answer, STR("X-Amz-Function-Error")).len) {
        say_step_failed("prove", STR_FMT " ends in an error", STR_ARG(sample->name));
        say_fault(answer.body);
        *ret_holds = false;
    } else {
        *ret_holds = is_as_expected(sample, answer.body);
    }
    say_notes(log);
    if (memory_of(log) > proof->memory_mb)
        proof->memory_mb = memory_of(log);
    return true;
}

MUST_USE static bool prove_samples(struct session *session, const struct project *project,
                                   const struct samples *samples, str version, struct proof *ret, struct err *err)
{
    str path = session_path(session, "/2015-03-31/functions/" STR_FMT "/invocations?Qualifier=" STR_FMT,
                            STR_ARG(project->name), STR_ARG(version));
    int64_t since_us = clock_steady_us();
    int failed = 0;

    for (int i = 0; i < samples->count; i++) {
        bool holds = false;

        say_waiting("prove", STR_FMT, STR_ARG(samples->at[i].name));
        if (!prove_sample(session, path, &samples->at[i], ret, &holds, err))
            return false;
        failed += !holds;
    }
    ret->events = samples->count;
    ret->seconds = (double)(clock_steady_us() - since_us) / 1e6;
    if (failed == 0)
        return true;
    return err_set(err, ERR_INVALID, "%d of %d sample event%s failed", failed, samples->count,
                   samples->count == 1 ? "" : "s");
}

bool prove_version(struct session *session, const struct project *project, const struct samples *samples, str version,
                   struct proof *ret, struct err *err)
{
    *ret = (struct proof){0};
    return prove_import(session, project, version, err) && prove_samples(session, project, samples, version, ret, err);
}

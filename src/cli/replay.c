#include "cli/replay.h"

#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/output.h"
#include "codec/json_read.h"

enum { LOOK_MS = 200, RETRY_MS = 30 * 1000 };

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int number)
{
    (void)number;
    is_interrupted = 1;
}

static void set_number(json_t *body, const char *name, double value, bool is_given)
{
    if (is_given)
        json_object_set_new(body, name, json_real(value));
}

bool replay_begin(struct session *session, const struct replay_wish *wish, str *ret_id, struct err *err)
{
    json_t *body = json_pack("{s:s%, s:s%, s:s%, s:I}", "function", wish->function.at, wish->function.len, "version",
                             wish->version.at, wish->version.len, "against", wish->against.at, wish->against.len,
                             "last", (json_int_t)wish->last);
    json_auto_t *answer = NULL;

    set_number(body, "rate", wish->rate, wish->rate > 0);
    set_number(body, "threshold", wish->threshold, wish->threshold >= 0);
    set_number(body, "tolerance", wish->tolerance, wish->tolerance >= 0);
    if (wish->concurrency > 0)
        json_object_set_new(body, "concurrency", json_integer(wish->concurrency));
    if (!session_json(session, "sculler", "POST", STR("/v1/replays"), body, &answer, err))
        return false;
    *ret_id = arena_copy(&session->arena, json_text(json_object_get(answer, "id")));
    return true;
}

bool replay_read(struct session *session, str id, long long rows, json_t **ret, struct err *err)
{
    return session_json(session, "sculler", "GET",
                        session_path(session, "/v1/replays/" STR_FMT "?rows=%lld", STR_ARG(id), rows), NULL, ret, err);
}

static long long number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static bool has_ended(const json_t *result)
{
    str state = json_text(json_object_get(result, "state"));

    return !str_eq(state, STR("waiting")) && !str_eq(state, STR("running"));
}

static void show_progress(const json_t *result)
{
    const json_t *now = json_object_get(result, "now");
    str state = json_text(json_object_get(result, "state"));

    if (str_eq(state, STR("waiting")))
        say_waiting("replay", "waits for another replay to end");
    else if (json_is_null(json_object_get(result, "calls")))
        say_waiting("replay", "looks at what is on record");
    else
        say_waiting("replay", "%lld of %lld calls%s", number(result, "taken"), number(result, "calls"),
                    json_is_true(json_object_get(now, "gives_way")) ? "   gives way to live calls" : "");
}

static void cancel(struct session *session, str id)
{
    json_auto_t *answer = NULL;
    struct err ignored;

    (void)!session_json(session, "sculler", "DELETE", session_path(session, "/v1/replays/" STR_FMT, STR_ARG(id)), NULL,
                        &answer, &ignored);
}

/* A server that begins anew meanwhile goes on with it. */
static bool look(struct session *session, str id, json_t **ret, int64_t *seen_us, struct err *err)
{
    int64_t now_us = clock_steady_us();

    if (replay_read(session, id, 0, ret, err)) {
        *seen_us = now_us;
        return true;
    }
    return session->no_server && now_us - *seen_us < RETRY_MS * 1000LL;
}

static bool follow(struct session *session, str id, struct err *err)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    int64_t seen_us = clock_steady_us();
    bool ended = false, cancelled = false;

    while (!ended) {
        json_auto_t *result = NULL;

        if (!look(session, id, &result, &seen_us, err))
            return false;
        ended = result && has_ended(result);
        if (result && !ended)
            show_progress(result);
        if (is_interrupted && !cancelled) {
            cancelled = true;
            cancel(session, id);
        }
        if (!ended)
            (void)nanosleep(&pause, NULL);
    }
    return true;
}

bool replay_follow(struct session *session, str id, long long rows, json_t **ret, struct err *err)
{
    const struct sigaction ours = {.sa_handler = on_interrupt};
    struct sigaction before;
    int64_t since_us = clock_steady_us();
    bool done;

    is_interrupted = 0;
    sigaction(SIGINT, &ours, &before);
    done = follow(session, id, err) && replay_read(session, id, rows, ret, err);
    sigaction(SIGINT, &before, NULL);
    if (!done)
        return false;
    str state = json_text(json_object_get(*ret, "state")), why = json_text(json_object_get(*ret, "why"));
    if (str_eq(state, STR("done"))) {
        say_step("replay", "%lld calls  %.1f s", number(*ret, "taken"), (double)(clock_steady_us() - since_us) / 1e6);
        return true;
    }
    err_set(err, ERR_SYSTEM, "the replay is %.*s after %lld of %lld calls%s%.150s", STR_ARG(state),
            number(*ret, "taken"), number(*ret, "calls"), why.len ? ": " : "", arena_cstr(&session->arena, why));
    json_decref(*ret);
    *ret = NULL;
    return false;
}

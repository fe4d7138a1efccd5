/*
 * engine: one replay that runs.  A turn does whatever can be done now and says when to come again:
 *
 *     no page ─▶ read one (records lane) ─▶ start calls at their pace ─▶ all judged ─▶ commit (replay lane) ─▶ no page
 *
 * Nothing is started inside of an answer: that only notes what came, and the next turn goes on.
 */
#include "replay/replay_private.h"

#include "base/clock.h"
#include "base/log.h"

#include <math.h>
#include <stdlib.h>

enum { PAUSE_MS = 1000 /* after the disk said no */ };

#define LATEST STR("$LATEST")
/* What a handler may see in context.client_context.custom, to leave out what must happen once only. */
#define CLIENT_CONTEXT STR("{\"custom\":{\"sculler_source\":\"replay\"}}")

static bool is_recorded(const struct replay *replay)
{
    return str_eq(replay->saved.order.against, REPLAY_RECORDED);
}

void replay_end(struct replay *replay, enum replay_state state, str why)
{
    if (replay->is_ending)
        return;
    replay->is_ending = true;
    replay->end_state = state;
    replay->saved.why = arena_copy(&replay->arena, why);
    for (int i = 0; !replay->is_busy && i < replay->page.count; i++) /* a page that a job has has none */
        if (replay->page.calls[i].state == CALL_RUNNING)
            invoke_cancel(&replay->page.calls[i].invocation);
    replays_kick(replay->replays);
}

/* Pages */

struct page_job {
    struct replay *replay;
    struct db *db;
    bool wants_span, good;
    struct records_span span;
    int rows;
    struct err err;
};

static bool is_whole(int64_t bytes, str text)
{
    return bytes == (int64_t)text.len;
}

static bool on_row(void *ctx, int64_t id, const struct record *record)
{
    struct page_job *job = ctx;
    struct replay *replay = job->replay;
    struct replay_page *page = &replay->page;
    struct replay_call *call = &page->calls[page->count];

    if (id > replay->saved.last_id) {
        page->is_last = true;
        return false;
    }
    job->rows++;
    page->end_id = id;
    page->is_last = id == replay->saved.last_id;
    if (!records_ran_for_somebody(record))
        return !page->is_last;
    *call = (struct replay_call){.replay = replay, .id = id, .record = record};
    if (!is_whole(record->input_bytes, record->input)) {
        call->state = CALL_LEFT_OUT;
        call->verdict.counts.cut = 1;
    } else if (is_recorded(replay) && !is_whole(record->output_bytes, record->output)) {
        call->state = CALL_LEFT_OUT;
        call->verdict.counts.output_cut = 1;
    }
    page->count++;
    page->bytes += record->input.len + record->output.len + record->log.len;
    return !page->is_last && page->count < REPLAY_PAGE_CALLS && page->bytes < REPLAY_PAGE_BYTES;
}

static bool read_page(struct page_job *job)
{
    struct replay_saved *saved = &job->replay->saved;
    struct records_filter filter = {.function = saved->order.function, .limit = REPLAY_PAGE_CALLS};

    if (job->wants_span) {
        if (!records_last(job->db, saved->order.function, saved->order.last, &job->span, &job->err))
            return false;
        saved->calls = job->span.count;
        saved->at_id = job->span.first_id - 1;
        saved->last_id = job->span.last_id;
    }
    if (saved->calls == 0) {
        job->replay->page.is_last = true;
        return true;
    }
    filter.after_id = saved->at_id > 0 ? saved->at_id : RECORDS_FROM_THE_OLDEST;
    if (!records_query(job->db, &filter, &job->replay->page.arena, on_row, job, &job->err))
        return false;
    if (job->rows == 0) /* what was there has been removed since */
        job->replay->page.is_last = true;
    return true;
}

static void run_read(void *ctx)
{
    struct page_job *job = ctx;

    job->good = read_page(job);
}

static void done_read(void *ctx)
{
    struct page_job *job = ctx;
    struct replay *replay = job->replay;

    replay->is_busy = false;
    replay->page.is_there = job->good;
    if (!job->good)
        replay_end(replay, REPLAY_FAILED_STATE,
                   arena_printf(&replay->arena, "the calls on record could not be read: %s", job->err.text));
    free(job);
    replays_kick(replay->replays);
}

static void read_next_page(struct replay *replay)
{
    struct records *records = replay->replays->options.invoker->records;
    struct page_job *job = calloc(1, sizeof *job);

    if (!job)
        abort();
    *job = (struct page_job){.replay = replay, .db = records_db(records), .wants_span = replay->saved.calls < 0};
    replay->is_busy = true;
    replay->page.end_id = replay->saved.at_id;
    lane_submit(records_lane(records), run_read, done_read, job);
}

void replay_drop_page(struct replay *replay)
{
    struct replay_page *page = &replay->page;

    for (int i = 0; i < page->count; i++) {
        arena_free(&page->calls[i].arena);
        arena_free(&page->calls[i].answers);
        arena_free(&page->calls[i].kept);
    }
    arena_free(&page->arena);
    page->count = 0;
    page->bytes = 0;
    page->is_there = page->is_last = false;
}

int replay_page_done(const struct replay *replay)
{
    int done = 0;

    for (int i = 0; replay->page.is_there && i < replay->page.count; i++) /* one that is being read is not */
        done += replay->page.calls[i].state == CALL_JUDGED || replay->page.calls[i].state == CALL_LEFT_OUT;
    return done;
}

/* Judging */

static void run_judge(void *ctx)
{
    struct replay_call *call = ctx;
    ARENA_AUTO scratch = {0};

    replay_compare(call->replay->replays->judge, &call->pair, &scratch, &call->kept, &call->verdict);
    call->verdict.counts.reused = call->is_reused;
}

static void done_judge(void *ctx)
{
    struct replay_call *call = ctx;
    struct replay *replay = call->replay;

    arena_free(&call->answers);
    call->state = CALL_JUDGED;
    replay->in_flight--;
    replays_kick(replay->replays);
}

static void judge(struct replay_call *call)
{
    struct replay *replay = call->replay;
    struct replay_pair *pair = &call->pair;

    pair->function = call->record->function;
    pair->request_id = call->record->request_id;
    pair->event = call->record->input;
    pair->tolerance = replay->saved.order.tolerance;
    pair->threshold = replay->saved.order.threshold;
    pair->alias = call->record->alias;
    pair->received_us = call->record->received_wall_us;
    call->state = CALL_JUDGING;
    lane_submit(replay->replays->lane, run_judge, done_judge, call);
}

/* Running */

static int status_of(struct invocation *invocation)
{
    switch (invocation->outcome) {
    case INVOKE_ANSWERED:
    case INVOKE_FUNCTION_ERROR:
        return 200;
    case INVOKE_NO_FUNCTION:
        return 404;
    case INVOKE_NOT_READY:
        return 409;
    case INVOKE_THROTTLED:
        return 429;
    case INVOKE_BAD_JSON:
    case INVOKE_TOO_LARGE:
        break;
    }
    return 400;
}

/* No room, or its version is being changed: not the model's doing.  The call is run again, later. */
static void on_refused(struct replay_call *call)
{
    struct replay *replay = call->replay;
    const struct invocation *invocation = &call->invocation;
    int64_t now_us = clock_steady_us();

    replay->throttled++;
    replay->in_flight--;
    call->state = CALL_READY;
    pace_refused(&replay->pace, now_us);
    if (now_us - replay->pace.refused_since_us > REPLAY_REFUSED_MS_MAX * 1000LL)
        replay_end(replay, REPLAY_FAILED_STATE,
                   arena_printf(&replay->arena,
                                "no call of it was taken for %d seconds, the last time because: " STR_FMT,
                                REPLAY_REFUSED_MS_MAX / 1000, STR_ARG(invocation->message)));
}

static void on_ran(struct replay_call *call)
{
    const struct invocation *invocation = &call->invocation;
    struct replay_side *side = call->runs_before ? &call->pair.before : &call->pair.after;

    pace_answered(&call->replay->pace);
    *side = (struct replay_side){
        .answer = arena_copy(&call->answers, invocation->payload),
        .is_error = invocation->outcome != INVOKE_ANSWERED,
        .version = arena_copy(&call->answers, invocation->executed_version),
        .decided_us = clock_wall_us(),
    };
    if (!call->runs_before) {
        judge(call);
        return;
    }
    call->has_before = true;
    call->state = CALL_READY;
    call->replay->in_flight--;
}

static void on_answer(void *ctx, struct invocation *invocation)
{
    struct replay_call *call = ctx;
    struct replay *replay = call->replay;

    if (replay->replays->is_stopping) { /* ended by us, maybe: the next server runs it again */
        call->state = CALL_READY;
        replay->in_flight--;
        return;
    }
    if (invocation->outcome == INVOKE_NO_FUNCTION) {
        call->state = CALL_READY;
        replay->in_flight--;
        replay_end(replay, REPLAY_FAILED_STATE,
                   arena_printf(&replay->arena, "the function, or its version or alias '" STR_FMT "', is gone",
                                STR_ARG(invocation->qualifier)));
    } else if (invocation->outcome == INVOKE_THROTTLED || invocation->outcome == INVOKE_NOT_READY) {
        on_refused(call);
    } else {
        on_ran(call);
    }
    replays_kick(replay->replays);
}

/* Is what the version before would say on record already?  A published version never changes; $LATEST does. */
static bool is_on_record(const struct replay_call *call)
{
    const struct replay *replay = call->replay;
    const struct record *record = call->record;
    struct runnable *what;
    bool same;
    str alias;

    if (is_recorded(replay))
        return true;
    if (!is_whole(record->output_bytes, record->output) || str_eq(record->version, LATEST))
        return false;
    what = catalog_resolve(replay->replays->options.invoker->catalog, replay->saved.order.function,
                           replay->saved.order.against, &alias);
    same = what && str_eq(what->version, record->version);
    runnable_release(what);
    return same;
}

static void take_recorded(struct replay_call *call)
{
    const struct record *record = call->record;

    call->has_before = true;
    call->is_reused = true;
    call->pair.before = (struct replay_side){
        .answer = record->output,
        .is_error = record->error_type.len > 0,
        .version = record->version,
        /* As it was decided then, or as what it said then would be decided now. */
        .decided_us = is_recorded(call->replay) ? record->received_wall_us : clock_wall_us(),
    };
}

static void start_call(struct replay_call *call)
{
    struct replay *replay = call->replay;
    struct invocation *invocation = &call->invocation;
    const struct replay_order *order = &replay->saved.order;

    if (!call->has_before && is_on_record(call))
        take_recorded(call);
    call->runs_before = !call->has_before;
    arena_reset(&call->arena);
    *invocation = (struct invocation){
        .arena = &call->arena,
        .function = order->function,
        .qualifier = call->runs_before ? order->against : order->version,
        .event = call->record->input,
        .source = RECORD_SOURCE_REPLAY,
        .client_context = CLIENT_CONTEXT,
        .background = true,
        .event_on_record = true,
        .received_us = clock_steady_us(),
        .on_answer = on_answer,
        .status_of = status_of,
        .ctx = call,
    };
    invocation->detail =
        arena_printf(&call->arena, "replay %s of " STR_FMT, replay->saved.id, STR_ARG(call->record->request_id));
    call->state = CALL_RUNNING;
    replay->in_flight++;
    pace_started(&replay->pace, invocation->received_us);
    invoke_start(replay->replays->options.invoker, invocation);
}

static struct replay_call *next_ready(struct replay *replay)
{
    for (int i = 0; i < replay->page.count; i++)
        if (replay->page.calls[i].state == CALL_READY)
            return &replay->page.calls[i];
    return NULL;
}

/* Putting a page on disk */

struct commit {
    struct replay *replay;
    struct replay_saved next;
    bool good;
    struct err err;
};

static bool add_changes(struct db *db, const struct replay *replay, const struct replay_call *call, struct err *err)
{
    for (int i = 0; i < call->verdict.changes_count; i++)
        if (!replay_store_add_change(db, replay->saved.number, call->id, call->record->request_id,
                                     &call->verdict.changes[i], err))
            return false;
    return true;
}

/* All are counted; of what is shown there is an end. */
static bool has_room_for_changes(const struct replay_counts *counts)
{
    return counts->changed + counts->differ + counts->failed + counts->mended < REPLAY_CHANGES_MAX;
}

static bool write_page(struct commit *commit)
{
    const struct replay *replay = commit->replay;
    struct db *db = replay->replays->db;

    for (int i = 0; i < replay->page.count; i++) {
        const struct replay_call *call = &replay->page.calls[i];
        bool through = call->state == CALL_JUDGED || call->state == CALL_LEFT_OUT;

        if (!through)
            continue;
        if (has_room_for_changes(&commit->next.counts) && !add_changes(db, replay, call, &commit->err))
            return false;
        replay_counts_add(&commit->next.counts, &call->verdict.counts);
        commit->next.counts.taken++;
    }
    return replay_store_update(db, &commit->next, &commit->err);
}

static void run_commit(void *ctx)
{
    struct commit *commit = ctx;
    struct db *db = commit->replay->replays->db;

    judge_forget(commit->replay->replays->own_judge); /* a replay's first is before its first page */
    commit->good = db_begin(db, &commit->err) && write_page(commit) && db_commit(db, &commit->err);
    if (!commit->good)
        db_rollback(db);
}

static void done_commit(void *ctx)
{
    struct commit *commit = ctx;
    struct replay *replay = commit->replay;
    struct replays *replays = replay->replays;

    replay->is_busy = false;
    if (!commit->good) {
        log_error("what a replay found could not be written; it waits", F_CSTR("replay", replay->saved.id),
                  F_CSTR("why", commit->err.text));
        replay->pause_until_us = clock_steady_us() + PAUSE_MS * 1000;
    } else {
        replay->throttled -= commit->next.counts.throttled - replay->saved.counts.throttled;
        replay->saved = commit->next;
        replay_drop_page(replay);
        if (replay->saved.state != REPLAY_RUNNING)
            replays_on_ended(replay);
    }
    free(commit);
    replays_kick(replays);
}

static void commit_page(struct replay *replay, enum replay_state state)
{
    struct commit *commit = calloc(1, sizeof *commit);
    struct replay_saved *next;

    if (!commit)
        abort();
    *commit = (struct commit){.replay = replay, .next = replay->saved};
    next = &commit->next;
    next->state = state;
    next->resumes = replay->page.is_there ? 0 : next->resumes;
    next->counts.throttled += replay->throttled;
    next->at_id = replay->page.is_there ? replay->page.end_id : next->at_id;
    next->ended_us = state == REPLAY_RUNNING ? 0 : clock_wall_us();
    replay->is_busy = true;
    lane_submit(replay->replays->lane, run_commit, done_commit, commit);
}

/* A turn */

static int64_t start_calls(struct replay *replay, int64_t now_us)
{
    const struct pool *pool = replay->replays->options.invoker->pool;
    struct replay_call *call;

    while (!replay->is_ending && (call = next_ready(replay))) {
        int64_t wait_us;

        if (replay->in_flight >= replay->saved.order.concurrency)
            return INT64_MAX;
        wait_us = pace_wait_us(&replay->pace, pool_room(pool), now_us);
        if (wait_us > 0)
            return wait_us;
        start_call(call);
    }
    return 0;
}

int64_t replay_turn(struct replay *replay, int64_t now_us)
{
    int64_t wait_us;

    if (replay->is_busy)
        return INT64_MAX;
    if (now_us < replay->pause_until_us)
        return replay->pause_until_us - now_us;
    if (replay->is_ending) {
        if (replay->in_flight == 0)
            commit_page(replay, replay->end_state);
        return INT64_MAX;
    }
    if (!replay->is_marked) { /* a server that ends now is known to have ended while it ran */
        replay->is_marked = true;
        commit_page(replay, REPLAY_RUNNING);
        return INT64_MAX;
    }
    if (!replay->page.is_there) {
        read_next_page(replay);
        return INT64_MAX;
    }
    wait_us = start_calls(replay, now_us);
    if (replay->in_flight == 0 && !next_ready(replay) && !replay->is_ending)
        commit_page(replay, replay->page.is_last ? REPLAY_DONE : REPLAY_RUNNING);
    return wait_us > 0 ? wait_us : INT64_MAX;
}

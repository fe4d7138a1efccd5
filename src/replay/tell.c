#include "replay/replay_private.h"

#include "codec/json_read.h"
#include "codec/time_format.h"
#include "replay/paired.h"

#include <math.h>

static void real_or_null(struct jw *jw, const char *name, double number)
{
    if (isnan(number))
        jw_null(jw, name);
    else
        jw_real(jw, name, number);
}

static void time_or_null(struct jw *jw, const char *name, int64_t us)
{
    char text[TIME_TEXT_MAX];

    if (us == 0) {
        jw_null(jw, name);
        return;
    }
    time_format_zulu(us / 1000, text);
    jw_str(jw, name, str_of(text));
}

static void tell_interval(struct jw *jw, const struct stats_interval *interval)
{
    real_or_null(jw, "value", interval->value);
    real_or_null(jw, "low", interval->low);
    real_or_null(jw, "high", interval->high);
}

static void tell_share(struct jw *jw, const char *name, const struct stats_interval *share)
{
    jw_object_key(jw, name);
    tell_interval(jw, share);
    jw_int(jw, "n", (int64_t)share->n);
    jw_int(jw, "k", (int64_t)share->k);
    jw_object_end(jw);
}

static void tell_paired(struct jw *jw, const char *name, const struct paired *paired)
{
    jw_object_key(jw, name);
    tell_share(jw, "before", &paired->before);
    tell_share(jw, "after", &paired->after);
    jw_object_key(jw, "difference");
    tell_interval(jw, &paired->difference);
    jw_object_end(jw);
    jw_object_end(jw);
}

static void tell_order(struct jw *jw, const struct replay_saved *saved, const struct replay_now *now)
{
    const struct replay_order *order = &saved->order;
    bool runs = now && now->is_there;

    jw_str(jw, "id", str_of(saved->id));
    jw_str(jw, "function", order->function);
    jw_str(jw, "version", order->version);
    jw_str(jw, "against", order->against);
    jw_int(jw, "last", order->last);
    jw_real(jw, "rate", order->rate);
    jw_int(jw, "concurrency", order->concurrency);
    jw_real(jw, "tolerance", order->tolerance);
    real_or_null(jw, "threshold", order->threshold);
    jw_str(jw, "state", str_of(replay_state_words[runs ? now->state : saved->state]));
    jw_str(jw, "why", saved->why);
    time_or_null(jw, "created", saved->created_us);
    time_or_null(jw, "started", runs ? now->started_us : saved->started_us);
    time_or_null(jw, "ended", saved->ended_us);
}

void replay_tell(struct jw *jw, const struct replay_saved *saved, const struct replay_now *now)
{
    struct replay_counts counts = saved->counts;
    struct paired precision, recall;
    int64_t calls = saved->calls;

    if (now && now->is_there) {
        calls = calls < 0 ? now->calls : calls;
        /* The disk may be ahead of the loop, or behind it; neither goes back. */
        counts.taken = counts.taken > now->taken ? counts.taken : now->taken;
        counts.throttled = counts.throttled > now->throttled ? counts.throttled : now->throttled;
    }
    tell_order(jw, saved, now);
    if (calls < 0)
        jw_null(jw, "calls");
    else
        jw_int(jw, "calls", calls);
#define COUNT(name, meaning) jw_int(jw, #name, counts.name);
#include "replay/replay.def"
#undef COUNT
    paired_precision(&counts, &precision);
    paired_recall(&counts, &recall);
    tell_paired(jw, "precision", &precision);
    tell_paired(jw, "recall", &recall);
    if (!now || !now->is_there)
        return;
    jw_object_key(jw, "now");
    jw_int(jw, "in_flight", now->in_flight);
    jw_bool(jw, "gives_way", now->gives_way);
    jw_bool(jw, "refused", now->is_refused);
    jw_object_end(jw);
}

static void decision_or_null(struct jw *jw, const char *name, int decision)
{
    if (decision < 0)
        jw_null(jw, name);
    else
        jw_bool(jw, name, decision);
}

void replay_tell_changes(struct jw *jw, const struct replay_change_row *rows, int count)
{
    jw_array_key(jw, "rows");
    for (int i = 0; i < count; i++) {
        const struct replay_change_row *row = &rows[i];

        jw_object(jw);
        jw_str(jw, "kind", row->kind);
        jw_str(jw, "request_id", row->request_id);
        if (row->position < 0)
            jw_null(jw, "position");
        else
            jw_int(jw, "position", row->position);
        if (str_starts(row->key, STR("{")) && json_valid(row->key, NULL))
            jw_raw(jw, "items", row->key);
        else
            jw_str(jw, "items", row->key);
        decision_or_null(jw, "decision_before", row->decision_before);
        decision_or_null(jw, "decision_after", row->decision_after);
        real_or_null(jw, "score_before", row->score_before);
        real_or_null(jw, "score_after", row->score_after);
        real_or_null(jw, "label", row->label);
        jw_str(jw, "words", row->words);
        jw_object_end(jw);
    }
    jw_array_end(jw);
}

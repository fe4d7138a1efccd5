#include "monitor/silence.h"

#include <stdlib.h>

#include "base/clock.h"
#include "monitor/store_private.h"

#define DAY_US (24LL * 3600 * 1000 * 1000)

struct silence {
    struct store *store;
    VEC(struct delayed) functions;
    VEC(int64_t) months; /* that are left of the pass, and ... */
    size_t function;     /* ... where it is in the last of them */
    uint64_t settings;   /* what the functions were, as one number */
    int64_t pass_us;     /* wall: when the pass began */
    int64_t begun_us;    /* steady */
};

struct silence *silence_new(struct store *store)
{
    struct silence *silence = calloc(1, sizeof *silence);

    if (!silence)
        abort();
    silence->store = store;
    return silence;
}

void silence_free(struct silence *silence)
{
    if (!silence)
        return;
    vec_free(&silence->functions);
    vec_free(&silence->months);
    free(silence);
}

/* -- what is due ------------------------------------------------------------------------------------------------------
 */

static uint64_t read_settings(struct silence *silence)
{
    const struct rules *rules = store_rules(silence->store);
    size_t cursor = 0;
    uint64_t sum = 0;
    void *value;
    str key;

    silence->functions.len = 0;
    while (map_next(&rules->settings, &cursor, &key, &value)) {
        const struct kept_settings *kept = value;

        if (!str_eq(key, kept->function) || kept->is_off || kept->settings.unlabelled_days == 0)
            continue;
        *vec_push(&silence->functions) =
            (struct delayed){kept->function, kept->settings.unlabelled_days, kept->settings.unlabelled_is_right};
        sum += RUNS_HASH(kept->function, kept->json); /* in whichever order the map has them */
    }
    return sum;
}

static void add_month(struct silence *silence, int64_t month_us)
{
    for (size_t i = 0; i < silence->months.len; i++)
        if (silence->months.at[i] == month_us)
            return;
    *vec_push(&silence->months) = month_us;
}

/* What came of age since the last pass. */
static void add_of_age(struct silence *silence, int64_t now_us)
{
    for (size_t i = 0; i < silence->functions.len; i++) {
        int64_t age_us = silence->functions.at[i].days * DAY_US;

        for (int64_t month_us = month_of(silence->pass_us - age_us); month_us <= now_us - age_us;
             month_us = month_after(month_us))
            add_month(silence, month_us);
    }
}

static void begin_pass(struct silence *silence, uint64_t settings, int64_t now_us)
{
    const struct store *store = silence->store;
    int64_t month_us;

    if (settings != silence->settings || silence->pass_us == 0)
        for (int i = 0; i < store->months_count; i++)
            add_month(silence, store->months[i]);
    else
        add_of_age(silence, now_us);
    while (store_take_addition(silence->store, &month_us))
        add_month(silence, month_us);
    silence->settings = settings;
    silence->pass_us = now_us;
    silence->begun_us = clock_steady_us();
    silence->function = 0;
}

/* -- a step ----------------------------------------------------------------------------------------------------------
 */

static bool step(struct silence *silence, int64_t month_us, bool *ret_more, int *ret_labelled, struct err *err)
{
    const struct delayed *delayed = &silence->functions.at[silence->function];

    *ret_more = false;
    if (month_us > silence->pass_us - delayed->days * DAY_US) /* no row of it is old enough */
        return true;
    if (store_begin(silence->store, true, err) &&
        store_delay(silence->store, month_us, delayed, silence->pass_us, ret_labelled, ret_more, err) &&
        store_commit(silence->store, err))
        return true;
    store_rollback(silence->store);
    return false;
}

static void go_on(struct silence *silence)
{
    if (++silence->function < silence->functions.len)
        return;
    silence->function = 0;
    silence->months.len--;
}

bool silence_run(struct silence *silence, int *ret_labelled, bool *ret_more, struct err *err)
{
    uint64_t settings = read_settings(silence);
    bool more;

    *ret_labelled = 0;
    *ret_more = false;
    if (silence->functions.len == 0) {
        silence->months.len = 0;
        silence->settings = 0;
        return true;
    }
    if (settings != silence->settings ||
        (silence->months.len == 0 && clock_steady_us() - silence->begun_us >= SILENCE_MS * 1000LL))
        begin_pass(silence, settings, clock_wall_us());
    if (silence->months.len == 0)
        return true;
    if (!step(silence, silence->months.at[silence->months.len - 1], &more, ret_labelled, err))
        return false;
    if (!more)
        go_on(silence);
    *ret_more = silence->months.len > 0;
    return true;
}

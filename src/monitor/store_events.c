/*
 * store_events: events of the business, each in the file of its own month.  A start and an end of one key find each
 * other in the same month or the one beside it, in whichever order they come; both get the seconds between them.
 */
#include "monitor/store_private.h"

#include <math.h>

struct pairing {
    struct store *store;
    const struct event *event;
    bool is_found;
    int64_t month_us; /* of the other one */
    struct found_event other;
};

static bool look_in(struct pairing *pairing, int64_t month_us, struct err *err)
{
    struct event other = *pairing->event;
    struct opened *opened;

    other.phase = pairing->event->phase == EVENT_START ? EVENT_END : EVENT_START;
    if (pairing->is_found || !store_has_month(pairing->store, month_us))
        return true;
    pairing->month_us = month_us;
    return store_to_read(pairing->store, month_us, &opened, err) &&
           period_find_event(opened->period, &other, &pairing->is_found, &pairing->other, err);
}

static bool find_other(struct pairing *pairing, struct err *err)
{
    int64_t month_us = month_of(pairing->event->time_us);
    int64_t beside_us = pairing->event->phase == EVENT_START ? month_after(month_us) : month_of(month_us - 1);

    return look_in(pairing, month_us, err) && look_in(pairing, beside_us, err);
}

static bool value_other(struct pairing *pairing, double seconds, struct err *err)
{
    struct period *period;

    return store_to_write(pairing->store, pairing->month_us, &period, err) &&
           period_value_event(period, pairing->other.id, seconds, err);
}

static bool keep(struct store *store, const struct event *event, bool *ret_is_new, struct err *err)
{
    struct period *period;

    return store_to_write(store, event->time_us, &period, err) && period_add_event(period, event, ret_is_new, err);
}

/* It may be there already, and its pair not: what was cut off between the files is made whole when it is sent again. */
static bool keep_value(struct store *store, const struct event *event, bool *ret_is_new, struct err *err)
{
    struct found_event own;
    struct period *period;
    bool is_there;

    if (!keep(store, event, ret_is_new, err))
        return false;
    return *ret_is_new || (store_to_write(store, event->time_us, &period, err) &&
                           period_find_event(period, event, &is_there, &own, err) &&
                           period_value_event(period, own.id, event->value, err));
}

/* When the same comes again with another time, the first one counts. */
static bool first_time(struct store *store, const struct event *event, int64_t *ret_us, struct err *err)
{
    struct found_event own;
    struct opened *opened;
    bool is_there = false;

    *ret_us = event->time_us;
    if (!store_has_month(store, month_of(event->time_us)))
        return true;
    if (!store_to_read(store, event->time_us, &opened, err) ||
        !period_find_event(opened->period, event, &is_there, &own, err))
        return false;
    if (is_there)
        *ret_us = own.time_us;
    return true;
}

static bool keep_phase(struct store *store, const struct event *event, bool *ret_is_new, bool *ret_is_paired,
                       struct err *err)
{
    struct event paired = *event;
    struct pairing pairing = {.store = store, .event = &paired};
    int64_t span_us;

    if (!first_time(store, event, &paired.time_us, err) || !find_other(&pairing, err))
        return false;
    *ret_is_paired = pairing.is_found;
    if (!pairing.is_found)
        return keep(store, event, ret_is_new, err);
    span_us = pairing.other.time_us - paired.time_us;
    span_us = event->phase == EVENT_END ? -span_us : span_us;
    if (span_us < 0)
        return err_set(err, ERR_INVALID, "it would end before it starts: the other of this key is at an %s time",
                       event->phase == EVENT_END ? "later" : "earlier");
    paired.value = (double)span_us / 1e6;
    return keep_value(store, &paired, ret_is_new, err) && value_other(&pairing, paired.value, err);
}

bool store_event(struct store *store, const struct event *event, bool *ret_is_new, bool *ret_is_paired, struct err *err)
{
    *ret_is_paired = false;
    if (!store_check_time(store, event->time_us, err))
        return false;
    return event->phase == EVENT_WHOLE ? keep(store, event, ret_is_new, err)
                                       : keep_phase(store, event, ret_is_new, ret_is_paired, err);
}

bool store_delay(struct store *store, int64_t month_us, const struct delayed *delayed, int64_t now_us,
                 int *ret_labelled, bool *ret_more, struct err *err)
{
    struct period *period;

    *ret_labelled = 0;
    *ret_more = false;
    return !store_has_month(store, month_us) || (store_to_write(store, month_us, &period, err) &&
                                                 period_delay(period, delayed, now_us, ret_labelled, ret_more, err));
}

/*
 * period_events: what became of the decisions in the business: events of a month, kept in its file (table events, view
 * business_events).  An event is a value ("complete_operation", 41.5 s), or the start or the end of something that its
 * key names; the seconds between these two are the value of both (store_event()).  On the monitor lane.
 */
#pragma once

#include "monitor/period.h"

enum event_phase { EVENT_WHOLE, EVENT_START, EVENT_END };

struct event {
    int64_t time_us;
    str function, name, version;
    str key; /* one of a phase; empty: none, and so each counts */
    enum event_phase phase;
    double value; /* NAN: none */
};

struct found_event {
    int64_t id, time_us;
};

/* ret_is_new: there was none of that key and phase yet. */
MUST_USE bool period_add_event(struct period *period, const struct event *event, bool *ret_is_new, struct err *err);
/* By function, name, key and phase. */
MUST_USE bool period_find_event(struct period *period, const struct event *event, bool *ret_is_there,
                                struct found_event *ret, struct err *err);
MUST_USE bool period_value_event(struct period *period, int64_t id, double value, struct err *err);

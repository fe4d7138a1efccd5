/*
 * posted: the rows that clients send: predictions, labels and events as JSON objects, read by a table of their members.
 *
 * Understood besides our own names are NannyML's columns (timestamp, y_pred_proba, y_true, identifier; NannyML, data
 * requirements).  A time is ISO 8601 text, or a number since 1970: seconds, or milliseconds as pandas writes them, or
 * microseconds, told apart by its size.
 */
#pragma once

#include "base/err.h"
#include "monitor/period_events.h"
#include "monitor/prediction.h"

struct posted_row {
    str function, version, alias, source, note;
    str prediction_id, request_id, segment, items, features;
    int64_t position;
    int64_t time_us, label_us;
    double score, threshold, amount, label;
    bool has_time, has_label_time, has_threshold, has_label, has_score, label_is_null;
    bool is_decided; /* the score is a number */
    enum undecided undecided;
    str name, key, phase; /* of an event */
    double value;         /* NAN: none */
};

/* All texts live in the arena.  ERR_INVALID: why, in words. */
MUST_USE bool posted_row_read(str json, struct arena *arena, struct posted_row *ret, struct err *err);
MUST_USE bool posted_event_read(str json, struct arena *arena, struct posted_row *ret, struct err *err);

/* now_us: the time of a row that has none; function: of a row that names none. */
MUST_USE bool posted_prediction(const struct posted_row *row, str function, int64_t now_us, struct prediction *ret,
                                struct err *err);
MUST_USE bool posted_label(const struct posted_row *row, str function, int64_t now_us, struct label *ret,
                           struct err *err);
MUST_USE bool posted_event(const struct posted_row *row, str function, int64_t now_us, struct event *ret,
                           struct err *err);

/*
 * answer: figures as JSON, each with its n, its interval and the share that is still unlabelled.  One function an
 * address of /v1/quality; shapes are in the manual ("Quality").  On the quality lane.
 */
#pragma once

#include "codec/json_write.h"
#include "monitor/question.h"

struct answering {
    const char *folder;
    struct question question;
    struct arena *arena;
    struct jw *jw;
    double cost_fp, cost_fn;
    bool with_points;
    int count; /* how many rows, points or bins, where that is asked */
    str metric, name;
};

MUST_USE bool answer_quality(struct answering *answering, struct err *err);
MUST_USE bool answer_curve(struct answering *answering, struct err *err);
MUST_USE bool answer_calibration(struct answering *answering, struct err *err);
MUST_USE bool answer_estimate(struct answering *answering, struct err *err);
MUST_USE bool answer_advice(struct answering *answering, struct err *err);
MUST_USE bool answer_drift(struct answering *answering, struct err *err);
MUST_USE bool answer_business(struct answering *answering, struct err *err);

/* "marks": [{"time", "kind", "text"}] of the window. */
MUST_USE bool answer_marks(struct answering *answering, int64_t from_us, int64_t to_us, struct err *err);
/* precision, recall, specificity, accuracy, prevalence, f1 as intervals */
void answer_proportions(struct jw *jw, const struct stats_confusion *confusion);

/* The mean of (score - label)^2, exactly; NAN without labels. */
double answer_brier(const struct figures *figures);

/* {"value": 0.91, "low": 0.88, "high": 0.93, "n": 412, "k": 375}; what is undefined is null. */
void answer_interval(struct jw *jw, const char *key, const struct stats_interval *interval);
void answer_number(struct jw *jw, const char *key, double value); /* whole ones without a fraction; NAN: null */
void answer_time(struct jw *jw, const char *key, int64_t time_us);
/* What the parts of an answer have in common: function, from, to, version ... */
void answer_head(struct answering *answering, int64_t from_us, int64_t to_us);

struct threshold;
/* number, threshold, set_at, by, note, and restores of a rollback, into the open object */
void answer_one_threshold(struct jw *jw, const struct threshold *threshold);
/* GET /v1/functions/NAME/threshold: the one in force (number 0 and null when none was set) and all, newest first */
MUST_USE bool answer_thresholds(const char *folder, str function, str alias, struct jw *jw, struct err *err);

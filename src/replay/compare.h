/*
 * compare: two answers to one event.  By their decisions where a judge knows them, else as JSON.  Pure: on replay's
 * lane.
 */
#pragma once

#include "replay/replay.h"

/* One of the two answers. */
struct replay_side {
    str answer;    /* the function's JSON, or its error object */
    bool is_error; /* it is that */
    str version;   /* which answered */
    int64_t decided_us;
};

enum replay_kind {
    REPLAY_DECISION, /* a row is decided otherwise */
    REPLAY_ANSWER,   /* the answers differ, and nothing is known of decisions */
    REPLAY_FAILED,   /* answered before, an error after */
    REPLAY_MENDED,   /* the other way round */
    REPLAY_KINDS,
};
extern const char *const replay_kind_words[REPLAY_KINDS];

/* What is worth being shown of a call. */
struct replay_change {
    enum replay_kind kind;
    int position; /* of the row in the answer before, or in the one after; -1: it is not about a row */
    str key, words;
    bool has_before, has_after; /* the row is there */
    struct replay_row before, after;
    double label; /* NaN: unknown */
};

struct replay_verdict {
    struct replay_counts counts; /* what to add */
    struct replay_change *changes;
    int changes_count, changes_max;
};

struct replay_pair {
    str function, alias, request_id, event; /* of the recorded call */
    int64_t received_us;
    struct replay_side before, after;
    double tolerance, threshold;
};

/* The verdict lives in `arena`; `scratch` is the caller's to free. */
void replay_compare(const struct replay_judge *judge, const struct replay_pair *pair, struct arena *scratch,
                    struct arena *arena, struct replay_verdict *ret);
void replay_counts_add(struct replay_counts *to, const struct replay_counts *what);

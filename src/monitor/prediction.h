/*
 * prediction: one score that was given, and one truth about it, as they come in: plain data, texts borrowed.
 *
 * Where they come from: the records of calls (capture.c), what clients post (posted.c), a history.  Where they go: a
 * period's file (period.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum {
    ITEMS_MAX = 8, /* names in one prediction's or label's items */
    ITEMS_BYTES_MAX = 1024,
    FEATURES_BYTES_MAX = 4096,
    NAME_BYTES_MAX = 256, /* a function, version, alias, segment, source, request id, prediction id */
    NOTE_BYTES_MAX = 1024,
};

/* Why a row of an answer is no decision.  Counted, never stored as a row. */
enum undecided {
    UNDECIDED_NULL,
    UNDECIDED_NOT_A_NUMBER,
    UNDECIDED_OUT_OF_RANGE,
    UNDECIDED_MISSING,
    UNDECIDED_UNREADABLE,
    UNDECIDED_COUNT
};
extern const char *const undecided_names[UNDECIDED_COUNT];

struct prediction {
    int64_t time_us; /* wall */
    str function, version, alias;
    str source;      /* live, shadow, posted, history */
    str request_id;  /* of the call it came from; empty: none */
    int position;    /* in that call's answer */
    bool is_decided; /* false: `undecided` says why, and score means nothing */
    enum undecided undecided;
    double score;     /* in [0, 1] */
    double threshold; /* decision: score >= threshold */
    int threshold_number;
    str segment;
    str items;     /* {"budget_id":"309366",...}: see items_text() */
    str features;  /* {"price":12.5,...}, or empty */
    double amount; /* NAN: none */
    str client_id; /* the client's own prediction id; empty: it gets a UUIDv7 that leads to its row */
};

struct label {
    str function;
    str prediction_id; /* one of these three says which rows */
    str request_id;
    int position;
    str items;
    bool is_retracted; /* the truth is not known after all */
    double value;      /* in [0, 1]; at 0.5 and above: positive */
    int64_t known_us;  /* when it became known (wall); the newest counts */
    str source, note;
    str origin; /* of what is read more than once (inbox:17, orphan:3): the same is applied to a row once; else empty */
};

/* Of what silence says (period_delayed.c): it counts only while nobody has said anything. */
#define ORIGIN_DELAYED "delayed"

/* One pair of an item's name and text. */
struct item {
    str name, text;
};
/* Canonical: sorted by name (`items` is), as JSON, so that equal items are equal texts whatever their order was. */
str items_text(struct item *items, int count, struct arena *arena);

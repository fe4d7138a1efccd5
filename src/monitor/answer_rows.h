/* answer_rows: predictions themselves as JSON: a page of them, and one with all that is known about it.  On the quality
 * lane; shapes are in the manual ("Quality"). */
#pragma once

#include "codec/json_write.h"
#include "monitor/browse.h"

enum {
    CALL_ROWS_MAX = 50,              /* of the call that a prediction is from, around it */
    NEAREST_ROWS = 5,                /* with a score above its own, and below */
    NEAREST_SCANNED_MAX = 20 * 1000, /* for each */
    NEAREST_SPAN_DAYS = 31,          /* before it */
};

/* GET /v1/predictions */
MUST_USE bool answer_predictions(const char *folder, const struct browse *browse, struct arena *arena, struct jw *jw,
                                 struct err *err);

struct prediction_lookup {
    const char *folder;
    struct arena *arena;
    struct jw *jw;
    str id, function; /* function: whose it must be, when not empty */
    /* found by find_own_prediction(), or by store_find() */
    bool found;
    int64_t month_us, row;
    str request_id; /* of the call that it is from; set by answer_prediction() */
};

/* An id that this server made leads to its row. */
MUST_USE bool find_own_prediction(struct prediction_lookup *lookup, struct err *err);
/* All its members, labels and neighbours, into an object that is left open for more. */
MUST_USE bool answer_prediction(struct prediction_lookup *lookup, struct err *err);

/* What the files of a period share: its tables, and the names it has numbers for. */
#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "monitor/period.h"
#include "monitor/runs.h"
#include "monitor/tally.h"

MUST_USE bool period_migrate(struct db *db, struct err *err);

struct stream { /* who scored: a row of streams */
    int32_t id;
    str function, version, alias, source;
};

/* The names that rows have as numbers: read once, added to as they come. */
struct names {
    struct db *db;
    struct arena arena;
    struct map streams;         /* the four texts -> struct stream */
    struct map segments;        /* function and segment -> struct segment */
    struct map functions;       /* how many segments: struct function_segments */
    VEC(struct stream *) by_id; /* by_id.at[id - 1] */
    const struct stream *last;
};

MUST_USE bool names_load(struct names *names, struct db *db, struct err *err);
void names_done(struct names *names);
MUST_USE bool names_stream(struct names *names, const struct prediction *prediction, int32_t *ret, struct err *err);
MUST_USE bool names_segment(struct names *names, str function, str segment, int32_t *ret, struct err *err);
const struct stream *names_stream_of(const struct names *names, int64_t id); /* NULL: no such */

struct period {
    char path[PERIOD_PATH_MAX];
    int64_t month_us;
    uint64_t tag;
    struct db *db;
    struct runs *runs;
    struct names names;
    struct tally tally;
    bool is_durable;    /* how commits are set now */
    int64_t call;       /* the call whose rows come now; 0: none */
    int64_t call_first; /* its first row */
    int64_t next_row;
    char call_request[NAME_BYTES_MAX + 1];
};

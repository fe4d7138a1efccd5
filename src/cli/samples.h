/*
 * samples: the sample events of a folder, events/NAME.json, with the answers that are expected, events/
 * NAME.expected.json.  Read and parsed before anything is packaged, so that a typing error costs no minutes.
 */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"

enum { SAMPLES_MAX = 100 };

struct sample {
    str name;         /* "one.json" */
    str event;        /* the file's text */
    json_t *expected; /* NULL: any answer that is no error will do */
};

struct samples {
    struct sample at[SAMPLES_MAX];
    int count;
};

/* What cannot be read or parsed, or is expected of no event, is told with its file. */
MUST_USE bool samples_load(const char *dir, struct arena *arena, struct samples *ret, struct err *err);
void samples_done(struct samples *samples);

/*
 * feed_resume: how far a file was sent, in FILE.sculler-resume beside it: written after each batch that was answered,
 * removed at the end.  A file that has changed since is not gone on with.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "cli/feed.h"

struct feed_resume {
    const char *file;          /* NULL: standard input, of which nothing is kept */
    const char *kept;          /* the file beside it */
    int64_t bytes, changed_us; /* of the file */
    bool cannot_keep;          /* told already */

    int64_t line; /* rows up to this line are sent; 0: none */
    int64_t rows;
    int64_t figures[FEED_FIGURES_MAX];
};

struct arena;

/* ret->line 0, unless `wanted` and there is something to go on with.  ERR_CONFLICT: the file has changed. */
MUST_USE bool feed_resume_open(const char *file, bool wanted, const struct feed_kind *kind, struct arena *arena,
                               struct feed_resume *ret, struct err *err);
void feed_resume_keep(struct feed_resume *resume, const struct feed_kind *kind);
void feed_resume_done(struct feed_resume *resume);

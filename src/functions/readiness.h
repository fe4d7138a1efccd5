/*
 * readiness: what happens between "committed" and "Active".
 *
 *     watch ─▶ list what is not ready (state lane) ─▶ packages_prepare ─▶ store_mark_ready (state lane) ─▶ catalog_put
 *
 * Called after each create or update, and for all functions at the start, so that a crash in between leaves nothing
 * stuck: what is Pending or InProgress in the database is simply prepared again.
 *
 * A package that cannot be used makes its version Failed for ever.  What the machine could not do (disk, cells, the
 * database) leaves it Pending and is tried again, READINESS_ATTEMPTS_MAX times with a growing pause; then the version
 * is Failed with the code InternalError, and the next start tries again.
 */
#pragma once

#include <uv.h>

#include "base/str.h"
#include "db/db.h"
#include "functions/entry.h"
#include "functions/packages.h"

struct lane;

struct readiness {
    uv_loop_t *loop;
    struct lane *lane; /* state */
    struct db *db;     /* on that lane only */
    struct catalog *catalog;
    struct packages *packages;
    const struct entry_world *world;
    int retry_ms; /* the first pause; 0: READINESS_RETRY_MS */
};

/* The struct must outlive the lane.  name empty: every function. */
void readiness_watch(struct readiness *readiness, str name);

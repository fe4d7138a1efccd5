/* publish: a package becomes a version of a function, and the alias `live` moves to it.  For deploy and rollback. */
#pragma once

#include "cli/package.h"
#include "cli/project.h"
#include "cli/session.h"

#define LIVE_ALIAS "live"

struct published {
    str version;          /* what is to be live */
    str version_before;   /* what was live; empty: nothing */
    bool created, changed; /* changed: a version was made, or `version` is not live yet */
};

/* Creates or updates the function and publishes, unless what `live` points to is the same already.  On failure
 * `version_before` is still live. */
MUST_USE bool publish_version(struct session *session, const struct project *project, const struct package *package,
                              str version_before, struct published *ret, struct err *err);

/* The version that `live` points to; empty when there is no function or no such alias. */
MUST_USE bool live_version(struct session *session, str function, str *ret, struct err *err);
MUST_USE bool live_move(struct session *session, str function, str version, bool exists, struct err *err);

/* publish: a package becomes a version of a function, and the alias `live` moves to it.  For deploy and rollback. */
#pragma once

#include "cli/package.h"
#include "cli/project.h"
#include "cli/session.h"

#define LIVE_ALIAS "live"

struct published {
    str version;           /* what is to be live */
    str version_before;    /* what was live; empty: nothing */
    bool refused;          /* it was published, and failed its proof */
    bool created, changed; /* changed: a version was made, or `version` is not live yet */
};

/* Creates or updates the function and publishes, unless what `live` points to is the same already.  On failure
 * `version_before` is still live. */
MUST_USE bool publish_version(struct session *session, const struct project *project, const struct package *package,
                              str version_before, struct published *ret, struct err *err);

/* Are they ARNs or NAME:VERSION?  Who has left the version out is told the newest. */
MUST_USE bool publish_check_layers(struct session *session, const struct project *project, struct err *err);

/* The version that `live` points to; empty when there is no function or no such alias. */
MUST_USE bool live_version(struct session *session, str function, str *ret, struct err *err);

/* Where `live` points, and where it did.  The history is kept in the alias's Description ("live before: 4 2"), so that
 * a rollback goes to what has served and never to a version that failed its samples. */
struct live {
    str version;       /* empty: there is no such alias */
    str before;        /* versions that were live, the last one first, a blank between; at most LIVE_BEFORE_MAX */
    bool knows_before; /* false: the alias was made by another client */
};

enum { LIVE_BEFORE_MAX = 20 };

MUST_USE bool live_read(struct session *session, str function, struct live *ret, struct err *err);
/* To another version; what was live joins the history. */
MUST_USE bool live_move(struct session *session, str function, const struct live *now, str version, struct err *err);
/* To the version that `now.before` begins with, which leaves the history. */
MUST_USE bool live_move_back(struct session *session, str function, const struct live *now, str *ret_version,
                             struct err *err);

/*
 * prove: before a version goes live it is imported, and answers its sample events; all of them, so that what is wrong
 * is told at once.
 */
#pragma once

#include "cli/project.h"
#include "cli/samples.h"
#include "cli/session.h"

struct proof {
    int events;
    double seconds;      /* of all samples together */
    long long memory_mb; /* the most that one of them used, by its REPORT; 0: unknown */
};

/* What does not hold is told, with traces and what to do; err says how much of it. */
MUST_USE bool prove_version(struct session *session, const struct project *project, const struct samples *samples,
                            str version, struct proof *ret, struct err *err);

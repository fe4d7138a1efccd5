/*
 * prove: before a version goes live, its sample events are answered by it: events/NAME.json, and the answer must be
 * that of events/NAME.expected.json when there is one.
 */
#pragma once

#include "cli/project.h"
#include "cli/session.h"

struct proof {
    int events;
    long long memory_mb; /* the most that one of them used, by its REPORT; 0: unknown */
};

/* An event that ends in an error has it told, with its trace. */
MUST_USE bool prove_version(struct session *session, const struct project *project, str version, struct proof *ret,
                            struct err *err);

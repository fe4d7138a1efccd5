/*
 * prove: before a version goes live, its sample events are answered by it: events/NAME.json, and the answer must be
 * that of events/NAME.expected.json when there is one.
 */
#pragma once

#include "cli/project.h"
#include "cli/session.h"

MUST_USE bool prove_version(struct session *session, const struct project *project, str version, int *ret_count,
                            struct err *err);

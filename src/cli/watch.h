/* watch: a deploy's [tool.sculler.monitor] goes to the server with its version, before that is live. */
#pragma once

#include "base/err.h"
#include "cli/project.h"
#include "cli/session.h"

/* Without such a table the version is not monitored, whatever an earlier one was. */
MUST_USE bool watch_version(struct session *session, const struct project *project, str version, struct err *err);

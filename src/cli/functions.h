/* functions: what is on a server, for the commands that look over all of it. */
#pragma once

#include "cli/session.h"

/* Configurations of all functions, in order of name: a JSON array. */
MUST_USE bool functions_list(struct session *session, json_t **ret, struct err *err);
/* Published versions of one, ascending: a JSON array of {Version, ...}, without $LATEST. */
MUST_USE bool versions_list(struct session *session, str function, json_t **ret, struct err *err);

/* Goes through the pages of any list of Lambda's (`path` without a query); appends the members of `field` to `all`. */
MUST_USE bool pages_read(struct session *session, str path, const char *field, json_t *all, struct err *err);

/*
 * endpoint: POST and GET /test/NAME/ for a function, over the API Gateway operations: REST API "sculler", a resource a
 * function, non-proxy integration with the alias `live`, so moving the alias is all that a deploy or a rollback does.
 */
#pragma once

#include "cli/session.h"

/* Makes what is missing; `ret_url` is where the function answers. */
MUST_USE bool endpoint_make(struct session *session, str function, str *ret_url, struct err *err);

/* The functions that have one: an object of {name: URL}. */
MUST_USE bool endpoint_list(struct session *session, json_t **ret, struct err *err);
/* The resource of the function, and what was made for it; ret_removed: there was one. */
MUST_USE bool endpoint_remove(struct session *session, str function, bool *ret_removed, struct err *err);

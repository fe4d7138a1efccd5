/* store: from sculler.db to the loop's table of live stages (what is kept there, row by row, is rest.h). */
#pragma once

#include "apis/apis.h"
#include "base/err.h"
#include "db/db.h"

/* On the state lane.  *ret is NULL when the stage is not there.  The caller gets it with one reference. */
MUST_USE bool apis_load_stage(struct db *db, str api_id, str stage, struct api_stage **ret, struct err *err);

/* At start: every stage there is, and the default API.  The loop does not run yet. */
MUST_USE bool apis_load_all(struct db *db, struct apis *apis, struct err *err);

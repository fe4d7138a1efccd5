/*
 * entry: from the rows of one function to the catalog's copy of it.
 *
 * entry_load() runs on the state lane, in the job that changed the function, after the change and before its commit
 * or just after it; the job's `done`, on the loop, gives the entry to catalog_put().
 */
#pragma once

#include "base/err.h"
#include "db/db.h"
#include "functions/catalog.h"
#include "functions/interpreters.h"
#include "functions/store.h"

struct entry_world { /* what an entry needs beside its rows; constant after the start, so a lane may read it */
    str region, account;
    const struct interpreters *interpreters;
};

/* STORE_NO_FUNCTION when there is none: then catalog_remove().  Free an entry that is not put with entry_free(). */
MUST_USE enum store_answer entry_load(struct db *db, const struct entry_world *world, str name,
                                      struct function_entry **ret, struct err *err);
void entry_free(struct function_entry *entry);
/* At start, before there is a lane: every function into the catalog. */
MUST_USE bool entry_load_all(struct db *db, const struct entry_world *world, struct catalog *catalog, struct err *err);

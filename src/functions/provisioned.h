/*
 * provisioned: how many workers a version, or the version that an alias points at, shall have ready.  As store.h: on
 * the state lane, inside the caller's transaction.  Here is what was asked for; how many there are is the pool's to
 * say.  What was asked of an alias follows it to another version, and goes with it.
 */
#pragma once

#include "functions/store.h"

struct provisioned {
    str qualifier; /* a number or an alias */
    str version;   /* that it stands for now */
    int requested;
    int64_t modified_us; /* wall; the store's own */
};

struct provisioned_list {
    struct provisioned *at;
    int count;
    str next_marker;
};

/* account_limit: AWS's ConcurrentExecutions. */
MUST_USE enum store_answer store_provisioned_put(struct db *db, str function, str qualifier, int requested,
                                                 int account_limit, struct arena *arena, struct provisioned *ret,
                                                 struct err *err);
MUST_USE enum store_answer store_provisioned_get(struct db *db, str function, str qualifier, struct arena *arena,
                                                 struct provisioned *ret, struct err *err); /* STORE_NO_SETTING */
MUST_USE enum store_answer store_provisioned_delete(struct db *db, str function, str qualifier,
                                                    struct err *err); /* none: OK */
MUST_USE enum store_answer store_provisioned_list(struct db *db, str function, str marker, int max, struct arena *arena,
                                                  struct provisioned_list *ret, struct err *err);
/* What other functions than this one take of the account's concurrency. */
MUST_USE enum store_answer store_concurrency_others(struct db *db, str function, int64_t *ret, struct err *err);
/* Of a whole function. */
MUST_USE enum store_answer store_provisioned_total(struct db *db, str function, int64_t *ret, struct err *err);

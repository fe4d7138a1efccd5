/* post: the rows of a posted body, one after the other, into the store.  On the monitor lane, in its transaction. */
#pragma once

#include "monitor/monitor.h"
#include "monitor/store.h"

/* False: the transaction is to be rolled back.  Rows that cannot be kept are counted and told, and do not end it. */
MUST_USE bool post_apply(struct monitor_post *post, struct store *store, struct err *err);

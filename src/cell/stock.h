/*
 * stock: mount namespaces made ahead, each a copy of a template's with a fresh, sized tmpfs at /tmp.  Used by the
 * keeper only.
 *
 * Made by a helper in two steps of 0.15 ms, off the path of a start: in the cell's own user and mount namespace the
 * tmpfs (so that a template, whose user namespace is below, may never reconfigure it), in the template's the copy of
 * the mounts.  A namespace lives as long as a descriptor of it, or a process in it; its /tmp goes with it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

enum {
    STOCK_READY = 4,      /* how many wait in a cell */
    STOCK_BATCH_MAX = 16, /* how many one helper makes */
};

/* What is made, as descriptors: -1, none. */
struct stock_item {
    int mounts; /* the namespace */
    int tmp;    /* its /tmp, to ask how full it is */
};

void stock_item_close(struct stock_item *item);
uint64_t stock_item_used_bytes(const struct stock_item *item); /* of its /tmp, which is memory */

/* Where a stock is made: descriptors, -1 where there is none.  Nothing can be made without all of them. */
struct stock_place {
    int proc; /* the host's /proc */
    int cell_user, cell_mounts, template_user, template_mounts;
};

bool stock_place_is_complete(const struct stock_place *place);

/* Starts a helper that makes `count`.  *ret_line: stock_receive brings one after the other, end of file the end. */
MUST_USE bool stock_make(const struct stock_place *place, uint32_t tmp_mb, int count, int *ret_line, struct err *err);

enum stock_status { STOCK_NONE_YET, STOCK_MADE, STOCK_FAILED, STOCK_END };
/* ret: the caller's to close.  err: of STOCK_FAILED, in the helper's words. */
enum stock_status stock_receive(int line, struct stock_item *ret, struct err *err);

/*
 * seal: what a fresh worker does before any hook of Python or line of a handler runs in it: it is let in at its gate
 * (cell/gate.h), enters its own /tmp, and gives up all that a template may do.
 */
#pragma once

#include <stdbool.h>

/*
 * gate: descriptor, closed in any case; -1: none (a server that has no gates).  forked: false when the template itself
 * becomes the worker, which then keeps the cell's /tmp (setns refuses a process with threads) and no more than the
 * cell's walls of files and signals. Returns NULL, or in words why this process must not serve; `errno` says more.
 */
const char *seal_worker(int gate, bool forked);

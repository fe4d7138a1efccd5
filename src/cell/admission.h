/*
 * admission: workers of a cell, from the gate to the end, as the keeper's process sees them.
 *
 *               hello at the gate           a mount namespace is there
 *     [AWAITED] -----------------> [GREETED] -------------------------> [ADMITTED]
 *         |  not of this cell, no cgroup |                                  |
 *         +----------> [REFUSED] <-------+                                  | admission_end
 *                          |  admission_end                                 v
 *                          +-------------------------------------------> [ENDING] -> told, freed
 *                                                                          its cgroup is tried again until it is gone
 *
 * A request to admit carries no authority: who stands at the gate is what the kernel attests, and must be a process of
 * that cell's own pid namespace.  What a bad template can gain by lying is a namespace, a cgroup and a /tmp of its own
 * cell, which are its anyway.
 */
#pragma once

#include "cell/keeper_cells.h"

void admission_admit(struct keeper_cell *cell, const struct keeper_message *message, int gate); /* takes the gate */
void admission_end(struct keeper_cell *cell, uint32_t worker, bool keep_tmp);
void admission_end_all(struct keeper_cell *cell); /* the cell is gone: nobody is told */
void admission_stock(struct keeper_cell *cell);   /* makes what is missing of its stock */

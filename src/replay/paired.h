/*
 * paired: precision and recall before and after, of the same labelled rows, and their difference.  Pure.
 */
#pragma once

#include "replay/replay.h"
#include "stats/interval.h"

struct paired {
    struct stats_interval before, after; /* Wilson's */
    struct stats_interval difference;    /* after less before; NaN unless both have a value */
};

void paired_precision(const struct replay_counts *counts, struct paired *ret);
void paired_recall(const struct replay_counts *counts, struct paired *ret);

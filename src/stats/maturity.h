/*
 * maturity: how much of the truth has come after so long, and how much is still to come.  Labels that are not there yet
 * are not labels that never come: the share that has arrived is Kaplan and Meier's estimate, which knows how long each
 * row has been waited for.
 *
 * Sources: Kaplan and Meier (JASA 1958); bounds by Greenwood's variance on the log(-log) scale (Kalbfleisch and
 * Prentice). Pure.  Delays are in any one unit.
 */
#pragma once

#include <stddef.h>

/* Rows of one delay: labels that came after so long, and rows that have waited so long and have none. */
struct stats_delay {
    double after, arrived, waiting;
};

/* From `after` on, until the next of them, `share` of all rows have their label. */
struct stats_arrival {
    double after, share, low, high;
    double at_risk; /* rows that were waiting just before */
};

/* Sorts the delays; writes a step for each at which labels came (`count` at most) and returns how many. */
size_t stats_arrivals(struct stats_delay *delays, size_t count, double level, struct stats_arrival *ret);

/* The share that has arrived after so long; before the first step it is 0 of nothing known: low 0, high NaN. */
struct stats_arrival stats_arrived(const struct stats_arrival *steps, size_t count, double after);

/* How likely the label of a row that has waited so long is still to come, as far as the longest delay seen tells. */
double stats_still_to_come(const struct stats_arrival *steps, size_t count, double waited);

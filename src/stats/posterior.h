/*
 * posterior: the interval of any figure of a confusion (F-beta, cost, Matthews' correlation), for which there is no
 * formula: the four shares are drawn from their posterior, Dirichlet with Jeffreys' prior (1/2 in each cell), and the
 * figure taken of each draw.
 *
 * Source: Goutte and Gaussier, "A probabilistic interpretation of precision, recall and F-score" (ECIR 2005).
 * Deterministic: the seed is given.  A draw is a confusion of as many decisions as were seen.
 */
#pragma once

#include "stats/confusion.h"
#include "stats/interval.h"
#include "stats/tails.h"

typedef double stats_figure(const struct stats_confusion *c, const void *context);

/* n = all decisions, k = tp.  The value is that of the counts; a bound never excludes it. */
struct stats_interval stats_posterior(const struct stats_confusion *c, stats_figure *figure, const void *context,
                                      const struct stats_draws *how);

struct stats_interval stats_metric_interval(const struct stats_confusion *c, stats_metric *metric,
                                            const struct stats_draws *how);
struct stats_interval stats_f_beta_interval(const struct stats_confusion *c, double beta,
                                            const struct stats_draws *how);
struct stats_interval stats_cost_interval(const struct stats_confusion *c, double cost_fp, double cost_fn,
                                          const struct stats_draws *how);

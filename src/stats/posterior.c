#include "stats/posterior.h"

#include "stats/random.h"
#include "stats/special.h"

static struct stats_confusion draw(const struct stats_confusion *c, struct stats_random *random)
{
    struct stats_confusion ret = {stats_random_gamma(random, c->tp + 0.5), stats_random_gamma(random, c->fp + 0.5),
                                  stats_random_gamma(random, c->fn + 0.5), stats_random_gamma(random, c->tn + 0.5)};
    double scale = (c->tp + c->fp + c->fn + c->tn) / (ret.tp + ret.fp + ret.fn + ret.tn);

    return (struct stats_confusion){ret.tp * scale, ret.fp * scale, ret.fn * scale, ret.tn * scale};
}

struct stats_interval stats_posterior(const struct stats_confusion *c, stats_figure *figure, const void *context,
                                      const struct stats_draws *how)
{
    struct stats_interval ret = {figure(c, context), STATS_NAN, STATS_NAN, c->tp + c->fp + c->fn + c->tn, c->tp};
    struct stats_random random;
    struct stats_tails tails;

    if (isnan(ret.value) || !(ret.n > 0))
        return ret;
    stats_random_init(&random, how->seed);
    stats_tails_init(&tails, how);
    for (int i = 0; i < tails.draws; i++) {
        struct stats_confusion drawn = draw(c, &random);

        stats_tails_add(&tails, figure(&drawn, context));
    }
    stats_tails_bounds(&tails, &ret.low, &ret.high);
    ret.low = fmin(ret.low, ret.value);
    ret.high = fmax(ret.high, ret.value);
    return ret;
}

static double by_metric(const struct stats_confusion *c, const void *context)
{
    stats_metric *const *metric = context;

    return (*metric)(c);
}

struct stats_interval stats_metric_interval(const struct stats_confusion *c, stats_metric *metric,
                                            const struct stats_draws *how)
{
    return stats_posterior(c, by_metric, &metric, how);
}

static double by_f_beta(const struct stats_confusion *c, const void *context)
{
    const double *beta = context;

    return stats_f_beta(c, *beta);
}

struct stats_interval stats_f_beta_interval(const struct stats_confusion *c, double beta, const struct stats_draws *how)
{
    return stats_posterior(c, by_f_beta, &beta, how);
}

static double by_cost(const struct stats_confusion *c, const void *context)
{
    const double *costs = context;

    return stats_cost(c, costs[0], costs[1]);
}

struct stats_interval stats_cost_interval(const struct stats_confusion *c, double cost_fp, double cost_fn,
                                          const struct stats_draws *how)
{
    const double costs[] = {cost_fp, cost_fn};

    return stats_posterior(c, by_cost, costs, how);
}

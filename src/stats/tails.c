#include "stats/tails.h"

#include "stats/special.h"

void stats_tails_init(struct stats_tails *tails, const struct stats_draws *how)
{
    double share = (1 - how->level) / 2;
    int draws = how->count > 0 ? how->count : STATS_DRAWS_DEFAULT;

    if (draws * share > STATS_TAIL_MAX)
        draws = (int)(STATS_TAIL_MAX / share);
    tails->share = share;
    tails->draws = draws;
    tails->kept = (int)fmin(fmax(round(draws * share), 1), STATS_TAIL_MAX);
    tails->seen = 0;
}

/* `sign` makes the largest the least.  A few hundred of all that is drawn get in, so moving the others along is cheap.
 */
static void keep(double *tail, int kept, int count, double value, double sign)
{
    int at = count < kept ? count : kept - 1;

    if (count >= kept && sign * value >= sign * tail[at])
        return;
    for (; at > 0 && sign * tail[at - 1] > sign * value; at--)
        tail[at] = tail[at - 1];
    tail[at] = value;
}

void stats_tails_add(struct stats_tails *tails, double value)
{
    if (isnan(value))
        return;
    keep(tails->low, tails->kept, tails->seen, value, 1);
    keep(tails->high, tails->kept, tails->seen, value, -1);
    tails->seen++;
}

void stats_tails_bounds(const struct stats_tails *tails, double *ret_low, double *ret_high)
{
    int rank = (int)fmin(fmax(round(tails->seen * tails->share), 1), tails->kept);

    *ret_low = tails->seen ? tails->low[rank - 1] : STATS_NAN;
    *ret_high = tails->seen ? tails->high[rank - 1] : STATS_NAN;
}

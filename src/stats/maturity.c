#include "stats/maturity.h"

#include "stats/special.h"

#include <stdlib.h>

static int by_delay(const void *a, const void *b)
{
    double x = ((const struct stats_delay *)a)->after, y = ((const struct stats_delay *)b)->after;

    return (x > y) - (x < y);
}

/* Greenwood's sum is of what has survived; where nothing has, only what was known before bounds it. */
static void bound(struct stats_arrival *step, double left, double greenwood, double z, double low_before)
{
    double off;

    if (left <= 0) {
        step->low = low_before;
        step->high = 1;
        return;
    }
    off = exp(z * sqrt(greenwood) / -log(left));
    step->low = 1 - pow(left, 1 / off);
    step->high = 1 - pow(left, off);
}

size_t stats_arrivals(struct stats_delay *delays, size_t count, double level, struct stats_arrival *ret)
{
    double at_risk = 0, left = 1, greenwood = 0, z = stats_normal_quantile(0.5 + level / 2);
    size_t steps = 0;

    if (count > 0)
        qsort(delays, count, sizeof *delays, by_delay);
    for (size_t i = 0; i < count; i++)
        at_risk += delays[i].arrived + delays[i].waiting;
    for (size_t i = 0, end; i < count; i = end) {
        double arrived = 0, waiting = 0;

        for (end = i; end < count && delays[end].after == delays[i].after; end++) {
            arrived += delays[end].arrived;
            waiting += delays[end].waiting;
        }
        if (arrived > 0) {
            left *= fmax(1 - arrived / at_risk, 0);
            greenwood += arrived / (at_risk * fmax(at_risk - arrived, 0));
            ret[steps] = (struct stats_arrival){.after = delays[i].after, .share = 1 - left, .at_risk = at_risk};
            bound(&ret[steps], left, greenwood, z, steps > 0 ? ret[steps - 1].low : 0);
            steps++;
        }
        at_risk -= arrived + waiting;
    }
    return steps;
}

struct stats_arrival stats_arrived(const struct stats_arrival *steps, size_t count, double after)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (steps[middle].after <= after)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? steps[low - 1] : (struct stats_arrival){.high = STATS_NAN};
}

double stats_still_to_come(const struct stats_arrival *steps, size_t count, double waited)
{
    double by_now = stats_arrived(steps, count, waited).share,
           in_the_end = count > 0 ? steps[count - 1].share : STATS_NAN;

    if (count == 0)
        return STATS_NAN;
    return by_now < 1 ? (in_the_end - by_now) / (1 - by_now) : 0;
}

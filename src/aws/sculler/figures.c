#include "aws/sculler/figures.h"

#include <math.h>

/* Wilson's interval, 95 % (Brown, Cai, DasGupta, Statistical Science 2001): a rate of few calls says how little it
 * says. */
static void write_share(struct jw *jw, const char *key, int64_t k, int64_t n)
{
    const double z = 1.959963984540054;
    double share = n ? (double)k / (double)n : 0, count = n ? (double)n : 1, scale = 1 + z * z / count;
    double centre = (share + z * z / (2 * count)) / scale;
    double half = z / scale * sqrt(share * (1 - share) / count + z * z / (4 * count * count));

    jw_object_key(jw, key);
    if (n) {
        jw_real(jw, "value", share);
        jw_real(jw, "low", k ? centre - half : 0);
        jw_real(jw, "high", k < n ? centre + half : 1);
    } else {
        jw_null(jw, "value");
        jw_null(jw, "low");
        jw_null(jw, "high");
    }
    jw_int(jw, "n", n);
    jw_int(jw, "k", k);
    jw_object_end(jw);
}

void figures_write(struct jw *jw, const struct rollup_figures *figures)
{
    static const struct {
        const char *name;
        double q;
    } percentiles[] = {{"p50", 0.50}, {"p95", 0.95}, {"p99", 0.99}};
    bool any = latency_count(&figures->latency) > 0;

    jw_int(jw, "calls", figures->calls);
    jw_int(jw, "errors", figures->errors);
    jw_int(jw, "throttles", figures->throttles);
    jw_int(jw, "cold", figures->cold);
    write_share(jw, "error_rate", figures->errors, figures->calls - figures->throttles);
    if (figures->cold)
        jw_real(jw, "init_ms", (double)figures->init_us / 1000 / (double)figures->cold);
    else
        jw_null(jw, "init_ms");
    jw_object_key(jw, "latency_ms");
    for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++)
        if (any)
            jw_real(jw, percentiles[i].name, latency_quantile(&figures->latency, percentiles[i].q) / 1000);
        else
            jw_null(jw, percentiles[i].name);
    jw_object_end(jw);
    jw_real(jw, "memory_peak_mb", (double)figures->memory_peak_kb / 1024);
}

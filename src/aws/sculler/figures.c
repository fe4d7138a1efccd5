#include "aws/sculler/figures.h"

#include "stats/interval.h"

/* A rate of few calls says how little it says. */
static void write_share(struct jw *jw, const char *key, int64_t k, int64_t n)
{
    struct stats_interval share = stats_wilson((double)k, (double)n, STATS_LEVEL_DEFAULT);

    jw_object_key(jw, key);
    jw_real(jw, "value", share.value);
    jw_real(jw, "low", share.low);
    jw_real(jw, "high", share.high);
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

#include "stats/drift.h"

#include "stats/special.h"

enum { ROWS_PER_BIN_MIN = 10, EXPECTED_MIN = 5 };

#define ALPHA_DEFAULT 0.01

static double sum_of(const double *counts, int bins)
{
    double sum = 0;

    for (int i = 0; i < bins; i++)
        sum += counts[i];
    return sum;
}

static double alpha_of(const struct stats_drift_options *options)
{
    return (options->alpha > 0 ? options->alpha : ALPHA_DEFAULT) / fmax(options->features, 1);
}

static struct stats_drift too_few(double n, double m)
{
    return (struct stats_drift){STATS_NAN, STATS_NAN, STATS_NAN, n, m, 0, false};
}

static struct stats_drift verdict(struct stats_drift drift, const struct stats_drift_options *options)
{
    drift.drifted = drift.p < alpha_of(options) && drift.statistic >= options->effect_min;
    drift.threshold = fmax(drift.threshold, options->effect_min);
    return drift;
}

struct stats_drift stats_psi(const double *reference, const double *window, int bins,
                             const struct stats_drift_options *options)
{
    double n = sum_of(reference, bins), m = sum_of(window, bins), scale = 1 / n + 1 / m, psi = 0;

    if (bins < 2 || fmin(n, m) < (double)ROWS_PER_BIN_MIN * bins)
        return too_few(n, m);
    for (int i = 0; i < bins; i++) {
        double a = (reference[i] + 0.5) / (n + 0.5 * bins), b = (window[i] + 0.5) / (m + 0.5 * bins);

        psi += (a - b) * log(a / b);
    }
    return verdict((struct stats_drift){psi, scale * stats_chi_square_quantile(1 - alpha_of(options), bins - 1),
                                        stats_chi_square_sf(psi / scale, bins - 1), n, m, bins, false},
                   options);
}

/* As many bins as both samples bear. */
static int bins_for(double n, double m)
{
    return (int)fmin(fmin(n, m) / ROWS_PER_BIN_MIN, STATS_PSI_BINS_MAX);
}

/*
 * Bins of about equally many.  What one value has alone is more than a bin's share at times; then the rest is shared
 * anew, and nothing is left over for a last bin of next to none.
 */
struct quantiles {
    double left, target; /* not yet in a bin; what this bin shall have */
    double held;
    int bins_left;
};

static struct quantiles quantiles_of(double n, int bins)
{
    return (struct quantiles){n, n / bins, 0, bins};
}

/* True: the next value, which `count` have, begins a new bin. */
static bool begins_bin(struct quantiles *q, double count)
{
    bool begins = count > 0 && q->bins_left > 1 && q->held >= q->target * (1 - 1e-9) && q->left >= q->target / 2;

    if (begins) {
        q->bins_left--;
        q->target = q->left / q->bins_left;
        q->held = 0;
    }
    q->held += count;
    q->left -= count;
    return begins;
}

struct stats_drift stats_psi_of_scores(const double reference[STATS_BINS], const double window[STATS_BINS],
                                       const struct stats_drift_options *options)
{
    double n = stats_total(reference), m = stats_total(window), a[STATS_PSI_BINS_MAX] = {0},
           b[STATS_PSI_BINS_MAX] = {0};
    int bins = bins_for(n, m), at = 0;
    struct quantiles q = quantiles_of(n, bins);

    if (bins < 2)
        return too_few(n, m);
    for (int i = 0; i < STATS_BINS; i++) {
        at += begins_bin(&q, reference[i]);
        a[at] += reference[i];
        b[at] += window[i];
    }
    return stats_psi(a, b, at + 1, options);
}

int stats_quantile_cuts(const double *sorted, size_t count, int bins_max, double *ret_cuts)
{
    int bins = 1;
    struct quantiles q = quantiles_of((double)count, bins_max);

    for (size_t at = 0, end; at < count; at = end) {
        for (end = at + 1; end < count && sorted[end] == sorted[at];)
            end++;
        if (begins_bin(&q, (double)(end - at)))
            ret_cuts[bins++ - 1] = sorted[at];
    }
    return bins;
}

int stats_bin_by_cuts(const double *cuts, int bins, double value)
{
    int bin = 0;

    while (bin < bins - 1 && value >= cuts[bin])
        bin++;
    return bin;
}

/*
 * The two distributions, walked value by value.  `distance` is the largest |i m - j n|: whole, so nothing is lost.
 * Where a group of equal values ends, `ends` says so: only there may the distributions be compared.
 */
enum { EXACT_PRODUCT_MAX = 40000, EXACT_ROWS_MAX = 4000, EXACT_SIDE_MAX = 200 };

struct walk {
    double n, m, i, j, distance;
    bool is_exact;
    bool ends[EXACT_ROWS_MAX + 1];
};

static void walk_init(struct walk *walk, double n, double m)
{
    *walk = (struct walk){.n = n, .m = m};
    walk->is_exact = n * m <= EXACT_PRODUCT_MAX && n + m <= EXACT_ROWS_MAX;
}

static void walk_add(struct walk *walk, double in_reference, double in_window)
{
    walk->i += in_reference;
    walk->j += in_window;
    walk->distance = fmax(walk->distance, fabs(walk->i * walk->m - walk->j * walk->n));
    if (walk->is_exact)
        walk->ends[(int)(walk->i + walk->j)] = true;
}

/*
 * P(the largest |i m - j n| at an end is `distance` or more) when all orders of the pooled values are as likely: the
 * share of paths through the n x m lattice that come so far.  kept[j] is the share of paths to (i, j) that did not; the
 * last step to it was along i with probability i / (i + j).
 */
static double path_share(const struct walk *walk, double distance)
{
    double small = fmin(walk->n, walk->m), large = fmax(walk->n, walk->m), kept[EXACT_SIDE_MAX + 1];

    for (int i = 0; i <= (int)large; i++)
        for (int j = 0; j <= (int)small; j++) {
            bool is_far = walk->ends[i + j] && fabs(i * small - j * large) >= distance;

            if (i == 0 && j == 0)
                kept[j] = 1;
            else
                kept[j] = ((i > 0 ? kept[j] * i : 0) + (j > 0 ? kept[j - 1] * j : 0)) / (i + j);
            if (is_far)
                kept[j] = 0;
        }
    return 1 - kept[(int)small];
}

static double stephens(const struct walk *walk)
{
    double root = sqrt(walk->n * walk->m / (walk->n + walk->m));

    return root + 0.12 + 0.11 / root;
}

static double ks_p(const struct walk *walk, double distance)
{
    return walk->is_exact ? path_share(walk, distance)
                          : stats_kolmogorov_sf(stephens(walk) * distance / walk->n / walk->m);
}

/* The least distance that is rarer than alpha. */
static double ks_threshold(const struct walk *walk, double alpha)
{
    double low = 0, high = walk->n * walk->m + 1, precision = walk->is_exact ? 0.5 : 1e-12 * high;

    while (high - low > precision) {
        double middle = low + (high - low) / 2;

        if (ks_p(walk, middle) < alpha)
            high = middle;
        else
            low = middle;
    }
    return walk->is_exact ? floor(high) : high;
}

static struct stats_drift ks_verdict(const struct walk *walk, int bins, const struct stats_drift_options *options)
{
    double scale = walk->n * walk->m;

    return verdict((struct stats_drift){walk->distance / scale, ks_threshold(walk, alpha_of(options)) / scale,
                                        ks_p(walk, walk->distance), walk->n, walk->m, bins, false},
                   options);
}

struct stats_drift stats_ks(const double *reference, const double *window, int bins,
                            const struct stats_drift_options *options)
{
    double n = sum_of(reference, bins), m = sum_of(window, bins);
    struct walk walk;

    if (fmin(n, m) < STATS_DRIFT_ROWS_MIN)
        return too_few(n, m);
    walk_init(&walk, n, m);
    for (int i = 0; i < bins; i++)
        if (reference[i] + window[i] > 0)
            walk_add(&walk, reference[i], window[i]);
    return ks_verdict(&walk, bins, options);
}

struct stats_drift stats_ks_of_samples(const double *sorted_reference, size_t n, const double *sorted_window, size_t m,
                                       const struct stats_drift_options *options)
{
    size_t i = 0, j = 0;
    struct walk walk;
    int groups = 0;

    if (n < STATS_DRIFT_ROWS_MIN || m < STATS_DRIFT_ROWS_MIN)
        return too_few((double)n, (double)m);
    walk_init(&walk, (double)n, (double)m);
    while (i < n || j < m) {
        double value =
            j >= m || (i < n && sorted_reference[i] < sorted_window[j]) ? sorted_reference[i] : sorted_window[j];
        size_t first_i = i, first_j = j;

        while (i < n && sorted_reference[i] <= value)
            i++;
        while (j < m && sorted_window[j] <= value)
            j++;
        walk_add(&walk, (double)(i - first_i), (double)(j - first_j));
        groups++;
    }
    return ks_verdict(&walk, groups, options);
}

/* Pearson's sum over the cells, of which rare categories are one. */
struct cells {
    double n, m, statistic, rare_reference, rare_window;
    double least_reference, least_window; /* the rarest of the others */
    int count;
};

static double expected_least(const struct cells *cells, double in_reference, double in_window)
{
    return (in_reference + in_window) * fmin(cells->n, cells->m) / (cells->n + cells->m);
}

static double cell_term(const struct cells *cells, double in_reference, double in_window)
{
    double share = (in_reference + in_window) / (cells->n + cells->m);
    double off_reference = in_reference - cells->n * share, off_window = in_window - cells->m * share;

    return off_reference * off_reference / (cells->n * share) + off_window * off_window / (cells->m * share);
}

static void cells_add(struct cells *cells, double in_reference, double in_window)
{
    if (expected_least(cells, in_reference, in_window) < EXPECTED_MIN) {
        cells->rare_reference += in_reference;
        cells->rare_window += in_window;
        return;
    }
    if (cells->count == 0 || in_reference + in_window < cells->least_reference + cells->least_window) {
        cells->least_reference = in_reference;
        cells->least_window = in_window;
    }
    cells->statistic += cell_term(cells, in_reference, in_window);
    cells->count++;
}

/* The rare ones are a cell if they are enough; else they join the rarest of the others. */
static void cells_end(struct cells *cells)
{
    if (!(cells->rare_reference + cells->rare_window > 0) || cells->count == 0)
        return;
    if (expected_least(cells, cells->rare_reference, cells->rare_window) < EXPECTED_MIN) {
        cells->statistic -= cell_term(cells, cells->least_reference, cells->least_window);
        cells->rare_reference += cells->least_reference;
        cells->rare_window += cells->least_window;
        cells->count--;
    }
    cells->statistic += cell_term(cells, cells->rare_reference, cells->rare_window);
    cells->count++;
}

struct stats_drift stats_chi_square(const double *reference, const double *window, int categories,
                                    const struct stats_drift_options *options)
{
    struct cells cells = {.n = sum_of(reference, categories), .m = sum_of(window, categories)};
    double total = cells.n + cells.m;

    if (fmin(cells.n, cells.m) < STATS_DRIFT_ROWS_MIN)
        return too_few(cells.n, cells.m);
    for (int i = 0; i < categories; i++)
        if (reference[i] + window[i] > 0)
            cells_add(&cells, reference[i], window[i]);
    cells_end(&cells);
    if (cells.count < 2)
        return too_few(cells.n, cells.m);
    cells.statistic = fmax(cells.statistic, 0);
    return verdict((struct stats_drift){sqrt(cells.statistic / total),
                                        sqrt(stats_chi_square_quantile(1 - alpha_of(options), cells.count - 1) / total),
                                        stats_chi_square_sf(cells.statistic, cells.count - 1), cells.n, cells.m,
                                        cells.count, false},
                   options);
}

#!/usr/bin/env python3
"""make_fixtures: writes test/stats/fixtures.h, what SciPy, scikit-learn and statsmodels say of the same numbers.

    python3 -m venv V && V/bin/pip install numpy==2.2.6 scipy==1.15.3 scikit-learn==1.6.1 statsmodels==0.14.5
    V/bin/python test/stats/make_fixtures.py

The header is committed, so that the tests need none of these libraries.  Everything is seeded: a second run writes the
same bytes.
"""
import pathlib
import re

import numpy as np
import scipy
import sklearn
import statsmodels
from scipy import special, stats
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

PINNED = {np: "2.2.6", scipy: "1.15.3", sklearn: "1.6.1", statsmodels: "0.14.5"}
for library, version in PINNED.items():
    assert library.__version__ == version, f"{library.__name__} {library.__version__}, not {version}"

out = []


def number(x):
    if isinstance(x, str):
        return f'"{x}"'
    if isinstance(x, (list, tuple, np.ndarray)):
        return "{" + ", ".join(map(number, x)) + "}"
    if isinstance(x, (int, np.integer)):
        return str(x)
    x = float(x)
    return "NAN" if np.isnan(x) else "INFINITY" if x == np.inf else "-INFINITY" if x == -np.inf else repr(x)


def table(name, members, rows, source):
    """A C array of structs; `members` is C, in the order of a row."""
    out.append(f"/* {source} */")
    out.append(f"static const struct {{\n    {members}\n}} {name}[] = {{")
    out.extend("    " + number(row) + "," for row in rows)
    out.append("};\n")


def special_functions():
    rows = [("normal_cdf", z, 0, 0, stats.norm.cdf(z)) for z in (-37, -8, -3, -1.96, -0.1, 0, 0.5, 1.645, 4, 9)]
    rows += [("normal_quantile", p, 0, 0, stats.norm.ppf(p))
             for p in (1e-300, 1e-12, 1e-4, 0.025, 0.3, 0.5, 0.7, 0.975, 0.9999, 1 - 1e-12)]
    shapes = [(0.5, 0.5), (0.5, 20.5), (1, 1), (2, 7), (45.5, 5.5), (400.5, 0.5), (5000.5, 500.5), (1e6, 3e4), (2e6, 2e6)]
    for a, b in shapes:
        sd = np.sqrt(a * b / (a + b) ** 2 / (a + b + 1))
        for z in (-4, -2, -0.5, 0, 0.5, 2, 4):
            x = a / (a + b) + z * sd
            if 0 < x < 1:
                rows.append(("beta_cdf", x, a, b, special.betainc(a, b, x)))
        rows += [("beta_quantile", p, a, b, special.betaincinv(a, b, p)) for p in (1e-6, 0.025, 0.5, 0.975, 0.999999)]
    for a in (0.5, 1, 4.5, 9.5, 50, 1000, 1e5):
        for z in (-3, -1, 0, 1, 3, 6):
            x = a + z * np.sqrt(a)
            if x > 0:
                rows.append(("gamma_p", a, x, 0, special.gammainc(a, x)))
                rows.append(("gamma_q", a, x, 0, special.gammaincc(a, x)))
    for df in (1, 2, 5, 9, 19, 100, 1023):
        rows += [("chi_square_quantile", p, df, 0, stats.chi2.ppf(p, df)) for p in (1e-6, 0.01, 0.5, 0.95, 0.99, 0.9999)]
        rows += [("chi_square_sf", x * df, df, 0, stats.chi2.sf(x * df, df)) for x in (0.1, 0.7, 1, 1.5, 3, 20)]
    for k, n, p in ((0, 10, 0.1), (3, 10, 0.5), (10, 10, 0.9), (95, 100, 0.9), (512, 1000, 0.5), (250100, 1000000, 0.25)):
        rows += [("binomial_cdf", k, n, p, stats.binom.cdf(k, n, p)), ("binomial_sf", k, n, p, stats.binom.sf(k - 1, n, p))]
    rows += [("kolmogorov_sf", x, 0, 0, special.kolmogorov(x)) for x in (0.03, 0.2, 0.5, 1, 1.17, 1.18, 1.36, 1.63, 3, 5)]
    table("special_rows", "const char *name;\n    double a, b, c, value;", rows, "scipy.special, scipy.stats")


def intervals():
    pairs = [(0, 1), (1, 1), (0, 20), (18, 20), (19, 20), (20, 20), (45, 50), (375, 412), (1, 1000), (99999, 100000)]
    rows = []
    for k, n in pairs:
        for level in (0.8, 0.95, 0.99):
            j = proportion_confint(k, n, 1 - level, "jeffreys")
            rows.append((k, n, level, *proportion_confint(k, n, 1 - level, "wilson"),
                         0 if k == 0 else j[0], 1 if k == n else j[1], stats.beta.cdf(0.9, k + 0.5, n - k + 0.5)))
    table("proportion_rows", "double k, n, level, wilson_low, wilson_high, jeffreys_low, jeffreys_high, below_90;", rows,
          "statsmodels proportion_confint (Jeffreys' ends as Brown, Cai and DasGupta set them); scipy.stats.beta")
    rows = []
    for k1, n1, k2, n2 in ((56, 70, 48, 80), (9, 10, 3, 10), (10, 10, 0, 20), (0, 10, 0, 10), (900, 1000, 880, 1000)):
        ci = confint_proportions_2indep(k1, n1, k2, n2, method="newcomb", alpha=0.05)
        rows.append((k1, n1, k2, n2, *ci))
    table("difference_rows", "double k1, n1, k2, n2, low, high;", rows, "statsmodels confint_proportions_2indep, newcomb")


def confusions():
    rows = []
    for tp, fp, fn, tn in ((90, 10, 20, 880), (1, 2, 3, 4), (0, 5, 5, 90), (250000, 1000, 70000, 9000000), (7, 0, 0, 7)):
        truth = np.array([1, 0, 1, 0])
        said = np.array([1, 1, 0, 0])
        w = np.array([tp, fp, fn, tn], float)
        of = lambda f, **k: f(truth, said, sample_weight=w, **k)
        rows.append((tp, fp, fn, tn, of(metrics.precision_score), of(metrics.recall_score), of(metrics.f1_score),
                     of(metrics.fbeta_score, beta=2), of(metrics.accuracy_score),
                     of(metrics.recall_score, pos_label=0), of(metrics.precision_score, pos_label=0),
                     of(metrics.balanced_accuracy_score), of(metrics.matthews_corrcoef)))
    table("confusion_rows", "double tp, fp, fn, tn, precision, recall, f1, f2, accuracy, specificity, npv, balanced, mcc;",
          rows, "sklearn.metrics, counts as sample_weight")


def scores(rng, n, prevalence, apart, digits=None):
    """Scores of a logistic model whose classes lie `apart`; rounded ones have ties."""
    y = (rng.random(n) < prevalence).astype(int)
    s = 1 / (1 + np.exp(-(rng.normal(0, 1, n) + apart * (y - 0.5))))
    return (s if digits is None else np.round(s, digits)), y


def ranked():
    out.append("/* scores and labels that several tables below are about */")
    sets = []
    for i, (n, prevalence, apart, digits) in enumerate(((60, 0.4, 2, 1), (300, 0.2, 3, None), (250, 0.1, 1, 2))):
        s, y = scores(np.random.default_rng(100 + i), n, prevalence, apart, digits)
        out.append(f"static const double score_{i}[] = {number(s)};")
        out.append(f"static const unsigned char label_{i}[] = {number(y)};")
        b = np.minimum(1023, np.floor(1024 * s)) / 1024
        c = (np.minimum(1023, np.floor(1024 * s)) + 0.5) / 1024
        sets.append((f"@score_{i}", f"@label_{i}", n, metrics.roc_auc_score(y, s), metrics.average_precision_score(y, s),
                     metrics.roc_auc_score(y, b), metrics.average_precision_score(y, b), metrics.brier_score_loss(y, s),
                     delong_variance(b, y)))
    out.append("")
    table("ranked_rows", "const double *scores;\n    const unsigned char *labels;\n    size_t count;\n"
          "    double auc, average_precision, auc_of_bins, average_precision_of_bins, brier, auc_variance_of_bins;", sets,
          "sklearn roc_auc_score, average_precision_score, brier_score_loss; DeLong's variance by all pairs (NumPy)")


def delong_variance(s, y):
    x, z = s[y == 1], s[y == 0]
    psi = (x[:, None] > z[None, :]) + 0.5 * (x[:, None] == z[None, :])
    return psi.mean(1).var(ddof=1) / len(x) + psi.mean(0).var(ddof=1) / len(z)


def calibrations():
    rows = []
    for i, (n, prevalence, apart, digits) in enumerate(((60, 0.4, 2, 1), (300, 0.2, 3, None), (250, 0.1, 1, 2))):
        s, y = scores(np.random.default_rng(100 + i), n, prevalence, apart, digits)
        centre = (np.minimum(1023, np.floor(1024 * s)) + 0.5) / 1024
        share, mean = calibration_curve(y, centre, n_bins=8, strategy="uniform")
        rows.append((i, metrics.brier_score_loss(y, centre), len(share), share, mean))
    table("reliability_rows", "int set;\n    double brier_of_bins;\n    int count;\n    double share[8], mean[8];", rows,
          "sklearn calibration_curve, 8 bins of equal width, scores at the middle of their bin")
    rows = []
    rng = np.random.default_rng(7)
    for n in (1, 5, 24):
        x = np.arange(n)
        y = x / n + rng.normal(0, 0.4, n)
        w = np.round(rng.gamma(1, 3, n))
        w[0] = max(w[0], 1)
        rows.append((n, y, w, IsotonicRegression(out_of_bounds="clip").fit(x, y, sample_weight=w).predict(x)))
    table("isotonic_rows", "int count;\n    double values[24], weights[24], fitted[24];", rows,
          "sklearn IsotonicRegression; a weight of 0 is a gap")


def drifts():
    rng = np.random.default_rng(11)
    rows = []
    for n, m, shift in ((20, 20, 0), (20, 50, 1), (80, 90, 0.4), (190, 200, 0.1)):
        a, b = np.sort(rng.normal(0, 1, n)), np.sort(rng.normal(shift, 1, m))
        i = len(rows)
        out.append(f"static const double ks_reference_{i}[] = {number(a)};")
        out.append(f"static const double ks_window_{i}[] = {number(b)};")
        r = stats.ks_2samp(a, b, method="exact")
        rows.append((f"@ks_reference_{i}", f"@ks_window_{i}", n, m, r.statistic, r.pvalue))
    out.append("")
    table("ks_rows", "const double *reference, *window;\n    size_t n, m;\n    double statistic, p;", rows,
          "scipy.stats.ks_2samp, exact")
    rows = []
    for a, b in (([50, 30, 20], [40, 45, 15]), ([500, 300, 200, 90], [480, 330, 210, 70]), ([30, 70], [45, 55])):
        r = stats.chi2_contingency([a, b], correction=False)
        pad = [0] * (4 - len(a))
        rows.append((len(a), a + pad, b + pad, r.statistic, r.pvalue))
    table("chi_square_rows", "int count;\n    double reference[4], window[4], statistic, p;", rows,
          "scipy.stats.chi2_contingency, no correction")


def orders():
    rng = np.random.default_rng(13)
    rows = []
    out.append(f"static const double order_values[] = {number(np.sort(rng.gamma(2, 100, 200)))};")
    x = np.sort(np.random.default_rng(13).gamma(2, 100, 200))
    for n, q, level in ((7, 0.5, 0.95), (20, 0.5, 0.95), (61, 0.5, 0.99), (200, 0.5, 0.95), (200, 0.9, 0.95), (200, 0.25, 0.9)):
        ci = stats.quantile_test(x[:n], p=q).confidence_interval(level)
        rows.append((n, q, level, np.quantile(x[:n], q), ci.low, ci.high))
    table("quantile_rows", "size_t count;\n    double share, level, value, low, high;", rows,
          "numpy.quantile; scipy.stats.quantile_test, of the first `count` of order_values")


def arrivals():
    rng = np.random.default_rng(17)
    delay, age = np.round(rng.exponential(5, 60)), np.round(rng.uniform(0, 12, 60))
    came = (delay <= age).astype(int)
    after = np.where(came == 1, delay, age)
    out.append(f"static const double arrival_delays[] = {number(after)};")
    out.append(f"static const unsigned char arrival_came[] = {number(came)};")
    sf = stats.ecdf(stats.CensoredData.right_censored(after, came == 0)).sf
    ci = sf.confidence_interval(method="log-log")
    rows = [(t, int(d), int(np.sum(after >= t)), 1 - p, 1 - high, 1 - low)
            for t, d, p, low, high in zip(sf.quantiles, sf._d, sf.probabilities, ci.low.probabilities, ci.high.probabilities)
            if 0 < p < 1]
    table("arrival_rows", "double after;\n    int came;\n    double at_risk, share, low, high;", rows,
          "scipy.stats.ecdf of right-censored data; log-log bounds")


SECTIONS = [special_functions, intervals, confusions, ranked, calibrations, drifts, orders, arrivals]


for section in SECTIONS:
    section()
text = f"""/*
 * fixtures: what {", ".join(f"{k.__name__} {v}" for k, v in PINNED.items())} say.  Written by test/stats/make_fixtures.py;
 * not to be edited.
 */
#pragma once

#include <math.h>
#include <stddef.h>

/* clang-format off */
""" + "\n".join(out).replace('"@', "").replace("@", "")
text = re.sub(r'((?:score|label|ks_reference|ks_window)_\d+)"', r"\1", text)
(pathlib.Path(__file__).parent / "fixtures.h").write_text(text)
print(f"{text.count(chr(10))} lines")

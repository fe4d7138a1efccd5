/*
 * order: a quantile with an interval that assumes nothing of the distribution: two of the values themselves, whose
 * ranks the binomial distribution says.
 *
 * Source: David and Nagaraja, "Order statistics", 7.1 (as scipy.stats.quantile_test); the value is interpolated as
 * NumPy's default does (Hyndman and Fan, type 7).  Pure; values are sorted.
 */
#pragma once

#include <stddef.h>

struct stats_quantile {
    double value, low, high;
    double coverage; /* of [low, high], at least what was asked; with few values less, and then they are the ends */
    double n;
};

struct stats_quantile stats_quantile(const double *sorted, size_t count, double share, double level);
void stats_sort(double *values, size_t count); /* rising; no NaN */

/*
 * latency: how long many calls took, in so few numbers that they can be kept by the minute and put together later.
 *
 * A DDSketch (Masson, Rim, Lee, VLDB 12, 2019) with a relative error of 1 %: bucket k counts what lies in
 * (γ^(k-1), γ^k] microseconds, γ = 1.01/0.99.  Two are put together by adding their counts, so a percentile of an hour
 * or of several versions is as good as that of a minute; percentiles themselves could not be put together.
 */
#pragma once

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

enum { LATENCY_BUCKETS = 1076 }; /* up to 2^31 microseconds, 35 minutes */

struct latency {
    uint64_t counts[LATENCY_BUCKETS];
};

void latency_add(struct latency *latency, int64_t us);
void latency_merge(struct latency *into, const struct latency *from);
uint64_t latency_count(const struct latency *latency);
/* q in [0, 1]; microseconds, within 1 %.  Of none: 0. */
double latency_quantile(const struct latency *latency, double q);

/* As bytes: (buckets skipped, count) in base-128, so that a minute with three different times takes some ten. */
enum { LATENCY_BYTES_MAX = LATENCY_BUCKETS * 12 };
void latency_encode(const struct latency *latency, struct buf *out);
MUST_USE bool latency_merge_encoded(struct latency *into, str bytes); /* false: these are not such bytes */

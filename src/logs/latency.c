#include "logs/latency.h"

#include <math.h>

static const double gamma_log = 0.020000666706669435; /* ln(1.01 / 0.99) */

static int bucket_of(int64_t us)
{
    int bucket = us <= 1 ? 0 : (int)ceil(log((double)us) / gamma_log);

    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

/* The value with the least relative error to both ends of the bucket. */
static double value_of(int bucket)
{
    return bucket == 0 ? 1.0 : 0.99 * exp(bucket * gamma_log);
}

void latency_add(struct latency *latency, int64_t us)
{
    latency->counts[bucket_of(us)]++;
}

void latency_merge(struct latency *into, const struct latency *from)
{
    for (int i = 0; i < LATENCY_BUCKETS; i++)
        into->counts[i] += from->counts[i];
}

uint64_t latency_count(const struct latency *latency)
{
    uint64_t count = 0;

    for (int i = 0; i < LATENCY_BUCKETS; i++)
        count += latency->counts[i];
    return count;
}

double latency_quantile(const struct latency *latency, double q)
{
    uint64_t count = latency_count(latency), seen = 0;
    double rank = q * (double)(count ? count - 1 : 0);

    for (int i = 0; count && i < LATENCY_BUCKETS; i++) {
        seen += latency->counts[i];
        if ((double)seen > rank)
            return value_of(i);
    }
    return 0;
}

static void add_number(struct buf *out, uint64_t number)
{
    for (; number >= 128; number >>= 7)
        buf_add_char(out, (char)(number | 128));
    buf_add_char(out, (char)number);
}

static bool take_number(str *rest, uint64_t *ret)
{
    uint64_t number = 0;

    for (int shift = 0; rest->len > 0 && shift < 64; shift += 7) {
        unsigned char byte = (unsigned char)*rest->at;

        *rest = str_from(*rest, 1);
        number |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            *ret = number;
            return true;
        }
    }
    return false;
}

void latency_encode(const struct latency *latency, struct buf *out)
{
    int last = -1;

    for (int i = 0; i < LATENCY_BUCKETS; i++) {
        if (!latency->counts[i])
            continue;
        add_number(out, (uint64_t)(i - last - 1));
        add_number(out, latency->counts[i]);
        last = i;
    }
}

bool latency_merge_encoded(struct latency *into, str bytes)
{
    uint64_t skipped, count, at = 0;

    while (bytes.len > 0) {
        if (!take_number(&bytes, &skipped) || !take_number(&bytes, &count) || skipped >= LATENCY_BUCKETS - at)
            return false;
        at += skipped;
        into->counts[at++] += count;
    }
    return true;
}

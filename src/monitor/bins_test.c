#include "monitor/bins.h"

#include <string.h>

#include "base/test.h"

static void a_histogram_comes_back(void)
{
    static int64_t bins[SCORE_BINS] = {[0] = 1, [5] = 127, [6] = 128, [700] = 1LL << 40, [1023] = 3},
                   back[SCORE_BINS] = {0};
    BUF_AUTO text = {0};

    buf_init(&text, SCORE_BINS_BYTES_MAX);
    bins_encode(bins, &text);
    ok(text.len == 2 + 2 + 3 + 8 + 3);
    ok(bins_add(buf_str(&text), back));
    ok(memcmp(bins, back, sizeof bins) == 0);
}

static void a_full_one_fits_and_an_empty_one_is_nothing(void)
{
    static int64_t bins[SCORE_BINS], none[SCORE_BINS] = {0};
    BUF_AUTO text = {0};

    buf_init(&text, SCORE_BINS_BYTES_MAX);
    bins_encode(none, &text);
    ok(text.len == 0);
    for (int i = 0; i < SCORE_BINS; i++)
        bins[i] = INT64_MAX;
    bins_encode(bins, &text);
    ok(buf_ok(&text));
    ok(bins_add(buf_str(&text), none) && none[1023] == INT64_MAX);
}

static void what_is_torn_or_too_long_is_refused(void)
{
    static const str bad[] = {{"\x00", 1}, {"\x80", 1}, {"\x80\x08\x01", 3}, {"\xff\x07\x01\x00\x01", 5}};
    int64_t bins[SCORE_BINS] = {0};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(!bins_add(bad[i], bins));
}

static void a_score_of_one_is_in_the_last_bin(void)
{
    ok(score_bin(0) == 0 && score_bin(1) == 1023 && score_bin(0.5) == 512 && score_bin(0.4999) == 511);
}

TEST_MAIN(a_histogram_comes_back, a_full_one_fits_and_an_empty_one_is_nothing, what_is_torn_or_too_long_is_refused,
          a_score_of_one_is_in_the_last_bin)

#include "base/clock.h"

#include "base/test.h"

static int64_t at_noon(void)
{
    return 43200000000;
}

static void tells_the_time(void)
{
    int64_t first = clock_steady_us();

    ok(clock_wall_ms() > INT64_C(1700000000000));
    ok(clock_steady_us() >= first);
}

static void can_be_replaced(void)
{
    clock_replace(at_noon);
    ok(clock_wall_us() == 43200000000 && clock_steady_us() == 43200000000);
    ok(clock_wall_ms() == 43200000);
    clock_replace(NULL);
    ok(clock_wall_us() != 43200000000);
}

TEST_MAIN(tells_the_time, can_be_replaced)

#include "replay/pace.h"

#include "base/test.h"

static void keeps_its_rate(void)
{
    struct pace pace = {.rate = 100};
    int started = 0;

    for (int64_t now_us = 1000000; now_us < 3000000; now_us += 100)
        if (pace_wait_us(&pace, POOL_ROOM_FREE, now_us) == 0) {
            pace_started(&pace, now_us);
            started++;
        }
    ok(started >= 200 && started <= 203); /* two seconds, and the slack */
}

static void makes_up_for_little_only(void)
{
    struct pace pace = {.rate = 1000};
    int at_once = 0;

    pace_started(&pace, 1000000);
    while (pace_wait_us(&pace, POOL_ROOM_FREE, 9000000) == 0) { /* eight seconds later */
        pace_started(&pace, 9000000);
        at_once++;
    }
    ok(at_once >= 20 && at_once <= 22);
}

static void gives_way(void)
{
    struct pace pace = {.rate = 1000};

    pace_started(&pace, 1000000);
    ok(pace_wait_us(&pace, POOL_ROOM_NONE, 2000000) == PACE_ROOM_CHECK_MS * 1000 && pace.gives_way);
    ok(pace_wait_us(&pace, POOL_ROOM_TIGHT, 1400000) > 0);
    ok(pace_wait_us(&pace, POOL_ROOM_TIGHT, 1500000) == 0 && !pace.gives_way); /* a trickle */
    ok(pace_wait_us(&pace, POOL_ROOM_NONE, 1000000000) > 0);
}

static void waits_longer_after_each_refusal(void)
{
    struct pace pace = {.rate = 1000};

    pace_refused(&pace, 1000000);
    ok(pace_wait_us(&pace, POOL_ROOM_FREE, 1000000) == 100000 && pace.refused_since_us == 1000000);
    pace_refused(&pace, 2000000);
    ok(pace_wait_us(&pace, POOL_ROOM_FREE, 2000000) == 200000 && pace.refused_since_us == 1000000);
    for (int i = 0; i < 40; i++)
        pace_refused(&pace, 3000000);
    ok(pace_wait_us(&pace, POOL_ROOM_FREE, 3000000) == PACE_BACKOFF_MS_MAX * 1000);
    pace_answered(&pace);
    pace_refused(&pace, 20000000);
    ok(pace_wait_us(&pace, POOL_ROOM_FREE, 20000000) == 100000 && pace.refused_since_us == 20000000);
}

TEST_MAIN(keeps_its_rate, makes_up_for_little_only, gives_way, waits_longer_after_each_refusal)

#include "replay/pace.h"

int64_t pace_wait_us(struct pace *pace, enum pool_room room, int64_t now_us)
{
    bool may = room == POOL_ROOM_FREE ||
               (room == POOL_ROOM_TIGHT && now_us - pace->last_us >= PACE_TRICKLE_MS * INT64_C(1000));

    if (now_us < pace->next_us)
        return pace->next_us - now_us;
    pace->gives_way = !may;
    return may ? 0 : PACE_ROOM_CHECK_MS * 1000;
}

void pace_started(struct pace *pace, int64_t now_us)
{
    int64_t from_us = now_us - PACE_SLACK_MS * INT64_C(1000);

    pace->next_us = (pace->next_us > from_us ? pace->next_us : from_us) + (int64_t)(1e6 / pace->rate);
    pace->last_us = now_us;
}

void pace_refused(struct pace *pace, int64_t now_us)
{
    int64_t twice_us = 2 * pace->backoff_us;

    if (pace->refused_since_us == 0)
        pace->refused_since_us = now_us;
    pace->backoff_us = twice_us == 0                             ? PACE_BACKOFF_MS_MIN * 1000
                       : twice_us > PACE_BACKOFF_MS_MAX * 1000LL ? PACE_BACKOFF_MS_MAX * 1000
                                                                 : twice_us;
    pace->next_us = now_us + pace->backoff_us;
}

void pace_answered(struct pace *pace)
{
    pace->refused_since_us = pace->backoff_us = 0;
}

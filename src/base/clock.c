#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static int64_t (*replaced)(void);

static int64_t read_kernel(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
    return replaced ? replaced() : read_kernel(CLOCK_REALTIME);
}

int64_t clock_steady_us(void)
{
    return replaced ? replaced() : read_kernel(CLOCK_MONOTONIC);
}

void clock_replace(int64_t (*read_us)(void))
{
    replaced = read_us;
}

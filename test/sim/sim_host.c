/* sim_host: what libuv says of the machine, always the same, so that a seed means the same everywhere. */
#include <stdint.h>
#include <uv.h>

unsigned int uv_available_parallelism(void)
{
    return 2;
}

uint64_t uv_get_total_memory(void)
{
    return 8ULL << 30;
}

uint64_t uv_get_constrained_memory(void)
{
    return 0;
}

/*
 * The kernel's bytes are fetched 4 KB at a time, per thread: one getrandom(2) serves 256 request ids.  Used
 * bytes are wiped, so that a later leak of memory does not tell ids given out before.  A fork would repeat
 * the buffer in both processes, so it lies in memory that the kernel wipes in every child, however it was made
 * (madvise(2), MADV_WIPEONFORK; to ask for the pid each time was a system call for each id).
 */
#include "base/rand.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

enum { BUFFER_BYTES = 4096 };

static uint64_t seeded; /* 0: the kernel */

struct pool {
    size_t left; /* 0 in a child: wiped */
    unsigned char bytes[BUFFER_BYTES];
};

static _Thread_local struct pool *pool; /* as long as the thread's process: threads are few, and stay */
static _Thread_local bool has_none;     /* the kernel cannot wipe: each request goes to it */

static struct pool *pool_of_thread(void)
{
    void *memory;

    if (pool || has_none)
        return pool;
    memory = mmap(NULL, sizeof *pool, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED && madvise(memory, sizeof *pool, MADV_WIPEONFORK) == 0)
        pool = memory;
    else if (memory != MAP_FAILED)
        (void)munmap(memory, sizeof *pool);
    has_none = !pool;
    return pool;
}

static void fill(unsigned char *at, size_t len)
{
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            perror("no random bytes from the kernel");
            abort();
        }
        at += got;
        len -= (size_t)got;
    }
}

static uint64_t splitmix_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static void fill_seeded(unsigned char *at, size_t len)
{
    while (len > 0) {
        uint64_t word = splitmix_next(&seeded);
        size_t part = len < sizeof word ? len : sizeof word;

        memcpy(at, &word, part);
        at += part;
        len -= part;
    }
}

void rand_bytes(void *ret, size_t len)
{
    struct pool *own;
    unsigned char *at;

    if (seeded) {
        fill_seeded(ret, len);
        return;
    }
    own = len <= BUFFER_BYTES / 4 ? pool_of_thread() : NULL;
    if (!own) {
        fill(ret, len);
        return;
    }
    if (own->left < len) {
        fill(own->bytes, BUFFER_BYTES);
        own->left = BUFFER_BYTES;
    }
    own->left -= len;
    at = own->bytes + own->left;
    memcpy(ret, at, len);
    explicit_bzero(at, len);
}

double rand_unit(void)
{
    uint64_t word;

    rand_bytes(&word, sizeof word);
    return (double)(word >> 11) * 0x1p-53;
}

void rand_replace(uint64_t seed)
{
    seeded = seed;
}

/*
 * Two heaps fill in an import: arenas of Python's small objects (1 MB each, 256 KB before Python 3.10), which CPython
 * maps one by one wherever there is room, and the C library's, which grows by 132 KB.  Neither ever spans a huge page.
 * So the arenas come from aligned chunks, and the C library is made to grow by HEAP_STEP_BYTES.  A transparent huge
 * page is made at the first touch; to collapse small ones afterwards was measured at 4 ms a huge page.
 */
#include "runtime/guest/heap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    HUGE_BYTES = 2 * 1024 * 1024,
    CHUNK_BYTES = 8 * 1024 * 1024,
    CHUNKS_MAX = 128,                   /* past 1 GB of small objects the rest lies in small pages */
    SMALL_HEAP_BYTES = 8 * 1024 * 1024, /* up to this a fork is cheap, and the rounding would be felt */
    HEAP_STEP_BYTES = 24 * 1024 * 1024,
};

/* Python's C API as documented ("Customize pymalloc Arena Allocator"), but not in its stable ABI: an interpreter
 * without it goes on as it is. */
struct arena_allocator {
    void *ctx;
    void *(*alloc)(void *ctx, size_t size);
    void (*free)(void *ctx, void *at, size_t size);
};

extern void PyObject_GetArenaAllocator(struct arena_allocator *) __attribute__((weak));
extern void PyObject_SetArenaAllocator(struct arena_allocator *) __attribute__((weak));

struct arena {
    struct arena *next;
};

static struct {
    struct arena_allocator of_python;
    size_t used, arena_bytes;
    char *chunks[CHUNKS_MAX], *at; /* at: the first byte of the last chunk that was never given away */
    int count;
    struct arena *unused;     /* of chunks: an import takes and gives back three times what it keeps */
    char *brk_first, *brk_at; /* the C library's heap: from where it is huge; where it ended when we last looked */
} heap;

/* The C library */

/* It takes a block of this size from its heap once it has freed one as large, and keeps that much free at the end. */
static void widen_libc_heap(void)
{
    static void *volatile step;
    char *before = sbrk(0), *after;

    if (before == heap.brk_at)
        return;
    for (int i = 0; i < 2; i++) {
        step = malloc(HEAP_STEP_BYTES);
        free(step);
    }
    after = sbrk(0);
    if (after > before)
        (void)madvise(before, (size_t)(after - before), MADV_HUGEPAGE);
    heap.brk_first = heap.brk_first ? heap.brk_first : before;
    heap.brk_at = after;
}

/* Python */

static char *round_up(char *at)
{
    return at + (HUGE_BYTES - (uintptr_t)at % HUGE_BYTES) % HUGE_BYTES;
}

static size_t left_in_chunk(void)
{
    return heap.count > 0 ? (size_t)(heap.chunks[heap.count - 1] + CHUNK_BYTES - heap.at) : 0;
}

static bool new_chunk(void)
{
    size_t total = CHUNK_BYTES + HUGE_BYTES;
    char *mapped = MAP_FAILED, *chunk;

    if (heap.count < CHUNKS_MAX)
        mapped = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
        return false;
    chunk = round_up(mapped);
    if (chunk > mapped)
        (void)munmap(mapped, (size_t)(chunk - mapped));
    (void)munmap(chunk + CHUNK_BYTES, (size_t)(mapped + total - (chunk + CHUNK_BYTES)));
    (void)madvise(chunk, CHUNK_BYTES, MADV_HUGEPAGE);
    heap.chunks[heap.count++] = heap.at = chunk;
    return true;
}

static void *take_arena(size_t size)
{
    char *at;

    if (heap.unused) {
        at = (char *)heap.unused;
        heap.unused = heap.unused->next;
        return at;
    }
    if (left_in_chunk() < size && !new_chunk())
        return NULL;
    at = heap.at;
    heap.at += size;
    return at;
}

static bool is_ours(const char *at)
{
    for (int i = 0; i < heap.count; i++) {
        if (at >= heap.chunks[i] && at < heap.chunks[i] + CHUNK_BYTES)
            return true;
    }
    return false;
}

static void *alloc_arena(void *ctx, size_t size)
{
    void *at = NULL;

    heap.used += size;
    if (heap.used > SMALL_HEAP_BYTES && CHUNK_BYTES % size == 0 && size >= sizeof(struct arena) &&
        (heap.arena_bytes == 0 || heap.arena_bytes == size)) {
        heap.arena_bytes = size;
        widen_libc_heap();
        at = take_arena(size);
    }
    return at ? at : heap.of_python.alloc(ctx, size);
}

static void free_arena(void *ctx, void *at, size_t size)
{
    struct arena *arena = at;

    heap.used -= size;
    if (!is_ours(at)) {
        heap.of_python.free(ctx, at, size);
        return;
    }
    arena->next = heap.unused;
    heap.unused = arena;
}

void heap_be_huge(void)
{
    struct arena_allocator ours;

    if (!PyObject_GetArenaAllocator || !PyObject_SetArenaAllocator)
        return;
    PyObject_GetArenaAllocator(&heap.of_python);
    ours = (struct arena_allocator){heap.of_python.ctx, alloc_arena, free_arena};
    PyObject_SetArenaAllocator(&ours);
}

/* Python frees an arena by munmap(2) from now on, one of a chunk as any other.  khugepaged shall not join what a worker
 * has split by writing to it. */
void heap_settle(void)
{
    struct arena *arena;
    char *end = sbrk(0);

    if (heap.of_python.alloc)
        PyObject_SetArenaAllocator(&heap.of_python);
    for (int i = 0; i < heap.count; i++)
        (void)madvise(heap.chunks[i], CHUNK_BYTES, MADV_NOHUGEPAGE);
    if (heap.brk_first && end > heap.brk_first)
        (void)madvise(heap.brk_first, (size_t)(end - heap.brk_first), MADV_NOHUGEPAGE);
    while ((arena = heap.unused)) {
        heap.unused = arena->next;
        (void)munmap(arena, heap.arena_bytes);
    }
    if (left_in_chunk() > 0)
        (void)munmap(heap.at, left_in_chunk());
}

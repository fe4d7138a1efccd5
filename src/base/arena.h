/*
 * arena: memory that dies all at once.
 *
 * One arena per request, per invocation, per page: allocate freely, free nothing, and let
 * arena_free() take it back when the request is answered.  Allocation never fails: it returns
 * zeroed memory or stops the process, because every size a client controls has been limited
 * before it gets here.
 */
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t used;
};

void *arena_alloc(struct arena *arena, size_t count, size_t size);
const char *arena_cstr(struct arena *arena, str s);
str arena_copy(struct arena *arena, str s);
str arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);
str arena_join(struct arena *arena, const str *list, int count); /* NUL-terminated, as of arena_copy */
void arena_free(struct arena *arena);
/* Everything is gone, as with arena_free, but one block is kept for who comes next (a connection's next request). */
void arena_reset(struct arena *arena);

#define arena_new(arena, type, count) ((type *)arena_alloc(arena, count, sizeof(type)))
#define arena_concat(arena, ...) arena_join(arena, STR_LIST(__VA_ARGS__)) /* a tenth of what printf takes */
#define ARENA_AUTO CLEANUP(arena_free) struct arena

/*
 * map: text to pointer.  Keys are copied; values are the caller's.  Open addressing, keyed hash (the
 * process's own random seed, so that a client cannot choose collisions).  Order of iteration: none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct map_slot {
    char *key;
    size_t key_len;
    void *value;
};

struct map {
    struct map_slot *slots;
    size_t len, capacity;
};

void *map_get(const struct map *map, str key);        /* NULL when absent */
void *map_put(struct map *map, str key, void *value); /* value non-NULL; returns the one it replaced */
void *map_remove(struct map *map, str key);           /* returns what was there */
bool map_next(const struct map *map, size_t *cursor, str *ret_key, void **ret_value); /* cursor starts 0 */
void map_done(struct map *map);                                                       /* frees keys, not values */

/*
 * Linear probing at a load of at most 3/4, SipHash-1-3 keyed once per process.  Removal shifts the cluster back
 * instead of leaving tombstones, so a map that lives for months does not slow down.
 */
#include "base/map.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"

enum { FIRST_SLOTS = 16 };

static uint64_t seed[2];
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void seed_make(void)
{
    rand_bytes(seed, sizeof seed);
}

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

static uint64_t hash(str key)
{
    uint64_t v[4] = {seed[0] ^ UINT64_C(0x736f6d6570736575), seed[1] ^ UINT64_C(0x646f72616e646f6d),
                     seed[0] ^ UINT64_C(0x6c7967656e657261), seed[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t word;
    size_t i = 0;

    for (; i + 8 <= key.len; i += 8) {
        memcpy(&word, key.at + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = (uint64_t)key.len << 56;
    for (int shift = 0; i < key.len; i++, shift += 8)
        word |= (uint64_t)(unsigned char)key.at[i] << shift;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int i_final = 0; i_final < 3; i_final++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The slot that holds the key, or the free one where it would go.  There is always a free one. */
static size_t find_slot(const struct map *map, str key)
{
    size_t i = hash(key) & (map->capacity - 1);

    while (map->slots[i].key && !str_eq((str){map->slots[i].key, map->slots[i].key_len}, key))
        i = (i + 1) & (map->capacity - 1);
    return i;
}

void *map_get(const struct map *map, str key)
{
    return map->len ? map->slots[find_slot(map, key)].value : NULL;
}

static void *must(void *memory)
{
    if (!memory) {
        fprintf(stderr, "out of memory in a map\n");
        abort();
    }
    return memory;
}

static void grow(struct map *map)
{
    struct map old = *map;

    pthread_once(&seed_once, seed_make);
    map->capacity = old.capacity ? old.capacity * 2 : FIRST_SLOTS;
    map->slots = must(calloc(map->capacity, sizeof *map->slots));
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].key)
            map->slots[find_slot(map, (str){old.slots[i].key, old.slots[i].key_len})] = old.slots[i];
    free(old.slots);
}

void *map_put(struct map *map, str key, void *value)
{
    struct map_slot *slot;
    void *before;

    if ((map->len + 1) * 4 > map->capacity * 3)
        grow(map);
    slot = &map->slots[find_slot(map, key)];
    before = slot->value;
    if (!slot->key) {
        slot->key = must(malloc(key.len + 1));
        if (key.len)
            memcpy(slot->key, key.at, key.len);
        slot->key[key.len] = '\0';
        slot->key_len = key.len;
        map->len++;
    }
    slot->value = value;
    return before;
}

/* Is `home` outside the cyclic interval (hole, at]?  Then the entry at `at` may move into the hole. */
static bool may_fill(size_t hole, size_t at, size_t home)
{
    return hole <= at ? home <= hole || home > at : home <= hole && home > at;
}

void *map_remove(struct map *map, str key)
{
    size_t mask = map->capacity - 1, hole, at;
    void *value;

    if (!map->len)
        return NULL;
    hole = at = find_slot(map, key);
    value = map->slots[hole].value;
    if (!map->slots[hole].key)
        return NULL;
    free(map->slots[hole].key);
    map->len--;
    for (;;) {
        at = (at + 1) & mask;
        if (!map->slots[at].key)
            break;
        if (!may_fill(hole, at, hash((str){map->slots[at].key, map->slots[at].key_len}) & mask))
            continue;
        map->slots[hole] = map->slots[at];
        hole = at;
    }
    map->slots[hole] = (struct map_slot){0};
    return value;
}

bool map_next(const struct map *map, size_t *cursor, str *ret_key, void **ret_value)
{
    for (; *cursor < map->capacity; (*cursor)++) {
        struct map_slot *slot = &map->slots[*cursor];

        if (!slot->key)
            continue;
        *ret_key = (str){slot->key, slot->key_len};
        *ret_value = slot->value;
        (*cursor)++;
        return true;
    }
    return false;
}

void map_done(struct map *map)
{
    for (size_t i = 0; i < map->capacity; i++)
        free(map->slots[i].key);
    free(map->slots);
    *map = (struct map){0};
}

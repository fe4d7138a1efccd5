#include "base/map.h"

#include <stdlib.h>

#include "base/rand.h"
#include "base/test.h"

enum { KEYS = 500, STEPS = 100000 };

static int values[KEYS];

static str key_of(int i, char text[16])
{
    return (str){text, (size_t)snprintf(text, 16, "key %d", i)};
}

static void finds_what_was_put(void)
{
    struct map map = {0};

    ok(!map_get(&map, STR("a")) && !map_remove(&map, STR("a")));
    ok(!map_put(&map, STR("a"), &values[1]));
    ok(map_put(&map, STR("a"), &values[2]) == &values[1]);
    ok(map_get(&map, STR("a")) == &values[2] && map.len == 1);
    ok(!map_put(&map, STR(""), &values[3]) && map_get(&map, (str){0}) == &values[3]);
    ok(!map_put(&map, STR("a\0b"), &values[4]) && map_get(&map, STR("a")) == &values[2]);
    ok(map_remove(&map, STR("a")) == &values[2] && !map_get(&map, STR("a")));
    ok(map_get(&map, STR("a\0b")) == &values[4]);
    map_done(&map);
    ok(map.len == 0 && !map_get(&map, STR("a")));
    map_done(&map);
}

/* Against a plain array, through hundreds of growths, removals and shifted clusters. */
static void agrees_with_an_array(void)
{
    struct map map = {0};
    bool there[KEYS] = {0};
    size_t count = 0, cursor = 0, seen = 0;
    bool agrees = true;
    char text[16];
    void *value;
    str key;

    for (int i = 0; i < STEPS; i++) {
        int k = (int)(rand_unit() * KEYS);
        str name = key_of(k, text);
        void *expected = there[k] ? &values[k] : NULL;

        agrees = agrees && map_get(&map, name) == expected;
        if (rand_unit() < 0.5) {
            agrees = agrees && map_put(&map, name, &values[k]) == expected;
            count += !there[k];
            there[k] = true;
        } else {
            agrees = agrees && map_remove(&map, name) == expected;
            count -= there[k];
            there[k] = false;
        }
    }
    ok(agrees);
    ok(map.len == count);
    while (map_next(&map, &cursor, &key, &value)) {
        agrees = agrees && str_eq(key, key_of((int)((int *)value - values), text)) && there[(int *)value - values];
        seen++;
    }
    ok(agrees && seen == count);
    map_done(&map);
}

TEST_MAIN(finds_what_was_put, agrees_with_an_array)

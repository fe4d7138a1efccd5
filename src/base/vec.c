#include "base/vec.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_ITEMS = 8 };

void *vec_grow(void *at, size_t *capacity, size_t len, size_t item_bytes)
{
    size_t wanted = *capacity ? *capacity * 2 : FIRST_ITEMS;

    if (len < *capacity)
        return at;
    at = wanted > SIZE_MAX / 2 ? NULL : reallocarray(at, wanted, item_bytes);
    if (!at) {
        fprintf(stderr, "out of memory: %zu items of %zu bytes\n", wanted, item_bytes);
        abort();
    }
    *capacity = wanted;
    return at;
}

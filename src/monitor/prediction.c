#include "monitor/prediction.h"

#include <stdlib.h>

#include "codec/json_write.h"

const char *const undecided_names[UNDECIDED_COUNT] = {"null", "not_a_number", "out_of_range", "missing", "unreadable"};

static int by_name(const void *a, const void *b)
{
    str x = ((const struct item *)a)->name, y = ((const struct item *)b)->name;
    int order = memcmp(x.at, y.at, x.len < y.len ? x.len : y.len);

    return order ? order : (x.len > y.len) - (x.len < y.len);
}

str items_text(struct item *items, int count, struct arena *arena)
{
    BUF_AUTO text = {0};

    if (count == 0)
        return STR("");
    qsort(items, (size_t)count, sizeof *items, by_name);
    buf_init(&text, ITEMS_BYTES_MAX * 8);
    for (int i = 0; i < count; i++) {
        buf_add_char(&text, i ? ',' : '{');
        json_quote(&text, items[i].name);
        buf_add_char(&text, ':');
        json_quote(&text, items[i].text);
    }
    buf_add_char(&text, '}');
    return arena_copy(arena, buf_str(&text));
}

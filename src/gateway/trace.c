#include "gateway/trace.h"

#include <inttypes.h>

#include "base/rand.h"

static bool is_id(str s, size_t len, bool dashes)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (dashes && c == '-')))
            return false;
    }
    return s.len == len;
}

str trace_continue(str incoming, int64_t now_s, struct arena *arena)
{
    str root = STR(""), parent = STR(""), sampled = STR("");
    uint64_t random[3];
    str member, name, value;

    while (incoming.len) {
        str_cut(incoming, ';', &member, &incoming);
        while (str_starts(member, STR(" ")))
            member = str_from(member, 1);
        str_cut(member, '=', &name, &value);
        if (str_eq(name, STR("Root")) && is_id(value, sizeof "1-00000000-000000000000000000000000" - 1, true))
            root = value;
        else if (str_eq(name, STR("Parent")) && is_id(value, 16, false))
            parent = value;
        else if (str_eq(name, STR("Sampled")) && (str_eq(value, STR("0")) || str_eq(value, STR("1"))))
            sampled = value;
    }
    rand_bytes(random, sizeof random);
    if (!sampled.len)
        sampled = parent.len ? STR("1") : STR("0");
    if (!root.len)
        root = arena_printf(arena, "1-%08" PRIx64 "-%016" PRIx64 "%08" PRIx32, (uint64_t)now_s & 0xffffffff, random[0],
                            (uint32_t)random[1]);
    if (!parent.len)
        parent = arena_printf(arena, "%016" PRIx64, random[2]);
    return arena_printf(arena, "Root=" STR_FMT ";Parent=" STR_FMT ";Sampled=" STR_FMT, STR_ARG(root), STR_ARG(parent),
                        STR_ARG(sampled));
}

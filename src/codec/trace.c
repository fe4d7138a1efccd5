#include "codec/trace.h"

#include <endian.h>

#include "base/rand.h"
#include "codec/hash.h"
#include "codec/hex.h"

enum {
    LINEAGE_MAX = 8, /* functions; past that the one that was called least makes room, so a loop is still found */
    HASH_BYTES = 4,
    ROUNDS_MAX = 9999,
};

struct lineage {
    struct {
        str hash;
        int rounds;
    } at[LINEAGE_MAX];
    int count;
};

static bool is_id(str s, size_t len, bool dashes)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (dashes && c == '-')))
            return false;
    }
    return s.len == len;
}

/* What is not understood is left out. */
static void lineage_read(str text, struct lineage *ret)
{
    *ret = (struct lineage){0};
    while (text.len && ret->count < LINEAGE_MAX) {
        str entry, hash, number;
        long long rounds;

        str_cut(text, '|', &entry, &text);
        if (!str_cut(entry, ':', &hash, &number) || !is_id(hash, 2 * HASH_BYTES, false) ||
            !str_to_int(number, 0, ROUNDS_MAX, &rounds))
            continue;
        ret->at[ret->count].hash = hash;
        ret->at[ret->count++].rounds = (int)rounds;
    }
}

/* front, and behind it ";Lineage=hash:rounds|hash:rounds" if there is any. */
static str with_lineage(str front, const struct lineage *lineage, struct arena *arena)
{
    char numbers[LINEAGE_MAX][UINT_DIGITS_MAX];
    str parts[1 + 4 * LINEAGE_MAX] = {front};
    int count = 1;

    for (int i = 0; i < lineage->count; i++) {
        parts[count++] = i ? STR("|") : STR(";Lineage=");
        parts[count++] = lineage->at[i].hash;
        parts[count++] = STR(":");
        parts[count++] = str_of_uint((unsigned long long)lineage->at[i].rounds, numbers[i]);
    }
    return arena_join(arena, parts, count);
}

/* 1-SECONDS-24 HEX */
static str new_root(int64_t now_s, struct arena *arena)
{
    unsigned char random[12];
    uint32_t seconds = htobe32((uint32_t)now_s);
    char when[2 * sizeof seconds + 1], id[2 * sizeof random + 1];

    rand_bytes(random, sizeof random);
    hex_encode(&seconds, sizeof seconds, when);
    hex_encode(random, sizeof random, id);
    return arena_concat(arena, STR("1-"), str_of(when), STR("-"), str_of(id));
}

str trace_continue(str incoming, int64_t now_s, struct arena *arena)
{
    str root = STR(""), parent = STR(""), sampled = STR("");
    struct lineage lineage = {0};
    unsigned char random[8];
    char parent_id[2 * sizeof random + 1];
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
        else if (str_eq(name, STR("Lineage")))
            lineage_read(value, &lineage);
    }
    if (!sampled.len)
        sampled = parent.len ? STR("1") : STR("0");
    if (!root.len)
        root = new_root(now_s, arena);
    if (!parent.len) {
        rand_bytes(random, sizeof random);
        hex_encode(random, sizeof random, parent_id);
        parent = str_of(parent_id);
    }
    return with_lineage(arena_concat(arena, STR("Root="), root, STR(";Parent="), parent, STR(";Sampled="), sampled),
                        &lineage, arena);
}

static int lineage_place(struct lineage *lineage, str hash)
{
    int place = 0;

    for (int i = 0; i < lineage->count; i++)
        if (str_eq_nocase(lineage->at[i].hash, hash))
            return i;
    if (lineage->count < LINEAGE_MAX) {
        place = lineage->count++;
    } else {
        for (int i = 1; i < LINEAGE_MAX; i++)
            if (lineage->at[i].rounds < lineage->at[place].rounds)
                place = i;
    }
    lineage->at[place].hash = hash;
    lineage->at[place].rounds = 0;
    return place;
}

bool trace_visit(str trace, str function_arn, int rounds_max, struct arena *arena, str *ret)
{
    static const str mark = STR(";Lineage=");
    uint32_t sum = htobe32(crc32c(0, function_arn.at, function_arn.len)); /* who would forge one can forge the header */
    char hash[2 * HASH_BYTES + 1];
    struct lineage lineage = {0};
    str front = trace;
    int place;

    for (size_t i = 0; i + mark.len <= trace.len; i++)
        if (str_starts(str_from(trace, i), mark)) {
            front = (str){trace.at, i};
            lineage_read(str_from(trace, i + mark.len), &lineage);
            break;
        }
    hex_encode(&sum, HASH_BYTES, hash);
    place = lineage_place(&lineage, str_of(hash));
    if (lineage.at[place].rounds >= rounds_max)
        return false;
    lineage.at[place].rounds++;
    *ret = with_lineage(front, &lineage, arena);
    return true;
}

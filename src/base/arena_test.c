#include "base/arena.h"

#include <stdint.h>

#include "base/test.h"

static void gives_zeroed_aligned_memory(void)
{
    ARENA_AUTO arena = {0};
    bool zeroed = true, aligned = true;

    for (size_t size = 1; size < 40000; size = size * 3 + 1) {
        unsigned char *bytes = arena_new(&arena, unsigned char, size);

        aligned = aligned && (uintptr_t)bytes % 16 == 0;
        for (size_t i = 0; i < size; i++)
            zeroed = zeroed && bytes[i] == 0;
        memset(bytes, 0xff, size);
    }
    ok(zeroed);
    ok(aligned);
}

static void copies_text(void)
{
    ARENA_AUTO arena = {0};
    char source[] = "greet";
    str copy = arena_copy(&arena, str_of(source));

    source[0] = 'G';
    ok(str_eq(copy, STR("greet")));
    ok(copy.at[copy.len] == '\0');
    ok(arena_copy(&arena, (str){0}).len == 0);
    ok(strcmp(arena_cstr(&arena, STR("ab\0c")), "ab") == 0);
}

static void prints_text_of_any_length(void)
{
    ARENA_AUTO arena = {0};
    str text = arena_printf(&arena, "%d:%s", 7, "x");

    ok(str_eq(text, STR("7:x")));
    ok(arena_printf(&arena, "%50000d", 1).len == 50000);
    ok(arena_printf(&arena, "%s", "").len == 0);
}

static void joins_texts(void)
{
    ARENA_AUTO arena = {0};
    str text = arena_concat(&arena, STR("a"), (str){0}, STR("bc"));

    ok(str_eq(text, STR("abc")) && text.at[3] == '\0');
    ok(arena_concat(&arena, STR("")).len == 0);
}

TEST_MAIN(gives_zeroed_aligned_memory, copies_text, prints_text_of_any_length, joins_texts)

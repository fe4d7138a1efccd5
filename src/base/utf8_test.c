#include "base/utf8.h"

#include "base/test.h"

/* The reference: decode by arithmetic, then apply RFC 3629's rules to the number. */
static size_t len_by_rules(const unsigned char *at)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 : at[0] >> 3 == 30 ? 4 : 0;
    uint32_t code = len ? at[0] & (len == 1 ? 0x7fU : 0x7fU >> len) : 0;

    for (size_t i = 1; i < len; i++) {
        if (at[i] >> 6 != 2)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    return code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : len;
}

static void knows_every_character(void)
{
    bool agrees = true, shorter_is_none = true;
    char text[4];

    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        size_t len = utf8_encode(code, text);

        if (code >= 0xd800 && code < 0xe000)
            agrees = agrees && utf8_char_len((str){text, len}) == 0;
        else
            agrees = agrees && utf8_char_len((str){text, len}) == len;
        shorter_is_none = shorter_is_none && utf8_char_len((str){text, len - 1}) == 0;
    }
    ok(agrees);
    ok(shorter_is_none);
}

static void refuses_what_the_rfc_refuses(void)
{
    static const unsigned char tails[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    enum { TAILS = sizeof tails };
    bool agrees = true;

    for (int i = 0; i < 256 * TAILS * TAILS * TAILS; i++) {
        unsigned char at[4] = {(unsigned char)(i / TAILS / TAILS / TAILS), tails[i / TAILS / TAILS % TAILS],
                               tails[i / TAILS % TAILS], tails[i % TAILS]};

        agrees = agrees && utf8_char_len((str){(char *)at, 4}) == len_by_rules(at);
    }
    ok(agrees);
}

static void tells_whole_texts(void)
{
    static const char *const good[] = {
        "", "a", "12345678", "123456789", "1234567\xc3\xbc", "\xf0\x9f\x98\x80 and on and on"};
    static const char *const bad[] = {"\xff", "1234567\xc3", "12345678\xfc", "\xed\xa0\x80 and on and on",
                                      "12345678\x80xxxxxxxx"};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ok(utf8_is(str_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(!utf8_is(str_of(bad[i])));
    ok(utf8_is((str){0}));
}

TEST_MAIN(knows_every_character, refuses_what_the_rfc_refuses, tells_whole_texts)

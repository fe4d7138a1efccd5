#include "codec/base64.h"

#include "base/rand.h"
#include "base/test.h"

static const struct {
    const char *bytes, *text;
} pairs[] = {
    /* RFC 4648 section 10 */
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xff\xef\xbe", "/+++"},
};

static const char *const bad[] = {
    "Z",     "Zg",    "Zg=",    "Zg===", "Zg==Zg==", "=",    "====", "Z===",       "Zm9v=",
    "Zm9vZ", "Zm 9v", "Zm9v\n", "Zh==",  "Zm9=",     "Zm-v", "Zg=a", "\xc3\xbc==", "Zm9vYmF!",
};

static void encodes_and_decodes(void)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        BUF_AUTO text = {0};
        BUF_AUTO bytes = {0};

        buf_init(&text, 100);
        buf_init(&bytes, 100);
        base64_encode(&text, str_of(pairs[i].bytes));
        ok(str_eq(buf_str(&text), str_of(pairs[i].text)));
        ok(base64_decode(buf_str(&text), &bytes));
        ok(str_eq(buf_str(&bytes), str_of(pairs[i].bytes)));
    }
}

static void refuses_all_but_the_one_spelling(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        BUF_AUTO bytes = {0};

        printf("# %zu\n", i);
        buf_init(&bytes, 100);
        ok(!base64_decode(str_of(bad[i]), &bytes));
    }
}

static void decodes_in_pieces_of_any_size(void)
{
    BUF_AUTO text = {0};
    char source[1000];
    bool same = true;

    rand_bytes(source, sizeof source);
    buf_init(&text, 2000);
    for (size_t piece = 1; piece < 40; piece++) {
        struct base64_decoder decoder = {0};
        char bytes[1100], *at = bytes;
        size_t len;

        buf_clear(&text);
        base64_encode(&text, (str){source, sizeof source - piece});
        for (size_t i = 0; i < text.len; i += piece) {
            size_t left = text.len - i < piece ? text.len - i : piece;

            same = same && base64_feed(&decoder, (str){text.at + i, left}, at, &len);
            at += len;
        }
        same = same && base64_end(&decoder) && decoder.offset == text.len;
        same = same && str_eq((str){bytes, (size_t)(at - bytes)}, (str){source, sizeof source - piece});
    }
    ok(same);
}

static void says_where_the_fault_is(void)
{
    struct base64_decoder decoder = {0};
    char bytes[100];
    size_t len;

    ok(base64_feed(&decoder, STR("Zm9vZm"), bytes, &len) && len == 3);
    ok(!base64_feed(&decoder, STR("9vZ!9v"), bytes, &len) && len == 3);
    ok(decoder.offset == 9);
}

static void does_not_outgrow_its_buffer(void)
{
    BUF_AUTO small = {0};

    buf_init(&small, 4);
    base64_encode(&small, STR("four"));
    ok(!buf_ok(&small) && small.len == 0);
    buf_clear(&small);
    ok(!base64_decode(STR("Zm9vYmFy"), &small));
}

TEST_MAIN(encodes_and_decodes, refuses_all_but_the_one_spelling, decodes_in_pieces_of_any_size, says_where_the_fault_is,
          does_not_outgrow_its_buffer)

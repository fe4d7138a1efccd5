#include "base/buf.h"

#include "base/test.h"

static void grows_to_what_is_added(void)
{
    BUF_AUTO buf = {0};

    buf_init(&buf, 100000);
    for (int i = 0; i < 1000; i++)
        buf_add(&buf, STR("0123456789"));
    ok(buf.len == 10000 && buf_ok(&buf));
    ok(str_starts(buf_str(&buf), STR("01234567890")));
    buf_clear(&buf);
    ok(buf.len == 0);
    buf_printf(&buf, "%s=%d", "a", 1);
    buf_add_char(&buf, '!');
    ok(str_eq(buf_str(&buf), STR("a=1!")));
    buf_printf(&buf, "%3000d", 1);
    ok(buf.len == 3004);
    buf_printf(&buf, "%s", "");
    ok(buf.len == 3004);
}

static void joins_texts_and_numbers(void)
{
    BUF_AUTO buf = {0};

    buf_init(&buf, 20);
    buf_add_all(&buf, STR("a"), STR(""), STR("bc"));
    buf_add_uint(&buf, 1234567);
    buf_add_char(&buf, '!');
    ok(str_eq(buf_str(&buf), STR("abc1234567!")));
    buf_add_all(&buf, STR("too long for it"), STR("x"));
    ok(!buf_ok(&buf) && buf.len == 11);
}

static void never_grows_past_its_maximum(void)
{
    BUF_AUTO buf = {0};

    buf_init(&buf, 300);
    buf_printf(&buf, "%300d", 1);
    ok(buf_ok(&buf) && buf.len == 300 && buf.capacity == 300);
    buf_add(&buf, STR(""));
    ok(buf_ok(&buf));
    buf_add_char(&buf, 'x');
    ok(!buf_ok(&buf) && buf.len == 300);
    buf_clear(&buf);
    buf_add(&buf, STR("fits again"));
    ok(buf_ok(&buf) && buf.len == 10);
}

static void drops_all_that_follows_what_did_not_fit(void)
{
    BUF_AUTO buf = {0};

    buf_init(&buf, 5);
    buf_add(&buf, STR("abc"));
    buf_add(&buf, STR("def"));
    buf_add(&buf, STR("g"));
    ok(str_eq(buf_str(&buf), STR("abc")));
    ok(!buf_ok(&buf) && !buf_reserve(&buf, 1));
}

static void reserves_and_consumes(void)
{
    BUF_AUTO buf = {0};
    char *at;

    buf_init(&buf, 1000);
    at = buf_reserve(&buf, 6);
    memcpy(at, "abcdef", 6);
    buf_commit(&buf, 4);
    ok(str_eq(buf_str(&buf), STR("abcd")));
    buf_consume(&buf, 1);
    ok(str_eq(buf_str(&buf), STR("bcd")));
    buf_consume(&buf, 0);
    buf_consume(&buf, 3);
    ok(buf.len == 0);
    buf_free(&buf);
    buf_free(&buf);
    buf_add(&buf, STR("lives again"));
    ok(buf.len == 11);
}

TEST_MAIN(grows_to_what_is_added, joins_texts_and_numbers, never_grows_past_its_maximum,
          drops_all_that_follows_what_did_not_fit, reserves_and_consumes)

#include "codec/url.h"

#include "base/test.h"

static bool is(struct buf *buf, const char *text)
{
    bool same = str_eq(buf_str(buf), str_of(text));

    buf_clear(buf);
    return same;
}

static void encodes(void)
{
    BUF_AUTO out = {0};

    buf_init(&out, 1000);
    url_encode(&out, STR("AZaz09-._~"));
    ok(is(&out, "AZaz09-._~"));
    url_encode(&out, STR("a b+c/d%e\xc3\xbc\x00"));
    ok(is(&out, "a%20b%2Bc%2Fd%25e%C3%BC%00"));
    url_encode_path(&out, STR("/2015-03-31/functions/a b"));
    ok(is(&out, "/2015-03-31/functions/a%20b"));
}

static void decodes(void)
{
    BUF_AUTO out = {0};

    buf_init(&out, 1000);
    ok(url_decode(&out, STR("a%20b%2bc+d%C3%bc"), URL_PLUS_IS_PLUS) && is(&out, "a b+c+d\xc3\xbc"));
    ok(url_decode(&out, STR("a+b%2B"), URL_PLUS_IS_SPACE) && is(&out, "a b+"));
    ok(url_decode(&out, (str){0}, URL_PLUS_IS_PLUS) && is(&out, ""));
    ok(!url_decode(&out, STR("%"), URL_PLUS_IS_PLUS) && !url_decode(&out, STR("%4"), URL_PLUS_IS_PLUS) &&
       !url_decode(&out, STR("%4g"), URL_PLUS_IS_PLUS) && !url_decode(&out, STR("%%41"), URL_PLUS_IS_PLUS));
}

static void walks_a_query(void)
{
    str rest = STR("&&a=1&b&c==&=d&"), name, value;

    ok(url_next_param(&rest, &name, &value) && str_eq(name, STR("a")) && str_eq(value, STR("1")));
    ok(url_next_param(&rest, &name, &value) && str_eq(name, STR("b")) && value.len == 0);
    ok(url_next_param(&rest, &name, &value) && str_eq(name, STR("c")) && str_eq(value, STR("=")));
    ok(url_next_param(&rest, &name, &value) && name.len == 0 && str_eq(value, STR("d")));
    ok(!url_next_param(&rest, &name, &value));
}

TEST_MAIN(encodes, decodes, walks_a_query)

#include "codec/json_write.h"

#include <float.h>
#include <math.h>

#include "base/test.h"

static bool is(const struct buf *buf, const char *json)
{
    if (!str_eq(buf_str(buf), str_of(json)))
        printf("# got " STR_FMT "\n", STR_ARG(buf_str(buf)));
    return str_eq(buf_str(buf), str_of(json));
}

static void writes_a_document(void)
{
    struct jw w;
    BUF_AUTO out = {0};

    buf_init(&out, 4096);
    jw_init(&w, &out);
    ok(!jw_complete(&w));
    jw_object(&w);
    jw_str(&w, "FunctionName", STR("greet"));
    jw_int(&w, "MemorySize", 128);
    jw_array_key(&w, "Layers");
    jw_array_end(&w);
    jw_array_key(&w, "List");
    jw_int_value(&w, -1);
    jw_object(&w);
    jw_object_end(&w);
    jw_array(&w);
    jw_bool_value(&w, true);
    jw_null_value(&w);
    jw_array_end(&w);
    jw_str_value(&w, STR(""));
    jw_array_end(&w);
    jw_object_key(&w, "Deep");
    jw_real(&w, "r", 0.5);
    jw_raw(&w, "raw", STR("[1, 2]"));
    jw_null(&w, "n");
    jw_object_end(&w);
    jw_bool(&w, "b", false);
    jw_object_end(&w);
    ok(jw_complete(&w));
    ok(is(&out, "{\"FunctionName\":\"greet\",\"MemorySize\":128,\"Layers\":[],\"List\":[-1,{},[true,null],\"\"],"
                "\"Deep\":{\"r\":0.5,\"raw\":[1, 2],\"n\":null},\"b\":false}"));
}

static void writes_a_bare_value(void)
{
    struct jw w;
    BUF_AUTO out = {0};

    buf_init(&out, 4096);
    jw_init(&w, &out);
    jw_int_value(&w, INT64_MIN);
    ok(jw_complete(&w));
    ok(is(&out, "-9223372036854775808"));
}

static const struct {
    str text;
    const char *json;
} texts[] = {
    {{0}, "\"\""},
    {{"plain", 5}, "\"plain\""},
    {{"\"\\/", 3}, "\"\\\"\\\\/\""},
    {{"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\""},
    {{"\0\x01\x1f\x7f", 4}, "\"\\u0000\\u0001\\u001f\x7f\""},
    {{"\xc3\xbc\xe2\x82\xac\xf0\x9f\x9a\xa3", 9}, "\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x9a\xa3\""},
    {{"a\xff"
      "b",
      3},
     "\"a\xef\xbf\xbd"
     "b\""},
    {{"\xe2\x82", 2}, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {{"\xed\xa0\x80", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
};

static void escapes_text(void)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        BUF_AUTO out = {0};

        buf_init(&out, 100);
        json_quote(&out, texts[i].text);
        ok(is(&out, texts[i].json));
    }
}

static const struct {
    double value;
    const char *json;
} reals[] = {
    {0, "0.0"},
    {-0.0, "-0.0"},
    {1, "1.0"},
    {0.1, "0.1"},
    {1.0 / 3, "0.3333333333333333"},
    {100, "100.0"},
    {1e21, "1e+21"},
    {1e-7, "1e-07"},
    {DBL_MAX, "1.7976931348623157e+308"},
    {5e-324, "4.94065645841247e-324"},
    {(double)NAN, "null"},
    {(double)INFINITY, "null"},
    {123456789012345680, "1.2345678901234568e+17"},
};

static void writes_reals_that_read_back(void)
{
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        BUF_AUTO out = {0};

        buf_init(&out, 100);
        json_add_real(&out, reals[i].value);
        ok(is(&out, reals[i].json));
    }
}

static void says_at_the_end_that_it_did_not_fit(void)
{
    struct jw w;
    BUF_AUTO out = {0};

    buf_init(&out, 20);
    jw_init(&w, &out);
    jw_array(&w);
    for (int i = 0; i < 100; i++)
        jw_int_value(&w, i);
    jw_array_end(&w);
    ok(jw_complete(&w) && !buf_ok(&out) && out.len <= 20);
}

static void goes_as_deep_as_it_says(void)
{
    struct jw w;
    BUF_AUTO out = {0};

    buf_init(&out, 1000);
    jw_init(&w, &out);
    for (int i = 0; i < JW_DEPTH_MAX; i++)
        i == 0 ? jw_object(&w) : jw_object_key(&w, "k");
    for (int i = 0; i < JW_DEPTH_MAX; i++)
        jw_object_end(&w);
    ok(jw_complete(&w) && out.len == JW_DEPTH_MAX * 2 + (JW_DEPTH_MAX - 1) * 4);
}

TEST_MAIN(writes_a_document, writes_a_bare_value, escapes_text, writes_reals_that_read_back,
          says_at_the_end_that_it_did_not_fit, goes_as_deep_as_it_says)

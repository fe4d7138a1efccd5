#include "codec/zip_spool.h"

#include "base/test.h"

static bool collect(void *ctx, str bytes)
{
    buf_add(ctx, bytes);
    return true;
}

static bool refuse(void *ctx, str bytes)
{
    (void)ctx, (void)bytes;
    return false;
}

static const struct {
    const char *body, *copy, *zip;
} good[] = {
    {"{\"ZipFile\":\"UEsDBA==\"}", "{\"ZipFile\":\"\"}", "PK\3\4"},
    {"{\"FunctionName\":\"f\",\"Code\":{\"ZipFile\" :\n \"UEsD\"},\"Timeout\":3}",
     "{\"FunctionName\":\"f\",\"Code\":{\"ZipFile\" :\n \"\"},\"Timeout\":3}", "PK\3"},
    {"{\"\\u005aipFil\\u0065\":\"\\/\\/\\u002b\\/\"}", "{\"\\u005aipFil\\u0065\":\"\"}", "\xff\xff\xbf"},
    {"{\"Environment\":{\"Variables\":{\"ZipFile\":\"!\"}}}", "{\"Environment\":{\"Variables\":{\"ZipFile\":\"!\"}}}",
     ""},
    {"{\"ZipFile\":null,\"ZipFiles\":\"!\",\"Zip\":\"ZipFile\",\"x\\\"ZipFile\":\"!\",\"\\nZipFile\":\"!\"}",
     "{\"ZipFile\":null,\"ZipFiles\":\"!\",\"Zip\":\"ZipFile\",\"x\\\"ZipFile\":\"!\",\"\\nZipFile\":\"!\"}", ""},
    {"{\"ZipFile\":{\"ZipFile\":\"\"}}", "{\"ZipFile\":{\"ZipFile\":\"\"}}", ""},
    {"[\"ZipFile\",\"ZipFile\"]", "[\"ZipFile\",\"ZipFile\"]", ""},
    {"", "", ""},
};

/* Every body in two pieces, cut at every place, and byte by byte. */
static bool passes(size_t i, size_t cut, bool single_bytes)
{
    struct err err = {0};
    struct zip_spool spool;
    BUF_AUTO copy = {0};
    BUF_AUTO zip = {0};
    str body = str_of(good[i].body);
    bool fed = true;

    buf_init(&copy, 1024);
    buf_init(&zip, 1024);
    zip_spool_init(&spool, &copy, collect, &zip);
    if (single_bytes)
        for (size_t at = 0; at < body.len; at++)
            fed = fed && zip_spool_feed(&spool, (str){body.at + at, 1}, &err);
    else
        fed = zip_spool_feed(&spool, (str){body.at, cut}, &err) && zip_spool_feed(&spool, str_from(body, cut), &err);
    return fed && zip_spool_end(&spool, &err) && str_eq(buf_str(&copy), str_of(good[i].copy)) &&
           str_eq(buf_str(&zip), str_of(good[i].zip)) && spool.bytes_decoded == zip.len && spool.offset == body.len;
}

static void takes_the_zip_wherever_pieces_end(void)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        bool all = true;

        printf("# %s\n", good[i].zip[0] ? good[i].copy : "no zip");
        for (size_t cut = 0; cut <= strlen(good[i].body); cut++)
            all = all && passes(i, cut, false);
        ok(all);
        ok(passes(i, 0, true));
    }
}

static const struct {
    const char *body;
    int offset;
} bad[] = {
    {"{\"ZipFile\":\"U!sDBA==\"}", 13},
    {"{\"ZipFile\":\"UEsDBA=\"}", 19},
    {"{\"ZipFile\":\"UEsDBA==UEsD\"}", 20},
    {"{\"ZipFile\":\"UEsD\\nUEsD\"}", 17},
    {"{\"ZipFile\":\"UEsD\\u00e9\"}", 21},
    {"{\"ZipFile\":\"UEsD\\u00zz\"}", 21},
    {"{\"ZipFile\":\"UEsD", 16},
};

static void says_where_base64_breaks(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        struct zip_spool spool;
        BUF_AUTO copy = {0};
        BUF_AUTO zip = {0};

        buf_init(&copy, 1024);
        buf_init(&zip, 1024);
        zip_spool_init(&spool, &copy, collect, &zip);
        ok(!zip_spool_feed(&spool, str_of(bad[i].body), &err) || !zip_spool_end(&spool, &err));
        ok(err.code == ERR_INVALID && (int)spool.offset == bad[i].offset);
        printf("# %s\n", err.text);
    }
}

static void stops_at_its_limits(void)
{
    struct err err = {0};
    struct zip_spool spool;
    BUF_AUTO copy = {0};
    BUF_AUTO zip = {0};

    buf_init(&copy, 10);
    buf_init(&zip, 10);
    zip_spool_init(&spool, &copy, collect, &zip);
    ok(!zip_spool_feed(&spool, STR("{\"FunctionName\":1}"), &err) && err.code == ERR_LIMIT);

    buf_free(&copy);
    buf_init(&copy, 1024);
    zip_spool_init(&spool, &copy, refuse, NULL);
    ok(!zip_spool_feed(&spool, STR("{\"ZipFile\":\"UEsD\"}"), &err) && err.code == ERR_SYSTEM);

    buf_clear(&copy);
    zip_spool_init(&spool, &copy, collect, &zip);
    ok(!zip_spool_feed(&spool, STR("{\"ZipFile\":\"UEsD\",\"ZipFile\":\"UEsD\"}"), &err) && err.code == ERR_INVALID);
}

static void decodes_more_than_a_run_in_little_memory(void)
{
    struct err err = {0};
    struct zip_spool spool;
    BUF_AUTO copy = {0};
    BUF_AUTO zip = {0};
    BUF_AUTO body = {0};
    BUF_AUTO bytes = {0};

    buf_init(&copy, 64);
    buf_init(&zip, 1024 * 1024);
    buf_init(&body, 1024 * 1024);
    buf_init(&bytes, 1024 * 1024);
    for (int i = 0; i < 100001; i++)
        buf_add_char(&bytes, (char)(i * 7 ^ i >> 8));
    buf_add(&body, STR("{\"ZipFile\":\""));
    base64_encode(&body, buf_str(&bytes));
    buf_add(&body, STR("\"}"));
    zip_spool_init(&spool, &copy, collect, &zip);
    ok(zip_spool_feed(&spool, buf_str(&body), &err) && zip_spool_end(&spool, &err));
    ok(str_eq(buf_str(&zip), buf_str(&bytes)));
    ok(spool.bytes_decoded == 100001 && spool.zips_count == 1);
    ok(str_eq(buf_str(&copy), STR("{\"ZipFile\":\"\"}")));
}

TEST_MAIN(takes_the_zip_wherever_pieces_end, says_where_base64_breaks, stops_at_its_limits,
          decodes_more_than_a_run_in_little_memory)

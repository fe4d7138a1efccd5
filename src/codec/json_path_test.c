#include "codec/json_path.h"

#include "base/test.h"

struct told {
    struct buf text;
    int64_t most;
};

static bool tell(void *context, int path, int64_t index, str value)
{
    struct told *told = context;

    buf_printf(&told->text, "%s%d.%d=" STR_FMT, told->text.len ? " " : "", path, (int)index, STR_ARG(value));
    return --told->most != 0;
}

static bool parse(const char *text, struct json_path *path)
{
    struct err err = {0};
    bool parsed = json_path_parse(str_of(text), path, &err);

    if (!parsed)
        printf("# %s\n", err.text);
    return parsed;
}

static void leads_to_values(void)
{
    static const struct {
        const char *path, *text, *told;
    } rows[] = {
        {"$", "{\"a\":1}", "0.0={\"a\":1}"},
        {"$", " 5 ", "0.0=5"},
        {"$.a.b", "{\"a\":{\"b\":[1]},\"b\":2}", "0.0=[1]"},
        {"a.b", "{\"a\":{\"b\":[1]},\"b\":2}", "0.0=[1]"},
        {"$[*]", "[1,{\"a\":2},\"x\"]", "0.0=1 0.1={\"a\":2} 0.2=\"x\""},
        {"$.budgets[*]", "{\"x\":[9],\"budgets\":[{\"s\":1},{\"s\":2}]}", "0.0={\"s\":1} 0.1={\"s\":2}"},
        {"$.rows[*].x.y", "{\"rows\":[{\"x\":{\"y\":1}},{\"x\":3},{},{\"x\":{\"y\":2}}]}", "0.0=1 0.1=2"},
        {"$[1]", "[1,2,3]", "0.0=2"},
        {"[0][1]", "[[1,2],3]", "0.0=2"},
        {"$['odd key']", "{\"odd key\":1}", "0.0=1"},
        {"['it\\'s'].b", "{\"it's\":{\"b\":1}}", "0.0=1"},
        {"$[\"a.b\"]", "{\"a.b\":1,\"a\":{\"b\":2}}", "0.0=1"},
        {"$['']", "{\"\":1}", "0.0=1"},
        {"$.a", "{\"\\u0061\":1}", "0.0=1"},
        {"betr\xc3\xa4ge.*", "{\"betr\xc3\xa4ge\":{\"x\":1,\"y\":2}}", "0.0=1 0.1=2"},
        {"budget-id", "{\"budget-id\":7}", "0.0=7"},
        {"0", "{\"0\":7}", "0.0=7"},
        {"$.a", "[1]", ""},
        {"$[0]", "{\"a\":1}", ""},
        {"$.a.b", "{\"a\":null}", ""},
        {"$.a", "{}", ""},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json_path path;
        struct err err = {0};
        struct told told = {0};
        BUF_AUTO room = {0};

        buf_init(&room, 256);
        buf_init(&told.text, 1024);
        ok(parse(rows[i].path, &path));
        ok(json_paths_each(&path, 1, str_of(rows[i].text), &room, tell, &told, &err));
        ok(str_eq(buf_str(&told.text), str_of(rows[i].told)));
        buf_free(&told.text);
    }
}

static void follows_several_in_one_pass(void)
{
    static const char *const texts[] = {"$", "a", "a.b", "c[*].d", "c[1]", "a.missing"};
    str text = STR("{\"a\":{\"b\":1},\"c\":[{\"d\":2},{\"d\":3}]}"), values[6];
    struct json_path paths[6];
    struct err err = {0};
    struct told told = {0};
    BUF_AUTO room = {0};

    buf_init(&room, 256);
    buf_init(&told.text, 1024);
    for (int i = 0; i < 6; i++)
        ok(parse(texts[i], &paths[i]));
    ok(json_paths_each(paths + 1, 5, text, &room, tell, &told, &err));
    ok(str_eq(buf_str(&told.text), STR("0.0={\"b\":1} 1.0=1 2.0=2 3.0={\"d\":3} 2.1=3")));
    ok(json_paths_first(paths, 6, text, &room, values, &err));
    ok(str_eq(values[0], text) && str_eq(values[1], STR("{\"b\":1}")) && str_eq(values[2], STR("1")));
    ok(str_eq(values[3], STR("2")) && str_eq(values[4], STR("{\"d\":3}")) && !values[5].at);
    ok(!json_path_is_many(&paths[2]) && json_path_is_many(&paths[3]));
    buf_free(&told.text);
}

static void stops_when_it_is_enough_and_refuses_what_is_no_json(void)
{
    struct json_path path;
    struct err err = {0};
    struct told told = {.most = 2};
    BUF_AUTO room = {0};
    str value;

    buf_init(&room, 256);
    buf_init(&told.text, 1024);
    ok(parse("$[*]", &path));
    ok(json_paths_each(&path, 1, STR("[1,2,3, what"), &room, tell, &told, &err));
    ok(str_eq(buf_str(&told.text), STR("0.0=1 0.1=2")));
    ok(!json_paths_first(&path, 1, STR("[1,2,3, what"), &room, &value, &err));
    ok(str_eq(str_of(err.text), STR("not JSON at byte 8 ('w'): expected a value (words other than true, false and "
                                    "null need quotes)")));
    ok(parse("$.a", &path) && !json_paths_first(&path, 1, STR("{\"a\":1} x"), &room, &value, &err));
    buf_free(&told.text);
}

static void refuses_in_words(void)
{
    static const struct {
        const char *path, *why;
    } rows[] = {
        {"", "a path has from 1 to 255 bytes, not 0"},
        {"$.", "path \"$.\", character 3: expected a name; one with other characters than letters, digits, _ and - is "
               "written ['…']"},
        {"$a", "path \"$a\", character 2: expected . or ["},
        {"$..a", "path \"$..a\", character 3: `..` is not supported; name each step"},
        {"$[-1]", "path \"$[-1]\", character 3: expected an index (0, 1, …), * or a name in quotes"},
        {"$[0:2]", "path \"$[0:2]\", character 4: expected ]"},
        {"$[?(@.a)]", "path \"$[?(@.a)]\", character 3: expected an index (0, 1, …), * or a name in quotes"},
        {"$[0", "path \"$[0\", character 4: expected ]"},
        {"$['a", "path \"$['a\", character 5: the closing quote is missing"},
        {"$['a\\", "path \"$['a\\\", character 6: the closing quote is missing"},
        {"$[99999999999]", "path \"$[99999999999]\", character 14: the index is too large"},
        {"a b", "path \"a b\", character 2: expected . or ["},
        {".a", "path \".a\", character 1: a path begins with $ or with a name"},
        {"a.b.c.d.e.f.g.h.i.j.k.l.m",
         "path \"a.b.c.d.e.f.g.h.i.j.k.l.m\", character 25: too many steps; 12 is the limit"},
    };
    struct json_path path;
    struct err err = {0};
    char long_name[JSON_PATH_BYTES_MAX + 1];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ok(!json_path_parse(str_of(rows[i].path), &path, &err));
        ok(err.code == ERR_INVALID && str_eq(str_of(err.text), str_of(rows[i].why)));
        if (!str_eq(str_of(err.text), str_of(rows[i].why)))
            printf("# %s\n", err.text);
    }
    memset(long_name, 'a', sizeof long_name);
    ok(!json_path_parse((str){long_name, JSON_PATH_BYTES_MAX}, &path, &err));
    ok(json_path_parse((str){long_name, JSON_PATH_BYTES_MAX - 1}, &path, &err));
}

static void finds_the_body_behind_a_gateway(void)
{
    static const struct {
        const char *response, *body;
        int status;
    } rows[] = {
        {"{\"statusCode\":200,\"body\":\"{\\\"a\\\":[0.5]}\"}", "{\"a\":[0.5]}", 200},
        {"{\"headers\":{\"a\":\"b\"},\"statusCode\":404,\"isBase64Encoded\":false,\"body\":\"no\"}", "no", 404},
        {"{\"statusCode\":200,\"isBase64Encoded\":true,\"body\":\"eyJhIjoxfQ==\"}", "{\"a\":1}", 200},
        {"{\"statusCode\":200,\"isBase64Encoded\":true,\"body\":\"eyJhI\\u006aoxfQ==\"}", "{\"a\":1}", 200},
        {"{\"statusCode\":200,\"body\":\"{}\",\"score\":1}", NULL, 0},
        {"{\"statusCode\":200}", NULL, 0},
        {"{\"statusCode\":200,\"body\":{\"a\":1}}", NULL, 0},
        {"{\"statusCode\":\"200\",\"body\":\"{}\"}", NULL, 0},
        {"{\"statusCode\":200.5,\"body\":\"{}\"}", NULL, 0},
        {"{\"statusCode\":20,\"body\":\"{}\"}", NULL, 0},
        {"{\"body\":\"{}\"}", NULL, 0},
        {"{\"score\":1, and what is not looked at", NULL, 0},
        {"[1]", NULL, 0},
        {"", NULL, 0},
    };
    struct err err = {0};
    int status;
    str body;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        str response = str_of(rows[i].response);
        BUF_AUTO room = {0};

        buf_init(&room, 256);
        ok(json_proxy_body(response, &room, &body, &status, &err) && status == rows[i].status);
        ok(rows[i].body ? str_eq(body, str_of(rows[i].body)) : body.at == response.at && body.len == response.len);
    }
    BUF_AUTO room = {0};

    buf_init(&room, 4);
    ok(!json_proxy_body(STR("{\"statusCode\":200,\"body\":\"{\\\"a\\\":1}\"}"), &room, &body, &status, &err));
    ok(err.code == ERR_LIMIT);
    ok(!json_proxy_body(STR("{\"statusCode\":200,\"isBase64Encoded\":true,\"body\":\"eyJhIjoxfQ==\"}"), &room, &body,
                        &status, &err));
    ok(err.code == ERR_LIMIT);
    room.max = 64;
    buf_clear(&room);
    ok(!json_proxy_body(STR("{\"statusCode\":200,\"isBase64Encoded\":true,\"body\":\"no\"}"), &room, &body, &status,
                        &err));
    ok(err.code == ERR_INVALID && strstr(err.text, "not base64"));
}

TEST_MAIN(leads_to_values, follows_several_in_one_pass, stops_when_it_is_enough_and_refuses_what_is_no_json,
          refuses_in_words, finds_the_body_behind_a_gateway)

#include "codec/json_scan.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "codec/json_read.h"

static void reads_what_it_knows_and_passes_over_the_rest(void)
{
    str text =
        STR(" {\"score\": 0.25, \"other\": {\"score\": [1, {\"x\": \"}\"}]}, \"n\" :7,\"ok\":true , \"none\":null,"
            "\"ids\":[\"a\",\"b\"], \"name\":\"B\\u00fc\\n\"} \n");
    struct err err = {0};
    BUF_AUTO room = {0};
    str key, name = STR(""), id, ids[4] = {0};
    double score = 0;
    int64_t n = 0;
    bool yes = false, none = false;
    int id_count = 0, members = 0;
    struct jr r;

    buf_init(&room, 1024);
    jr_init(&r, text, &room);
    jr_object(&r);
    for (; jr_member(&r, &key); members++) {
        if (str_eq(key, STR("score")))
            jr_double(&r, &score);
        else if (str_eq(key, STR("n")))
            jr_int(&r, &n);
        else if (str_eq(key, STR("ok")))
            jr_bool(&r, &yes);
        else if (str_eq(key, STR("none")))
            none = jr_kind(&r) == JSON_KIND_NULL && jr_null(&r);
        else if (str_eq(key, STR("name")))
            jr_text(&r, &name);
        else if (str_eq(key, STR("ids")))
            for (jr_array(&r); jr_element(&r) && jr_text(&r, &id);)
                ids[id_count++] = id;
    }
    ok(jr_end(&r, &err));
    ok(members == 7 && score == 0.25 && n == 7 && yes && none);
    ok(id_count == 2 && str_eq(ids[0], STR("a")) && str_eq(ids[1], STR("b")));
    ok(str_eq(name, STR("B\xc3\xbc\n")));
}

static void leaves_a_container_early_and_gives_values_as_written(void)
{
    struct err err = {0};
    str key, raw = STR("");
    BUF_AUTO room = {0};
    int64_t first = 0;
    struct jr r;

    buf_init(&room, 64);
    jr_init(&r, STR("{\"a\":[1,[2],{\"b\":3}],\"c\": {\"d\" : [ ]} ,\"e\":2}"), &room);
    jr_object(&r);
    ok(jr_member(&r, &key) && str_eq(key, STR("a")));
    ok(jr_array(&r) && jr_element(&r) && jr_int(&r, &first) && first == 1);
    jr_leave(&r);
    ok(jr_member(&r, &key) && str_eq(key, STR("c")) && jr_raw(&r, &raw));
    ok(str_eq(raw, STR("{\"d\" : [ ]}")));
    ok(jr_member(&r, &key) && str_eq(key, STR("e")));
    ok(!jr_member(&r, &key) && jr_end(&r, &err)); /* the 2 that nobody read is passed over */
    jr_init(&r, STR("[[1,[2"), &room);
    ok(jr_array(&r) && jr_element(&r) && jr_array(&r) && !jr_end(&r, &err)); /* what nobody read is checked */
}

static void views_of_decoded_texts_do_not_move(void)
{
    char text[4096], decoded[64];
    struct err err = {0};
    BUF_AUTO room = {0};
    str views[300], key;
    size_t len = 0;
    int count = 0;
    bool same = true;
    struct jr r;

    len += (size_t)snprintf(text, sizeof text, "{");
    for (int i = 0; i < 200; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s\"\\u006%d%d\":0", i ? "," : "", i % 9 + 1, i);
    len += (size_t)snprintf(text + len, sizeof text - len, "}");
    buf_init(&room, sizeof text);
    jr_init(&r, (str){text, len}, &room);
    for (jr_object(&r); jr_member(&r, &key); jr_skip(&r))
        views[count++] = key;
    ok(jr_end(&r, &err) && count == 200);
    for (int i = 0; i < count; i++) {
        snprintf(decoded, sizeof decoded, "%c%d", 'a' + i % 9, i);
        same = same && str_eq(views[i], str_of(decoded));
    }
    ok(same);
    jr_init(&r, STR("[\"\\n\\n\\n\\n\\n\"]"), &room);
    room.max = room.len + 4;
    room.capacity = room.max;
    ok(jr_array(&r) && jr_element(&r) && !jr_text(&r, &key) && !jr_end(&r, &err));
    ok(err.code == ERR_LIMIT && strstr(err.text, "limit of"));
}

static void decodes_escapes(void)
{
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"a\\u00e9\\u20AC b\"", "a\xc3\xa9\xe2\x82\xac b"},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
        {"\"\\ud83d\"", "\xef\xbf\xbd"},
        {"\"\\ude00\\ud83d\\u0041\"", "\xef\xbf\xbd\xef\xbf\xbd"
                                      "A"},
        {"\"\\ud83d\\n\"", "\xef\xbf\xbd\n"},
        {"\"plain \xc3\xbc\"", "plain \xc3\xbc"},
        {"\"\"", ""},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};
        BUF_AUTO room = {0};
        str text = STR("");
        struct jr r;

        buf_init(&room, 256);
        jr_init(&r, str_of(rows[i].json), &room);
        ok(jr_text(&r, &text) && jr_end(&r, &err) && str_eq(text, str_of(rows[i].text)));
    }
}

static void reads_numbers_as_they_round(void)
{
    static const struct {
        const char *json;
        double value;
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"0.1", 0.1},
        {"-12.5e1", -125},
        {"1E+2", 100},
        {"0.8172636459123456789", 0.8172636459123456789},
        {"9007199254740993", 9007199254740992.0},
        {"1.7976931348623157e308", DBL_MAX},
        {"2.2250738585072011e-308", 2.2250738585072011e-308},
        {"4.9e-324", 4.9e-324},
        {"1e-400", 0},
        {"-0.0000000000000000000001e-330", 0},
        {"0e999999999999999999999", 0},
        {"1e-99999999999999999999", 0},
        {"0.000000000000000000000000000000000000000001e42", 1},
    };
    static const char *const too_large[] = {"1e309", "-2e308", "1e99999999999999999999", "0.001e313"};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};
        double value = -1;
        struct jr r;

        jr_init(&r, str_of(rows[i].json), NULL);
        ok(jr_double(&r, &value) && jr_end(&r, &err) && value == rows[i].value);
    }
    for (size_t i = 0; i < sizeof too_large / sizeof *too_large; i++) {
        struct err err = {0};
        double value = -1;
        struct jr r;

        jr_init(&r, str_of(too_large[i]), NULL);
        ok(!jr_double(&r, &value) && !jr_end(&r, &err) && value == -1);
        ok(strstr(err.text, "too large for a double"));
    }
}

static void agrees_with_strtod(void)
{
    uint64_t seed = 88172645463325252u;
    bool same = true;

    for (int i = 0; i < 100000; i++) {
        struct err err = {0};
        double value = -1, drawn;
        char text[64];
        struct jr r;

        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17; /* xorshift64 */
        memcpy(&drawn, &seed, sizeof drawn);
        if (!isfinite(drawn))
            continue;
        snprintf(text, sizeof text, "%.*g", (int)(seed % 19) + 1, drawn);
        jr_init(&r, str_of(text), NULL);
        if (isinf(strtod(text, NULL)))
            same = same && !jr_double(&r, &value);
        else
            same = same && jr_double(&r, &value) && jr_end(&r, &err) && value == strtod(text, NULL);
    }
    ok(same);
}

static void reads_whole_numbers_and_refuses_others(void)
{
    static const struct {
        const char *json;
        int64_t value;
    } rows[] = {{"0", 0},
                {"-0", 0},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN},
                {"3.0", 3},
                {"2e3", 2000},
                {"1.5e1", 15},
                {"-1.0", -1}};
    static const char *const refused[] = {"0.5", "9223372036854775808", "1e300", "1e999", "1e16"};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};
        int64_t value = -7;
        struct jr r;

        jr_init(&r, str_of(rows[i].json), NULL);
        ok(jr_int(&r, &value) && jr_end(&r, &err) && value == rows[i].value);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct err err = {0};
        int64_t value = -7;
        struct jr r;

        jr_init(&r, str_of(refused[i]), NULL);
        ok(!jr_int(&r, &value) && !jr_end(&r, &err) && value == -7 && strstr(err.text, "expected a whole number"));
    }
}

static void says_what_and_where_a_fault_is(void)
{
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"", "not JSON at byte 0: it ends too soon"},
        {"{\"score\": \"x\"}", "`score` at byte 10: expected a number, found a text"},
        {"{\"score\": [1]}", "`score` at byte 10: expected a number, found an array"},
        {"{\"score\": x}",
         "not JSON at byte 10 ('x'): expected a value (words other than true, false and null need quotes)"},
        {"{\"score\": }", "not JSON at byte 10 ('}'): expected a value"},
        {"{\"score\": 1", "not JSON at byte 11: it ends too soon"},
        {"{\"score\": 1,}", "not JSON at byte 12 ('}'): expected a name in double quotes"},
        {"{\"score\" 1}", "not JSON at byte 9 ('1'): expected a colon behind the name"},
        {"{\"score\": 1 \"a\"", "not JSON at byte 12 ('\"'): expected a comma or the closing bracket"},
        {"{\"score\": 01}", "not JSON at byte 11 ('1'): a number may not start with 0"},
        {"{\"score\": 1}}", "not JSON at byte 12 ('}'): there is something behind the value"},
        {"{\"other\": \"\t\"}",
         "not JSON at byte 11 (0x09): a control character in a text must be written as an escape"},
        {"[1]", "byte 0: expected an object, found an array"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};
        BUF_AUTO room = {0};
        double score;
        struct jr r;
        str key;

        buf_init(&room, 256);
        jr_init(&r, str_of(rows[i].json), &room);
        for (jr_object(&r); jr_member(&r, &key);)
            if (str_eq(key, STR("score")))
                jr_double(&r, &score);
        ok(!jr_end(&r, &err) && err.code == ERR_INVALID);
        ok(str_eq(str_of(err.text), str_of(rows[i].text)));
        if (!str_eq(str_of(err.text), str_of(rows[i].text)))
            printf("# %s\n", err.text);
    }
}

static void limits_depth(void)
{
    char text[2 * JSON_DEPTH_MAX + 2];
    struct err err = {0};
    struct jr r;

    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    jr_init(&r, (str){text + 1, 2 * JSON_DEPTH_MAX}, NULL);
    ok(jr_end(&r, &err));
    jr_init(&r, (str){text, 2 * JSON_DEPTH_MAX + 2}, NULL);
    ok(!jr_end(&r, &err) && strstr(err.text, "nested too deep"));
}

static void gives_the_rows_of_any_form(void)
{
    static const struct {
        const char *body;
        const char *rows[4];
        const char *why;
    } bodies[] = {
        {"", {0}, NULL},
        {" \n\r\n ", {0}, NULL},
        {"{\"a\":1}", {"{\"a\":1}"}, NULL},
        {"{\"a\":1}\n{\"a\":2}\r\n\n {\"a\":3}", {"{\"a\":1}", "{\"a\":2}", "{\"a\":3}"}, NULL},
        {"\xef\xbb\xbf{\"a\":1}\n", {"{\"a\":1}"}, NULL},
        {"{\n \"a\": 1\n}\n", {"{\n \"a\": 1\n}"}, NULL},
        {"{\"a\":\n{\"a\":2}\n", {"{\"a\":", "{\"a\":2}"}, NULL}, /* a broken line does not end the others */
        {" [1, {\"a\":[2]} ,\n null]", {"1", "{\"a\":[2]}", "null"}, NULL},
        {"[]", {0}, NULL},
        {"[1,2", {"1", "2"}, "row 3: not JSON at byte 4: it ends too soon"},
        {"[1,,2]", {"1"}, "row 2: not JSON at byte 3 (','): expected a value"},
        {"[1] [2]", {"1"}, "row 2: not JSON at byte 4 ('['): there is something behind the value"},
    };

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct json_rows rows;
        struct err err = {0};
        int64_t count = 0;
        bool same = true;
        str row;

        json_rows_init(&rows, str_of(bodies[i].body));
        for (; json_rows_next(&rows, &row); count++)
            same = same && rows.number == count + 1 && count < 4 && str_eq(row, str_of(bodies[i].rows[count]));
        ok(same && (count == 4 || !bodies[i].rows[count]));
        ok(json_rows_end(&rows, &err) == !bodies[i].why);
        ok(!bodies[i].why || str_eq(str_of(err.text), str_of(bodies[i].why)));
    }
}

TEST_MAIN(reads_what_it_knows_and_passes_over_the_rest, leaves_a_container_early_and_gives_values_as_written,
          views_of_decoded_texts_do_not_move, decodes_escapes, reads_numbers_as_they_round, agrees_with_strtod,
          reads_whole_numbers_and_refuses_others, says_what_and_where_a_fault_is, limits_depth,
          gives_the_rows_of_any_form)

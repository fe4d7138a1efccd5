#include "codec/json_read.h"

#include "base/rand.h"
#include "base/test.h"

#define PREFIX "Could not parse request body into json: Could not parse payload into json: "
#define PLACE(line, column) \
    "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: " #line ", column: " #column "]"
#define AT(line, column) "\n at " PLACE(line, column)
#define A_VALUE "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

static const char *const good[] = {
    "{}",
    "[]",
    "0",
    "-0",
    "-1.5e+10",
    "1E9",
    "0.0",
    "\"\"",
    "true",
    "false",
    "null",
    " \t\r\n[ ] \n",
    "{\"a\":1,\"b\":[1,2,{\"c\":null}],\"a\":2}",
    "[[],{},[{}]]",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u12aF\\ud800\"",
    "\"long enough to be taken eight bytes at a time \xc3\xbc\xe2\x82\xac\xf0\x9f\x9a\xa3 and on\"",
    "\"\x7f\"",
    "\"12345678\\n12345678\"",
    "[1,2 , 3]",
    "{ \"a\" : 1 }",
};

static const struct {
    const char *text;
    int offset;
    const char *why;
} bad[] = {
    {"\x99", 0, "Unexpected character ((CTRL-CHAR, code 153)): expected a valid value " A_VALUE AT(1, 1)},
    {"", 0, "Unexpected end-of-input" AT(1, 1)},
    {"  ", 2, "Unexpected end-of-input" AT(1, 3)},
    {"{", 1, "Unexpected end-of-input: expected close marker for Object (start marker at " PLACE(1, 1) ")" AT(1, 2)},
    {"[1,\n [2", 7,
     "Unexpected end-of-input: expected close marker for Array (start marker at " PLACE(2, 2) ")" AT(2, 4)},
    {"{\"a\"", 4,
     "Unexpected end-of-input: expected close marker for Object (start marker at " PLACE(1, 1) ")" AT(1, 5)},
    {"\"abc", 4, "Unexpected end-of-input: was expecting closing quote for a string value" AT(1, 5)},
    {"\"abc\\", 5, "Unexpected end-of-input: was expecting closing quote for a string value" AT(1, 6)},
    {"\"\\u12", 5, "Unexpected end-of-input: was expecting closing quote for a string value" AT(1, 6)},
    {"hello", 0, "Unrecognized token 'hello': was expecting " A_VALUE AT(1, 1)},
    {"tru", 0, "Unrecognized token 'tru': was expecting " A_VALUE AT(1, 1)},
    {"[nullx]", 1, "Unrecognized token 'nullx': was expecting " A_VALUE AT(1, 2)},
    {"[1,]", 3, "Unexpected character (']' (code 93)): expected a valid value " A_VALUE AT(1, 4)},
    {"[1 2]", 3, "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries" AT(1, 4)},
    {"[1}", 2, "Unexpected character ('}' (code 125)): was expecting comma to separate Array entries" AT(1, 3)},
    {"{\"a\":1]", 6, "Unexpected character (']' (code 93)): was expecting comma to separate Object entries" AT(1, 7)},
    {"{a:1}", 1, "Unexpected character ('a' (code 97)): was expecting double-quote to start field name" AT(1, 2)},
    {"{\"a\":1,}", 7, "Unexpected character ('}' (code 125)): was expecting double-quote to start field name" AT(1, 8)},
    {"{\"a\" 1}", 5,
     "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value" AT(1, 6)},
    {"{} {}", 3, "Unexpected character ('{' (code 123)): Expected space separating root-level values" AT(1, 4)},
    {"\"a\nb\"", 2,
     "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be "
     "included in string value" AT(1, 3)},
    {"\"\\x\"", 2, "Unrecognized character escape 'x' (code 120)" AT(1, 3)},
    {"\"\\u12g4\"", 5,
     "Unexpected character ('g' (code 103)): expected a hex-digit for character escape sequence" AT(1, 6)},
    {"\"a\x87\"", 2, "Invalid UTF-8 start byte 0x87" AT(1, 3)},
    {"\"\xe2\x28\"", 1, "Invalid UTF-8 middle byte 0x28" AT(1, 2)},
    {"01", 1, "Invalid numeric value: Leading zeroes not allowed" AT(1, 2)},
    {"-x", 1,
     "Unexpected character ('x' (code 120)) in numeric value: expected digit (0-9) to follow minus sign, "
     "for valid numeric value" AT(1, 2)},
    {"1.x", 2,
     "Unexpected character ('x' (code 120)) in numeric value: Decimal point not followed by a digit" AT(1, 3)},
    {"1e+x", 3,
     "Unexpected character ('x' (code 120)) in numeric value: Exponent indicator not followed by a digit" AT(1, 4)},
    {".5", 0, "Unexpected character ('.' (code 46)): expected a valid value " A_VALUE AT(1, 1)},
    {"\xe2\x82\xac", 0,
     "Unexpected character ('\xe2\x82\xac' (code 8364 / 0x20ac)): expected a valid value " A_VALUE AT(1, 1)},
};

static void takes_all_json(void)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        printf("# %s\n", good[i][0] ? "" : good[i]);
        ok(json_valid(str_of(good[i]), NULL));
    }
}

static void says_where_and_what_the_fault_is(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        BUF_AUTO text = {0};
        size_t offset = 99;

        buf_init(&text, 2048);
        ok(!json_valid(str_of(bad[i].text), &offset));
        ok((int)offset == bad[i].offset);
        json_fault_text(str_of(bad[i].text), &text);
        ok(str_starts(buf_str(&text), STR(PREFIX)));
        ok(str_eq(str_from(buf_str(&text), sizeof PREFIX - 1), str_of(bad[i].why)));
        if (test_failures)
            printf("# " STR_FMT "\n", STR_ARG(buf_str(&text)));
    }
}

static void bounds_the_depth(void)
{
    char text[2 * JSON_DEPTH_MAX + 2];
    size_t offset = 0;
    BUF_AUTO why = {0};

    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    ok(json_valid((str){text, 2 * JSON_DEPTH_MAX}, NULL));
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    ok(!json_valid((str){text, sizeof text}, &offset) && offset == JSON_DEPTH_MAX);
    buf_init(&why, 1024);
    json_fault_text((str){text, sizeof text}, &why);
    ok(str_starts(buf_str(&why), STR(PREFIX "Document nesting depth (513) exceeds the maximum allowed (512)")));
}

/* jansson stops at a number that is too large for it, and at half a surrogate pair, which RFC 8259 allows. */
static bool is_no_fault_of_grammar(const char *text)
{
    return strstr(text, "overflow") || strstr(text, "too big") || strstr(text, "invalid Unicode");
}

/* Where no depth or number range is in play, the validator and jansson must be of one mind. */
static void agrees_with_jansson(void)
{
    static const char letters[] = "{}[]\",:\\0.1e-+ntrufalse \xc3\xbc\xe2";
    int valid_count = 0, failed = 0;
    bool agrees = true;
    char text[16];

    rand_replace(20260101);
    for (int i = 0; i < 400000; i++) {
        const char *seed = good[i % (int)(sizeof good / sizeof *good)];
        size_t len = strlen(seed) < sizeof text ? strlen(seed) : sizeof text;
        json_error_t fault;
        bool valid;
        json_t *value;

        memcpy(text, seed, len);
        for (int changes = (int)(rand_unit() * 3); changes > 0 && len > 0; changes--)
            text[(size_t)(rand_unit() * (double)len)] = letters[(size_t)(rand_unit() * (sizeof letters - 1))];
        valid = json_valid((str){text, len}, NULL);
        value = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &fault);
        if (value || !is_no_fault_of_grammar(fault.text))
            agrees = agrees && valid == (value != NULL);
        if (!agrees && !failed++)
            printf("# %.*s: %s\n", (int)len, text, value ? "jansson takes it" : fault.text);
        valid_count += valid;
        json_decref(value);
    }
    rand_replace(0);
    ok(agrees);
    ok(valid_count > 1000 && valid_count < 399000);
}

static void parses_to_a_tree(void)
{
    ARENA_AUTO arena = {0};
    struct err err = {0};
    json_auto_t *root = NULL;

    ok(json_parse(STR(" {\"b\": [1, 2.5, 1e0, \"\\u00fc\\n\", true, false, null], \"a\": {}} "), &root, &err));
    ok(str_eq(json_compact(root, &arena), STR("{\"b\":[1,2.5,1.0,\"\xc3\xbc\\n\",true,false,null],\"a\":{}}")));
    ok(str_eq(json_text(json_array_get(json_object_get(root, "b"), 3)), STR("\xc3\xbc\n")));
    ok(json_text(NULL).len == 0 && json_text(root).len == 0);
}

static void refuses_with_line_and_column(void)
{
    struct err err = {0};
    json_t *root = NULL;

    ok(!json_parse(STR("{\"a\": 1,\n \"a\": 2}"), &root, &err) && err.code == ERR_INVALID);
    ok(str_starts(str_of(err.text), STR("line 2, column 4: duplicate object key")));
    ok(!json_parse(STR("{} {}"), &root, &err));
    ok(!json_parse((str){0}, &root, &err));
    ok(!json_parse(STR("{}\0{}"), &root, &err) && str_eq(str_of(err.text), STR("NUL at byte 2")));
    ok(!root);
}

TEST_MAIN(takes_all_json, says_where_and_what_the_fault_is, bounds_the_depth, agrees_with_jansson, parses_to_a_tree,
          refuses_with_line_and_column)

#include "aws/shape.h"

#include "base/test.h"
#include "codec/json_read.h"
#include "codec/json_write.h"

/* A shape that has one of everything. */
struct inner {
    bool given;
    str mode;
    struct shape_map weights;
};
struct thing {
    str name, qualifier, kind;
    struct shape_int size;
    struct shape_bool publish;
    struct shape_list tags, parts, keys;
    struct shape_map variables;
    struct inner inner;
    json_t *any;
};
struct part {
    str op, path;
};

static bool is_digits(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    return s.len > 0;
}

static bool is_lower(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] < 'a' || s.at[i] > 'z')
            return false;
    return s.len > 0;
}

static const struct shape_pattern number = {"[0-9]+", is_digits};
static const struct shape_pattern lower = {"[a-z]+", is_lower};
static const char *const modes[] = {"On", "Off", NULL};

static const struct shape_field inner_fields[] = {
    {"Mode", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct inner, mode), .check = {.values = modes}},
    {"Weights", SHAPE_IN_BODY, SHAPE_MAP, offsetof(struct inner, weights), SHAPE_OF_REALS, .item = {VALUE(0, 1)},
     .key = {LENGTH(1, 1024), .pattern = &number}},
};
static const struct shape inner_shape = SHAPE_OF(struct inner, inner_fields);

static const struct shape_field part_fields[] = {
    {"op", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct part, op), .check = {.values = modes}},
    {"path", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct part, path)},
};
static const struct shape part_shape = SHAPE_OF(struct part, part_fields);

static const struct shape_field thing_fields[] = {
    {"Qualifier", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct thing, qualifier), .check = {LENGTH(1, 4)}},
    {"Name", SHAPE_IN_PATH, SHAPE_STR, offsetof(struct thing, name), SHAPE_REQUIRED,
     .check = {LENGTH(1, 5), .pattern = &lower}},
    {"Size", SHAPE_IN_BODY, SHAPE_INT, offsetof(struct thing, size), .check = {VALUE(128, 256)}},
    {"Publish", SHAPE_IN_BODY, SHAPE_BOOL, offsetof(struct thing, publish)},
    {"Tags", SHAPE_IN_BODY, SHAPE_LIST, offsetof(struct thing, tags), .check = {LENGTH(1, 1)},
     .item = {.values = modes}},
    {"Parts", SHAPE_IN_BODY, SHAPE_LIST, offsetof(struct thing, parts), .shape = &part_shape},
    {"Variables", SHAPE_IN_BODY, SHAPE_MAP, offsetof(struct thing, variables)},
    {"Inner", SHAPE_IN_BODY, SHAPE_STRUCT, offsetof(struct thing, inner), .shape = &inner_shape},
    {"Any", SHAPE_IN_BODY, SHAPE_JSON, offsetof(struct thing, any)},
    {"keys", SHAPE_IN_QUERY, SHAPE_LIST, offsetof(struct thing, keys)},
};
static const struct shape thing_shape = SHAPE_OF(struct thing, thing_fields);

static struct arena arena;
static str text;

static enum shape_fault parse(const char *name, const char *query, const char *body, struct thing *ret)
{
    static json_t *json; /* what was parsed points into it */
    struct shape_label label = {STR("Name"), str_of(name)};
    struct shape_source source = {.labels = &label, .labels_count = name ? 1 : 0, .query = str_of(query)};
    struct err err = {0};

    json_decref(json);
    json = NULL;
    if (body && !json_parse(str_of(body), &json, &err))
        return SHAPE_BAD_TYPE;
    source.body = json;
    *ret = (struct thing){0};
    text = STR("");
    return shape_parse(&thing_shape, &source, &arena, ret, &text);
}

static bool says(const char *expected)
{
    if (!str_eq(text, str_of(expected)))
        printf("# said: " STR_FMT "\n", STR_ARG(text));
    return str_eq(text, str_of(expected));
}

static void reads_members_from_where_they_travel(void)
{
    struct thing thing;

    ok(parse("abc", "a=1&Qualifier=x%2Fy&keys=k1&keys=k%202",
             "{\"Size\":200,\"Publish\":true,\"Tags\":[\"On\"],"
             "\"Variables\":{\"A\":\"1\",\"B\":\"\"},\"Inner\":{\"Mode\":\"Off\",\"Weights\":{\"2\":0.5}},"
             "\"Parts\":[{\"op\":\"On\",\"path\":\"/x\"}],\"Any\":[1],\"Unknown\":1}",
             &thing) == SHAPE_OK);
    ok(str_eq(thing.name, STR("abc")) && str_eq(thing.qualifier, STR("x/y")));
    ok(thing.size.given && thing.size.value == 200 && thing.publish.given && thing.publish.value);
    ok(thing.tags.count == 1 && str_eq(shape_list_str(&thing.tags, 0), STR("On")));
    ok(thing.keys.count == 2 && str_eq(shape_list_str(&thing.keys, 1), STR("k 2")));
    ok(thing.variables.count == 2 && thing.variables.pairs[1].value.at && thing.variables.pairs[1].value.len == 0);
    ok(thing.inner.given && thing.inner.weights.pairs[0].number == 0.5);
    ok(thing.parts.count == 1 && str_eq(((struct part *)thing.parts.items)[0].path, STR("/x")));
    ok(json_is_array(thing.any));
}

static void takes_null_for_absent(void)
{
    struct thing thing;

    ok(parse("abc", "", "{\"Size\":null,\"Inner\":null,\"Variables\":{\"A\":null}}", &thing) == SHAPE_OK);
    ok(!thing.size.given && !thing.inner.given && thing.variables.given && thing.variables.count == 0);
    ok(!thing.qualifier.at);
}

static void tells_one_fault_in_the_singular(void)
{
    struct thing thing;

    ok(parse("abc", "", "{\"Size\":64}", &thing) == SHAPE_INVALID);
    ok(says("1 validation error detected: Value '64' at 'size' failed to satisfy constraint: Member must have value "
            "greater than or equal to 128"));
    ok(parse(NULL, "", NULL, &thing) == SHAPE_INVALID);
    ok(says("1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"));
}

static void joins_faults_in_the_order_of_the_rows_and_length_before_pattern(void)
{
    struct thing thing;

    ok(parse("ABCDEF", "Qualifier=12345", NULL, &thing) == SHAPE_INVALID);
    ok(says("3 validation errors detected: Value '12345' at 'qualifier' failed to satisfy constraint: Member must have "
            "length less than or equal to 4; Value 'ABCDEF' at 'name' failed to satisfy constraint: Member must have "
            "length less than or equal to 5; Value 'ABCDEF' at 'name' failed to satisfy constraint: Member must "
            "satisfy regular expression pattern: [a-z]+"));
}

static void tells_all_that_is_asked_of_items_keys_and_values(void)
{
    struct thing thing;

    ok(parse("a", "", "{\"Tags\":[\"on\"]}", &thing) == SHAPE_INVALID);
    ok(says("1 validation error detected: Value '[on]' at 'tags' failed to satisfy constraint: Member must satisfy "
            "constraint: [Member must satisfy enum value set: [On, Off], Member must not be null]"));
    ok(parse("a", "", "{\"Inner\":{\"Weights\":{\"2\":2.0}}}", &thing) == SHAPE_INVALID);
    ok(says("1 validation error detected: Value '{2=2.0}' at 'inner.weights' failed to satisfy constraint: Map value "
            "must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value "
            "greater than or equal to 0.0, Member must not be null]"));
    ok(parse("a", "", "{\"Inner\":{\"Weights\":{\"x\":1}}}", &thing) == SHAPE_INVALID);
    ok(says("1 validation error detected: Value '{x=1.0}' at 'inner.weights' failed to satisfy constraint: Map keys "
            "must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length "
            "greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]"));
    ok(parse("a", "", "{\"Tags\":[\"On\",\"Off\"]}", &thing) == SHAPE_INVALID);
    ok(says("1 validation error detected: Value '[On, Off]' at 'tags' failed to satisfy constraint: Member must have "
            "length less than or equal to 1"));
}

static void numbers_the_structs_of_a_list_from_one(void)
{
    struct thing thing;

    ok(parse("a", "", "{\"Parts\":[{\"op\":\"x\"}]}", &thing) == SHAPE_INVALID);
    ok(says("1 validation error detected: Value 'x' at 'parts.1.member.op' failed to satisfy constraint: Member must "
            "satisfy enum value set: [On, Off]"));
}

static void refuses_wrong_types_before_anything_else(void)
{
    static const char *const bodies[] = {
        "{\"Size\":\"12\"}",         "{\"Size\":[]}", "{\"Publish\":\"yes\"}", "{\"Tags\":\"On\"}", "{\"Tags\":[1]}",
        "{\"Variables\":{\"A\":1}}", "{\"Inner\":1}", "{\"Parts\":[1]}",
    };
    struct thing thing;

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        ok(parse("A", "", bodies[i], &thing) == SHAPE_BAD_TYPE && text.len > 0);
    parse("a", "", "{\"Inner\":{\"Mode\":true}}", &thing);
    ok(says("class java.lang.Boolean can not be converted to an String"));
}

static void counts_characters_not_bytes(void)
{
    struct thing thing;

    ok(parse("a", "Qualifier=%C3%A4%C3%B6%C3%BC%C3%9F", NULL, &thing) == SHAPE_OK);
    ok(parse("a", "Qualifier=%C3%A4%C3%B6%C3%BC%C3%9Fx", NULL, &thing) == SHAPE_INVALID);
}

static void writes_what_was_given(void)
{
    struct thing thing;
    struct jw jw;
    BUF_AUTO buf = {0};

    buf_init(&buf, 4096);
    jw_init(&jw, &buf);
    ok(parse("abc", "", "{\"Publish\":false,\"Tags\":[\"On\"],\"Inner\":{\"Weights\":{\"2\":0.5}}}", &thing) ==
       SHAPE_OK);
    jw_object(&jw);
    shape_write(&jw, &thing_shape, &thing);
    jw_object_end(&jw);
    ok(str_eq(buf_str(&buf), STR("{\"Name\":\"abc\",\"Publish\":false,\"Tags\":[\"On\"],"
                                 "\"Inner\":{\"Weights\":{\"2\":0.5}}}")));
    arena_free(&arena);
}

TEST_MAIN(reads_members_from_where_they_travel, takes_null_for_absent, tells_one_fault_in_the_singular,
          joins_faults_in_the_order_of_the_rows_and_length_before_pattern,
          tells_all_that_is_asked_of_items_keys_and_values, numbers_the_structs_of_a_list_from_one,
          refuses_wrong_types_before_anything_else, counts_characters_not_bytes, writes_what_was_given)

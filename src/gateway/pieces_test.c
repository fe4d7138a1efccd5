/* The small pure pieces: media types, templates, paths in JSON, trace ids. */
#include "base/test.h"

#include "gateway/jsonpath.h"
#include "gateway/media.h"
#include "gateway/template.h"
#include "codec/trace.h"

static void knows_binary_types(void)
{
    struct api_pair types[] = {{.name = STR("image/png")}, {.name = STR("audio/*")}, {.name = STR("*/odd")}};
    struct api_pair all[] = {{.name = STR("*/*")}};
    struct api_stage some = {.binary_types = types, .binary_types_count = 3};
    struct api_stage any = {.binary_types = all, .binary_types_count = 1};
    struct api_stage none = {0};

    ok(media_is_binary(&some, STR("image/png")));
    ok(media_is_binary(&some, STR("IMAGE/PNG; q=1")));
    ok(media_is_binary(&some, STR("image/png, text/html")));
    ok(media_is_binary(&some, STR("audio/ogg")));
    ok(!media_is_binary(&some, STR("text/html, image/png"))); /* the first only */
    ok(!media_is_binary(&some, STR("image/*")));
    ok(!media_is_binary(&some, STR("*/*")));
    ok(!media_is_binary(&some, STR("text/odd")));
    ok(!media_is_binary(&some, STR("")));
    ok(media_is_binary(&any, STR("text/plain")));
    ok(!media_is_binary(&any, STR("")));
    ok(!media_is_binary(&none, STR("image/png")));
}

static void tells_templates_apart(void)
{
    struct api_pair list[] = {{STR("application/json"), STR("j")}, {STR("$default"), STR("d")}};

    ok(template_kind(STR("")) == TEMPLATE_PASSES);
    ok(template_kind(STR(" $input.json('$')\n")) == TEMPLATE_PASSES);
    ok(template_kind(STR("{\"statusCode\": 200}")) == TEMPLATE_CONSTANT);
    ok(template_kind(STR("$input.path('$.a')")) == TEMPLATE_NEEDS_VTL);
    ok(template_kind(STR("#set($a = 1)")) == TEMPLATE_NEEDS_VTL);
    ok(template_for(list, 2, STR("Application/JSON")) == &list[0]);
    ok(template_for(list, 2, STR("text/plain")) == &list[1]);
    ok(template_for(list, 1, STR("text/plain")) == NULL);
}

static void walks_json(void)
{
    static const struct {
        const char *json, *path, *text;
    } cases[] = {
        {"{\"a\":{\"b\":[1,{\"c\":\"x\"}]}}", "a.b[1].c", "x"},
        {"{\"a\":{\"b\":[1,{\"c\":\"x\"}]}}", "a.b", "[1,{\"c\":\"x\"}]"},
        {"{\"a\":5}", "a", "5"},
        {"{\"a\":true}", "a", "true"},
        {"{\"a\":null}", "a", ""},
        {"{\"a\":5}", "b", ""},
        {"{\"a\":5}", "a.b.c", ""},
        {"{\"a\":5}", "a[0]", ""},
        {"[1,2]", "[1]", "2"},
        {"[1,2]", "[x]", ""},
        {"\"t\"", "", "t"},
        {"5", "", ""},
        {"not json", "a", ""},
        {"", "a", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = {0};

        ok(str_eq(jsonpath_text(str_of(cases[i].json), str_of(cases[i].path), &arena), str_of(cases[i].text)));
    }
}

static void continues_a_trace(void)
{
    ARENA_AUTO arena = {0};
    str root = STR("Root=1-5759e988-bd862e3fe1be46a994272793");
    str fresh = trace_continue(STR(""), 1795330800, &arena);

    ok(fresh.len == strlen("Root=1-6b029470-000000000000000000000000;Parent=0000000000000000;Sampled=0"));
    ok(str_starts(fresh, STR("Root=1-6b0292f0-")));
    ok(str_ends(fresh, STR(";Sampled=0")));
    ok(str_starts(trace_continue(root, 0, &arena), root));
    ok(str_eq(trace_continue(STR("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8"), 0, &arena),
              STR("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")));
    ok(!str_starts(trace_continue(STR("Root=1-evil\r\n"), 0, &arena), STR("Root=1-evil")));
}

TEST_MAIN(knows_binary_types, tells_templates_apart, walks_json, continues_a_trace)

#include "aws/aws_private.h"
#include "base/test.h"

static struct arena arena;
static struct shape_label labels[AWS_LABELS_MAX];
static int count;

static bool matches(const char *pattern, const char *path, const char *query)
{
    count = -1;
    return aws_path_matches(pattern, str_of(path), str_of(query), &arena, labels, &count);
}

static void matches_segments_and_labels(void)
{
    ok(matches("/2015-03-31/functions", "/2015-03-31/functions", ""));
    ok(matches("/functions/{Name}/code", "/functions/abc/code", "") && count == 1);
    ok(str_eq(labels[0].name, STR("Name")) && str_eq(labels[0].value, STR("abc")));
    ok(!matches("/functions/{Name}/code", "/functions/abc", ""));
    ok(!matches("/functions/{Name}", "/functions/abc/code", ""));
    ok(!matches("/functions", "/functionsx", ""));
    ok(matches("/", "/", "") && count == 0);
}

static void accepts_a_trailing_slash(void)
{
    ok(matches("/2015-03-31/functions", "/2015-03-31/functions/", ""));
    ok(!matches("/2015-03-31/functions/{Name}", "/2015-03-31/functions/", ""));
}

static void splits_before_it_decodes(void)
{
    ok(matches("/tags/{Resource}", "/tags/arn%3Aaws%3Alambda%2Fx", ""));
    ok(str_eq(labels[0].value, STR("arn:aws:lambda/x")));
    ok(matches("/functions/{Name}/code", "/functions/%24LATEST/code", ""));
    ok(str_eq(labels[0].value, STR("$LATEST")));
    ok(matches("/functions/{Name}/code", "/functions/a%zz+b/code", "")); /* not decodable: as it was sent */
    ok(str_eq(labels[0].value, STR("a%zz+b")));
}

static void gives_the_rest_to_a_greedy_label(void)
{
    ok(matches("/tags/{arn+}", "/tags/arn:aws:apigateway:eu::/restapis/x", ""));
    ok(str_eq(labels[0].value, STR("arn:aws:apigateway:eu::/restapis/x")));
}

static void tells_operations_apart_by_query(void)
{
    ok(matches("/layers?find=LayerVersion", "/layers", "Arn=x&find=LayerVersion"));
    ok(!matches("/layers?find=LayerVersion", "/layers", "find=Other"));
}

static void finds_services_by_scope(void)
{
    ok(aws_service_named(STR("lambda")) != NULL);
    ok(aws_service_named(STR("sts")) != NULL);
    ok(aws_service_named(STR("nothing")) == NULL);
    arena_free(&arena);
}

TEST_MAIN(matches_segments_and_labels, accepts_a_trailing_slash, splits_before_it_decodes,
          gives_the_rest_to_a_greedy_label, tells_operations_apart_by_query, finds_services_by_scope)

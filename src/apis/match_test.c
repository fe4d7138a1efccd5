#include "base/test.h"

#include "apis/apis.h"

/* "VERB /path" each: the stage of a case. */
static struct api_stage *stage_of(const char *const *routes, struct arena *arena)
{
    struct api_stage *stage = arena_new(arena, struct api_stage, 1);

    stage->resources = arena_new(arena, struct api_resource, 16);
    for (; *routes; routes++) {
        struct api_resource *resource = NULL;
        str verb, path;

        str_cut(str_of(*routes), ' ', &verb, &path);
        for (int i = 0; i < stage->resources_count; i++)
            if (str_eq(stage->resources[i].path, path))
                resource = &stage->resources[i];
        if (!resource) {
            resource = &stage->resources[stage->resources_count++];
            resource->path = path;
            resource->methods = arena_new(arena, struct api_method, 8);
        }
        if (verb.len)
            resource->methods[resource->methods_count++].verb = verb;
    }
    return stage;
}

static void routes_as_the_table_says(void)
{
    static const struct {
        const char *routes[8];
        const char *verb, *path;
        const char *resource; /* NULL: nobody */
        const char *method, *param;
    } cases[] = {
        {{"POST /a", NULL}, "POST", "/a", "/a", "POST", NULL},
        {{"POST /a", NULL}, "POST", "/a/", "/a", "POST", NULL},
        {{"POST /a", NULL}, "POST", "/a///", "/a", "POST", NULL},
        {{"POST /a", NULL}, "POST", "//a", "/a", "POST", NULL},
        {{"POST /a", NULL}, "GET", "/a", NULL, NULL, NULL},
        {{"GET /a", NULL}, "HEAD", "/a", NULL, NULL, NULL},
        {{"GET /", NULL}, "GET", "/", "/", "GET", NULL},
        {{"GET /", NULL}, "GET", "", "/", "GET", NULL},
        {{"ANY /a", "GET /a", NULL}, "GET", "/a", "/a", "GET", NULL},
        {{"ANY /a", "GET /a", NULL}, "PUT", "/a", "/a", "ANY", NULL},
        {{"GET /{x}", "GET /a", "GET /{p+}", NULL}, "GET", "/a", "/a", "GET", NULL},
        {{"GET /{p+}", "GET /{x}", "GET /a", NULL}, "GET", "/b", "/{x}", "GET", "b"},
        {{"GET /{p+}", "GET /{x}", "GET /a", NULL}, "GET", "/b/c", "/{p+}", "GET", "b/c"},
        {{"GET /{x}/b", "GET /a/{y}", NULL}, "GET", "/a/b", "/a/{y}", "GET", "b"},
        {{"GET /{proxy+}", NULL}, "GET", "/", NULL, NULL, NULL},
        {{"GET /{proxy+}", NULL}, "GET", "/a/", "/{proxy+}", "GET", "a"},
        {{"GET /{proxy+}", NULL}, "GET", "/a//b", "/{proxy+}", "GET", "a//b"},
        {{"GET /{proxy+}", NULL}, "GET", "/u%2Bx@y", "/{proxy+}", "GET", "u%2Bx@y"},
        {{"GET /a/{proxy+}", "GET /{proxy+}", NULL}, "GET", "/a", "/{proxy+}", "GET", "a"},
        {{"GET /a/{proxy+}", "GET /{proxy+}", NULL}, "GET", "/a/b/c", "/a/{proxy+}", "GET", "b/c"},
        /* the resource does not serve the verb: a greedy one elsewhere does */
        {{" /a", "GET /{proxy+}", NULL}, "GET", "/a", "/{proxy+}", "GET", "a"},
        {{"OPTIONS /a", "ANY /{proxy+}", NULL}, "GET", "/a", "/{proxy+}", "ANY", "a"},
        {{"OPTIONS /a", "ANY /{proxy+}", NULL}, "OPTIONS", "/a", "/a", "OPTIONS", NULL},
        {{"POST /a/b", "POST /a/{p+}", "ANY /{proxy+}", NULL}, "GET", "/a/b", "/{proxy+}", "ANY", "a/b"},
        {{"GET /a/b", "GET /{proxy+}", NULL}, "GET", "/a/c", "/{proxy+}", "GET", "a/c"},
        {{"GET /a/b/c", "GET /{proxy+}", NULL}, "GET", "/a/b", "/{proxy+}", "GET", "a/b"},
        {{"POST /users/me", "GET /users/{id}", NULL}, "GET", "/users/me", NULL, NULL, NULL},
        {{"GET /a//b", NULL}, "GET", "/a/b", NULL, NULL, NULL},
        {{"GET /a/{x}", NULL}, "GET", "/a//", NULL, NULL, NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = {0};
        struct api_stage *stage = stage_of(cases[i].routes, &arena);
        const struct api_resource *resource = NULL;
        struct api_pair *params = NULL;
        int count = 0;
        const struct api_method *method =
            api_match(stage, str_of(cases[i].verb), str_of(cases[i].path), &arena, &resource, &params, &count);

        printf("# %s %s\n", cases[i].verb, cases[i].path);
        if (!cases[i].resource) {
            ok(!method);
            continue;
        }
        ok(method && str_eq(method->verb, str_of(cases[i].method)));
        ok(resource && str_eq(resource->path, str_of(cases[i].resource)));
        if (cases[i].param)
            ok(count == 1 && str_eq(params[0].value, str_of(cases[i].param)));
        else
            ok(count == 0);
    }
}

static void names_every_variable(void)
{
    ARENA_AUTO arena = {0};
    static const char *const routes[] = {"GET /a/{b}/c/{d}/{e+}", NULL};
    struct api_stage *stage = stage_of(routes, &arena);
    const struct api_resource *resource;
    struct api_pair *params;
    int count;

    ok(api_match(stage, STR("GET"), STR("/a/1/c/2/3/4"), &arena, &resource, &params, &count) != NULL);
    ok(count == 3);
    ok(str_eq(params[0].name, STR("b")) && str_eq(params[0].value, STR("1")));
    ok(str_eq(params[1].name, STR("d")) && str_eq(params[1].value, STR("2")));
    ok(str_eq(params[2].name, STR("e")) && str_eq(params[2].value, STR("3/4")));
}

TEST_MAIN(routes_as_the_table_says, names_every_variable)

/*
 * The snapshot was written by us from checked rows, so its shape is trusted where it cannot hurt: what is absent reads
 * as empty.  Only what the data plane could not serve at all is an error.
 */
#include "apis/compile.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "codec/arn.h"
#include "codec/json_read.h"

enum { URI_BYTES_MAX = 8192, TIMEOUT_MS_DEFAULT = 29000 };

bool apis_lambda_uri(str uri, str *ret_function)
{
    static const char head[] = "arn:aws:apigateway:", path[] = "path/2015-03-31/functions/";
    str region, service, rest;

    if (!str_starts(uri, str_of(head)) || !str_cut(str_from(uri, sizeof head - 1), ':', &region, &rest) ||
        !str_cut(rest, ':', &service, &rest))
        return false;
    if (!str_eq(service, STR("lambda")) || !str_starts(rest, str_of(path)) || !str_ends(rest, STR("/invocations")))
        return false;
    rest = str_from(rest, sizeof path - 1);
    if (rest.len <= sizeof "/invocations" - 1)
        return false;
    *ret_function = (str){rest.at, rest.len - (sizeof "/invocations" - 1)};
    return true;
}

static str copy_text(const json_t *value, struct arena *arena)
{
    return arena_copy(arena, json_text(value));
}

static str member_text(const json_t *object, const char *name, struct arena *arena)
{
    return copy_text(json_object_get(object, name), arena);
}

/* {"k":"v"} -> pairs; a value that is no text reads as empty. */
static struct api_pair *pairs_of(const json_t *object, struct arena *arena, int *ret_count)
{
    struct api_pair *pairs = arena_new(arena, struct api_pair, json_object_size(object) + 1);
    const char *key;
    json_t *value;
    int count = 0;

    json_object_foreach ((json_t *)object, key, value)
        pairs[count++] = (struct api_pair){arena_copy(arena, str_of(key)), copy_text(value, arena)};
    *ret_count = count;
    return pairs;
}

static str variable(const struct api_stage *stage, str name)
{
    for (int i = 0; i < stage->variables_count; i++)
        if (str_eq(stage->variables[i].name, name))
            return stage->variables[i].value;
    return STR("");
}

/* Puts in ${stageVariables.x}; one that is not defined is empty. */
static str put_in_variables(struct api_stage *stage, str text)
{
    static const char open[] = "${stageVariables.";
    str result;
    BUF_AUTO out = {0};

    buf_init(&out, URI_BYTES_MAX);
    while (text.len) {
        str name, rest;

        if (str_starts(text, str_of(open)) && str_cut(str_from(text, sizeof open - 1), '}', &name, &rest)) {
            buf_add(&out, variable(stage, name));
            text = rest;
        } else {
            buf_add_char(&out, text.at[0]);
            text = str_from(text, 1);
        }
    }
    result = arena_copy(&stage->arena, buf_str(&out));
    return result;
}

/* A function that cannot be named is left empty: its method answers 500 and says why, the rest of the stage works. */
static void compile_uri(struct api_stage *stage, const json_t *integration, struct api_method *ret)
{
    str uri = put_in_variables(stage, json_text(json_object_get(integration, "uri")));
    struct arn arn = {0};
    str function;

    if (!apis_lambda_uri(uri, &function) || !arn_parse(function, &arn))
        return;
    ret->function = arn.name;
    ret->qualifier = arn.qualifier;
}

static void compile_responses(struct api_stage *stage, const json_t *responses, struct api_method *ret)
{
    struct arena *arena = &stage->arena;
    const char *status;
    json_t *value;

    ret->responses = arena_new(arena, struct integration_response, json_object_size(responses) + 1);
    json_object_foreach ((json_t *)responses, status, value) {
        struct integration_response *response = &ret->responses[ret->responses_count++];

        response->status = arena_copy(arena, str_of(status));
        response->selection_pattern = member_text(value, "selectionPattern", arena);
        response->has_pattern = response->selection_pattern.len > 0;
        response->templates = pairs_of(json_object_get(value, "responseTemplates"), arena, &response->templates_count);
        response->headers = pairs_of(json_object_get(value, "responseParameters"), arena, &response->headers_count);
        response->content_handling = member_text(value, "contentHandling", arena);
    }
}

static bool compile_integration(struct api_stage *stage, const json_t *integration, struct api_method *ret,
                                struct err *err)
{
    static const struct {
        const char *name;
        enum integration_kind kind;
    } kinds[] = {{"AWS", INTEGRATION_LAMBDA}, {"AWS_PROXY", INTEGRATION_LAMBDA_PROXY}, {"MOCK", INTEGRATION_MOCK}};
    str type = json_text(json_object_get(integration, "type"));
    const json_t *timeout = json_object_get(integration, "timeoutInMillis");
    const json_t *parameters = json_object_get(integration, "requestParameters");
    struct arena *arena = &stage->arena;
    bool known = false;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !known; i++)
        if (str_eq(type, str_of(kinds[i].name))) {
            ret->kind = kinds[i].kind;
            known = true;
        }
    if (!known)
        return err_set(err, ERR_INVALID, "integration type " STR_FMT " is not served", STR_ARG(type));
    if (ret->kind != INTEGRATION_MOCK)
        compile_uri(stage, integration, ret);
    ret->integration_verb = member_text(integration, "httpMethod", arena);
    ret->request_templates =
        pairs_of(json_object_get(integration, "requestTemplates"), arena, &ret->request_templates_count);
    ret->passthrough = member_text(integration, "passthroughBehavior", arena);
    ret->content_handling = member_text(integration, "contentHandling", arena);
    ret->timeout_ms = json_is_integer(timeout) ? (int)json_integer_value(timeout) : TIMEOUT_MS_DEFAULT;
    ret->async = ret->kind == INTEGRATION_LAMBDA && /* a proxy integration applies no header mappings */
                 str_eq(json_text(json_object_get(parameters, "integration.request.header.X-Amz-Invocation-Type")),
                        STR("'Event'"));
    compile_responses(stage, json_object_get(integration, "integrationResponses"), ret);
    return true;
}

static bool compile_methods(struct api_stage *stage, const json_t *methods, struct api_resource *ret, struct err *err)
{
    const char *verb;
    json_t *value;

    ret->methods = arena_new(&stage->arena, struct api_method, json_object_size(methods) + 1);
    json_object_foreach ((json_t *)methods, verb, value) {
        struct api_method *method = &ret->methods[ret->methods_count++];

        method->verb = arena_copy(&stage->arena, str_of(verb));
        method->iam = str_eq(json_text(json_object_get(value, "authorizationType")), STR("AWS_IAM"));
        method->api_key = json_is_true(json_object_get(value, "apiKeyRequired"));
        if (!compile_integration(stage, json_object_get(value, "methodIntegration"), method, err))
            return err_wrap(err, "%s " STR_FMT, verb, STR_ARG(ret->path));
    }
    return true;
}

static bool compile_into(struct api_stage *stage, const json_t *snapshot, const json_t *variables, struct err *err)
{
    const json_t *types = json_object_get(snapshot, "binaryMediaTypes");
    const json_t *resources = json_object_get(snapshot, "resources");
    struct arena *arena = &stage->arena;
    json_t *value;
    size_t i;

    stage->endpoint_disabled = json_is_true(json_object_get(snapshot, "disableExecuteApiEndpoint"));
    stage->variables = pairs_of(variables, arena, &stage->variables_count);
    stage->binary_types = arena_new(arena, struct api_pair, json_array_size(types) + 1);
    json_array_foreach (types, i, value)
        stage->binary_types[stage->binary_types_count++].name = copy_text(value, arena);
    stage->resources = arena_new(arena, struct api_resource, json_array_size(resources) + 1);
    json_array_foreach (resources, i, value) {
        struct api_resource *resource = &stage->resources[stage->resources_count++];

        resource->id = member_text(value, "id", arena);
        resource->path = member_text(value, "path", arena);
        if (!compile_methods(stage, json_object_get(value, "resourceMethods"), resource, err))
            return false;
    }
    return true;
}

bool apis_compile(str snapshot, str variables, struct api_stage **ret, struct err *err)
{
    json_auto_t *root = NULL;
    json_auto_t *names = NULL;
    struct arena arena = {0};
    struct api_stage *stage;

    if (!json_parse(snapshot, &root, err) || (variables.len && !json_parse(variables, &names, err)))
        return err_wrap(err, "a deployment cannot be read");
    stage = arena_new(&arena, struct api_stage, 1);
    stage->arena = arena;
    stage->references = 1;
    if (!compile_into(stage, root, names, err)) {
        api_stage_release(stage);
        return false;
    }
    *ret = stage;
    return true;
}

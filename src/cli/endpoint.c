#include "cli/endpoint.h"

#include "cli/publish.h"
#include "codec/json_read.h"

#define API_NAME "sculler"
#define STAGE "test"

static const char *const methods[] = {"GET", "POST"};

static str url_of(struct session *session, str function)
{
    return arena_printf(&session->arena, "%s/" STAGE "/" STR_FMT "/", session->endpoint, STR_ARG(function));
}

MUST_USE static bool find_api(struct session *session, str *ret_id, struct err *err)
{
    json_auto_t *list = NULL;
    json_t *api;
    size_t i;

    if (!session_json(session, "apigateway", "GET", STR("/restapis?limit=500"), NULL, &list, err))
        return false;
    *ret_id = STR("");
    json_array_foreach (json_object_get(list, "item"), i, api)
        if (str_eq(json_text(json_object_get(api, "name")), STR(API_NAME)))
            *ret_id = arena_copy(&session->arena, json_text(json_object_get(api, "id")));
    return true;
}

MUST_USE static bool make_api(struct session *session, str *ret_id, struct err *err)
{
    json_auto_t *api = NULL;

    if (!session_json(session, "apigateway", "POST", STR("/restapis"), json_pack("{s:s}", "name", API_NAME), &api, err))
        return false;
    *ret_id = arena_copy(&session->arena, json_text(json_object_get(api, "id")));
    return true;
}

MUST_USE static bool get_resources(struct session *session, str api, json_t **ret, struct err *err)
{
    return session_json(session, "apigateway", "GET",
                        session_path(session, "/restapis/" STR_FMT "/resources?embed=methods&limit=500", STR_ARG(api)),
                        NULL, ret, err);
}

static json_t *find_resource(const json_t *resources, str path)
{
    json_t *resource;
    size_t i;

    json_array_foreach (json_object_get(resources, "item"), i, resource)
        if (str_eq(json_text(json_object_get(resource, "path")), path))
            return resource;
    return NULL;
}

MUST_USE static bool make_resource(struct session *session, str api, str root, str function, str *ret_id,
                                   struct err *err)
{
    json_auto_t *resource = NULL;

    if (!session_json(session, "apigateway", "POST",
                      session_path(session, "/restapis/" STR_FMT "/resources/" STR_FMT, STR_ARG(api), STR_ARG(root)),
                      json_pack("{s:s%}", "pathPart", function.at, function.len), &resource, err))
        return false;
    *ret_id = arena_copy(&session->arena, json_text(json_object_get(resource, "id")));
    return true;
}

static json_t *integration_of(const struct session *session, str function)
{
    return json_pack(
        "{s:s, s:s, s:o}", "type", "AWS", "httpMethod", "POST", "uri",
        json_sprintf("arn:aws:apigateway:" STR_FMT ":lambda:path/2015-03-31/functions/"
                     "arn:aws:lambda:" STR_FMT ":" STR_FMT ":function:" STR_FMT ":" LIVE_ALIAS "/invocations",
                     STR_ARG(session->region), STR_ARG(session->region), STR_ARG(session->account), STR_ARG(function)));
}

/* The function's answer is the answer, with 200; when it ends in an error, its error, with 502. */
MUST_USE static bool make_method(struct session *session, str api, str resource, str function, const char *verb,
                                 struct err *err)
{
    const struct {
        const char *path;
        json_t *body;
    } steps[] = {
        {"", json_pack("{s:s}", "authorizationType", "NONE")},
        {"/responses/200", json_object()},
        {"/responses/502", json_object()},
        {"/integration", integration_of(session, function)},
        {"/integration/responses/200", json_object()},
        {"/integration/responses/502", json_pack("{s:s}", "selectionPattern", "(?s).+")},
    };
    bool done = true;

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        json_auto_t *answer = NULL;
        struct err why = {0};

        if (!done) {
            json_decref(steps[i].body);
            continue;
        }
        str path = session_path(session, "/restapis/" STR_FMT "/resources/" STR_FMT "/methods/%s%s", STR_ARG(api),
                                STR_ARG(resource), verb, steps[i].path);
        done = session_json(session, "apigateway", "PUT", path, steps[i].body, &answer, &why) ||
               why.code == ERR_CONFLICT; /* made by a deploy that was interrupted */
        if (!done)
            *err = why;
    }
    return done;
}

static bool is_whole(const json_t *resource)
{
    json_t *made = json_object_get(resource, "resourceMethods");

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        json_t *integration = json_object_get(json_object_get(made, methods[i]), "methodIntegration");
        json_t *responses = json_object_get(integration, "integrationResponses");

        if (!json_object_get(responses, "200") || !json_object_get(responses, "502"))
            return false;
    }
    return true;
}

/* API Gateway must be allowed to invoke the alias; that it is already is fine. */
MUST_USE static bool permit(struct session *session, str api, str function, struct err *err)
{
    json_auto_t *done = NULL;
    struct err why = {0};
    json_t *statement =
        json_pack("{s:s, s:s, s:s, s:o}", "StatementId", "sculler-api", "Action", "lambda:InvokeFunction", "Principal",
                  "apigateway.amazonaws.com", "SourceArn",
                  json_sprintf("arn:aws:execute-api:" STR_FMT ":" STR_FMT ":" STR_FMT "/*/*/" STR_FMT,
                               STR_ARG(session->region), STR_ARG(session->account), STR_ARG(api), STR_ARG(function)));

    if (session_json(
            session, "lambda", "POST",
            session_path(session, "/2015-03-31/functions/" STR_FMT "/policy?Qualifier=" LIVE_ALIAS, STR_ARG(function)),
            statement, &done, &why) ||
        why.code == ERR_CONFLICT)
        return true;
    *err = why;
    return false;
}

MUST_USE static bool has_stage(struct session *session, str api, bool *ret, struct err *err)
{
    json_auto_t *stage = NULL;
    struct err why = {0};

    *ret = session_json(session, "apigateway", "GET",
                        session_path(session, "/restapis/" STR_FMT "/stages/" STAGE, STR_ARG(api)), NULL, &stage, &why);
    if (!*ret && why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    return true;
}

MUST_USE static bool publish_stage(struct session *session, str api, struct err *err)
{
    json_auto_t *done = NULL;

    return session_json(session, "apigateway", "POST",
                        session_path(session, "/restapis/" STR_FMT "/deployments", STR_ARG(api)),
                        json_pack("{s:s}", "stageName", STAGE), &done, err);
}

bool endpoint_make(struct session *session, str function, str *ret_url, struct err *err)
{
    json_auto_t *resources = NULL;
    str api, id, path = arena_printf(&session->arena, "/" STR_FMT, STR_ARG(function));
    bool staged;

    if (!find_api(session, &api, err) || (!api.len && !make_api(session, &api, err)) ||
        !get_resources(session, api, &resources, err))
        return false;
    const json_t *resource = find_resource(resources, path);
    *ret_url = url_of(session, function);
    if (resource && is_whole(resource))
        return permit(session, api, function, err) && has_stage(session, api, &staged, err) &&
               (staged || publish_stage(session, api, err));
    id = arena_copy(&session->arena, json_text(json_object_get(resource, "id")));
    str root = arena_copy(&session->arena, json_text(json_object_get(find_resource(resources, STR("/")), "id")));
    if (!resource && !make_resource(session, api, root, function, &id, err))
        return false;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (!make_method(session, api, id, function, methods[i], err))
            return false;
    return permit(session, api, function, err) && publish_stage(session, api, err);
}

bool endpoint_list(struct session *session, json_t **ret, struct err *err)
{
    json_auto_t *resources = NULL, *urls = json_object();
    json_t *resource;
    size_t i;
    str api;

    if (!find_api(session, &api, err) || (api.len && !get_resources(session, api, &resources, err)))
        return false;
    json_array_foreach (json_object_get(resources, "item"), i, resource) {
        str function = json_text(json_object_get(resource, "pathPart"));
        str url = url_of(session, function);

        if (function.len && is_whole(resource))
            json_object_set_new(urls, arena_cstr(&session->arena, function), json_stringn(url.at, url.len));
    }
    *ret = json_incref(urls);
    return true;
}

/* Without a method left there is nothing to deploy, and the API goes as a whole. */
MUST_USE static bool remove_api(struct session *session, str api, struct err *err)
{
    json_auto_t *done = NULL;

    return session_json(session, "apigateway", "DELETE", session_path(session, "/restapis/" STR_FMT, STR_ARG(api)),
                        NULL, &done, err);
}

/* Are there others beside it and the root? */
static bool is_last(const json_t *resources)
{
    return json_array_size(json_object_get(resources, "item")) <= 2;
}

bool endpoint_remove(struct session *session, str function, bool *ret_removed, struct err *err)
{
    json_auto_t *resources = NULL, *done = NULL;
    str api, path = arena_printf(&session->arena, "/" STR_FMT, STR_ARG(function));

    *ret_removed = false;
    if (!find_api(session, &api, err))
        return false;
    if (!api.len)
        return true;
    if (!get_resources(session, api, &resources, err))
        return false;
    const json_t *resource = find_resource(resources, path);
    if (!resource)
        return true;
    *ret_removed = true;
    if (is_last(resources))
        return remove_api(session, api, err);
    str id = json_text(json_object_get(resource, "id"));
    return session_json(session, "apigateway", "DELETE",
                        session_path(session, "/restapis/" STR_FMT "/resources/" STR_FMT, STR_ARG(api), STR_ARG(id)),
                        NULL, &done, err) &&
           publish_stage(session, api, err);
}

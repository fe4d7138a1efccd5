#include "aws/apigateway/apigateway_private.h"

#include "base/clock.h"
#include "codec/json_read.h"

enum { STAGE_NAME_LEN_MAX = 128, VARIABLE_NAME_LEN_MAX = 64, VARIABLE_VALUE_LEN_MAX = 512 };

bool check_stage_name(struct aws_call *call, str name)
{
    bool good = name.len > 0 && name.len <= STAGE_NAME_LEN_MAX;

    for (size_t i = 0; i < name.len && good; i++) {
        char c = name.at[i];

        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    }
    return good || aws_fail(call, AWS_ERROR_BAD_REQUEST, "Stage name only allows a-zA-Z0-9_-");
}

/* Members that are the same for every stage here, and those of the row. */
void stage_write(struct aws_call *call, const struct rest_stage *stage)
{
    struct jw *jw = &call->jw;

    jw_object(jw);
    row_write(jw, &rest_stages, stage);
    jw_bool(jw, "cacheClusterEnabled", false);
    jw_str(jw, "cacheClusterStatus", STR("NOT_AVAILABLE"));
    jw_raw(jw, "methodSettings", STR("{}"));
    jw_object_end(jw);
}

static bool find_stage(struct aws_call *call, str api, str name, struct rest_stage *ret)
{
    const str key[] = {api, name};
    struct rest_api ignored;
    struct err err = {0};

    return find_api(call, api, &ignored) && found_or(call, row_get(call->db, &rest_stages, key, call->arena, ret, &err),
                                                     &err, "Invalid stage identifier specified");
}

static bool check_deployment(struct aws_call *call, str api, str deployment)
{
    const str key[] = {api, deployment};
    struct rest_deployment ignored;
    struct err err = {0};

    if (row_get(call->db, &rest_deployments, key, call->arena, &ignored, &err))
        return true;
    if (err.code != ERR_NOT_FOUND)
        return aws_fail_err(call, &err);
    return aws_fail(call, AWS_ERROR_BAD_REQUEST, "Deployment id does not exist");
}

/* -- create, get, delete
 * --------------------------------------------------------------------------------------------------- */

bool create_stage(struct aws_call *call)
{
    const struct create_stage_input *input = call->input;
    struct rest_api api;
    struct err err = {0};
    struct rest_stage stage = {
        .api_id = input->api,
        .name = input->stage,
        .deployment_id = input->deployment,
        .description = input->description,
        .documentation_version = input->documentation_version,
        .tracing_enabled = input->tracing_enabled.value,
        .created_us = clock_wall_us(),
        .updated_us = clock_wall_us(),
    };

    if (!find_api(call, input->api, &api) || !check_stage_name(call, input->stage))
        return false;
    if (input->canary_settings)
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "Canary releases are not supported by this server yet");
    if (!check_deployment(call, input->api, input->deployment) ||
        !map_text(call, input->variables, MAP_OF_TEXTS, false, &stage.variables) ||
        !map_text(call, input->tags, MAP_OF_TEXTS, false, &stage.tags) ||
        !added_or(call, row_insert(call->db, &rest_stages, &stage, &err), &err, "Stage already exists"))
        return false;
    stage_changed(call, input->api, input->stage);
    stage_write(call, &stage);
    return true;
}

bool get_stage(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    struct rest_stage stage;

    if (!find_stage(call, input->api, input->stage, &stage))
        return false;
    stage_write(call, &stage);
    return true;
}

/* The one list without pages. */
bool get_stages(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    const struct rest_stage *stages;
    struct rest_api api;
    struct err err = {0};
    void *rows;
    int count;

    if (!find_api(call, input->api, &api))
        return false;
    if (!row_list(call->db, &rest_stages, &input->api, 1, call->arena, &rows, &count, &err))
        return aws_fail_err(call, &err);
    stages = rows;
    page_begin(call);
    for (int i = 0; i < count; i++)
        stage_write(call, &stages[i]);
    page_end(call, &(struct page){0});
    return true;
}

bool delete_stage(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    const str key[] = {input->api, input->stage};
    struct rest_stage stage;
    struct err err = {0};

    if (!find_stage(call, input->api, input->stage, &stage))
        return false;
    if (!row_delete(call->db, &rest_stages, key, 2, &err))
        return aws_fail_err(call, &err);
    stage_changed(call, input->api, input->stage);
    return true;
}

/* -- update: one function a path
 * ------------------------------------------------------------------------------------------- */

struct stage_patch {
    struct aws_call *call;
    struct rest_stage *stage;
    json_t *variables; /* of the stage as it is being changed */
    const struct patch_operation *patch;
    bool remove;
};

static bool patch_deployment(struct stage_patch *p, str name)
{
    (void)name;
    if (p->remove)
        return aws_fail(p->call, AWS_ERROR_BAD_REQUEST, "Invalid remove operation with path: /deploymentId");
    p->stage->deployment_id = p->patch->value;
    return check_deployment(p->call, p->stage->api_id, p->patch->value);
}

static bool patch_description(struct stage_patch *p, str name)
{
    (void)name;
    p->stage->description = p->remove || p->patch->value.len == 0 ? (str){0} : p->patch->value;
    return true;
}

static bool patch_variable(struct stage_patch *p, str name)
{
    const char *key = arena_cstr(p->call->arena, name);
    str value = p->patch->value;

    if (name.len == 0 || name.len > VARIABLE_NAME_LEN_MAX || value.len > VARIABLE_VALUE_LEN_MAX)
        return aws_fail(p->call, AWS_ERROR_BAD_REQUEST,
                        "A stage variable's name has 1 to %d characters, its value at most %d", VARIABLE_NAME_LEN_MAX,
                        VARIABLE_VALUE_LEN_MAX);
    if (p->remove)
        json_object_del(p->variables, key);
    else
        json_object_set_new(p->variables, key, json_stringn(value.at ? value.at : "", value.len));
    return true;
}

static const struct {
    const char *path; /* a last '/' takes the rest as the name */
    bool (*apply)(struct stage_patch *p, str name);
} stage_paths[] = {
    {"/deploymentId", patch_deployment},
    {"/description", patch_description},
    {"/variables/", patch_variable},
};

static bool patch_one(struct stage_patch *p)
{
    str path = p->patch->path;

    if (!str_eq(p->patch->op, STR("replace")) && !str_eq(p->patch->op, STR("remove")))
        return aws_fail(p->call, AWS_ERROR_BAD_REQUEST, "Invalid " STR_FMT " operation with path: " STR_FMT,
                        STR_ARG(p->patch->op), STR_ARG(path));
    p->remove = str_eq(p->patch->op, STR("remove"));
    for (size_t i = 0; i < sizeof stage_paths / sizeof *stage_paths; i++) {
        str known = str_of(stage_paths[i].path);

        if (str_ends(known, STR("/")) ? str_starts(path, known) : str_eq(path, known))
            return stage_paths[i].apply(p, str_from(path, known.len));
    }
    return aws_fail(p->call, AWS_ERROR_BAD_REQUEST,
                    "Invalid method setting path: " STR_FMT
                    ". This server knows: [/deploymentId, /description, /variables/{variable_name}]",
                    STR_ARG(path));
}

static bool read_variables(struct aws_call *call, const struct rest_stage *stage, json_t **ret)
{
    struct err err = {0};

    if (!stage->variables.at) {
        *ret = json_object();
        return true;
    }
    return json_parse(stage->variables, ret, &err) || aws_fail_err(call, &err);
}

bool update_stage(struct aws_call *call)
{
    const struct update_stage_input *input = call->input;
    const struct patch_operation *patches = input->patches.items;
    json_auto_t *variables = NULL;
    struct rest_stage stage;
    struct err err = {0};

    if (!find_stage(call, input->api, input->stage, &stage) || !read_variables(call, &stage, &variables))
        return false;
    for (int i = 0; i < input->patches.count; i++) {
        struct stage_patch p = {.call = call, .stage = &stage, .variables = variables, .patch = &patches[i]};

        if (!patch_one(&p))
            return false;
    }
    if (!map_text(call, variables, MAP_OF_TEXTS, false, &stage.variables))
        return false;
    stage.updated_us = clock_wall_us();
    if (!row_update(call->db, &rest_stages, &stage, &err))
        return aws_fail_err(call, &err);
    stage_changed(call, input->api, input->stage);
    stage_write(call, &stage);
    return true;
}

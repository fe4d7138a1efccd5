/* A deployment is the API as it is now, copied; what is edited later shows only after the next one. */
#include "aws/apigateway/apigateway_private.h"

#include "base/clock.h"

enum { DEPLOYMENT_ID_LEN = 6, SNAPSHOT_BYTES_MAX = 8 * 1024 * 1024 };

/* -- create
 * ------------------------------------------------------------------------------------------------------------ */

static bool has_integration(const struct rest_tree *tree, const struct rest_method *method)
{
    for (int i = 0; i < tree->integrations_count; i++)
        if (str_eq(tree->integrations[i].resource_id, method->resource_id) &&
            str_eq(tree->integrations[i].verb, method->verb))
            return true;
    return false;
}

static bool check_deployable(struct aws_call *call, const struct rest_tree *tree)
{
    if (tree->methods_count == 0)
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "The REST API doesn't contain any methods");
    for (int i = 0; i < tree->methods_count; i++)
        if (!has_integration(tree, &tree->methods[i]))
            return aws_fail(call, AWS_ERROR_BAD_REQUEST, "No integration defined for method");
    return true;
}

static bool snapshot_of(struct aws_call *call, const struct rest_api *api, str *ret)
{
    struct rest_tree tree;
    BUF_AUTO out = {0};
    struct jw jw;

    buf_init(&out, SNAPSHOT_BYTES_MAX);
    if (!load_tree(call, api->id, STR(""), &tree) || !check_deployable(call, &tree))
        return false;
    jw_init(&jw, &out);
    rest_snapshot_write(&jw, &tree, api);
    if (!buf_ok(&out))
        return aws_fail(call, AWS_ERROR_LIMIT_EXCEEDED, "A deployment cannot be larger than %d bytes",
                        SNAPSHOT_BYTES_MAX);
    *ret = arena_copy(call->arena, buf_str(&out));
    return true;
}

/* stageName: the stage is made, or moved to this deployment; what was not sent stays as it is. */
static bool point_stage(struct aws_call *call, const struct create_deployment_input *input, str deployment)
{
    const str key[] = {input->api, input->stage};
    struct rest_stage stage = {.api_id = input->api, .name = input->stage, .created_us = clock_wall_us()};
    struct err err = {0};
    str variables;
    bool exists = row_get(call->db, &rest_stages, key, call->arena, &stage, &err);

    if (!exists && err.code != ERR_NOT_FOUND)
        return aws_fail_err(call, &err);
    if (!check_stage_name(call, input->stage) || !map_text(call, input->variables, MAP_OF_TEXTS, false, &variables))
        return false;
    stage.deployment_id = deployment;
    stage.updated_us = clock_wall_us();
    if (input->stage_description.at)
        stage.description = input->stage_description;
    if (input->variables)
        stage.variables = variables;
    if (input->tracing_enabled.given)
        stage.tracing_enabled = input->tracing_enabled.value;
    if (!(exists ? row_update(call->db, &rest_stages, &stage, &err) : row_insert(call->db, &rest_stages, &stage, &err)))
        return aws_fail_err(call, &err);
    stage_changed(call, input->api, input->stage);
    return true;
}

static void deployment_write(struct aws_call *call, const struct rest_deployment *deployment)
{
    jw_object(&call->jw);
    row_write(&call->jw, &rest_deployments, deployment);
    jw_object_end(&call->jw);
}

bool create_deployment(struct aws_call *call)
{
    const struct create_deployment_input *input = call->input;
    struct rest_deployment deployment = {
        .api_id = input->api,
        .id = new_id(call->arena, DEPLOYMENT_ID_LEN),
        .description = input->description.len ? input->description : (str){0},
        .created_us = clock_wall_us(),
    };
    struct rest_api api;
    struct err err = {0};

    if (!find_api(call, input->api, &api))
        return false;
    if (input->canary_settings)
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "Canary releases are not supported by this server yet");
    if (!snapshot_of(call, &api, &deployment.snapshot))
        return false;
    if (!row_insert(call->db, &rest_deployments, &deployment, &err))
        return aws_fail_err(call, &err);
    if (input->stage.len && !point_stage(call, input, deployment.id))
        return false;
    deployment_write(call, &deployment);
    return true;
}

/* -- get, delete
 * ---------------------------------------------------------------------------------------------------------- */

static bool find_deployment(struct aws_call *call, struct rest_deployment *ret)
{
    const struct ref_input *input = call->input;
    const str key[] = {input->api, input->deployment};
    struct rest_api api;
    struct err err = {0};

    return find_api(call, input->api, &api) &&
           found_or(call, row_get(call->db, &rest_deployments, key, call->arena, ret, &err), &err,
                    "Invalid Deployment identifier specified");
}

bool get_deployment(struct aws_call *call)
{
    struct rest_deployment deployment;

    if (!find_deployment(call, &deployment))
        return false;
    deployment_write(call, &deployment);
    return true;
}

bool get_deployments(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    const struct rest_deployment *deployments;
    struct rest_api api;
    struct err err = {0};
    void *rows;
    int count;

    if (!find_api(call, input->api, &api))
        return false;
    if (!row_list(call->db, &rest_deployments, &input->api, 1, call->arena, &rows, &count, &err))
        return aws_fail_err(call, &err);
    deployments = rows;
    str *ids = arena_new(call->arena, str, (size_t)count + 1);
    for (int i = 0; i < count; i++)
        ids[i] = deployments[i].id;
    struct page page = page_of(input, ids, count);
    page_begin(call);
    for (int i = page.from; i < page.to; i++)
        deployment_write(call, &deployments[i]);
    page_end(call, &page);
    return true;
}

bool delete_deployment(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    const str key[] = {input->api, input->deployment};
    struct rest_deployment deployment;
    struct err err = {0};

    if (!find_deployment(call, &deployment))
        return false;
    if (row_delete(call->db, &rest_deployments, key, 2, &err))
        return true;
    if (err.code == ERR_CONFLICT) /* a stage refers to it */
        return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                        "Active stages pointing to this deployment must be moved or deleted");
    return aws_fail_err(call, &err);
}

/* layer_policy: who else may have a layer version.  Stored and shown, as functions' policies are. */
#include "aws/lambda/layers.h"
#include "aws/lambda/patterns.h"

enum { LAYER_STATEMENT_BYTES_MAX = 4096 };

struct layer_permission_input {
    str layer, statement_id, action, principal, organization, revision_id;
    struct shape_int version;
};

#define IN(where, member) where, SHAPE_STR, offsetof(struct layer_permission_input, member)

static const struct shape_field add_layer_permission_fields[] = {
    FIELD_LAYER(struct layer_permission_input),
    FIELD_LAYER_VERSION(struct layer_permission_input),
    {"StatementId", IN(SHAPE_IN_BODY, statement_id), SHAPE_REQUIRED,
     .check = {LENGTH(1, 100), .pattern = &pattern_statement_id}},
    {"Action", IN(SHAPE_IN_BODY, action), SHAPE_REQUIRED, .check = {LENGTH(0, 22), .pattern = &pattern_layer_action}},
    {"Principal", IN(SHAPE_IN_BODY, principal), SHAPE_REQUIRED, .check = {.pattern = &pattern_layer_principal}},
    {"OrganizationId", IN(SHAPE_IN_BODY, organization),
     .check = {LENGTH(0, 34), .pattern = &pattern_layer_organization}},
    {"RevisionId", IN(SHAPE_IN_QUERY, revision_id)},
};
const struct shape add_layer_permission_shape = SHAPE_OF(struct layer_permission_input, add_layer_permission_fields);

static const struct shape_field remove_layer_permission_fields[] = {
    FIELD_LAYER(struct layer_permission_input),
    FIELD_LAYER_VERSION(struct layer_permission_input),
    {"StatementId", IN(SHAPE_IN_PATH, statement_id), SHAPE_REQUIRED,
     .check = {LENGTH(1, 100), .pattern = &pattern_statement_id}},
    {"RevisionId", IN(SHAPE_IN_QUERY, revision_id)},
};
const struct shape remove_layer_permission_shape =
    SHAPE_OF(struct layer_permission_input, remove_layer_permission_fields);

static str make_statement(struct aws_call *call, const struct layer_permission_input *input, str resource)
{
    BUF_AUTO text = {0};
    struct jw jw;

    buf_init(&text, LAYER_STATEMENT_BYTES_MAX);
    jw_init(&jw, &text);
    jw_object(&jw);
    jw_str(&jw, "Sid", input->statement_id);
    jw_str(&jw, "Effect", STR("Allow"));
    if (str_eq(input->principal, STR("*"))) {
        jw_str(&jw, "Principal", input->principal);
    } else {
        jw_object_key(&jw, "Principal");
        jw_str(&jw, "AWS",
               pattern_source_account.matches(input->principal)
                   ? arena_printf(call->arena, "arn:aws:iam::" STR_FMT ":root", STR_ARG(input->principal))
                   : input->principal);
        jw_object_end(&jw);
    }
    jw_str(&jw, "Action", input->action);
    jw_str(&jw, "Resource", resource);
    if (input->organization.len) {
        jw_object_key(&jw, "Condition");
        jw_object_key(&jw, "StringEquals");
        jw_str(&jw, "aws:PrincipalOrgID", input->organization);
        jw_object_end(&jw);
        jw_object_end(&jw);
    }
    jw_object_end(&jw);
    return arena_copy(call->arena, buf_str(&text));
}

static bool answer_policy(struct aws_call *call, enum store_answer answer, const struct layer_permission *permission,
                          const struct err *err)
{
    bool known, good = policy_answer(call, answer, permission->statement_id, "GetLayerPolicy", &known);
    str arn = layer_version_arn(call, permission->layer, permission->version);

    if (known)
        return good;
    if (answer == STORE_NO_LAYER)
        return aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND, "Layer version " STR_FMT " does not exist.", STR_ARG(arn));
    return lambda_answer(call, answer, NULL, err);
}

static bool read_input(struct aws_call *call, const struct layer_permission_input *input, struct layer_permission *ret)
{
    *ret = (struct layer_permission){
        .version = input->version.value, .statement_id = input->statement_id, .revision_id = input->revision_id};
    return layer_check_number(call, ret->version) && layer_name_of(call, input->layer, &ret->layer);
}

bool layer_permission_add(struct aws_call *call)
{
    const struct layer_permission_input *input = call->input;
    struct layer_permission permission;
    struct err err = {0};
    str revision = STR("");

    if (!read_input(call, input, &permission))
        return false;
    permission.statement_json =
        make_statement(call, input, layer_version_arn(call, permission.layer, permission.version));
    if (!answer_policy(call, store_layer_permission_add(call->db, &permission, call->arena, &revision, &err),
                       &permission, &err))
        return false;
    jw_object(&call->jw);
    jw_str(&call->jw, "Statement", permission.statement_json);
    jw_str(&call->jw, "RevisionId", revision);
    jw_object_end(&call->jw);
    return true;
}

bool layer_permission_remove(struct aws_call *call)
{
    struct layer_permission permission;
    struct err err = {0};

    return read_input(call, call->input, &permission) &&
           answer_policy(call, store_layer_permission_remove(call->db, &permission, &err), &permission, &err);
}

bool layer_policy_get(struct aws_call *call)
{
    const struct layer_version_input *input = call->input;
    struct layer_permission permission = {.version = input->version.value};
    struct store_policy policy = {0};
    struct err err = {0};

    if (!layer_check_number(call, permission.version) || !layer_name_of(call, input->layer, &permission.layer) ||
        !answer_policy(
            call, store_layer_policy_get(call->db, permission.layer, permission.version, call->arena, &policy, &err),
            &permission, &err))
        return false;
    jw_object(&call->jw);
    jw_str(&call->jw, "Policy", policy.json);
    jw_str(&call->jw, "RevisionId", policy.revision_id);
    jw_object_end(&call->jw);
    return true;
}

/* versions: PublishVersion, ListVersionsByFunction. */
#include "aws/lambda/versions.h"

#include "aws/lambda/patterns.h"

/* -- PublishVersion -------------------------------------------------------------------------------------------- */

struct publish_input {
    str function, code_sha256, description, revision_id;
};

static const struct shape_field publish_fields[] = {
    FIELD_FUNCTION_CREATE(struct publish_input),
    {"CodeSha256", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct publish_input, code_sha256)},
    {"Description", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct publish_input, description), .check = {LENGTH(0, 256)}},
    {"RevisionId", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct publish_input, revision_id)},
};
const struct shape publish_version_shape = SHAPE_OF(struct publish_input, publish_fields);

static bool fail_wrong_code(struct aws_call *call, const struct lambda_ref *ref, str given)
{
    struct function_config latest = {0};
    struct err err = {0};

    if (!lambda_answer(call, store_get(call->db, ref->name, STR(""), call->arena, &latest, &err), ref, &err))
        return false;
    return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                    "CodeSHA256 (" STR_FMT ") is different from current CodeSHA256 in $LATEST (" STR_FMT
                    "). Please try "
                    "again with the CodeSHA256 in $LATEST.",
                    STR_ARG(given), STR_ARG(latest.code_sha256));
}

bool version_publish(struct aws_call *call)
{
    const struct publish_input *input = call->input;
    const struct store_publication publication = {input->description, input->code_sha256, input->revision_id};
    struct function_config config = {0};
    struct lambda_ref ref;
    struct err err = {0};
    enum store_answer answer;

    if (!lambda_ref_of(call, input->function, (str){0}, &ref))
        return false;
    answer = store_publish(call->db, ref.name, &publication, call->arena, &config, &err);
    if (answer == STORE_WRONG_CODE)
        return fail_wrong_code(call, &ref, input->code_sha256);
    if (!lambda_answer(call, answer, &ref, &err))
        return false;
    jw_object(&call->jw);
    lambda_write_config(call, &config, lambda_arn(call, ref.name, config.version), false);
    jw_object_end(&call->jw);
    lambda_changed(call, ref.name);
    return true;
}

/* -- ListVersionsByFunction --------------------------------------------------------------------------------------- */

struct list_versions_input {
    str function, marker;
    struct shape_int max_items;
};

static const struct shape_field list_versions_fields[] = {
    FIELD_FUNCTION_GET(struct list_versions_input),
    FIELD_MARKER(struct list_versions_input),
    FIELD_MAX_ITEMS(struct list_versions_input),
};
const struct shape list_versions_shape = SHAPE_OF(struct list_versions_input, list_versions_fields);

bool version_list(struct aws_call *call)
{
    const struct list_versions_input *input = call->input;
    struct jw *jw = &call->jw;
    struct function_list list = {0};
    struct lambda_ref ref;
    struct err err = {0};

    if (!lambda_ref_of(call, input->function, (str){0}, &ref) ||
        !lambda_answer(call,
                       store_list_versions(call->db, ref.name, input->marker, lambda_page(&input->max_items),
                                           call->arena, &list, &err),
                       &ref, &err))
        return false;
    jw_object(jw);
    jw_array_key(jw, "Versions");
    for (int i = 0; i < list.count; i++) {
        jw_object(jw);
        lambda_write_config(call, &list.at[i], lambda_arn(call, ref.name, list.at[i].version), true);
        jw_object_end(jw);
    }
    jw_array_end(jw);
    if (list.next_marker.len)
        jw_str(jw, "NextMarker", list.next_marker);
    jw_object_end(jw);
    return true;
}

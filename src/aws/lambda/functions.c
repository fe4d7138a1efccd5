/* functions: CreateFunction to ListFunctions, each as one job of the state lane. */
#include "aws/lambda/functions.h"

#include "aws/lambda/lambda_private.h"
#include "aws/lambda/links.h"
#include "aws/lambda/patterns.h"
#include "codec/arn.h"

enum { NAME_CHARS_MAX = 64 };

/* -- CreateFunction ------------------------------------------------------------------------------------------------ */

static bool check_creation(struct aws_call *call, const struct config_input *input, const struct lambda_ref *ref)
{
    if (ref->name.len > NAME_CHARS_MAX) {
        str fault =
            shape_message(call->arena, ref->name, "functionName", "Member must have length less than or equal to 64");

        return aws_fail_text(call, AWS_ERROR_INVALID_PARAMETER, shape_messages(call->arena, &fault, 1));
    }
    if (str_eq(input->package_type, STR("Image")) || input->code.image_uri.at)
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "This server runs functions from zip packages; container images are not supported yet.");
    if (!code_check_source(call, &input->code))
        return false;
    if (!input->runtime.at || !input->handler.len)
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "Runtime and Handler are mandatory parameters for functions created with deployment packages.");
    return true;
}

static struct store_tag *tags_of(struct aws_call *call, const struct shape_map *map)
{
    struct store_tag *tags = arena_new(call->arena, struct store_tag, (size_t)map->count + 1);

    for (int i = 0; i < map->count; i++)
        tags[i] = (struct store_tag){map->pairs[i].key, map->pairs[i].value};
    return tags;
}

bool function_create(struct aws_call *call)
{
    const struct config_input *input = call->input;
    const struct package *package = code_package(call);
    struct function_config created = {0},
                           config = {
                               .package_type = STR("Zip"),
                               .architecture = STR("x86_64"),
                               .memory_mb = 128,
                               .timeout_s = 3,
                               .tmp_mb = 512,
                               .tracing_json = STR("{\"Mode\":\"PassThrough\"}"),
                               .snap_start_json = STR("{\"ApplyOn\":\"None\",\"OptimizationStatus\":\"Off\"}"),
                           };
    struct store_creation creation = {.config = &config, .publish = input->publish.value};
    struct lambda_ref ref;
    struct err err = {0};
    enum store_answer answer;

    if (!lambda_ref_of(call, input->function, (str){0}, &ref) || !check_creation(call, input, &ref))
        return false;
    config.name = ref.name;
    config.package = str_of(package->hex);
    config.code_sha256 = str_of(package->base64);
    config.code_size = package->bytes;
    if (!lambda_apply_config(call, input, &config) || !lambda_check_size(call, &config))
        return false;
    creation.tags = tags_of(call, &input->tags);
    creation.tags_count = input->tags.count;
    answer = store_create(call->db, &creation, call->arena, &created, &err);
    if (answer == STORE_FUNCTION_EXISTS)
        return aws_fail(call, AWS_ERROR_RESOURCE_CONFLICT, "Function already exist: " STR_FMT, STR_ARG(ref.name));
    if (!lambda_answer(call, answer, &ref, &err))
        return false;
    jw_object(&call->jw);
    lambda_write_config(call, &created, lambda_arn(call, ref.name, STR("")), false);
    jw_object_end(&call->jw);
    lambda_changed(call, ref.name);
    return true;
}

/* -- GetFunction, GetFunctionConfiguration ----------------------------------------------------------------------------
 */

static bool get(struct aws_call *call, struct lambda_ref *ref, struct function_config *ret)
{
    const struct function_input *input = call->input;
    struct err err = {0};

    return lambda_ref_of(call, input->function, input->qualifier, ref) &&
           lambda_answer(call, store_get(call->db, ref->name, ref->qualifier, call->arena, ret, &err), ref, &err);
}

static void write_tags(struct jw *jw, const struct tag_list *tags)
{
    if (tags->count == 0)
        return;
    jw_object_key(jw, "Tags");
    for (int i = 0; i < tags->count; i++) {
        jw_key(jw, tags->at[i].key);
        jw_str_value(jw, tags->at[i].value);
    }
    jw_object_end(jw);
}

bool function_get(struct aws_call *call)
{
    struct jw *jw = &call->jw;
    struct function_config config = {0};
    struct tag_list tags = {0};
    struct lambda_ref ref;
    struct err err = {0};
    int reserved = -1;

    if (!get(call, &ref, &config) ||
        !lambda_answer(call, store_tags_get(call->db, ref.name, call->arena, &tags, &err), &ref, &err) ||
        !lambda_answer(call, store_concurrency_get(call->db, ref.name, &reserved, &err), &ref, &err))
        return false;
    jw_object(jw);
    jw_object_key(jw, "Configuration");
    lambda_write_config(call, &config, lambda_arn(call, ref.name, ref.qualifier), false);
    jw_object_end(jw);
    jw_object_key(jw, "Code");
    jw_str(jw, "RepositoryType", STR("S3"));
    jw_str(jw, "Location", code_link(call, config.package));
    jw_object_end(jw);
    write_tags(jw, &tags);
    if (reserved >= 0) {
        jw_object_key(jw, "Concurrency");
        jw_int(jw, "ReservedConcurrentExecutions", reserved);
        jw_object_end(jw);
    }
    jw_object_end(jw);
    return true;
}

bool function_get_configuration(struct aws_call *call)
{
    struct function_config config = {0};
    struct lambda_ref ref;

    if (!get(call, &ref, &config))
        return false;
    jw_object(&call->jw);
    lambda_write_config(call, &config, lambda_arn(call, ref.name, ref.qualifier), false);
    jw_object_end(&call->jw);
    return true;
}

/* -- DeleteFunction
 * ------------------------------------------------------------------------------------------------------ */

bool function_delete(struct aws_call *call)
{
    const struct function_input *input = call->input;
    struct lambda_ref ref;
    struct err err = {0};
    enum store_answer answer;

    if (!lambda_ref_of(call, input->function, input->qualifier, &ref))
        return false;
    if (str_eq(ref.qualifier, STR("$LATEST")))
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "$LATEST version cannot be deleted without deleting the function.");
    if (ref.qualifier.len && !pattern_number.matches(ref.qualifier))
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER, "Deletion of aliases is not currently supported.");
    answer = store_delete(call->db, ref.name, ref.qualifier, &err);
    if (answer == STORE_NO_FUNCTION)
        ref.qualifier = STR("");
    if (!lambda_answer(call, answer, &ref, &err))
        return false;
    lambda_changed(call, ref.name);
    return true;
}

/* -- UpdateFunctionConfiguration
 * ----------------------------------------------------------------------------------------- */

/* $LATEST is what can be changed; a qualifier that says so is fine. */
static bool get_latest(struct aws_call *call, str function, struct lambda_ref *ret_ref, struct function_config *ret)
{
    struct err err = {0};

    if (!lambda_ref_of(call, function, (str){0}, ret_ref))
        return false;
    if (ret_ref->qualifier.len && !str_eq(ret_ref->qualifier, STR("$LATEST")))
        return lambda_answer(call, STORE_NO_FUNCTION, ret_ref, &err);
    return lambda_answer(call, store_get(call->db, ret_ref->name, STR(""), call->arena, ret, &err), ret_ref, &err);
}

bool function_update_configuration(struct aws_call *call)
{
    const struct config_input *input = call->input;
    struct function_config config = {0}, updated = {0};
    struct lambda_ref ref;
    struct err err = {0};

    if (!get_latest(call, input->function, &ref, &config) || !lambda_apply_config(call, input, &config) ||
        (input->layers.given && !lambda_check_size(call, &config)) ||
        !lambda_answer(call, store_update(call->db, &config, input->revision_id, false, call->arena, &updated, &err),
                       &ref, &err))
        return false;
    jw_object(&call->jw);
    lambda_write_config(call, &updated, lambda_arn(call, ref.name, STR("")), false);
    jw_object_end(&call->jw);
    lambda_changed(call, ref.name);
    return true;
}

/* -- UpdateFunctionCode
 * --------------------------------------------------------------------------------------------------- */

static const struct shape_field update_code_fields[] = {
    FIELD_FUNCTION_CREATE(struct update_code_input),
    {"ZipFile", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct update_code_input, code.zip_file)},
    {"S3Bucket", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct update_code_input, code.s3_bucket)},
    {"S3Key", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct update_code_input, code.s3_key)},
    {"ImageUri", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct update_code_input, code.image_uri)},
    {"Publish", SHAPE_IN_BODY, SHAPE_BOOL, offsetof(struct update_code_input, publish)},
    {"DryRun", SHAPE_IN_BODY, SHAPE_BOOL, offsetof(struct update_code_input, dry_run)},
    {"RevisionId", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct update_code_input, revision_id)},
    {"Architectures", SHAPE_IN_BODY, SHAPE_LIST, offsetof(struct update_code_input, architectures),
     .check = {LENGTH(1, 1)}, .item = {.values = (const char *const[]){"x86_64", "arm64", NULL}}},
};
const struct shape update_code_shape = SHAPE_OF(struct update_code_input, update_code_fields);

static void write_updated(struct aws_call *call, const struct function_config *config, bool published)
{
    jw_object(&call->jw);
    lambda_write_config(call, config, lambda_arn(call, config->name, published ? config->version : STR("")), false);
    jw_object_end(&call->jw);
}

bool function_update_code(struct aws_call *call)
{
    const struct update_code_input *input = call->input;
    const struct package *package = code_package(call);
    struct function_config config = {0}, updated = {0};
    struct lambda_ref ref;
    struct err err = {0};

    if (!get_latest(call, input->function, &ref, &config))
        return false;
    if (input->code.image_uri.at)
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "Please don't provide ImageUri when updating a function with packageType Zip.");
    if (!code_check_source(call, &input->code))
        return false;
    config.package = str_of(package->hex);
    config.code_sha256 = str_of(package->base64);
    config.code_size = package->bytes;
    if (input->architectures.count > 0)
        config.architecture = shape_list_str(&input->architectures, 0);
    if (!lambda_check_size(call, &config))
        return false;
    if (input->dry_run.value) {
        if (input->revision_id.len && !str_eq(input->revision_id, config.revision_id))
            return lambda_answer(call, STORE_WRONG_REVISION, &ref, &err);
        write_updated(call, &config, false);
        return true;
    }
    if (!lambda_answer(
            call,
            store_update(call->db, &config, input->revision_id, input->publish.value, call->arena, &updated, &err),
            &ref, &err))
        return false;
    write_updated(call, &updated, input->publish.value);
    lambda_changed(call, ref.name);
    return true;
}

/* -- ListFunctions
 * --------------------------------------------------------------------------------------------------------- */

struct list_functions_input {
    str function_version, marker;
    struct shape_int max_items;
};

static const struct shape_field list_functions_fields[] = {
    {"FunctionVersion", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct list_functions_input, function_version),
     .check = {.values = (const char *const[]){"ALL", NULL}}},
    FIELD_MARKER(struct list_functions_input),
    FIELD_MAX_ITEMS(struct list_functions_input),
};
const struct shape list_functions_shape = SHAPE_OF(struct list_functions_input, list_functions_fields);

bool function_list(struct aws_call *call)
{
    const struct list_functions_input *input = call->input;
    struct jw *jw = &call->jw;
    struct function_list list = {0};
    struct err err = {0};
    bool all = input->function_version.len > 0;

    if (!lambda_answer(
            call, store_list(call->db, all, input->marker, lambda_page(&input->max_items), call->arena, &list, &err),
            NULL, &err))
        return false;
    jw_object(jw);
    jw_array_key(jw, "Functions");
    for (int i = 0; i < list.count; i++) {
        const struct function_config *config = &list.at[i];

        jw_object(jw);
        lambda_write_config(call, config, lambda_arn(call, config->name, all ? config->version : STR("")), true);
        jw_object_end(jw);
    }
    jw_array_end(jw);
    if (list.next_marker.len)
        jw_str(jw, "NextMarker", list.next_marker);
    jw_object_end(jw);
    return true;
}

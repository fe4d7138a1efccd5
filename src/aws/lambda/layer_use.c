/* layer_use: the layers of a function: which they may be, and how large it may be with them. */
#include "aws/lambda/lambda_private.h"
#include "base/limits.h"

static bool fail_missing(struct aws_call *call, str arn)
{
    return aws_fail(call, AWS_ERROR_INVALID_PARAMETER, "Layer version " STR_FMT " does not exist.", STR_ARG(arn));
}

static bool find_layer(struct aws_call *call, str arn, struct layer_use *ret)
{
    struct layer_version version = {0};
    struct layer_arn_parts parts;
    struct err err = {0};
    enum store_answer answer;

    layer_arn_parts(arn, &parts);
    if (parts.region.len && !str_eq(parts.region, call->door->region))
        return aws_fail(
            call, AWS_ERROR_INVALID_PARAMETER,
            "Layers are not in the same region as the function. Layers are expected to be in region " STR_FMT ".",
            STR_ARG(call->door->region));
    if (!str_eq(parts.account, call->door->account))
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "Layer version " STR_FMT " does not exist. (This server has layers of account " STR_FMT
                        " only: download it from AWS and publish it here.)",
                        STR_ARG(arn), STR_ARG(call->door->account));
    answer = store_layer_get(call->db, parts.layer, parts.version, call->arena, &version, &err);
    if (answer == STORE_NO_LAYER)
        return fail_missing(call, arn);
    if (!lambda_answer(call, answer, NULL, &err))
        return false;
    *ret = (struct layer_use){.arn = arn, .code_size = version.code_size, .package = version.package};
    return true;
}

/* ARN:layer:L:1 -> ARN:layer:L */
static str without_version(str arn)
{
    while (arn.len > 0 && arn.at[arn.len - 1] != ':')
        arn.len--;
    return arn;
}

static bool check_once(struct aws_call *call, const struct layer_use *uses, int last)
{
    for (int i = 0; i < last; i++)
        if (str_eq(without_version(uses[i].arn), without_version(uses[last].arn)))
            return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                            "Two different versions of the same layer are not allowed to be referenced in the same "
                            "function. " STR_FMT " and " STR_FMT " are versions of the same layer.",
                            STR_ARG(uses[i].arn), STR_ARG(uses[last].arn));
    return true;
}

bool lambda_apply_layers(struct aws_call *call, const struct shape_list *layers, struct function_config *config)
{
    struct layer_use uses[LAYERS_PER_FUNCTION_MAX];

    if (!layers->given)
        return true;
    if (layers->count > LAYERS_PER_FUNCTION_MAX)
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER, "Cannot reference more than %d layers.",
                        LAYERS_PER_FUNCTION_MAX);
    for (int i = 0; i < layers->count; i++)
        if (!find_layer(call, shape_list_str(layers, i), &uses[i]) || !check_once(call, uses, i))
            return false;
    config->layers_json = layer_uses_json(uses, layers->count, call->arena);
    return true;
}

void lambda_write_layers(struct aws_call *call, str layers_json)
{
    struct layer_use uses[LAYERS_PER_FUNCTION_MAX];
    int count = layer_uses_read(layers_json, call->arena, uses);

    if (count == 0)
        return;
    jw_array_key(&call->jw, "Layers");
    for (int i = 0; i < count; i++) {
        jw_object(&call->jw);
        jw_str(&call->jw, "Arn", uses[i].arn);
        jw_int(&call->jw, "CodeSize", uses[i].code_size);
        jw_object_end(&call->jw);
    }
    jw_array_end(&call->jw);
}

/* It runs here and would not on AWS: said, with the numbers. */
static void tell_if_too_large_for_aws(struct aws_call *call, int64_t bytes)
{
    const double mb = 1024 * 1024;

    if (bytes > AWS_UNZIPPED_BYTES_MAX)
        aws_header(call, "x-sculler-notice",
                   arena_printf(call->arena,
                                "This function with its layers would not fit AWS Lambda: %.1f MB unzipped (AWS takes "
                                "%.0f)",
                                (double)bytes / mb, AWS_UNZIPPED_BYTES_MAX / mb));
}

bool lambda_check_size(struct aws_call *call, const struct function_config *config)
{
    const struct packages *packages = call->door->packages;
    int64_t max = packages_unzipped_bytes_max(packages), bytes;
    struct layer_use uses[LAYERS_PER_FUNCTION_MAX];
    int count = layer_uses_read(config->layers_json, call->arena, uses);

    if (count == 0)
        return true;
    bytes = packages_unzipped_bytes(packages, config->package);
    for (int i = 0; i < count; i++)
        bytes += packages_unzipped_bytes(packages, uses[i].package);
    if (bytes > max)
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "Function code combined with layers exceeds the maximum allowed size of %lld bytes. The actual "
                        "size is %lld bytes.",
                        (long long)max, (long long)bytes);
    tell_if_too_large_for_aws(call, bytes);
    return true;
}

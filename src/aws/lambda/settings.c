/* settings: AWS Lambda API reference, concurrency, tags and account settings. */
#include "aws/lambda/settings.h"

#include "aws/lambda/patterns.h"
#include "base/limits.h"
#include "functions/provisioned.h"

/* -- tags -----------------------------------------------------------------------------------------------------------
 */

struct tags_input {
    str resource;
    struct shape_map tags;
    struct shape_list keys;
};

#define FIELD_RESOURCE                                                                                          \
    {                                                                                                           \
        "Resource", SHAPE_IN_PATH, SHAPE_STR, offsetof(struct tags_input, resource), SHAPE_REQUIRED, .check = { \
            LENGTH(1, 256),                                                                                     \
            .pattern = &pattern_function_arn                                                                    \
        }                                                                                                       \
    }

static const struct shape_field tag_fields[] = {
    FIELD_RESOURCE,
    {"Tags", SHAPE_IN_BODY, SHAPE_MAP, offsetof(struct tags_input, tags), SHAPE_REQUIRED},
};
const struct shape tag_shape = SHAPE_OF(struct tags_input, tag_fields);

static const struct shape_field untag_fields[] = {
    FIELD_RESOURCE,
    {"tagKeys", SHAPE_IN_QUERY, SHAPE_LIST, offsetof(struct tags_input, keys), SHAPE_REQUIRED},
};
const struct shape untag_shape = SHAPE_OF(struct tags_input, untag_fields);

static const struct shape_field tags_fields[] = {FIELD_RESOURCE};
const struct shape tags_shape = SHAPE_OF(struct tags_input, tags_fields);

/* arn:aws:lambda:REGION:ACCOUNT:KIND:…; the shape has seen to its form. */
static str kind_of(str arn)
{
    str kind = STR("");

    for (int i = 0; i < 6; i++)
        str_cut(arn, ':', &kind, &arn);
    return kind;
}

static bool tags_ref(struct aws_call *call, struct lambda_ref *ret)
{
    const struct tags_input *input = call->input;
    str kind = kind_of(input->resource);

    if (str_eq(kind, STR("event-source-mapping")))
        return aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND, "Event source mapping not found: " STR_FMT,
                        STR_ARG(input->resource));
    if (str_eq(kind, STR("capacity-provider")))
        return aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND, "Capacity provider not found: " STR_FMT,
                        STR_ARG(input->resource));
    if (str_eq(kind, STR("code-signing-config")))
        return aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND,
                        "The Lambda code signing configuration " STR_FMT " can not be found.",
                        STR_ARG(input->resource));
    if (!lambda_ref_of(call, input->resource, (str){0}, ret))
        return false;
    return ret->qualifier.len == 0 ||
           aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                    "Tags on function aliases and versions are not supported. Please specify a function ARN.");
}

bool tags_put(struct aws_call *call)
{
    const struct tags_input *input = call->input;
    struct store_tag *tags = arena_new(call->arena, struct store_tag, (size_t)input->tags.count + 1);
    struct lambda_ref ref;
    struct err err = {0};

    if (!tags_ref(call, &ref))
        return false;
    if (input->tags.count == 0)
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER, "An error occurred and the request cannot be processed.");
    for (int i = 0; i < input->tags.count; i++)
        tags[i] = (struct store_tag){input->tags.pairs[i].key, input->tags.pairs[i].value};
    return lambda_answer(call, store_tags_put(call->db, ref.name, tags, input->tags.count, &err), &ref, &err);
}

bool tags_remove(struct aws_call *call)
{
    const struct tags_input *input = call->input;
    struct lambda_ref ref;
    struct err err = {0};

    return tags_ref(call, &ref) &&
           lambda_answer(call, store_tags_remove(call->db, ref.name, input->keys.items, input->keys.count, &err), &ref,
                         &err);
}

bool tags_list(struct aws_call *call)
{
    struct tag_list tags = {0};
    struct lambda_ref ref;
    struct err err = {0};

    if (!tags_ref(call, &ref) ||
        !lambda_answer(call, store_tags_get(call->db, ref.name, call->arena, &tags, &err), &ref, &err))
        return false;
    jw_object(&call->jw);
    jw_object_key(&call->jw, "Tags");
    for (int i = 0; i < tags.count; i++) {
        jw_key(&call->jw, tags.at[i].key);
        jw_str_value(&call->jw, tags.at[i].value);
    }
    jw_object_end(&call->jw);
    jw_object_end(&call->jw);
    return true;
}

/* -- reserved concurrency --------------------------------------------------------------------------------------------
 */

struct concurrency_input {
    str function;
    struct shape_int reserved;
};

static const struct shape_field put_concurrency_fields[] = {
    FIELD_FUNCTION_CREATE(struct concurrency_input),
    {"ReservedConcurrentExecutions", SHAPE_IN_BODY, SHAPE_INT, offsetof(struct concurrency_input, reserved),
     SHAPE_REQUIRED, .check = {AT_LEAST(0)}},
};
const struct shape put_concurrency_shape = SHAPE_OF(struct concurrency_input, put_concurrency_fields);

static bool whole_function_ref(struct aws_call *call, str function, struct lambda_ref *ret)
{
    if (!lambda_ref_of(call, function, (str){0}, ret))
        return false;
    return ret->qualifier.len == 0 ||
           aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                    "This operation is permitted on Lambda functions only. Aliases and versions do not support this "
                    "operation. Please specify either a function name or an unqualified function ARN.");
}

static void write_reserved(struct jw *jw, int reserved)
{
    jw_object(jw);
    if (reserved >= 0)
        jw_int(jw, "ReservedConcurrentExecutions", reserved);
    jw_object_end(jw);
}

/* AWS's own blanks. */
static bool fail_below_provisioned(struct aws_call *call, const struct lambda_ref *ref, int64_t reserved)
{
    int64_t provisioned = 0;
    struct err err = {0};

    if (!lambda_answer(call, store_provisioned_total(call->db, ref->name, &provisioned, &err), ref, &err))
        return false;
    return aws_fail(call, AWS_ERROR_INVALID_PARAMETER_PLAIN,
                    " ReservedConcurrentExecutions  %lld should not be lower than function's total provisioned "
                    "concurrency [%lld].",
                    (long long)reserved, (long long)provisioned);
}

bool concurrency_put(struct aws_call *call)
{
    const struct concurrency_input *input = call->input;
    int64_t reserved = input->reserved.value <= INT32_MAX ? input->reserved.value : INT32_MAX;
    struct lambda_ref ref;
    struct err err = {0};
    enum store_answer answer;

    if (!whole_function_ref(call, input->function, &ref))
        return false;
    answer = store_concurrency_put(call->db, ref.name, (int)reserved, call->door->account_concurrency, &err);
    if (answer == STORE_BELOW_PROVISIONED)
        return fail_below_provisioned(call, &ref, reserved);
    if (answer == STORE_NO_FUNCTION)
        ref.qualifier = STR("$LATEST");
    if (!lambda_answer(call, answer, &ref, &err))
        return false;
    write_reserved(&call->jw, (int)reserved);
    lambda_changed(call, ref.name);
    return true;
}

bool concurrency_get(struct aws_call *call)
{
    const struct function_input *input = call->input;
    struct lambda_ref ref;
    struct err err = {0};
    int reserved = -1;

    if (!whole_function_ref(call, input->function, &ref) ||
        !lambda_answer(call, store_concurrency_get(call->db, ref.name, &reserved, &err), &ref, &err))
        return false;
    write_reserved(&call->jw, reserved);
    return true;
}

bool concurrency_delete(struct aws_call *call)
{
    const struct function_input *input = call->input;
    struct lambda_ref ref;
    struct err err = {0};

    if (!whole_function_ref(call, input->function, &ref) ||
        !lambda_answer(call, store_concurrency_delete(call->db, ref.name, &err), &ref, &err))
        return false;
    lambda_changed(call, ref.name);
    return true;
}

/* -- account
 * ------------------------------------------------------------------------------------------------------------ */

bool account_get(struct aws_call *call)
{
    struct jw *jw = &call->jw;
    struct store_usage usage = {0};
    struct err err = {0};

    if (!lambda_answer(call, store_usage(call->db, &usage, &err), NULL, &err))
        return false;
    jw_object(jw);
    jw_object_key(jw, "AccountLimit");
    jw_int(jw, "TotalCodeSize", 80530636800);
    jw_int(jw, "CodeSizeUnzipped", call->door->aws_limits ? AWS_UNZIPPED_BYTES_MAX : UNZIPPED_BYTES_MAX_DEFAULT);
    jw_int(jw, "CodeSizeZipped", call->door->aws_limits ? AWS_ZIP_BYTES_MAX : ZIP_BYTES_MAX_DEFAULT);
    jw_int(jw, "ConcurrentExecutions", call->door->account_concurrency);
    jw_int(jw, "UnreservedConcurrentExecutions", call->door->account_concurrency - usage.taken_concurrency);
    jw_object_end(jw);
    jw_object_key(jw, "AccountUsage");
    jw_int(jw, "TotalCodeSize", usage.code_bytes);
    jw_int(jw, "FunctionCount", usage.functions_count);
    jw_object_end(jw);
    jw_object_end(jw);
    return true;
}

/* -- stored and echoed
 * ---------------------------------------------------------------------------------------------------- */

/* Is there such a function (and qualifier)?  Then what is stored under `kind`, or `otherwise`. */
static bool get_setting(struct aws_call *call, const char *kind, str otherwise, struct lambda_ref *ret_ref, str *ret)
{
    const struct function_input *input = call->input;
    struct function_config config = {0};
    struct err err = {0};
    enum store_answer answer;
    str qualifier;

    if (!lambda_ref_of(call, input->function, input->qualifier, ret_ref) ||
        !lambda_answer(call, store_get(call->db, ret_ref->name, ret_ref->qualifier, call->arena, &config, &err),
                       ret_ref, &err))
        return false;
    qualifier = ret_ref->qualifier.len ? ret_ref->qualifier : STR("$LATEST");
    answer = store_setting_get(call->db, ret_ref->name, qualifier, str_of(kind), call->arena, ret, &err);
    if (answer == STORE_NO_SETTING) {
        *ret = otherwise;
        return true;
    }
    return lambda_answer(call, answer, ret_ref, &err);
}

static bool put_setting(struct aws_call *call, const struct lambda_ref *ref, const char *kind, str value)
{
    struct err err = {0};
    str qualifier = ref->qualifier.len ? ref->qualifier : STR("$LATEST");

    return lambda_answer(call, store_setting_put(call->db, ref->name, qualifier, str_of(kind), value, &err), ref, &err);
}

bool code_signing_get(struct aws_call *call)
{
    struct lambda_ref ref;
    str value;

    if (!get_setting(call, "code-signing", STR("{}"), &ref, &value))
        return false;
    buf_add(&call->buf, value);
    return true;
}

struct runtime_management_input {
    str function, qualifier, update_on, version_arn;
};

static const struct shape_field put_runtime_management_fields[] = {
    FIELD_QUALIFIER(struct runtime_management_input),
    FIELD_FUNCTION_GET(struct runtime_management_input),
    {"UpdateRuntimeOn", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct runtime_management_input, update_on), SHAPE_REQUIRED,
     .check = {.values = (const char *const[]){"Auto", "Manual", "FunctionUpdate", NULL}}},
    {"RuntimeVersionArn", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct runtime_management_input, version_arn),
     .check = {LENGTH(26, 2048)}},
};
const struct shape put_runtime_management_shape =
    SHAPE_OF(struct runtime_management_input, put_runtime_management_fields);

/* Stored as "MODE" or "MODE ARN". */
static void write_runtime_management(struct aws_call *call, const struct lambda_ref *ref, str value)
{
    str mode, arn;

    str_cut(value, ' ', &mode, &arn);
    jw_object(&call->jw);
    jw_str(&call->jw, "UpdateRuntimeOn", mode);
    if (arn.len)
        jw_str(&call->jw, "RuntimeVersionArn", arn);
    jw_str(&call->jw, "FunctionArn", lambda_arn(call, ref->name, ref->qualifier));
    jw_object_end(&call->jw);
}

bool runtime_management_put(struct aws_call *call)
{
    const struct runtime_management_input *input = call->input;
    struct lambda_ref ref;
    str value;

    if (str_eq(input->update_on, STR("Manual")) != (input->version_arn.len > 0))
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "RuntimeVersionArn must be given with UpdateRuntimeOn=Manual, and only with it.");
    value = arena_printf(call->arena, STR_FMT "%s" STR_FMT, STR_ARG(input->update_on),
                         input->version_arn.len ? " " : "", STR_ARG(input->version_arn));
    if (!lambda_ref_of(call, input->function, input->qualifier, &ref) ||
        !put_setting(call, &ref, "runtime-management", value))
        return false;
    write_runtime_management(call, &ref, value);
    return true;
}

bool runtime_management_get(struct aws_call *call)
{
    struct lambda_ref ref;
    str value;

    if (!get_setting(call, "runtime-management", STR("Auto"), &ref, &value))
        return false;
    write_runtime_management(call, &ref, value);
    return true;
}

struct recursion_input {
    str function, loop;
};

static const struct shape_field put_recursion_fields[] = {
    FIELD_FUNCTION_CREATE(struct recursion_input),
    {"RecursiveLoop", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct recursion_input, loop), SHAPE_REQUIRED,
     .check = {.values = (const char *const[]){"Terminate", "Allow", NULL}}},
};
const struct shape put_recursion_shape = SHAPE_OF(struct recursion_input, put_recursion_fields);

static bool write_recursion(struct aws_call *call, str value)
{
    jw_object(&call->jw);
    jw_str(&call->jw, "RecursiveLoop", value);
    jw_object_end(&call->jw);
    return true;
}

bool recursion_put(struct aws_call *call)
{
    const struct recursion_input *input = call->input;
    struct lambda_ref ref;

    if (!whole_function_ref(call, input->function, &ref) || !put_setting(call, &ref, "recursion", input->loop))
        return false;
    lambda_changed(call, ref.name);
    return write_recursion(call, input->loop);
}

bool recursion_get(struct aws_call *call)
{
    struct lambda_ref ref;
    str value;

    return get_setting(call, "recursion", STR("Terminate"), &ref, &value) && write_recursion(call, value);
}

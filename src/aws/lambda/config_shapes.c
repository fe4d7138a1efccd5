/* config_shapes: the parameters of CreateFunction and UpdateFunctionConfiguration, as rows. */
#include "aws/lambda/lambda_private.h"
#include "aws/lambda/patterns.h"

static const char *const package_types[] = {"Zip", "Image", NULL};
static const char *const architectures[] = {"x86_64", "arm64", NULL};
static const char *const tracing_modes[] = {"Active", "PassThrough", NULL};
static const char *const snap_starts[] = {"PublishedVersions", "None", NULL};
static const char *const log_formats[] = {"JSON", "Text", NULL};
static const char *const application_levels[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", NULL};
static const char *const system_levels[] = {"DEBUG", "INFO", "WARN", NULL};

#define IN(c_type, member) SHAPE_IN_BODY, c_type, offsetof(struct config_input, member)

static const struct shape_field environment_fields[] = {
    {"Variables", SHAPE_IN_BODY, SHAPE_MAP, offsetof(struct environment_input, variables),
     .key = {.pattern = &pattern_variable}},
};
static const struct shape environment_shape = SHAPE_OF(struct environment_input, environment_fields);

static const struct shape_field ephemeral_fields[] = {
    {"Size", SHAPE_IN_BODY, SHAPE_INT, offsetof(struct ephemeral_input, size), SHAPE_REQUIRED,
     .check = {VALUE(512, 10240)}},
};
static const struct shape ephemeral_shape = SHAPE_OF(struct ephemeral_input, ephemeral_fields);

static const struct shape_field tracing_fields[] = {
    {"Mode", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct tracing_input, mode), .check = {.values = tracing_modes}},
};
static const struct shape tracing_shape = SHAPE_OF(struct tracing_input, tracing_fields);

static const struct shape_field snap_start_fields[] = {
    {"ApplyOn", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct snap_start_input, apply_on),
     .check = {.values = snap_starts}},
};
static const struct shape snap_start_shape = SHAPE_OF(struct snap_start_input, snap_start_fields);

static const struct shape_field logging_fields[] = {
    {"LogFormat", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct logging_input, format), .check = {.values = log_formats}},
    {"ApplicationLogLevel", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct logging_input, application_level),
     .check = {.values = application_levels}},
    {"SystemLogLevel", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct logging_input, system_level),
     .check = {.values = system_levels}},
    {"LogGroup", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct logging_input, group),
     .check = {LENGTH(1, 512), .pattern = &pattern_log_group}},
};
static const struct shape logging_shape = SHAPE_OF(struct logging_input, logging_fields);

static const struct shape_field vpc_fields[] = {
    {"SubnetIds", SHAPE_IN_BODY, SHAPE_LIST, offsetof(struct vpc_input, subnets), .check = {AT_MOST(16)},
     .item = {LENGTH(0, 1024), .pattern = &pattern_subnet}},
    {"SecurityGroupIds", SHAPE_IN_BODY, SHAPE_LIST, offsetof(struct vpc_input, security_groups), .check = {AT_MOST(5)},
     .item = {LENGTH(0, 1024), .pattern = &pattern_security_group}},
    {"Ipv6AllowedForDualStack", SHAPE_IN_BODY, SHAPE_BOOL, offsetof(struct vpc_input, ipv6)},
};
static const struct shape vpc_shape = SHAPE_OF(struct vpc_input, vpc_fields);

static const struct shape_field dead_letter_fields[] = {
    {"TargetArn", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct dead_letter_input, target)},
};
static const struct shape dead_letter_shape = SHAPE_OF(struct dead_letter_input, dead_letter_fields);

static const struct shape_field code_fields[] = {
    {"ZipFile", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct code_input, zip_file)},
    {"S3Bucket", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct code_input, s3_bucket)},
    {"S3Key", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct code_input, s3_key)},
    {"S3ObjectVersion", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct code_input, s3_version)},
    {"ImageUri", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct code_input, image_uri)},
};
static const struct shape code_shape = SHAPE_OF(struct code_input, code_fields);

/* What both operations take. */
#define CONFIG_ROWS                                                                                         \
    {"Runtime", IN(SHAPE_STR, runtime)},                                                                    \
        {"Handler", IN(SHAPE_STR, handler), .check = {LENGTH(0, 128), .pattern = &pattern_handler}},        \
        {"Description", IN(SHAPE_STR, description), .check = {LENGTH(0, 256)}},                             \
        {"Timeout", IN(SHAPE_INT, timeout), .check = {VALUE(1, 900)}},                                      \
        {"MemorySize", IN(SHAPE_INT, memory), .check = {VALUE(128, 10240)}},                                \
        {"VpcConfig", IN(SHAPE_STRUCT, vpc), .shape = &vpc_shape},                                          \
        {"DeadLetterConfig", IN(SHAPE_STRUCT, dead_letter), .shape = &dead_letter_shape},                   \
        {"Environment", IN(SHAPE_STRUCT, environment), .shape = &environment_shape},                        \
        {"KMSKeyArn", IN(SHAPE_STR, kms_key_arn)},                                                          \
        {"TracingConfig", IN(SHAPE_STRUCT, tracing), .shape = &tracing_shape},                              \
        {"Layers", IN(SHAPE_LIST, layers), .item = {LENGTH(1, 140), .pattern = &pattern_layer}},            \
        {"FileSystemConfigs", IN(SHAPE_JSON, file_systems)}, {"ImageConfig", IN(SHAPE_JSON, image_config)}, \
        {"EphemeralStorage", IN(SHAPE_STRUCT, ephemeral), .shape = &ephemeral_shape},                       \
        {"SnapStart", IN(SHAPE_STRUCT, snap_start), .shape = &snap_start_shape},                            \
    {                                                                                                       \
        "LoggingConfig", IN(SHAPE_STRUCT, logging), .shape = &logging_shape                                 \
    }

static const struct shape_field create_function_fields[] = {
    {"FunctionName", IN(SHAPE_STR, function), SHAPE_REQUIRED, .check = {LENGTH(1, 140), .pattern = &pattern_fn_create}},
    {"Role", IN(SHAPE_STR, role), SHAPE_REQUIRED, .check = {.pattern = &pattern_role}},
    {"Code", IN(SHAPE_STRUCT, code), SHAPE_REQUIRED, .shape = &code_shape},
    {"PackageType", IN(SHAPE_STR, package_type), .check = {.values = package_types}},
    {"Architectures", IN(SHAPE_LIST, architectures), .check = {LENGTH(1, 1)}, .item = {.values = architectures}},
    {"Tags", IN(SHAPE_MAP, tags)},
    {"Publish", IN(SHAPE_BOOL, publish)},
    CONFIG_ROWS,
};
const struct shape create_function_shape = SHAPE_OF(struct config_input, create_function_fields);

static const struct shape_field update_configuration_fields[] = {
    {"FunctionName", SHAPE_IN_PATH, SHAPE_STR, offsetof(struct config_input, function), SHAPE_REQUIRED,
     .check = {LENGTH(1, 140), .pattern = &pattern_fn_create}},
    {"Role", IN(SHAPE_STR, role), .check = {.pattern = &pattern_role}},
    {"RevisionId", IN(SHAPE_STR, revision_id)},
    CONFIG_ROWS,
};
const struct shape update_configuration_shape = SHAPE_OF(struct config_input, update_configuration_fields);

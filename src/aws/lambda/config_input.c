/*
 * config_input: what was given into what is stored, and the checks that a table cannot say (AWS Lambda API reference,
 * CreateFunction). AWS's structures are kept as the JSON that AWS would show, so that reading them back is copying
 * them.
 */
#include "aws/lambda/lambda_private.h"
#include "base/limits.h"
#include "codec/json_read.h"
#include "functions/interpreters.h"
#include "functions/settings.h"

enum { ENVIRONMENT_BYTES_MAX = 4096, STRUCTURE_BYTES_MAX = CONTROL_JSON_BYTES_MAX };

/* -- JSON text of a structure ------------------------------------------------------------------------------------- */

struct text { /* a small JSON document on its way into the arena */
    struct buf buf;
    struct jw jw;
};

static struct jw *text_open(struct text *text)
{
    buf_init(&text->buf, STRUCTURE_BYTES_MAX);
    jw_init(&text->jw, &text->buf);
    jw_object(&text->jw);
    return &text->jw;
}

static str text_close(struct aws_call *call, struct text *text)
{
    str json;

    jw_object_end(&text->jw);
    json = arena_copy(call->arena, buf_str(&text->buf));
    buf_free(&text->buf);
    return json;
}

/* -- runtime ----------------------------------------------------------------------------------------------------------
 */

static bool check_runtime(struct aws_call *call, str runtime)
{
    const struct interpreters *here = call->door->interpreters;
    str names = runtime_names(), words;

    switch (runtime_standing(runtime)) {
    case RUNTIME_UNKNOWN:
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "Value " STR_FMT " at 'runtime' failed to satisfy constraint: Member must satisfy enum value "
                        "set: " STR_FMT " or be a valid ARN",
                        STR_ARG(runtime), STR_ARG(names));
    case RUNTIME_RETIRED:
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "The runtime parameter of " STR_FMT
                        " is no longer supported for creating or updating AWS Lambda "
                        "functions. We recommend you use a supported runtime while creating or updating functions.",
                        STR_ARG(runtime));
    case RUNTIME_CURRENT:
        break;
    }
    if (interpreter_for(here, runtime))
        return true;
    words = interpreters_words(here, call->arena);
    if (!str_starts(runtime, STR("python")))
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "The runtime " STR_FMT " is one of AWS Lambda's, but this server runs Python functions only. "
                        "It has: " STR_FMT,
                        STR_ARG(runtime), STR_ARG(words));
    return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                    "The runtime " STR_FMT " is one of AWS Lambda's, but there is no interpreter for it on this "
                    "machine. It has: " STR_FMT,
                    STR_ARG(runtime), STR_ARG(words));
}

/* -- environment ------------------------------------------------------------------------------------------------------
 */

#define ENVIRONMENT_FAULT \
    "Lambda was unable to configure your environment variables because the environment variables you have provided "

static bool is_reserved(str key)
{
    static const char *const reserved[] = {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    };

    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (str_eq(key, str_of(reserved[i])))
            return true;
    return false;
}

static bool check_reserved(struct aws_call *call, const struct shape_map *variables)
{
    struct buf names;
    str text;

    buf_init(&names, STRUCTURE_BYTES_MAX);
    for (int i = 0; i < variables->count; i++)
        if (is_reserved(variables->pairs[i].key))
            buf_printf(&names, "%s" STR_FMT, names.len ? ", " : "", STR_ARG(variables->pairs[i].key));
    text = arena_copy(call->arena, buf_str(&names));
    buf_free(&names);
    if (text.len == 0)
        return true;
    return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                    ENVIRONMENT_FAULT "contains reserved keys that are currently not supported for modification. "
                                      "Reserved keys used in this request: " STR_FMT,
                    STR_ARG(text));
}

/* What Sculler itself reads of it, SCULLER_...: refused here, since nobody sees it later. */
static bool check_settings(struct aws_call *call, const struct shape_map *variables)
{
    str *words = arena_new(call->arena, str, (size_t)variables->count + 1);
    struct function_settings ignored;
    struct err err = {0};

    for (int i = 0; i < variables->count; i++)
        words[i] = arena_printf(call->arena, STR_FMT "=" STR_FMT, STR_ARG(variables->pairs[i].key),
                                STR_ARG(variables->pairs[i].value));
    if (settings_read(words, variables->count, &ignored, &err))
        return true;
    return aws_fail(call, AWS_ERROR_INVALID_PARAMETER, "%s", err.text);
}

static bool apply_environment(struct aws_call *call, const struct environment_input *input, bool creating, str *ret)
{
    struct text text;
    struct jw *jw;
    str json, variables;

    if (!input->given || (!input->variables.given && !creating))
        return true;
    if (!check_reserved(call, &input->variables) || !check_settings(call, &input->variables))
        return false;
    jw = text_open(&text);
    jw_object_key(jw, "Variables");
    for (int i = 0; i < input->variables.count; i++) {
        jw_key(jw, input->variables.pairs[i].key);
        jw_str_value(jw, input->variables.pairs[i].value);
    }
    jw_object_end(jw);
    json = text_close(call, &text);
    variables = (str){json.at + strlen("{\"Variables\":"), json.len - strlen("{\"Variables\":") - 1};
    if (variables.len > ENVIRONMENT_BYTES_MAX)
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        ENVIRONMENT_FAULT "exceeded the 4KB limit. String measured: " STR_FMT, STR_ARG(variables));
    *ret = json;
    return true;
}

/* -- small structures -------------------------------------------------------------------------------------------------
 */

/* Text has no levels; JSON has both, INFO unless said.  What was not given stays. */
static void apply_logging(struct aws_call *call, const struct logging_input *input, struct function_config *config)
{
    json_auto_t *old = NULL;
    struct err ignored = {0};
    struct text text;
    struct jw *jw = text_open(&text);
    str format = input->format, group = input->group, application = input->application_level,
        system = input->system_level;

    if (!json_parse(config->logging_json, &old, &ignored))
        old = NULL;
    if (!format.at)
        format = json_text(json_object_get(old, "LogFormat"));
    if (!group.at)
        group = json_text(json_object_get(old, "LogGroup"));
    if (!application.at)
        application = json_text(json_object_get(old, "ApplicationLogLevel"));
    if (!system.at)
        system = json_text(json_object_get(old, "SystemLogLevel"));
    jw_str(jw, "LogFormat", format.len ? format : STR("Text"));
    if (str_eq(format, STR("JSON"))) {
        jw_str(jw, "ApplicationLogLevel", application.len ? application : STR("INFO"));
        jw_str(jw, "SystemLogLevel", system.len ? system : STR("INFO"));
    }
    jw_str(jw, "LogGroup",
           group.len ? group : arena_printf(call->arena, "/aws/lambda/" STR_FMT, STR_ARG(config->name)));
    config->logging_json = text_close(call, &text);
}

static void write_strs(struct jw *jw, const char *key, const struct shape_list *list)
{
    jw_array_key(jw, key);
    for (int i = 0; i < list->count; i++)
        jw_str_value(jw, shape_list_str(list, i));
    jw_array_end(jw);
}

/* There are no VPCs here: stored and echoed. */
static void apply_vpc(struct aws_call *call, const struct vpc_input *input, struct function_config *config)
{
    struct text text;
    struct jw *jw = text_open(&text);

    write_strs(jw, "SubnetIds", &input->subnets);
    write_strs(jw, "SecurityGroupIds", &input->security_groups);
    jw_str(jw, "VpcId", STR(""));
    jw_bool(jw, "Ipv6AllowedForDualStack", input->ipv6.value);
    config->vpc_json = text_close(call, &text);
}

static str one_member(struct aws_call *call, const char *key, str value)
{
    struct text text;

    jw_str(text_open(&text), key, value);
    return text_close(call, &text);
}

static void apply_snap_start(struct aws_call *call, str apply_on, struct function_config *config)
{
    struct text text;
    struct jw *jw = text_open(&text);

    jw_str(jw, "ApplyOn", apply_on);
    jw_str(jw, "OptimizationStatus", STR("Off"));
    config->snap_start_json = text_close(call, &text);
}

static void apply_structures(struct aws_call *call, const struct config_input *input, struct function_config *config)
{
    if (input->tracing.mode.at)
        config->tracing_json = one_member(call, "Mode", input->tracing.mode);
    if (input->snap_start.apply_on.at)
        apply_snap_start(call, input->snap_start.apply_on, config);
    if (input->logging.given || !config->logging_json.len)
        apply_logging(call, &input->logging, config);
    if (input->vpc.given && (input->vpc.subnets.given || input->vpc.security_groups.given))
        apply_vpc(call, &input->vpc, config);
    if (input->dead_letter.target.at)
        config->dead_letter_json =
            input->dead_letter.target.len ? one_member(call, "TargetArn", input->dead_letter.target) : STR("");
    if (input->file_systems)
        config->file_systems_json =
            json_array_size(input->file_systems) ? json_compact(input->file_systems, call->arena) : STR("");
}

/* -- all of it
 * ---------------------------------------------------------------------------------------------------------- */

static void apply_str(str given, str *ret)
{
    if (given.at)
        *ret = given;
}

bool lambda_apply_config(struct aws_call *call, const struct config_input *input, struct function_config *config)
{
    bool creating = config->version.len == 0;

    if (input->runtime.at && !check_runtime(call, input->runtime))
        return false;
    apply_str(input->role, &config->role);
    apply_str(input->runtime, &config->runtime);
    apply_str(input->handler, &config->handler);
    apply_str(input->description, &config->description);
    apply_str(input->kms_key_arn, &config->kms_key_arn);
    if (input->timeout.given)
        config->timeout_s = (int)input->timeout.value;
    if (input->memory.given)
        config->memory_mb = (int)input->memory.value;
    if (input->ephemeral.given)
        config->tmp_mb = (int)input->ephemeral.size.value;
    if (input->architectures.count > 0)
        config->architecture = shape_list_str(&input->architectures, 0);
    if (!apply_environment(call, &input->environment, creating, &config->environment_json) ||
        !lambda_apply_layers(call, &input->layers, config))
        return false;
    apply_structures(call, input, config);
    return true;
}

/* config_json: a FunctionConfiguration as AWS shows it (AWS Lambda API reference, FunctionConfiguration). */
#include "aws/lambda/lambda_private.h"
#include "codec/hash.h"
#include "codec/time_format.h"

static void write_str_if(struct jw *jw, const char *key, str value)
{
    if (value.len)
        jw_str(jw, key, value);
}

static void write_raw_if(struct jw *jw, const char *key, str json)
{
    if (json.len)
        jw_raw(jw, key, json);
}

static void write_state(struct jw *jw, const struct function_config *config)
{
    static const char *const states[] = {
        [VERSION_PENDING] = "Pending", [VERSION_ACTIVE] = "Active", [VERSION_FAILED] = "Failed"};
    static const char *const updates[] = {
        [UPDATE_SUCCESSFUL] = "Successful", [UPDATE_IN_PROGRESS] = "InProgress", [UPDATE_FAILED] = "Failed"};

    jw_str(jw, "State", str_of(states[config->state]));
    write_str_if(jw, "StateReason", config->state_reason);
    write_str_if(jw, "StateReasonCode", config->state_reason_code);
    if (config->update_status == UPDATE_NONE)
        return;
    jw_str(jw, "LastUpdateStatus", str_of(updates[config->update_status]));
    write_str_if(jw, "LastUpdateStatusReason", config->update_reason);
    write_str_if(jw, "LastUpdateStatusReasonCode", config->update_reason_code);
}

/* Stored as $LATEST shows it.  A published version that asks for it has it: each worker is a fork of what was
 * initialised once, and hooks run (API_SnapStartResponse). */
static void write_snap_start(struct jw *jw, const struct function_config *config)
{
    bool published = !str_eq(config->version, STR("$LATEST"));

    if (published && str_starts(config->snap_start_json, STR("{\"ApplyOn\":\"PublishedVersions\"")))
        jw_raw(jw, "SnapStart", STR("{\"ApplyOn\":\"PublishedVersions\",\"OptimizationStatus\":\"On\"}"));
    else
        write_raw_if(jw, "SnapStart", config->snap_start_json);
}

static void write_runtime_version(struct aws_call *call, str runtime)
{
    char hex[SHA256_HEX_CHARS];

    sha256_hex(runtime, hex);
    jw_object_key(&call->jw, "RuntimeVersionConfig");
    jw_str(&call->jw, "RuntimeVersionArn",
           arena_printf(call->arena, "arn:aws:lambda:" STR_FMT "::runtime:%s", STR_ARG(call->door->region), hex));
    jw_object_end(&call->jw);
}

static void write_sizes(struct jw *jw, const struct function_config *config)
{
    char modified[TIME_TEXT_MAX];

    time_format_iso(config->last_modified_us / 1000, modified);
    jw_str(jw, "CodeSha256", config->code_sha256);
    jw_int(jw, "CodeSize", config->code_size);
    jw_int(jw, "Timeout", config->timeout_s);
    jw_int(jw, "MemorySize", config->memory_mb);
    jw_str(jw, "LastModified", str_of(modified));
    jw_object_key(jw, "EphemeralStorage");
    jw_int(jw, "Size", config->tmp_mb);
    jw_object_end(jw);
}

void lambda_write_config(struct aws_call *call, const struct function_config *config, str arn, bool listed)
{
    struct jw *jw = &call->jw;

    jw_str(jw, "FunctionName", config->name);
    jw_str(jw, "FunctionArn", arn);
    write_str_if(jw, "Runtime", config->runtime);
    jw_str(jw, "Role", config->role);
    write_str_if(jw, "Handler", config->handler);
    write_sizes(jw, config);
    jw_str(jw, "Description", config->description);
    jw_str(jw, "Version", config->version);
    write_raw_if(jw, "VpcConfig", config->vpc_json);
    write_raw_if(jw, "DeadLetterConfig", config->dead_letter_json);
    write_raw_if(jw, "Environment", config->environment_json);
    write_str_if(jw, "KMSKeyArn", config->kms_key_arn);
    write_raw_if(jw, "TracingConfig", config->tracing_json);
    jw_str(jw, "RevisionId", config->revision_id);
    lambda_write_layers(call, config->layers_json);
    if (!listed)
        write_state(jw, config);
    write_raw_if(jw, "FileSystemConfigs", config->file_systems_json);
    jw_str(jw, "PackageType", config->package_type);
    jw_array_key(jw, "Architectures");
    jw_str_value(jw, config->architecture);
    jw_array_end(jw);
    write_snap_start(jw, config);
    write_raw_if(jw, "LoggingConfig", config->logging_json);
    if (!listed)
        write_runtime_version(call, config->runtime);
}

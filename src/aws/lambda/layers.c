/*
 * layers: made, shown, listed, deleted.  A layer's zip comes in as a function's does (code.c) and lies among the
 * packages; it is unpacked when the first function that has it is made ready, or at once for the runtimes that it
 * names.
 */
#include "aws/lambda/layers.h"

#include "aws/lambda/links.h"
#include "aws/lambda/patterns.h"
#include "base/log.h"
#include "codec/time_format.h"
#include "functions/interpreters.h"

enum { LAYER_RUNTIMES_MAX = 15, LAYER_ARCHITECTURES_MAX = 2, LAYER_PAGE_MAX = 50, LIST_BYTES_MAX = 4096 };

/* -- PublishLayerVersion ------------------------------------------------------------------------------------------- */

struct publish_layer_input {
    str layer, description, license;
    struct shape_list runtimes, architectures;
    struct code_input content;
};

#define IN(type, member) SHAPE_IN_BODY, type, offsetof(struct publish_layer_input, member)

static const struct shape_field content_fields[] = {
    {"ZipFile", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct code_input, zip_file)},
    {"S3Bucket", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct code_input, s3_bucket)},
    {"S3Key", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct code_input, s3_key)},
    {"S3ObjectVersion", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct code_input, s3_version)},
};
static const struct shape content_shape = SHAPE_OF(struct code_input, content_fields);

static const char *const architectures[] = {"x86_64", "arm64", NULL};

static const struct shape_field publish_layer_fields[] = {
    FIELD_LAYER(struct publish_layer_input),
    {"Content", IN(SHAPE_STRUCT, content), SHAPE_REQUIRED, .shape = &content_shape},
    {"Description", IN(SHAPE_STR, description), .check = {LENGTH(0, 256)}},
    {"LicenseInfo", IN(SHAPE_STR, license), .check = {LENGTH(0, 512)}},
    {"CompatibleRuntimes", IN(SHAPE_LIST, runtimes), .check = {AT_MOST(LAYER_RUNTIMES_MAX)},
     .item = {.values = runtime_values}},
    {"CompatibleArchitectures", IN(SHAPE_LIST, architectures), .check = {AT_MOST(LAYER_ARCHITECTURES_MAX)},
     .item = {.values = architectures}},
};
const struct shape publish_layer_shape = SHAPE_OF(struct publish_layer_input, publish_layer_fields);

static str list_json(struct aws_call *call, const struct shape_list *list)
{
    BUF_AUTO text = {0};
    struct jw jw;

    if (!list->given)
        return STR("");
    buf_init(&text, LIST_BYTES_MAX);
    jw_init(&jw, &text);
    jw_array(&jw);
    for (int i = 0; i < list->count; i++)
        jw_str_value(&jw, shape_list_str(list, i));
    jw_array_end(&jw);
    return arena_copy(call->arena, buf_str(&text));
}

/* What a version shows in lists, too. */
static void write_item(struct aws_call *call, const struct layer_version *version)
{
    struct jw *jw = &call->jw;
    char created[TIME_TEXT_MAX];

    time_format_iso(version->created_us / 1000, created);
    jw_str(jw, "LayerVersionArn", layer_version_arn(call, version->layer, version->version));
    jw_int(jw, "Version", version->version);
    jw_str(jw, "Description", version->description);
    jw_str(jw, "CreatedDate", str_of(created));
    if (version->runtimes_json.len)
        jw_raw(jw, "CompatibleRuntimes", version->runtimes_json);
    if (version->license.len)
        jw_str(jw, "LicenseInfo", version->license);
    if (version->architectures_json.len)
        jw_raw(jw, "CompatibleArchitectures", version->architectures_json);
}

static void write_version(struct aws_call *call, const struct layer_version *version)
{
    struct jw *jw = &call->jw;

    jw_object(jw);
    jw_object_key(jw, "Content");
    jw_str(jw, "Location", code_link(call, version->package));
    jw_str(jw, "CodeSha256", version->code_sha256);
    jw_int(jw, "CodeSize", version->code_size);
    jw_object_end(jw);
    jw_str(jw, "LayerArn", layer_arn(call, version->layer));
    write_item(call, version);
    jw_object_end(jw);
}

bool layer_publish(struct aws_call *call)
{
    const struct publish_layer_input *input = call->input;
    const struct package *package = code_package(call);
    struct layer_version made = {.description = input->description,
                                 .license = input->license,
                                 .runtimes_json = list_json(call, &input->runtimes),
                                 .architectures_json = list_json(call, &input->architectures)},
                         ret = {0};
    struct err err = {0};

    if (!layer_name_of(call, input->layer, &made.layer) || !code_check_source(call, &input->content))
        return false;
    made.package = str_of(package->hex);
    made.code_sha256 = str_of(package->base64);
    made.code_size = package->bytes;
    if (!lambda_answer(call, store_layer_publish(call->db, &made, call->arena, &ret, &err), NULL, &err))
        return false;
    write_version(call, &ret);
    return true;
}

static void on_layer_ready(void *ctx, enum prepared prepared, const char *why)
{
    (void)ctx;
    if (prepared != PREPARED)
        log_warn("a layer was not unpacked ahead: the first function that has it tries again", F_CSTR("why", why));
}

/* So that no deploy waits for it: unpacking and compiling 260 MB of wheels took 25 s. */
void layer_published(struct aws_call *call)
{
    const struct publish_layer_input *input = call->input;

    for (int i = 0; i < input->runtimes.count; i++) {
        const struct interpreter *interpreter =
            interpreter_for(call->door->interpreters, shape_list_str(&input->runtimes, i));

        if (interpreter)
            packages_prepare(call->door->packages, str_of(code_package(call)->hex), interpreter, on_layer_ready, NULL);
    }
}

/* -- GetLayerVersion, GetLayerVersionByArn ------------------------------------------------------------------------- */

static const struct shape_field layer_version_fields[] = {
    FIELD_LAYER(struct layer_version_input),
    FIELD_LAYER_VERSION(struct layer_version_input),
};
const struct shape layer_version_shape = SHAPE_OF(struct layer_version_input, layer_version_fields);

static bool get(struct aws_call *call, str layer, int64_t number)
{
    struct layer_version version = {0};
    struct err err = {0};
    enum store_answer answer = store_layer_get(call->db, layer, number, call->arena, &version, &err);

    if (answer == STORE_NO_LAYER)
        return layer_fail_unknown(call);
    if (!lambda_answer(call, answer, NULL, &err))
        return false;
    write_version(call, &version);
    return true;
}

bool layer_get(struct aws_call *call)
{
    const struct layer_version_input *input = call->input;
    str layer;

    return layer_check_number(call, input->version.value) && layer_name_of(call, input->layer, &layer) &&
           get(call, layer, input->version.value);
}

struct layer_arn_input {
    str arn;
};

static const struct shape_field layer_arn_fields[] = {
    {"Arn", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct layer_arn_input, arn), SHAPE_REQUIRED,
     .check = {LENGTH(1, 140), .pattern = &pattern_layer}},
};
const struct shape layer_arn_shape = SHAPE_OF(struct layer_arn_input, layer_arn_fields);

bool layer_get_by_arn(struct aws_call *call)
{
    const struct layer_arn_input *input = call->input;
    struct layer_arn_parts parts;
    str layer;

    layer_arn_parts(input->arn, &parts);
    return layer_check_number(call, parts.version) && layer_name_of(call, input->arn, &layer) &&
           get(call, layer, parts.version);
}

/* -- ListLayers, ListLayerVersions --------------------------------------------------------------------------------- */

struct list_layers_input {
    str layer, runtime, architecture, marker;
    struct shape_int max_items;
};

#define LIST_FIELDS                                                                                             \
    {"CompatibleRuntime", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct list_layers_input, runtime),               \
     .check = {.values = runtime_values}},                                                                      \
        {"CompatibleArchitecture", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct list_layers_input, architecture), \
         .check = {.values = architectures}},                                                                   \
        FIELD_MARKER(struct list_layers_input),                                                                 \
    {                                                                                                           \
        "MaxItems", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct list_layers_input, max_items), .check = {        \
            VALUE(1, LAYER_PAGE_MAX)                                                                            \
        }                                                                                                       \
    }

static const struct shape_field list_layers_fields[] = {LIST_FIELDS};
const struct shape list_layers_shape = SHAPE_OF(struct list_layers_input, list_layers_fields);

static const struct shape_field list_layer_versions_fields[] = {FIELD_LAYER(struct list_layers_input), LIST_FIELDS};
const struct shape list_layer_versions_shape = SHAPE_OF(struct list_layers_input, list_layer_versions_fields);

static void write_layer(struct aws_call *call, const struct layer_version *newest)
{
    struct jw *jw = &call->jw;

    jw_object(jw);
    jw_str(jw, "LayerName", newest->layer);
    jw_str(jw, "LayerArn", layer_arn(call, newest->layer));
    jw_object_key(jw, "LatestMatchingVersion");
    write_item(call, newest);
    jw_object_end(jw);
    jw_object_end(jw);
}

static void write_listed(struct aws_call *call, const struct layer_version *version)
{
    jw_object(&call->jw);
    write_item(call, version);
    jw_object_end(&call->jw);
}

static void write_list(struct aws_call *call, const char *key, const struct layer_list *list,
                       void (*write_one)(struct aws_call *call, const struct layer_version *version))
{
    jw_object(&call->jw);
    jw_array_key(&call->jw, key);
    for (int i = 0; i < list->count; i++)
        write_one(call, &list->at[i]);
    jw_array_end(&call->jw);
    if (list->next_marker.len)
        jw_str(&call->jw, "NextMarker", list->next_marker);
    jw_object_end(&call->jw);
}

bool layer_list(struct aws_call *call)
{
    const struct list_layers_input *input = call->input;
    const struct layer_filter filter = {input->runtime, input->architecture};
    struct layer_list list = {0};
    struct err err = {0};

    if (!lambda_answer(call,
                       store_layer_list(call->db, &filter, input->marker, lambda_page(&input->max_items), call->arena,
                                        &list, &err),
                       NULL, &err))
        return false;
    write_list(call, "Layers", &list, write_layer);
    return true;
}

bool layer_list_versions(struct aws_call *call)
{
    const struct list_layers_input *input = call->input;
    const struct layer_filter filter = {input->runtime, input->architecture};
    struct layer_list list = {0};
    struct err err = {0};
    str layer;

    if (!layer_name_of(call, input->layer, &layer) ||
        !lambda_answer(call,
                       store_layer_versions(call->db, layer, &filter, input->marker, lambda_page(&input->max_items),
                                            call->arena, &list, &err),
                       NULL, &err))
        return false;
    write_list(call, "LayerVersions", &list, write_listed);
    return true;
}

/* -- DeleteLayerVersion -------------------------------------------------------------------------------------------- */

bool layer_delete(struct aws_call *call)
{
    const struct layer_version_input *input = call->input;
    struct layer_version *version = arena_new(call->arena, struct layer_version, 1);
    struct err err = {0};
    enum store_answer answer;
    str layer;

    if (!layer_check_number(call, input->version.value) || !layer_name_of(call, input->layer, &layer))
        return false;
    answer = store_layer_get(call->db, layer, input->version.value, call->arena, version, &err);
    if (answer == STORE_NO_LAYER)
        return true;
    if (answer == STORE_OK)
        answer = store_layer_delete(call->db, layer, input->version.value, &err);
    call->user = version;
    return lambda_answer(call, answer, NULL, &err);
}

/* Its package may be nobody's now. */
void layer_deleted(struct aws_call *call)
{
    const struct layer_version *version = call->user;

    if (version)
        packages_let_go(call->door->packages, version->package);
    call->user = NULL;
}

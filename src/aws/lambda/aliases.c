/* aliases: AWS Lambda developer guide, versions and aliases. */
#include "aws/lambda/aliases.h"

#include "aws/lambda/patterns.h"

struct routing_input {
    bool given;
    struct shape_map weights;
};

struct alias_input {
    str function, name, version, description, revision_id;
    struct routing_input routing;
};

static const struct shape_field routing_fields[] = {
    {"AdditionalVersionWeights", SHAPE_IN_BODY, SHAPE_MAP, offsetof(struct routing_input, weights), SHAPE_OF_REALS,
     .item = {VALUE(0, 1)}, .key = {LENGTH(1, 1024), .pattern = &pattern_number}},
};
static const struct shape routing_shape = SHAPE_OF(struct routing_input, routing_fields);

#define NAME_CHECK .check = {LENGTH(1, 128), .pattern = &pattern_alias}
#define ALIAS_ROWS                                                                                                   \
    {"Description", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct alias_input, description), .check = {LENGTH(0, 256)}}, \
    {                                                                                                                \
        "RoutingConfig", SHAPE_IN_BODY, SHAPE_STRUCT, offsetof(struct alias_input, routing), .shape = &routing_shape \
    }

static const struct shape_field create_alias_fields[] = {
    FIELD_FUNCTION_CREATE(struct alias_input),
    {"Name", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct alias_input, name), SHAPE_REQUIRED, NAME_CHECK},
    {"FunctionVersion", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct alias_input, version), SHAPE_REQUIRED,
     .check = {LENGTH(1, 1024), .pattern = &pattern_version}},
    ALIAS_ROWS,
};
const struct shape create_alias_shape = SHAPE_OF(struct alias_input, create_alias_fields);

static const struct shape_field update_alias_fields[] = {
    FIELD_FUNCTION_CREATE(struct alias_input),
    {"Name", SHAPE_IN_PATH, SHAPE_STR, offsetof(struct alias_input, name), SHAPE_REQUIRED, NAME_CHECK},
    {"FunctionVersion", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct alias_input, version),
     .check = {LENGTH(1, 1024), .pattern = &pattern_version}},
    {"RevisionId", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct alias_input, revision_id)},
    ALIAS_ROWS,
};
const struct shape update_alias_shape = SHAPE_OF(struct alias_input, update_alias_fields);

static const struct shape_field alias_fields[] = {
    FIELD_FUNCTION_CREATE(struct alias_input),
    {"Name", SHAPE_IN_PATH, SHAPE_STR, offsetof(struct alias_input, name), SHAPE_REQUIRED, NAME_CHECK},
};
const struct shape alias_shape = SHAPE_OF(struct alias_input, alias_fields);

static void write_alias(struct aws_call *call, str function, const struct alias_config *alias)
{
    struct jw *jw = &call->jw;

    jw_object(jw);
    jw_str(jw, "AliasArn", lambda_arn(call, function, alias->name));
    jw_str(jw, "Name", alias->name);
    jw_str(jw, "FunctionVersion", alias->version);
    jw_str(jw, "Description", alias->description);
    if (alias->second_version.len) {
        jw_object_key(jw, "RoutingConfig");
        jw_object_key(jw, "AdditionalVersionWeights");
        jw_key(jw, alias->second_version);
        jw_real_value(jw, alias->second_weight);
        jw_object_end(jw);
        jw_object_end(jw);
    }
    jw_str(jw, "RevisionId", alias->revision_id);
    jw_object_end(jw);
}

/* Given weights replace those of before; an empty map takes them away. */
static bool apply_routing(struct aws_call *call, const struct routing_input *routing, struct alias_config *alias)
{
    if (!routing->given || !routing->weights.given)
        return true;
    if (routing->weights.count > 1)
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "Number of items in AdditionalVersionWeights cannot be greater than 1");
    alias->second_version = STR("");
    alias->second_weight = 0;
    if (routing->weights.count == 1) {
        alias->second_version = routing->weights.pairs[0].key;
        alias->second_weight = routing->weights.pairs[0].number;
    }
    return true;
}

/* Where an alias is at fault, its words; else those that all operations share. */
static bool answer_alias(struct aws_call *call, enum store_answer answer, const struct lambda_ref *function,
                         const struct alias_config *alias, const struct err *err)
{
    struct lambda_ref ref = {function->name, STR("")};

    switch ((int)answer) {
    case STORE_ROUTING_REPEATS:
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "Invalid function version " STR_FMT ". Function version " STR_FMT
                        " is already included in routing configuration.",
                        STR_ARG(alias->version), STR_ARG(alias->version));
    case STORE_ALIAS_EXISTS:
        ref.qualifier = alias->name;
        break;
    case STORE_NO_VERSION:
        ref.qualifier = alias->version;
        break;
    case STORE_NO_SECOND_VERSION:
        ref.qualifier = alias->second_version;
        break;
    default:
        break;
    }
    return lambda_answer(call, answer, &ref, err);
}

bool alias_create(struct aws_call *call)
{
    const struct alias_input *input = call->input;
    struct alias_config created = {0}, alias = {
                                           .name = input->name,
                                           .version = input->version,
                                           .description = input->description,
                                       };
    struct lambda_ref ref;
    struct err err = {0};

    if (!lambda_ref_of(call, input->function, (str){0}, &ref) || !apply_routing(call, &input->routing, &alias) ||
        !answer_alias(call, store_alias_create(call->db, ref.name, &alias, call->arena, &created, &err), &ref, &alias,
                      &err))
        return false;
    write_alias(call, ref.name, &created);
    lambda_changed(call, ref.name);
    return true;
}

/* "Cannot find alias arn: " of GetAlias, "Alias not found: " of UpdateAlias. */
static bool get(struct aws_call *call, const char *missing, struct lambda_ref *ret_ref, struct alias_config *ret)
{
    const struct alias_input *input = call->input;
    struct err err = {0};
    enum store_answer answer;

    if (!lambda_ref_of(call, input->function, (str){0}, ret_ref))
        return false;
    answer = store_alias_get(call->db, ret_ref->name, input->name, call->arena, ret, &err);
    if (answer == STORE_NO_ALIAS) {
        str arn = lambda_arn(call, ret_ref->name, input->name);

        return aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND, "%s" STR_FMT, missing, STR_ARG(arn));
    }
    return lambda_answer(call, answer, ret_ref, &err);
}

bool alias_get(struct aws_call *call)
{
    struct alias_config alias = {0};
    struct lambda_ref ref;

    if (!get(call, "Cannot find alias arn: ", &ref, &alias))
        return false;
    write_alias(call, ref.name, &alias);
    return true;
}

bool alias_update(struct aws_call *call)
{
    const struct alias_input *input = call->input;
    struct alias_config alias = {0}, updated = {0};
    struct lambda_ref ref;
    struct err err = {0};

    if (!get(call, "Alias not found: ", &ref, &alias) || !apply_routing(call, &input->routing, &alias))
        return false;
    if (input->version.at)
        alias.version = input->version;
    if (input->description.at)
        alias.description = input->description;
    if (!answer_alias(call,
                      store_alias_update(call->db, ref.name, &alias, input->revision_id, call->arena, &updated, &err),
                      &ref, &alias, &err))
        return false;
    write_alias(call, ref.name, &updated);
    lambda_changed(call, ref.name);
    return true;
}

bool alias_delete(struct aws_call *call)
{
    const struct alias_input *input = call->input;
    struct lambda_ref ref;
    struct err err = {0};

    if (!lambda_ref_of(call, input->function, (str){0}, &ref) ||
        !lambda_answer(call, store_alias_delete(call->db, ref.name, input->name, &err), &ref, &err))
        return false;
    lambda_changed(call, ref.name);
    return true;
}

/* -- ListAliases --------------------------------------------------------------------------------------------------- */

struct list_aliases_input {
    str function, version, marker;
    struct shape_int max_items;
};

static const struct shape_field list_aliases_fields[] = {
    FIELD_FUNCTION_CREATE(struct list_aliases_input),
    {"FunctionVersion", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct list_aliases_input, version),
     .check = {LENGTH(1, 1024), .pattern = &pattern_version}},
    FIELD_MARKER(struct list_aliases_input),
    FIELD_MAX_ITEMS(struct list_aliases_input),
};
const struct shape list_aliases_shape = SHAPE_OF(struct list_aliases_input, list_aliases_fields);

bool alias_list(struct aws_call *call)
{
    const struct list_aliases_input *input = call->input;
    struct jw *jw = &call->jw;
    struct alias_list list = {0};
    struct lambda_ref ref;
    struct err err = {0};

    if (!lambda_ref_of(call, input->function, (str){0}, &ref) ||
        !lambda_answer(call,
                       store_alias_list(call->db, ref.name, input->version, input->marker,
                                        lambda_page(&input->max_items), call->arena, &list, &err),
                       &ref, &err))
        return false;
    jw_object(jw);
    jw_array_key(jw, "Aliases");
    for (int i = 0; i < list.count; i++)
        write_alias(call, ref.name, &list.at[i]);
    jw_array_end(jw);
    if (list.next_marker.len)
        jw_str(jw, "NextMarker", list.next_marker);
    jw_object_end(jw);
    return true;
}

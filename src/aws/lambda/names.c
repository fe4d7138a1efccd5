/* names: which function is meant, and how AWS says that there is none. */
#include "aws/lambda/lambda_private.h"
#include "aws/lambda/patterns.h"
#include "base/log.h"
#include "codec/arn.h"
#include "functions/entry.h"
#include "functions/readiness.h"

static const struct shape_field function_qualifier_fields[] = {
    FIELD_QUALIFIER(struct function_input),
    FIELD_FUNCTION_GET(struct function_input),
};
const struct shape function_qualifier_shape = SHAPE_OF(struct function_input, function_qualifier_fields);

static const struct shape_field function_only_fields[] = {
    FIELD_QUALIFIER(struct function_input),
    FIELD_FUNCTION_CREATE(struct function_input),
};
const struct shape function_only_shape = SHAPE_OF(struct function_input, function_only_fields);

bool lambda_ref_of(struct aws_call *call, str function, str qualifier, struct lambda_ref *ret)
{
    const struct aws_door *door = call->door;
    struct arn arn;

    if (!arn_parse(function, &arn))
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER, "Not the name of a function: " STR_FMT, STR_ARG(function));
    if (arn.qualifier.len && qualifier.len && !str_eq(arn.qualifier, qualifier))
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "The derived qualifier from the function name does not match the specified qualifier.");
    if (arn.region.len && !str_eq(arn.region, door->region))
        return aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND,
                        "Functions from '" STR_FMT "' are not reachable in this region ('" STR_FMT "')",
                        STR_ARG(arn.region), STR_ARG(door->region));
    if (arn.account.len && !str_eq(arn.account, door->account)) {
        call->message_null = true;
        return aws_fail(call, AWS_ERROR_ACCESS_DENIED, "null");
    }
    *ret = (struct lambda_ref){arn.name, qualifier.len ? qualifier : arn.qualifier};
    return true;
}

str lambda_arn(struct aws_call *call, str name, str qualifier)
{
    return arena_concat(call->arena, STR("arn:aws:lambda:"), call->door->region, STR(":"), call->door->account,
                        STR(":function:"), name, qualifier.len ? STR(":") : STR(""), qualifier);
}

/* What the store says in one word: how AWS says it.  `%ARN` stands for the function's ARN, with its qualifier. */
static const struct {
    enum store_answer answer;
    enum aws_error error;
    bool qualified;
    const char *before, *after; /* of the ARN; after NULL: no ARN */
} words[] = {
    {STORE_NO_FUNCTION, AWS_ERROR_RESOURCE_NOT_FOUND, true, "Function not found: ", ""},
    {STORE_NO_VERSION, AWS_ERROR_RESOURCE_NOT_FOUND, true, "Function not found: ", ""},
    {STORE_NO_SECOND_VERSION, AWS_ERROR_RESOURCE_NOT_FOUND, true, "Function not found: ", ""},
    {STORE_NO_ALIAS, AWS_ERROR_RESOURCE_NOT_FOUND, true, "Function not found: ", ""},
    {STORE_NO_POLICY, AWS_ERROR_RESOURCE_NOT_FOUND, false, "The resource you requested does not exist.", NULL},
    {STORE_NO_SETTING, AWS_ERROR_RESOURCE_NOT_FOUND, false, "The resource you requested does not exist.", NULL},
    {STORE_ALIAS_EXISTS, AWS_ERROR_RESOURCE_CONFLICT, true, "Alias already exists: ", ""},
    {STORE_PENDING, AWS_ERROR_RESOURCE_CONFLICT, false,
     "The operation cannot be performed at this time. The function is currently in the following state: Pending", NULL},
    {STORE_UPDATING, AWS_ERROR_RESOURCE_CONFLICT, false,
     "The operation cannot be performed at this time. An update is in progress for resource: ", ""},
    {STORE_UPDATE_FAILED, AWS_ERROR_RESOURCE_CONFLICT, false,
     "The operation cannot be performed at this time. The last update has failed (see LastUpdateStatusReason); update "
     "it again: ",
     ""},
    {STORE_WRONG_REVISION, AWS_ERROR_PRECONDITION_FAILED, false,
     "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve "
     "the latest Revision Id",
     NULL},
    {STORE_VERSION_ALIASED, AWS_ERROR_RESOURCE_CONFLICT, true, "Version is referenced by one or more aliases: ", ""},
    {STORE_ROUTING_LATEST, AWS_ERROR_INVALID_PARAMETER_PLAIN, false,
     "$LATEST is not supported for an alias pointing to more than 1 version", NULL},
    {STORE_TAGS_LIMIT, AWS_ERROR_INVALID_PARAMETER, false, "Number of tags exceeds resource tag limit.", NULL},
    {STORE_POLICY_LIMIT, AWS_ERROR_POLICY_LENGTH, false, "The final policy size is bigger than the limit (20480).",
     NULL},
    {STORE_ABOVE_RESERVED, AWS_ERROR_INVALID_PARAMETER, false,
     "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function", NULL},
    {STORE_PROVISIONED_LIMIT, AWS_ERROR_INVALID_PARAMETER, false,
     "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum "
     "value of [100].",
     NULL},
    {STORE_VERSION_PROVISIONED, AWS_ERROR_RESOURCE_CONFLICT, false,
     "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version", NULL},
    {STORE_ALIAS_PROVISIONED, AWS_ERROR_RESOURCE_CONFLICT, false,
     "Version is pointed by a Provisioned Concurrency alias", NULL},
    {STORE_CONCURRENCY_LIMIT, AWS_ERROR_INVALID_PARAMETER_PLAIN, false,
     "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
     "minimum value of [100].",
     NULL},
};

bool lambda_answer(struct aws_call *call, enum store_answer answer, const struct lambda_ref *ref, const struct err *err)
{
    if (answer == STORE_OK)
        return true;
    if (answer == STORE_BROKEN)
        return aws_fail_err(call, err);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        str arn;

        if (words[i].answer != answer)
            continue;
        if (!words[i].after)
            return aws_fail(call, words[i].error, "%s", words[i].before);
        arn = lambda_arn(call, ref->name, words[i].qualified ? ref->qualifier : STR(""));
        return aws_fail(call, words[i].error, "%s" STR_FMT "%s", words[i].before, STR_ARG(arn), words[i].after);
    }
    return aws_fail(call, AWS_ERROR_SERVICE, "The store gave an answer that this operation does not know (%d)",
                    (int)answer);
}

int lambda_page(const struct shape_int *max_items)
{
    return max_items->given && max_items->value < PAGE_ITEMS_MAX ? (int)max_items->value : PAGE_ITEMS_MAX;
}

/* -- the catalog follows -------------------------------------------------------------------------------------- */

static bool load_entry(struct aws_call *call, struct aws_change *change, struct err *err)
{
    struct function_entry *entry = NULL;

    switch ((int)entry_load(call->door->db, call->door->readiness->world, change->name, &entry, err)) {
    case STORE_OK:
        change->loaded = entry;
        return true;
    case STORE_NO_FUNCTION:
        return true;
    default:
        return false;
    }
}

static void apply_entry(struct aws_call *call, struct aws_change *change)
{
    if (change->loaded)
        catalog_put(call->door->catalog, change->loaded);
    else
        catalog_remove(call->door->catalog, change->name);
}

void lambda_changed(struct aws_call *call, str name)
{
    aws_changed(call, (struct aws_change){.load = load_entry, .apply = apply_entry, .name = name});
}

void lambda_prepare_changed(struct aws_call *call)
{
    for (int i = 0; i < call->changes_count; i++)
        readiness_watch(call->door->readiness, call->changes[i].name);
}

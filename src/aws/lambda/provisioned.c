/*
 * provisioned: what was asked for is in the database, how many there are is known to the pool.  So the job reads or
 * changes the row, and the answer is written on the loop, where the pool may be asked.  A status is never stored: it
 * says how things are.
 */
#include "aws/lambda/provisioned.h"

#include "aws/lambda/patterns.h"
#include "codec/time_format.h"
#include "functions/provisioned.h"
#include "invoke/invoke.h"
#include "runtime/pool.h"

enum { PROVISIONED_PAGE_MAX = 50 };

struct provisioned_input {
    str function, qualifier, marker;
    struct shape_int requested, max_items;
};

#define FIELD_QUALIFIER_REQUIRED                                                                               \
    {                                                                                                          \
        "Qualifier", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct provisioned_input, qualifier), SHAPE_REQUIRED, \
            .check = {                                                                                         \
                LENGTH(1, 128),                                                                                \
                .pattern = &pattern_qualifier                                                                  \
            }                                                                                                  \
    }

static const struct shape_field put_provisioned_fields[] = {
    FIELD_QUALIFIER_REQUIRED,
    FIELD_FUNCTION_CREATE(struct provisioned_input),
    {"ProvisionedConcurrentExecutions", SHAPE_IN_BODY, SHAPE_INT, offsetof(struct provisioned_input, requested),
     SHAPE_REQUIRED, .check = {AT_LEAST(1)}},
};
const struct shape put_provisioned_shape = SHAPE_OF(struct provisioned_input, put_provisioned_fields);

static const struct shape_field provisioned_fields[] = {
    FIELD_QUALIFIER_REQUIRED,
    FIELD_FUNCTION_CREATE(struct provisioned_input),
};
const struct shape provisioned_shape = SHAPE_OF(struct provisioned_input, provisioned_fields);

static const struct shape_field list_provisioned_fields[] = {
    FIELD_FUNCTION_CREATE(struct provisioned_input),
    FIELD_MARKER(struct provisioned_input),
    {"MaxItems", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct provisioned_input, max_items),
     .check = {VALUE(1, PROVISIONED_PAGE_MAX)}},
};
const struct shape list_provisioned_shape = SHAPE_OF(struct provisioned_input, list_provisioned_fields);

/* -- what the job found, until it is written ----------------------------------------------------------------------- */

struct provisioned_answer {
    str function;
    struct provisioned one;
    struct provisioned_list list;
    bool is_new; /* just put: nothing can be ready */
};

static bool keep(struct aws_call *call, str function, const struct provisioned *one, bool is_new)
{
    struct provisioned_answer *answer = arena_new(call->arena, struct provisioned_answer, 1);

    *answer = (struct provisioned_answer){.function = function, .one = *one, .is_new = is_new};
    call->user = answer;
    return true;
}

struct provisioned_state {
    int ready;
    const char *status, *reason; /* reason NULL: none */
};

/* Of the workers that a version has, those of this qualifier come first; the version has no other in most cases. */
static struct provisioned_state state_of(const struct aws_call *call, str function, const struct provisioned *one)
{
    const struct aws_door *door = call->door;
    str alias;
    struct runnable *runnable = catalog_resolve(door->catalog, function, one->version, &alias);
    int ready = runnable ? pool_ready_workers(door->invoker->pool, runnable) : 0;

    if (runnable && runnable->state == VERSION_FAILED)
        ready = -1; /* no worker will ever be started */
    runnable_release(runnable);
    if (ready < 0)
        return (struct provisioned_state){0, "FAILED", "FUNCTION_ERROR_INIT_FAILURE"};
    if (ready < one->requested)
        return (struct provisioned_state){ready, "IN_PROGRESS", NULL};
    return (struct provisioned_state){one->requested, "READY", NULL};
}

static void write_config(struct jw *jw, const struct provisioned *one, const struct provisioned_state *state)
{
    char modified[TIME_TEXT_MAX];

    time_format_iso(one->modified_us / 1000, modified);
    jw_int(jw, "RequestedProvisionedConcurrentExecutions", one->requested);
    jw_int(jw, "AvailableProvisionedConcurrentExecutions", state->ready);
    jw_int(jw, "AllocatedProvisionedConcurrentExecutions", state->ready);
    jw_str(jw, "Status", str_of(state->status));
    if (state->reason)
        jw_str(jw, "StatusReason", str_of(state->reason));
    jw_str(jw, "LastModified", str_of(modified));
}

void provisioned_write(struct aws_call *call)
{
    const struct provisioned_answer *answer = call->user;
    struct provisioned_state state = {0, "IN_PROGRESS", NULL};

    call->user = NULL;
    if (!answer->is_new)
        state = state_of(call, answer->function, &answer->one);
    jw_object(&call->jw);
    write_config(&call->jw, &answer->one, &state);
    jw_object_end(&call->jw);
}

void provisioned_write_list(struct aws_call *call)
{
    const struct provisioned_answer *answer = call->user;
    struct jw *jw = &call->jw;

    call->user = NULL;
    jw_object(jw);
    jw_array_key(jw, "ProvisionedConcurrencyConfigs");
    for (int i = 0; i < answer->list.count; i++) {
        const struct provisioned *one = &answer->list.at[i];
        struct provisioned_state state = state_of(call, answer->function, one);

        jw_object(jw);
        jw_str(jw, "FunctionArn", lambda_arn(call, answer->function, one->qualifier));
        write_config(jw, one, &state);
        jw_object_end(jw);
    }
    jw_array_end(jw);
    if (answer->list.next_marker.len)
        jw_str(jw, "NextMarker", answer->list.next_marker);
    jw_object_end(jw);
}

/* -- jobs ---------------------------------------------------------------------------------------------------------- */

static bool fail_missing(struct aws_call *call, const struct lambda_ref *ref)
{
    str arn = lambda_arn(call, ref->name, ref->qualifier);

    return aws_fail(
        call, AWS_ERROR_RESOURCE_NOT_FOUND, "%s" STR_FMT,
        pattern_number.matches(ref->qualifier) ? "Function not found: " : "Cannot find alias arn: ", STR_ARG(arn));
}

static bool answer_of(struct aws_call *call, enum store_answer answer, const struct lambda_ref *ref,
                      const struct err *err)
{
    switch ((int)answer) {
    case STORE_NO_FUNCTION:
    case STORE_NO_VERSION:
    case STORE_NO_ALIAS:
        return fail_missing(call, ref);
    case STORE_NO_SETTING:
        return aws_fail(call, AWS_ERROR_PROVISIONED_NOT_FOUND,
                        "No Provisioned Concurrency Config found for this function");
    default:
        return lambda_answer(call, answer, ref, err);
    }
}

/* What it is about; `latest` is said when that is $LATEST. */
static bool ref_of(struct aws_call *call, const char *latest, struct lambda_ref *ret)
{
    const struct provisioned_input *input = call->input;

    if (!lambda_ref_of(call, input->function, input->qualifier, ret))
        return false;
    return !str_eq(ret->qualifier, STR("$LATEST")) || aws_fail(call, AWS_ERROR_INVALID_PARAMETER, "%s", latest);
}

#define MUST_BE_PUBLISHED "The function resource provided must be an alias or a published version."

static bool fail_above_account(struct aws_call *call, const struct lambda_ref *ref)
{
    int64_t others = 0;
    struct err err = {0};

    if (!lambda_answer(call, store_concurrency_others(call->db, ref->name, &others, &err), ref, &err))
        return false;
    return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                    "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency "
                    "[%lld].",
                    (long long)(call->door->account_concurrency - others));
}

bool provisioned_put(struct aws_call *call)
{
    const struct provisioned_input *input = call->input;
    int limit = call->door->account_concurrency;
    int64_t requested = input->requested.value <= INT32_MAX ? input->requested.value : INT32_MAX;
    struct provisioned one = {0};
    struct lambda_ref ref;
    struct err err = {0};
    enum store_answer answer;

    if (!ref_of(call, "Provisioned Concurrency Configs cannot be applied to unpublished function versions.", &ref))
        return false;
    answer = store_provisioned_put(call->db, ref.name, ref.qualifier, (int)requested, limit, call->arena, &one, &err);
    if (answer == STORE_ABOVE_ACCOUNT)
        return fail_above_account(call, &ref);
    if (!answer_of(call, answer, &ref, &err))
        return false;
    lambda_changed(call, ref.name);
    return keep(call, ref.name, &one, true);
}

bool provisioned_get(struct aws_call *call)
{
    struct provisioned one = {0};
    struct lambda_ref ref;
    struct err err = {0};

    return ref_of(call, MUST_BE_PUBLISHED, &ref) &&
           answer_of(call, store_provisioned_get(call->db, ref.name, ref.qualifier, call->arena, &one, &err), &ref,
                     &err) &&
           keep(call, ref.name, &one, false);
}

bool provisioned_delete(struct aws_call *call)
{
    struct lambda_ref ref;
    struct err err = {0};

    if (!ref_of(call, MUST_BE_PUBLISHED, &ref) ||
        !answer_of(call, store_provisioned_delete(call->db, ref.name, ref.qualifier, &err), &ref, &err))
        return false;
    lambda_changed(call, ref.name);
    return true;
}

bool provisioned_list(struct aws_call *call)
{
    const struct provisioned_input *input = call->input;
    struct provisioned_answer *answer = arena_new(call->arena, struct provisioned_answer, 1);
    struct lambda_ref ref;
    struct err err = {0};

    if (!lambda_ref_of(call, input->function, (str){0}, &ref))
        return false;
    answer->function = ref.name;
    call->user = answer;
    return lambda_answer(call,
                         store_provisioned_list(call->db, ref.name, input->marker, lambda_page(&input->max_items),
                                                call->arena, &answer->list, &err),
                         &ref, &err);
}

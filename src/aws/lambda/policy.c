/* policy: AWS Lambda developer guide, resource-based policies.  Stored and shown; who may call is decided by keys alone
 * for now. */
#include "aws/lambda/policy.h"

#include "aws/lambda/patterns.h"

enum { STATEMENT_BYTES_MAX = 64 * 1024 };

struct add_permission_input {
    str function, qualifier, statement_id, action, principal, source_arn, source_account, event_token, revision_id;
    str organization, url_auth;
};

#define IN(member) SHAPE_IN_BODY, SHAPE_STR, offsetof(struct add_permission_input, member)

static const struct shape_field add_permission_fields[] = {
    FIELD_QUALIFIER(struct add_permission_input),
    FIELD_FUNCTION_GET(struct add_permission_input),
    {"StatementId", IN(statement_id), SHAPE_REQUIRED, .check = {LENGTH(1, 100), .pattern = &pattern_statement_id}},
    {"Action", IN(action), SHAPE_REQUIRED, .check = {.pattern = &pattern_action}},
    {"Principal", IN(principal), SHAPE_REQUIRED, .check = {.pattern = &pattern_principal}},
    {"SourceArn", IN(source_arn), .check = {.pattern = &pattern_arn}},
    {"SourceAccount", IN(source_account), .check = {LENGTH(0, 12), .pattern = &pattern_source_account}},
    {"EventSourceToken", IN(event_token), .check = {LENGTH(0, 256), .pattern = &pattern_event_token}},
    {"PrincipalOrgID", IN(organization), .check = {LENGTH(12, 34), .pattern = &pattern_organization}},
    {"FunctionUrlAuthType", IN(url_auth), .check = {.values = (const char *const[]){"NONE", "AWS_IAM", NULL}}},
    {"RevisionId", IN(revision_id)},
};
const struct shape add_permission_shape = SHAPE_OF(struct add_permission_input, add_permission_fields);

/* -- the statement ----------------------------------------------------------------------------------------------- */

/* "*", a service ("x.amazonaws.com"), an account, or an ARN; all else is refused. */
static bool write_principal(struct jw *jw, str principal)
{
    if (str_eq(principal, STR("*"))) {
        jw_str(jw, "Principal", principal);
        return true;
    }
    jw_object_key(jw, "Principal");
    if (pattern_source_account.matches(principal)) {
        char arn[64];

        snprintf(arn, sizeof arn, "arn:aws:iam::" STR_FMT ":root", STR_ARG(principal));
        jw_str(jw, "AWS", str_of(arn));
    } else if (str_starts(principal, STR("arn:")) && pattern_arn.matches(principal)) {
        jw_str(jw, "AWS", principal);
    } else {
        jw_str(jw, "Service", principal);
        if (!str_ends(principal, STR(".amazonaws.com")) && !str_ends(principal, STR(".amazon.com")))
            return false;
    }
    jw_object_end(jw);
    return true;
}

static void write_condition(struct jw *jw, const struct add_permission_input *input)
{
    const struct {
        const char *key;
        str value;
    } equals[] = {
        {"AWS:SourceAccount", input->source_account},
        {"lambda:FunctionUrlAuthType", input->url_auth},
        {"aws:PrincipalOrgID", input->organization},
        {"lambda:EventSourceToken", input->event_token},
    };
    bool open = false;

    if (!input->source_arn.len && !input->source_account.len && !input->url_auth.len && !input->organization.len &&
        !input->event_token.len)
        return;
    jw_object_key(jw, "Condition");
    for (size_t i = 0; i < sizeof equals / sizeof *equals; i++) {
        if (!equals[i].value.len)
            continue;
        if (!open)
            jw_object_key(jw, "StringEquals");
        open = true;
        jw_str(jw, equals[i].key, equals[i].value);
    }
    if (open)
        jw_object_end(jw);
    if (input->source_arn.len) {
        jw_object_key(jw, "ArnLike");
        jw_str(jw, "AWS:SourceArn", input->source_arn);
        jw_object_end(jw);
    }
    jw_object_end(jw);
}

static bool make_statement(struct aws_call *call, const struct add_permission_input *input, str resource, str *ret)
{
    struct jw jw;
    BUF_AUTO buf = {0};

    buf_init(&buf, STATEMENT_BYTES_MAX);
    jw_init(&jw, &buf);
    jw_object(&jw);
    jw_str(&jw, "Sid", input->statement_id);
    jw_str(&jw, "Effect", STR("Allow"));
    if (!write_principal(&jw, input->principal))
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "The provided principal was invalid. Please check the principal and try again.");
    jw_str(&jw, "Action", input->action);
    jw_str(&jw, "Resource", resource);
    write_condition(&jw, input);
    jw_object_end(&jw);
    *ret = arena_copy(call->arena, buf_str(&buf));
    return true;
}

/* -- AddPermission ------------------------------------------------------------------------------------------------- */

bool policy_answer(struct aws_call *call, enum store_answer answer, str statement_id, const char *reader,
                   bool *ret_known)
{
    *ret_known = true;
    switch ((int)answer) {
    case STORE_OK:
        return true;
    case STORE_NO_POLICY:
        return aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND, "No policy is associated with the given resource.");
    case STORE_NO_STATEMENT:
        return aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND, "Statement " STR_FMT " is not found in resource policy.",
                        STR_ARG(statement_id));
    case STORE_STATEMENT_EXISTS:
        return aws_fail(call, AWS_ERROR_RESOURCE_CONFLICT,
                        "The statement id (" STR_FMT ") provided already exists. Please provide a new statement id, or "
                        "remove the existing statement.",
                        STR_ARG(statement_id));
    case STORE_WRONG_REVISION:
        return aws_fail(call, AWS_ERROR_PRECONDITION_FAILED,
                        "The Revision Id provided does not match the latest Revision Id. Call the %s API to retrieve "
                        "the latest Revision Id",
                        reader);
    default:
        *ret_known = false;
        return false;
    }
}

static bool check_qualifier(struct aws_call *call, const struct lambda_ref *ref)
{
    return !str_eq(ref->qualifier, STR("$LATEST")) ||
           aws_fail(call, AWS_ERROR_INVALID_PARAMETER, "We currently do not support adding policies for $LATEST.");
}

static bool fail_no_alias(struct aws_call *call, const struct lambda_ref *ref)
{
    str arn = lambda_arn(call, ref->name, ref->qualifier);

    return aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND, "Cannot find alias arn: " STR_FMT, STR_ARG(arn));
}

static bool answer_change(struct aws_call *call, enum store_answer answer, const struct lambda_ref *ref, str id,
                          const struct err *err)
{
    bool known, good = policy_answer(call, answer, id, "GetPolicy", &known);

    if (known)
        return good;
    return answer == STORE_NO_ALIAS ? fail_no_alias(call, ref) : lambda_answer(call, answer, ref, err);
}

bool permission_add(struct aws_call *call)
{
    const struct add_permission_input *input = call->input;
    struct store_permission permission = {.statement_id = input->statement_id, .revision_id = input->revision_id};
    struct lambda_ref ref;
    struct err err = {0};

    if (!lambda_ref_of(call, input->function, input->qualifier, &ref) || !check_qualifier(call, &ref) ||
        !make_statement(call, input, lambda_arn(call, ref.name, ref.qualifier), &permission.statement_json))
        return false;
    permission.function = ref.name;
    permission.qualifier = ref.qualifier;
    if (!answer_change(call, store_permission_add(call->db, &permission, &err), &ref, input->statement_id, &err))
        return false;
    jw_object(&call->jw);
    jw_str(&call->jw, "Statement", permission.statement_json);
    jw_object_end(&call->jw);
    return true;
}

/* -- RemovePermission ------------------------------------------------------------------------------------------------
 */

struct remove_permission_input {
    str function, qualifier, statement_id, revision_id;
};

static const struct shape_field remove_permission_fields[] = {
    FIELD_QUALIFIER(struct remove_permission_input),
    FIELD_FUNCTION_GET(struct remove_permission_input),
    {"StatementId", SHAPE_IN_PATH, SHAPE_STR, offsetof(struct remove_permission_input, statement_id), SHAPE_REQUIRED,
     .check = {LENGTH(1, 100)}},
    {"RevisionId", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct remove_permission_input, revision_id)},
};
const struct shape remove_permission_shape = SHAPE_OF(struct remove_permission_input, remove_permission_fields);

static bool fail_no_policy(struct aws_call *call, const struct lambda_ref *ref)
{
    str arn = lambda_arn(call, ref->name, STR(""));

    return aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND, "No policy found for: " STR_FMT, STR_ARG(arn));
}

bool permission_remove(struct aws_call *call)
{
    const struct remove_permission_input *input = call->input;
    struct store_permission permission = {.statement_id = input->statement_id, .revision_id = input->revision_id};
    struct lambda_ref ref;
    struct err err = {0};
    enum store_answer answer;

    if (!lambda_ref_of(call, input->function, input->qualifier, &ref))
        return false;
    permission.function = ref.name;
    permission.qualifier = ref.qualifier;
    answer = store_permission_remove(call->db, &permission, &err);
    return answer == STORE_NO_FUNCTION ? fail_no_policy(call, &ref)
                                       : answer_change(call, answer, &ref, input->statement_id, &err);
}

/* -- GetPolicy
 * --------------------------------------------------------------------------------------------------------- */

bool policy_get(struct aws_call *call)
{
    const struct function_input *input = call->input;
    struct store_policy policy = {0};
    struct lambda_ref ref;
    struct err err = {0};
    enum store_answer answer;

    if (!lambda_ref_of(call, input->function, input->qualifier, &ref))
        return false;
    answer = store_policy_get(call->db, ref.name, ref.qualifier, call->arena, &policy, &err);
    if (answer != STORE_OK && answer != STORE_BROKEN)
        answer = STORE_NO_POLICY; /* whatever is missing, the words are the same */
    if (!lambda_answer(call, answer, &ref, &err))
        return false;
    jw_object(&call->jw);
    jw_str(&call->jw, "Policy", policy.json);
    jw_str(&call->jw, "RevisionId", policy.revision_id);
    jw_object_end(&call->jw);
    return true;
}

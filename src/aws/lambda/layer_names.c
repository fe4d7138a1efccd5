/* layer_names: which layer is meant, and its ARNs. */
#include "aws/lambda/lambda_private.h"

str layer_arn(struct aws_call *call, str layer)
{
    return arena_printf(call->arena, "arn:aws:lambda:" STR_FMT ":" STR_FMT ":layer:" STR_FMT,
                        STR_ARG(call->door->region), STR_ARG(call->door->account), STR_ARG(layer));
}

str layer_version_arn(struct aws_call *call, str layer, int64_t version)
{
    str arn = layer_arn(call, layer);

    return arena_printf(call->arena, STR_FMT ":%lld", STR_ARG(arn), (long long)version);
}

/* arn:aws:lambda:REGION:ACCOUNT:layer:NAME[:VERSION], of which the shape has seen the form. */
void layer_arn_parts(str arn, struct layer_arn_parts *ret)
{
    str part[8] = {0};

    for (int i = 0; i < 8 && arn.len > 0; i++)
        str_cut(arn, ':', &part[i], &arn);
    *ret = (struct layer_arn_parts){.region = part[3], .account = part[4], .layer = part[6]};
    if (!str_to_int(part[7], 0, INT64_MAX, &ret->version))
        ret->version = -1;
}

bool layer_fail_unknown(struct aws_call *call)
{
    return aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND, "The resource you requested does not exist.");
}

bool layer_name_of(struct aws_call *call, str given, str *ret)
{
    struct layer_arn_parts parts;

    *ret = given;
    if (!str_starts(given, STR("arn:")))
        return true;
    layer_arn_parts(given, &parts);
    *ret = parts.layer;
    return (str_eq(parts.region, call->door->region) && str_eq(parts.account, call->door->account)) ||
           layer_fail_unknown(call);
}

bool layer_check_number(struct aws_call *call, int64_t version)
{
    return version >= 1 || aws_fail(call, AWS_ERROR_INVALID_PARAMETER, "Layer Version Cannot be less than 1");
}

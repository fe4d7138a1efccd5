#include "aws/lambda/patterns.h"
#include "base/test.h"

struct example {
    const struct shape_pattern *pattern;
    const char *text;
};

static void accepts_what_aws_accepts(void)
{
    const struct example examples[] = {
        {&pattern_fn_get, "greet"},
        {&pattern_fn_get, "greet:$LATEST.PUBLISHED"},
        {&pattern_fn_create, "greet:prod"},
        {&pattern_fn_create, "arn:aws:lambda:eu-west-1:123456789012:function:greet"},
        {&pattern_qualifier, "$LATEST"},
        {&pattern_qualifier, "$latest"},
        {&pattern_alias, "2024-01-02"},
        {&pattern_alias, "prod"},
        {&pattern_role, "arn:aws:iam::123456789012:role/r"},
        {&pattern_role, "arn:aws-cn:iam::123456789012:role/path/to/r+=,.@-"},
        {&pattern_handler, "main.handler"},
        {&pattern_variable, "AB_1"},
        {&pattern_action, "lambda:InvokeFunction"},
        {&pattern_action, "lambda:*"},
        {&pattern_arn, "arn:aws:execute-api:us-east-1:123456789012:abc/*/GET/x"},
        {&pattern_arn, "arn:aws:s3:::bucket"},
        {&pattern_layer, "arn:aws:lambda:us-east-1:123456789012:layer:numpy:3"},
        {&pattern_layer_name, "numpy-2_0"},
        {&pattern_layer_name, "arn:aws:lambda:us-east-1:123456789012:layer:numpy"},
        {&pattern_layer_action, "lambda:GetLayerVersion"},
        {&pattern_layer_principal, "*"},
        {&pattern_layer_principal, "123456789012"},
        {&pattern_layer_principal, "arn:aws:iam::123456789012:root"},
        {&pattern_layer_organization, "o-1234567890"},
        {&pattern_function_arn, "arn:aws:lambda:us-east-1:123456789012:function:f"},
        {&pattern_function_arn, "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST"},
    };

    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        ok(examples[i].pattern->matches(str_of(examples[i].text)));
}

static void refuses_what_aws_refuses(void)
{
    const struct example examples[] = {
        {&pattern_fn_get, "gr eet"},
        {&pattern_fn_get, "a:b:c:d"},
        {&pattern_fn_create, "greet.er"},
        {&pattern_fn_create, "greet:$LATEST.PUBLISHED"},
        {&pattern_fn_create, "greet:$latest"},
        {&pattern_qualifier, ""},
        {&pattern_qualifier, "a.b"},
        {&pattern_alias, "2024"},
        {&pattern_alias, "a.b"},
        {&pattern_role, "r"},
        {&pattern_role, "arn:aws:iam::12345678901:role/r"},
        {&pattern_role, "arn:aws:iam::123456789012:user/r"},
        {&pattern_role, "arn:aws:iam::123456789012:role"},
        {&pattern_handler, "main handler"},
        {&pattern_variable, "A"},
        {&pattern_variable, "1A"},
        {&pattern_action, "s3:GetObject"},
        {&pattern_action, "lambda:"},
        {&pattern_action, "lambda:Invoke*"},
        {&pattern_arn, "arn:aws:s3"},
        {&pattern_arn, "nonsense"},
        {&pattern_layer, "arn:aws:lambda:us-east-1:123456789012:layer:numpy"},
        {&pattern_layer, "arn:aws:lambda:us-east-1:123456789012:layer:numpy:"},
        {&pattern_layer, "arn:aws:lambda:us-east-1:123456789012:layer:numpy:3:4"},
        {&pattern_layer_name, ""},
        {&pattern_layer_name, "num.py"},
        {&pattern_layer_name, "arn:aws:lambda:us-east-1:123456789012:layer:numpy:1"},
        {&pattern_layer_name, "arn:aws:lambda:us-east-1:123456789012:function:f"},
        {&pattern_layer_action, "lambda:*"},
        {&pattern_layer_principal, "12345"},
        {&pattern_layer_principal, "arn:aws:iam::123456789012:user/x"},
        {&pattern_layer_organization, "o-X"},
        {&pattern_function_arn, "f"},
        {&pattern_function_arn, "arn:aws:s3:::x"},
    };

    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        bool refused = !examples[i].pattern->matches(str_of(examples[i].text));

        if (!refused)
            printf("# accepted: %s\n", examples[i].text);
        ok(refused);
    }
}

TEST_MAIN(accepts_what_aws_accepts, refuses_what_aws_refuses)

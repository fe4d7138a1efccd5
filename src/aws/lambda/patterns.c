/*
 * patterns: each matcher stands directly above its text.  All are anchored at both ends, as AWS's are.
 */
#include "aws/lambda/patterns.h"

#include "codec/arn.h"

#define REGION_TEXT "(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}"
#define FN_HEAD "(arn:(aws[a-zA-Z-]*)?:lambda:)?(" REGION_TEXT ":)?(\\d{12}:)?(function:)?"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alphanumeric(char c)
{
    return is_digit(c) || is_letter(c);
}

/* Only letters, digits and the characters of `others`? */
static bool only(str s, const char *others)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_alphanumeric(s.at[i]) && (!s.at[i] || !strchr(others, s.at[i])))
            return false;
    return true;
}

static bool digits(str s, size_t min, size_t max)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_digit(s.at[i]))
            return false;
    return s.len >= min && s.len <= max;
}

/* Takes what is before ':' off the front. */
static str part(str *rest)
{
    str left;

    str_cut(*rest, ':', &left, rest);
    return left;
}

/* aws[a-zA-Z-]*, which may be missing */
static bool is_partition(str s)
{
    if (!str_starts(s, STR("aws")))
        return s.len == 0;
    for (size_t i = 3; i < s.len; i++)
        if (!is_letter(s.at[i]) && s.at[i] != '-')
            return false;
    return true;
}

static bool matches_fn_get(str s)
{
    struct arn arn;

    return arn_parse(s, &arn);
}
const struct shape_pattern pattern_fn_get = {FN_HEAD "([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?",
                                             matches_fn_get};

static bool matches_fn_create(str s)
{
    struct arn arn;

    return arn_parse(s, &arn) && arn_is_name(arn.name) && !str_eq(arn.qualifier, STR("$LATEST.PUBLISHED"));
}
const struct shape_pattern pattern_fn_create = {FN_HEAD "([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?",
                                                matches_fn_create};

static bool matches_qualifier(str s)
{
    return str_eq(s, STR("$LATEST.PUBLISHED")) || (s.len > 0 && only(s, "-_$"));
}
const struct shape_pattern pattern_qualifier = {"\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+", matches_qualifier};

static bool matches_alias(str s)
{
    return s.len > 0 && only(s, "-_") && !digits(s, 1, s.len);
}
const struct shape_pattern pattern_alias = {"(?!^[0-9]+$)([a-zA-Z0-9-_]+)", matches_alias};

static bool matches_number(str s)
{
    return digits(s, 1, s.len);
}
const struct shape_pattern pattern_number = {"[0-9]+", matches_number};

static bool matches_version(str s)
{
    return str_eq(s, STR("$LATEST")) || str_eq(s, STR("$LATEST.PUBLISHED")) || matches_number(s);
}
const struct shape_pattern pattern_version = {"(\\$LATEST|[0-9]+)", matches_version};

static bool matches_role(str s)
{
    return str_eq(part(&s), STR("arn")) && is_partition(part(&s)) && str_eq(part(&s), STR("iam")) &&
           part(&s).len == 0 && digits(part(&s), 12, 12) && str_starts(s, STR("role")) && s.len > 4 &&
           only(str_from(s, 4), "_+=,.@-/");
}
const struct shape_pattern pattern_role = {"arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+",
                                           matches_role};

static bool matches_handler(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == ' ' || (s.at[i] >= '\t' && s.at[i] <= '\r'))
            return false;
    return s.len > 0;
}
const struct shape_pattern pattern_handler = {"[^\\s]+", matches_handler};

static bool matches_variable(str s)
{
    return s.len >= 2 && is_letter(s.at[0]) && only(s, "_");
}
const struct shape_pattern pattern_variable = {"[a-zA-Z]([a-zA-Z0-9_])+", matches_variable};

static bool matches_statement_id(str s)
{
    return s.len > 0 && only(s, "-_");
}
const struct shape_pattern pattern_statement_id = {"([a-zA-Z0-9-_]+)", matches_statement_id};

static bool matches_action(str s)
{
    str name = str_from(s, strlen("lambda:"));

    if (str_eq(s, STR("*")) || str_eq(s, STR("lambda:*")))
        return true;
    for (size_t i = 0; i < name.len; i++)
        if (!is_letter(name.at[i]))
            return false;
    return str_starts(s, STR("lambda:")) && name.len > 0;
}
const struct shape_pattern pattern_action = {"(lambda:[*]|lambda:[a-zA-Z]+|[*])", matches_action};
const struct shape_pattern pattern_principal = {"[^\\s]+", matches_handler};

static bool matches_source_account(str s)
{
    return digits(s, 12, 12);
}
const struct shape_pattern pattern_source_account = {"\\d{12}", matches_source_account};

/* arn:PARTITION:SERVICE:[REGION]:[ACCOUNT]:anything */
static bool matches_arn(str s)
{
    str service, account, rest;

    if (!str_eq(part(&s), STR("arn")) || !str_starts(s, STR("aws")) || !only(part(&s), "-"))
        return false;
    service = part(&s);
    if (service.len == 0 || !only(service, "-") || !only(part(&s), "-"))
        return false;
    return str_cut(s, ':', &account, &rest) && (account.len == 0 || digits(account, 12, 12));
}
const struct shape_pattern pattern_arn = {"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:(" REGION_TEXT ")?:(\\d{12})?:(.*)",
                                          matches_arn};

static bool matches_organization(str s)
{
    str rest = str_from(s, 2);

    if (!str_starts(s, STR("o-")) || rest.len < 10 || rest.len > 32 || !only(rest, ""))
        return false;
    for (size_t i = 0; i < rest.len; i++)
        if (rest.at[i] >= 'A' && rest.at[i] <= 'Z')
            return false;
    return true;
}
const struct shape_pattern pattern_organization = {"^o-[a-z0-9]{10,32}$", matches_organization};

static bool matches_event_token(str s)
{
    return s.len > 0 && only(s, "._-");
}
const struct shape_pattern pattern_event_token = {"[a-zA-Z0-9._\\-]+", matches_event_token};

static bool matches_log_group(str s)
{
    return s.len > 0 && only(s, ".-_/#");
}
const struct shape_pattern pattern_log_group = {"[\\.\\-_/#A-Za-z0-9]+", matches_log_group};

static bool matches_subnet(str s)
{
    str rest = str_from(s, strlen("subnet-"));

    for (size_t i = 0; i < rest.len; i++)
        if (!is_digit(rest.at[i]) && !(rest.at[i] >= 'a' && rest.at[i] <= 'z'))
            return false;
    return str_starts(s, STR("subnet-"));
}
const struct shape_pattern pattern_subnet = {"subnet-[0-9a-z]*", matches_subnet};

static bool matches_security_group(str s)
{
    return str_starts(s, STR("sg-")) && only(str_from(s, strlen("sg-")), "");
}
const struct shape_pattern pattern_security_group = {"sg-[0-9a-zA-Z]*", matches_security_group};

/* arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION */
static bool matches_layer(str s)
{
    str region, name;

    if (!str_eq(part(&s), STR("arn")) || !is_partition(part(&s)) || !str_eq(part(&s), STR("lambda")))
        return false;
    region = part(&s);
    if (region.len == 0 || !only(region, "-") || !digits(part(&s), 12, 12) || !str_eq(part(&s), STR("layer")))
        return false;
    name = part(&s);
    return name.len > 0 && only(name, "-_") && matches_number(s);
}
const struct shape_pattern pattern_layer = {"(arn:(aws[a-zA-Z-]*)?:lambda:" REGION_TEXT
                                            ":\\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|"
                                            "(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)",
                                            matches_layer};

/* NAME, or arn:PARTITION:lambda:REGION:ACCOUNT:layer:NAME */
static bool matches_layer_name(str s)
{
    if (s.len > 0 && only(s, "-_"))
        return true;
    return str_eq(part(&s), STR("arn")) && only(part(&s), "-") && str_eq(part(&s), STR("lambda")) &&
           only(part(&s), "-") && digits(part(&s), 12, 12) && str_eq(part(&s), STR("layer")) && s.len > 0 &&
           only(s, "-_");
}
const struct shape_pattern pattern_layer_name = {
    "(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+", matches_layer_name};

static bool matches_layer_action(str s)
{
    return str_eq(s, STR("lambda:GetLayerVersion"));
}
const struct shape_pattern pattern_layer_action = {"lambda:GetLayerVersion", matches_layer_action};

/* An account, everybody, or an account's root. */
static bool matches_layer_principal(str s)
{
    if (str_eq(s, STR("*")) || digits(s, 12, 12))
        return true;
    return str_eq(part(&s), STR("arn")) && is_partition(part(&s)) && str_eq(part(&s), STR("iam")) &&
           part(&s).len == 0 && digits(part(&s), 12, 12) && str_eq(s, STR("root"));
}
const struct shape_pattern pattern_layer_principal = {"\\d{12}|\\*|arn:(aws[a-zA-Z-]*):iam::\\d{12}:root",
                                                      matches_layer_principal};
const struct shape_pattern pattern_layer_organization = {"o-[a-z0-9]{10,32}", matches_organization};

/* Tags are on ARNs only: of functions, event source mappings, code signing configurations, capacity providers. */
static bool matches_function_arn(str s)
{
    str region, kind;

    if (!str_eq(part(&s), STR("arn")) || !is_partition(part(&s)) || !str_eq(part(&s), STR("lambda")))
        return false;
    region = part(&s);
    if (region.len == 0 || !only(region, "-") || !digits(part(&s), 12, 12))
        return false;
    kind = part(&s);
    return (str_eq(kind, STR("function")) || str_eq(kind, STR("event-source-mapping")) ||
            str_eq(kind, STR("code-signing-config")) || str_eq(kind, STR("capacity-provider"))) &&
           s.len > 0 && only(s, "-_:$");
}
const struct shape_pattern pattern_function_arn = {
    "arn:(aws[a-zA-Z-]*):lambda:" REGION_TEXT ":\\d{12}:(function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?|"
    "code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-"
    "[a-f0-9]{12}|capacity-provider:[a-zA-Z0-9-_]+)",
    matches_function_arn};

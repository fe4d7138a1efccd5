#include "base/test.h"

#include "codec/json_read.h"
#include "gateway/proxy_event.h"

/* "{}" stands for any value: ids and moments. */
static void is_event(struct gateway_call *call, const char *expected)
{
    struct err err = {0};
    json_auto_t *made = NULL;
    json_auto_t *wanted = NULL;
    BUF_AUTO out = {0};

    buf_init(&out, 1024 * 1024);
    proxy_event_write(call, &out);
    ok(buf_ok(&out));
    ok(json_parse(buf_str(&out), &made, &err));
    ok(json_parse(str_of(expected), &wanted, &err));
    bool equal = json_equal(made, wanted);
    if (!equal)
        printf("# made   " STR_FMT "\n# wanted %s\n", STR_ARG(buf_str(&out)), expected);
    ok(equal);
}

static void writes_format_1_0(void)
{
    struct http_header headers[] = {
        {STR("host"), STR("ab12.execute-api.localhost:4566")},
        {STR("user-agent"), STR("curl/8")},
        {STR("x-Twice"), STR("1")},
        {STR("X-twice"), STR("2")},
        {STR("Content-Length"), STR("2")},
        {STR("connection"), STR("close")},
        {STR("AUTHORIZATION"), STR("t")},
        {STR("X-Forwarded-For"), STR("9.9.9.9")},
    };
    struct api_pair params[] = {{STR("proxy"), STR("a//b")}};
    struct api_pair variables[] = {{STR("color"), STR("red")}};
    struct api_stage stage = {.deployment_id = STR("dep123"), .variables = variables, .variables_count = 1};
    struct api_resource resource = {.id = STR("res123"), .path = STR("/{proxy+}")};
    struct gateway gateway = {.account = STR("000000000000")};
    struct http_exchange exchange = {.request = {
                                         .method = STR("POST"),
                                         .query = STR("k=x%2By&p=a+b&k=2;z&bad=%zz"),
                                         .host = headers[0].value,
                                         .headers = headers,
                                         .headers_count = 8,
                                         .body = STR("{}"),
                                         .remote_address = STR("127.0.0.1"),
                                     }};
    struct gateway_call call = {
        .gateway = &gateway,
        .exchange = &exchange,
        .address =
            {.named = true, .api = STR("ab12"), .stage = STR("test"), .path = STR("/a//b"), .full = STR("/test/a//b")},
        .stage = &stage,
        .resource = &resource,
        .params = params,
        .params_count = 1,
        .request_id = "11111111-2222-4333-8444-555555555555",
        .extended_id = STR("EXT="),
        .trace_id = STR("Root=1"),
        .now_ms = 1795330800123,
    };

    is_event(
        &call,
        "{\"resource\":\"/{proxy+}\",\"path\":\"/a//b\",\"httpMethod\":\"POST\","
        "\"headers\":{\"host\":\"ab12.execute-api.localhost:4566\",\"User-Agent\":\"curl/8\",\"x-Twice\":\"2\","
        "\"Authorization\":\"t\",\"X-Forwarded-For\":\"9.9.9.9, 127.0.0.1\",\"X-Forwarded-Port\":\"4566\","
        "\"X-Forwarded-Proto\":\"http\",\"X-Amzn-Trace-Id\":\"Root=1\"},"
        "\"multiValueHeaders\":{\"host\":[\"ab12.execute-api.localhost:4566\"],\"User-Agent\":[\"curl/8\"],"
        "\"x-Twice\":[\"1\",\"2\"],\"Authorization\":[\"t\"],\"X-Forwarded-For\":[\"9.9.9.9, 127.0.0.1\"],"
        "\"X-Forwarded-Port\":[\"4566\"],\"X-Forwarded-Proto\":[\"http\"],\"X-Amzn-Trace-Id\":[\"Root=1\"]},"
        "\"queryStringParameters\":{\"k\":\"2\",\"p\":\"a b\",\"z\":\"\",\"bad\":\"%zz\"},"
        "\"multiValueQueryStringParameters\":{\"k\":[\"x+y\",\"2\"],\"p\":[\"a b\"],\"z\":[\"\"],\"bad\":[\"%zz\"]},"
        "\"pathParameters\":{\"proxy\":\"a//b\"},\"stageVariables\":{\"color\":\"red\"},"
        "\"requestContext\":{\"accountId\":\"000000000000\",\"apiId\":\"ab12\",\"deploymentId\":\"dep123\","
        "\"domainName\":\"ab12.execute-api.localhost\",\"domainPrefix\":\"ab12\",\"extendedRequestId\":\"EXT=\","
        "\"httpMethod\":\"POST\",\"identity\":{\"accessKey\":null,\"accountId\":null,\"caller\":null,"
        "\"cognitoAuthenticationProvider\":null,\"cognitoAuthenticationType\":null,\"cognitoIdentityId\":null,"
        "\"cognitoIdentityPoolId\":null,\"principalOrgId\":null,\"sourceIp\":\"127.0.0.1\",\"user\":null,"
        "\"userAgent\":\"curl/8\",\"userArn\":null},\"path\":\"/test/a//b\",\"protocol\":\"HTTP/1.1\","
        "\"requestId\":\"11111111-2222-4333-8444-555555555555\",\"requestTime\":\"22/Nov/2026:07:00:00 +0000\","
        "\"requestTimeEpoch\":1795330800123,\"resourceId\":\"res123\",\"resourcePath\":\"/{proxy+}\","
        "\"stage\":\"test\"},\"body\":\"{}\",\"isBase64Encoded\":false}");
}

static void writes_null_for_what_is_absent_and_base64_for_bytes(void)
{
    struct api_pair types[] = {{.name = STR("image/*")}};
    struct api_stage stage = {.binary_types = types, .binary_types_count = 1};
    struct api_resource resource = {.path = STR("/")};
    struct gateway gateway = {0};
    struct http_header headers[] = {{STR("Content-Type"), STR("image/png")}};
    struct http_exchange exchange = {
        .request = {.method = STR("GET"), .headers = headers, .headers_count = 1, .host = STR("h")}};
    struct gateway_call call = {.gateway = &gateway, .exchange = &exchange, .stage = &stage, .resource = &resource};
    json_auto_t *event = NULL;
    struct err err = {0};
    BUF_AUTO out = {0};

    buf_init(&out, 1024 * 1024);
    proxy_event_write(&call, &out);
    ok(json_parse(buf_str(&out), &event, &err));
    ok(json_is_null(json_object_get(event, "queryStringParameters")));
    ok(json_is_null(json_object_get(event, "multiValueQueryStringParameters")));
    ok(json_is_null(json_object_get(event, "pathParameters")));
    ok(json_is_null(json_object_get(event, "stageVariables")));
    ok(json_is_null(json_object_get(event, "body")));
    ok(json_is_false(json_object_get(event, "isBase64Encoded")));

    json_decref(event);
    event = NULL;
    exchange.request.body = STR("\xff\x00\x01");
    buf_clear(&out);
    proxy_event_write(&call, &out);
    ok(json_parse(buf_str(&out), &event, &err));
    ok(str_eq(json_text(json_object_get(event, "body")), STR("/wAB")));
    ok(json_is_true(json_object_get(event, "isBase64Encoded")));
}

TEST_MAIN(writes_format_1_0, writes_null_for_what_is_absent_and_base64_for_bytes)

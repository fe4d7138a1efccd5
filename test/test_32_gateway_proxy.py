"""The Lambda proxy integration: the event of format 1.0, and what becomes of the result."""

import base64
import json
import re
import time

import pytest
from gateway_helpers import Api
from helpers import make_function, raw

CODE = """
    import json

    def handler(event, context):
        body = event["body"]
        if event["path"] == "/result":
            return json.loads(body)
        if event["path"] == "/raise":
            raise ValueError("it broke")
        return {"statusCode": 200, "body": json.dumps(event)}
"""


@pytest.fixture(scope="module")
def api(server):
    make_function(server.client("lambda"), "gateway-proxy", CODE)
    api = Api(server.client("apigateway"), server, binaryMediaTypes=["image/png", "application/x-*"])
    api.proxy("ANY", "/{proxy+}", "gateway-proxy")
    api.proxy("GET", "/users/{id}", "gateway-proxy")
    api.deploy(variables={"color": "red"})
    yield api
    api.client.delete_rest_api(restApiId=api.id)


def test_the_event(api, server):
    sent = {"X-Mine": "1", "Content-Type": "text/plain", "x-amzn-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793"}
    before = int(time.time() * 1000)
    status, headers, event = api.call("POST", "/a//b/?k=x%2By&p=a+b&k=2", "grüße".encode(), sent)
    assert status == 200 and headers["Content-Type"] == "application/json"
    context = event.pop("requestContext")
    event_headers, multi = event.pop("headers"), event.pop("multiValueHeaders")
    assert event == {
        "resource": "/{proxy+}", "path": "/a//b/", "httpMethod": "POST",
        "queryStringParameters": {"k": "2", "p": "a b"},
        "multiValueQueryStringParameters": {"k": ["x+y", "2"], "p": ["a b"]},
        "pathParameters": {"proxy": "a//b"}, "stageVariables": {"color": "red"},
        "body": "grüße", "isBase64Encoded": False,
    }
    assert multi == {name: [value] for name, value in event_headers.items()}
    assert event_headers["X-Forwarded-For"] == "127.0.0.1" and event_headers["X-Forwarded-Port"] == str(server.port)
    assert event_headers["X-Amzn-Trace-Id"].startswith("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=")
    assert not {name.lower() for name in event_headers} & {"connection", "content-length"}
    assert context["requestId"] == headers["x-amzn-RequestId"]
    assert context["extendedRequestId"] == headers["x-amz-apigw-id"]
    assert re.fullmatch(r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000", context["requestTime"])
    assert before - 1000 <= context["requestTimeEpoch"] <= before + 5000
    assert context["path"] == "/test/a//b/" and context["stage"] == "test" and context["apiId"] == api.id
    assert context["identity"]["sourceIp"] == "127.0.0.1" and context["identity"]["userArn"] is None
    assert set(context) == {
        "accountId", "apiId", "deploymentId", "domainName", "domainPrefix", "extendedRequestId", "httpMethod", "identity",
        "path", "protocol", "requestId", "requestTime", "requestTimeEpoch", "resourceId", "resourcePath", "stage",
    }


def test_what_is_absent_is_null(api):
    event = api.call("GET", "/users/7")[2]
    assert event["pathParameters"] == {"id": "7"} and event["resource"] == "/users/{id}"
    for name in ["queryStringParameters", "multiValueQueryStringParameters", "body"]:
        assert event[name] is None
    assert event["isBase64Encoded"] is False


def test_paths_are_not_decoded_queries_are(api, server):
    head = f"GET /_aws/execute-api/{api.id}/test/u%2Bx@y?a=%2B&%C3%A4=1;z HTTP/1.1\r\nHost: localhost\r\nX-a: 1\r\nx-A: 2\r\n"
    answer = raw(server, (head + "user-agent: me\r\nConnection: close\r\n\r\n").encode())
    event = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert event["path"] == "/u%2Bx@y" and event["pathParameters"] == {"proxy": "u%2Bx@y"}
    assert event["queryStringParameters"] == {"a": "+", "ä": "1", "z": ""}
    assert event["headers"]["X-a"] == "2" and event["multiValueHeaders"]["X-a"] == ["1", "2"]
    assert event["headers"]["User-Agent"] == "me"


def test_a_binary_body_is_base64(api):
    bytes_ = bytes(range(256))
    event = api.call("POST", "/x", bytes_, {"Content-Type": "image/png"})[2]
    assert event["isBase64Encoded"] is True and base64.b64decode(event["body"]) == bytes_
    event = api.call("POST", "/x", b"\xff\xfe", {"Content-Type": "text/plain"})[2]
    assert event["isBase64Encoded"] is False and event["body"] == "��"


def result(api, value, **headers):
    return api.call("POST", "/result", json.dumps(value).encode(), {"Content-Type": "text/plain"} | headers)


def test_results(api):
    status, headers, body = result(api, {"statusCode": "201", "headers": {"X-A": "1", "X-Yes": True, "Date": "then"},
                                         "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"], "x-a": ["0"]}, "body": "t"})
    assert (status, body) == (201, b"t")
    assert headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert headers.get_all("X-A") == ["0", "1"] and headers["X-Yes"] == "true"
    assert headers["x-amzn-Remapped-Date"] == "then"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Amzn-Trace-Id"].startswith("Root=1-")
    assert result(api, {})[::2] == (200, b"")
    assert result(api, {"headers": {"content-type": "text/html"}, "body": "<p>"})[1].get_all("Content-Type") == ["text/html"]
    assert result(api, {"statusCode": 204})[::2] == (204, b"")


@pytest.mark.parametrize("value", [
    None, "text", 5, [], {"status": 200}, {"statusCode": "x"}, {"statusCode": 200.5}, {"statusCode": 99},
    {"body": {"a": 1}}, {"headers": {"a": 1}}, {"headers": {"a": None}}, {"multiValueHeaders": {"a": "b"}},
    {"headers": {"a": "b\r\nc: d"}}, {"headers": {"a b": "c"}}, {"isBase64Encoded": "yes"},
], ids=str)
def test_malformed_results(api, value):
    status, headers, body = result(api, value)
    assert (status, body) == (502, {"message": "Internal server error"})
    assert headers["x-amzn-ErrorType"] == "InternalServerErrorException"
    assert "malformed" in headers["x-sculler-cause"]
    assert headers["c"] is None


def test_bytes_go_out_when_accept_asks_for_them(api):
    value = {"isBase64Encoded": True, "body": base64.b64encode(b"\x00\xff").decode(), "headers": {"Content-Type": "image/png"}}
    assert result(api, value, Accept="image/png")[2] == b"\x00\xff"
    assert result(api, value, Accept="image/png, */*")[2] == b"\x00\xff"
    assert result(api, value, Accept="*/*")[2] == b"AP8="
    status, headers, body = result(api, value | {"body": "!"}, Accept="image/png")
    assert (status, body) == (500, {"message": "Internal server error"})


def test_a_function_that_fails(api):
    status, headers, body = api.call("GET", "/raise")
    assert (status, body) == (502, {"message": "Internal server error"})
    assert headers["x-sculler-cause"] == "function gateway-proxy failed: ValueError: it broke"


def test_an_event_over_six_megabytes(api):
    status, headers, body = api.call("POST", "/x", b"x" * 6_300_000, {"Content-Type": "text/plain"})
    assert (status, body) == (413, {"message": "Request Too Long"})

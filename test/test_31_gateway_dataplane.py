"""The data plane: addresses, routing, MOCK and the Lambda integration that is not proxy."""

import json

import pytest
from gateway_helpers import Api, lambda_uri
from helpers import http, make_function, raw

JSON = {"Content-Type": "application/json"}

ECHO = """
    import time

    def handler(event, context):
        if isinstance(event, dict) and "raise" in event:
            raise RuntimeError(event["raise"])
        if isinstance(event, dict) and "sleep" in event:
            time.sleep(event["sleep"])
        if isinstance(event, dict) and "say" in event:
            return event["say"]
        return {"event": event}
"""


@pytest.fixture(scope="module")
def echo(server):
    make_function(server.client("lambda"), "gateway-echo", ECHO)
    return "gateway-echo"


@pytest.fixture
def api(apigw, server):
    api = Api(apigw, server)
    yield api
    apigw.delete_rest_api(restApiId=api.id)


def said(answer, status, message):
    code, headers, body = answer
    assert (code, body) == (status, {"message": message})
    assert headers["x-sculler-cause"] and headers["Content-Type"] == "application/json"
    return headers


# -- addresses and routing


def mock(api, verb, path, status="200", body="", **settings):
    template = {"application/json": json.dumps({"statusCode": int(status)})}
    response = {"responseTemplates": {"application/json": body}} if body else {}
    api.method(verb, path, {"type": "MOCK", "requestTemplates": template}, {status: response}, **settings)


def test_every_form_of_address(api, server):
    mock(api, "GET", "/a", body='"here"')
    api.deploy()
    forms = [
        (f"/_aws/execute-api/{api.id}/test/a", None),
        (f"/restapis/{api.id}/test/_user_request_/a", None),
        ("/test/a", f"{api.id}.execute-api.localhost:{server.port}"),
        ("/test/a/", f"{api.id}.execute-api.us-east-1.localhost"),
        ("//test/a", f"{api.id}.execute-api.localhost"),
    ]
    for path, host in forms:
        status, headers, body = http("GET", server.url + path, headers={"Host": host} if host else {})
        assert (status, body) == (200, b'"here"'), (path, host, headers["x-sculler-cause"])


def test_an_answer_carries_its_ids(api):
    mock(api, "GET", "/")
    api.deploy()
    _, headers, _ = api.call("GET", "/")
    assert len(headers["x-amzn-RequestId"]) == 36
    assert headers["x-amz-apigw-id"].endswith("=") and len(headers["x-amz-apigw-id"]) == 16
    assert headers["X-Amzn-Trace-Id"] is None  # a MOCK has none


def test_nobody_is_there(api, server):
    mock(api, "GET", "/a")
    api.deploy()
    headers = said(api.call("GET", "/b"), 403, "Missing Authentication Token")
    assert headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    said(api.call("POST", "/a"), 403, "Missing Authentication Token")
    assert api.call("HEAD", "/a")[0] == 403
    headers = said(api.call("GET", "/a", stage="other"), 403, "Forbidden")
    assert headers["x-amzn-ErrorType"] == "ForbiddenException" and "no stage 'other'" in headers["x-sculler-cause"]
    status, _, _ = http("GET", f"{server.url}/_aws/execute-api/nothere123/test/a")
    assert status == 403


def test_routing_falls_to_the_greedy_one(api):
    mock(api, "OPTIONS", "/a", body='"cors"')
    mock(api, "ANY", "/{proxy+}", body='"greedy"')
    mock(api, "GET", "/b/{id}", body='"one"')
    mock(api, "GET", "/b/me", body='"me"')
    api.deploy()
    for verb, path, who in [
        ("OPTIONS", "/a", "cors"), ("GET", "/a", "greedy"), ("GET", "/a/x/y", "greedy"), ("GET", "/b/1", "one"),
        ("GET", "/b/me", "me"), ("GET", "/b/me/", "me"), ("POST", "/b/me", "greedy"), ("GET", "/b", "greedy"),
    ]:
        assert api.call(verb, path)[2] == who, (verb, path)


def test_an_edit_shows_after_the_next_deployment(api):
    mock(api, "GET", "/a", body='"one"')
    api.deploy()
    mock(api, "GET", "/b")
    assert api.call("GET", "/b")[0] == 403
    api.deploy()
    assert api.call("GET", "/b")[0] == 200


def test_a_disabled_endpoint_is_forbidden(apigw, server):
    api = Api(apigw, server, disableExecuteApiEndpoint=True)
    mock(api, "GET", "/")
    api.deploy()
    said(api.call("GET", "/"), 403, "Forbidden")
    apigw.delete_rest_api(restApiId=api.id)


def test_a_method_that_wants_a_key_or_a_signature_is_shut(api):
    mock(api, "GET", "/key")
    mock(api, "GET", "/iam")
    api.client.put_method(**api.where("POST", "/key"), authorizationType="NONE", apiKeyRequired=True)
    api.client.put_integration(**api.where("POST", "/key"), type="MOCK")
    api.client.put_method(**api.where("POST", "/iam"), authorizationType="AWS_IAM")
    api.client.put_integration(**api.where("POST", "/iam"), type="MOCK")
    api.deploy()
    said(api.call("POST", "/key", b"{}"), 403, "Forbidden")
    said(api.call("POST", "/iam", b"{}"), 403, "Missing Authentication Token")


def test_a_body_that_is_too_large(api, server):
    mock(api, "POST", "/")
    api.deploy()
    head = f"POST /_aws/execute-api/{api.id}/test/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10485761\r\n\r\n"
    answer = raw(server, head.encode(), timeout=5)
    assert b" 413 " in answer.split(b"\r\n")[0] and b'{"message":"Request Too Long"}' in answer


def test_a_query_that_awss_front_door_refuses(api, server):
    mock(api, "GET", "/")
    api.deploy()
    answer = raw(server, f"GET /_aws/execute-api/{api.id}/test/?a={{b}} HTTP/1.1\r\nHost: localhost\r\n"
                         "Connection: close\r\n\r\n".encode())
    assert b" 400 " in answer.split(b"\r\n")[0]


# -- MOCK


def test_a_cors_preflight(api):
    headers = ["Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Date"]
    values = {
        "method.response.header.Access-Control-Allow-Origin": "'*'",
        "method.response.header.Access-Control-Allow-Methods": "'POST,OPTIONS'",
        "method.response.header.Date": "'then'",
    }
    api.method("OPTIONS", "/a", {"type": "MOCK", "requestTemplates": {"application/json": "{ 'statusCode': 204, }"}},
               {"204": {"responseParameters": values}}, headers)
    api.deploy()
    status, answer, body = api.call("OPTIONS", "/a", headers={"Origin": "http://page", "Access-Control-Request-Method": "POST"})
    assert (status, body) == (204, b"")
    assert answer["Access-Control-Allow-Origin"] == "*" and answer["Access-Control-Allow-Methods"] == "POST,OPTIONS"
    assert answer["x-amzn-Remapped-Date"] == "then"


def test_a_mock_selects_by_its_status(api):
    api.method("POST", "/", {"type": "MOCK"},
               {"200": {}, "404": {"selectionPattern": "4\\d\\d", "responseTemplates": {"application/json": '{"no":1}'}}})
    api.deploy()
    assert api.call("POST", "/", b'{"statusCode": 200}', JSON)[0] == 200
    assert api.call("POST", "/", b'{"statusCode": 404}', JSON)[::2] == (404, {"no": 1})
    said(api.call("POST", "/", b'{"statusCode": "404"}', JSON), 500, "Internal server error")


# -- Lambda, not proxy


def test_the_body_is_the_event(api, echo):
    api.plain("POST", "/", echo)
    api.deploy()
    for event in [{"a": [1, 2.5, None, "ü"]}, [], "text", 5]:
        status, headers, body = api.call("POST", "/", json.dumps(event).encode(), JSON)
        assert (status, body) == (200, {"event": event})
        assert headers["Content-Type"] == "application/json"
        assert headers["X-Amzn-Trace-Id"].startswith("Root=1-")
    assert api.call("POST", "/", None, JSON)[2] == {"event": {}}
    status, headers, body = api.call("POST", "/", b"{budgets:", JSON)
    assert status == 400 and body["message"].startswith("Could not parse request body into json")


def test_passthrough(api, echo):
    templates = {"application/json": "", "text/x-constant": '{"constant": true}', "text/x-vtl": "$input.path('$.a')"}
    api.plain("POST", "/match", echo, requestTemplates=templates)
    api.plain("POST", "/none", echo, requestTemplates=templates, passthroughBehavior="WHEN_NO_TEMPLATES")
    api.plain("POST", "/never", echo, passthroughBehavior="NEVER")
    api.deploy()

    def post(path, kind):
        return api.call("POST", path, b'{"a":1}', {"Content-Type": kind})

    assert post("/match", "application/json; charset=utf-8")[2] == {"event": {"a": 1}}
    assert post("/match", "text/plain")[2] == {"event": {"a": 1}}
    assert post("/match", "text/x-constant")[2] == {"event": {"constant": True}}
    headers = said(post("/match", "text/x-vtl"), 500, "Internal server error")
    assert "VTL" in headers["x-sculler-cause"]
    assert post("/none", "application/json")[2] == {"event": {"a": 1}}
    said(post("/none", "text/plain"), 415, "Unsupported Media Type")
    said(post("/never", "application/json"), 415, "Unsupported Media Type")


def test_an_unmapped_function_error_is_a_200(api, echo):
    api.plain("POST", "/", echo)
    api.deploy()
    status, headers, body = api.call("POST", "/", b'{"raise": "no such\\nbudget"}', JSON)
    assert status == 200 and body["errorMessage"] == "no such\nbudget" and body["errorType"] == "RuntimeError"
    assert headers["x-sculler-cause"] == "function gateway-echo failed: RuntimeError: no such budget"


def test_selection_patterns(api, echo):
    api.plain("POST", "/", echo, {
        "200": {},
        "404": {"selectionPattern": "NotFound.*", "responseTemplates": {"application/json": '{"gone": true}'},
                "responseParameters": {"method.response.header.X-Why": "integration.response.body.errorMessage",
                                       "method.response.header.X-Stage": "context.stage",
                                       "method.response.header.Server": "'mine'"}},
        "500": {"selectionPattern": "(\\n|.)+"},
    }, ["X-Why", "X-Stage", "Server"])
    api.deploy()
    status, headers, body = api.call("POST", "/", b'{"raise": "NotFound: 7"}', JSON)
    assert (status, body) == (404, {"gone": True})
    assert (headers["X-Why"], headers["X-Stage"]) == ("NotFound: 7", "test")
    assert headers["x-amzn-Remapped-Server"] == "mine"
    assert api.call("POST", "/", b'{"raise": "other"}', JSON)[0] == 500
    # an object that only looks like an error is matched too; a success never is
    assert api.call("POST", "/", b'{"say": {"errorMessage": "NotFound"}}', JSON)[0] == 404
    assert api.call("POST", "/", b'{"say": "NotFound"}', JSON)[::2] == (200, "NotFound")


def test_no_default_response_is_a_configuration_error(api, echo):
    api.plain("POST", "/", echo, {"400": {"selectionPattern": "Bad.*"}})
    api.deploy()
    headers = said(api.call("POST", "/", b"{}", JSON), 500, "Internal server error")
    assert headers["x-amzn-ErrorType"] == "ApiConfigurationException"


def test_the_time_is_over(api, echo):
    api.plain("POST", "/", echo, timeoutInMillis=200)
    api.deploy()
    headers = said(api.call("POST", "/", b'{"sleep": 1}', JSON), 504, "Endpoint request timed out")
    assert "200 ms" in headers["x-sculler-cause"]


def test_an_event_invocation_waits_for_nothing(api, echo):
    api.plain("POST", "/", echo, requestParameters={"integration.request.header.X-Amz-Invocation-Type": "'Event'"})
    api.deploy()
    assert api.call("POST", "/", b'{"sleep": 0.5}', JSON, )[::2] == (200, b"")


def test_no_such_function(api):
    api.plain("POST", "/", "not-there")
    api.plain("GET", "/", "arn:aws:lambda:us-east-1:000000000000:function:${stageVariables.nowhere}")
    api.deploy()
    headers = said(api.call("POST", "/", b"{}", JSON), 500, "Internal server error")
    assert "not-there" in headers["x-sculler-cause"]
    said(api.call("GET", "/"), 500, "Internal server error")


def test_a_stage_variable_names_the_function(api, echo):
    api.plain("POST", "/", "arn:aws:lambda:us-east-1:000000000000:function:${stageVariables.fn}")
    api.deploy(variables={"fn": echo})
    assert api.call("POST", "/", b"{}", JSON)[0] == 200
    api.client.update_stage(restApiId=api.id, stageName="test",
                            patchOperations=[{"op": "replace", "path": "/variables/fn", "value": "other"}])
    assert api.call("POST", "/", b"{}", JSON)[0] == 500


def test_an_integration_that_is_not_post(api, echo):
    api.method("GET", "/", {"type": "AWS", "integrationHttpMethod": "GET", "uri": lambda_uri(echo)}, {"200": {}})
    api.deploy()
    said(api.call("GET", "/"), 500, "Internal server error")


def test_stages_survive_a_restart(own_server):
    server = own_server()
    api = Api(server.client("apigateway"), server)
    mock(api, "GET", "/a", body='"still"')
    api.deploy()
    server.restart()
    assert api.call("GET", "/a")[2] == "still"


def test_the_api_named_sculler_has_the_short_address(own_server):
    server = own_server()
    client = server.client("apigateway")
    assert http("GET", server.url + "/test/a")[0] == 403
    api = Api(client, server, name="sculler")
    mock(api, "GET", "/a", body='"short"')
    api.deploy()
    assert http("GET", server.url + "/test/a/")[::2] == (200, b'"short"')
    server.restart()
    assert http("GET", server.url + "/test/a")[::2] == (200, b'"short"')
    client.delete_rest_api(restApiId=api.id)
    assert http("GET", server.url + "/test/a")[0] == 403

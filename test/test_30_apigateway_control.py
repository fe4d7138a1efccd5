"""API Gateway's control operations, as unmodified boto3 sends them."""

import pytest
from botocore.exceptions import ClientError
from gateway_helpers import Api, lambda_uri


@pytest.fixture
def api(apigw, server):
    api = Api(apigw, server)
    yield api
    try:
        apigw.delete_rest_api(restApiId=api.id)
    except apigw.exceptions.NotFoundException:
        pass


def refused(call, code, text):
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    assert error["Code"] == code
    assert text in error["Message"]
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def status(answer):
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def body(answer):
    return {k: v for k, v in answer.items() if k != "ResponseMetadata"}


# -- APIs


def test_an_api_has_awss_defaults(apigw):
    made = apigw.create_rest_api(name="shop")
    try:
        assert status(made) == 201
        assert len(made["id"]) == 10 and made["id"] == made["id"].lower() and len(made["rootResourceId"]) == 6
        assert body(made) == {
            "id": made["id"],
            "name": "shop",
            "createdDate": made["createdDate"],
            "apiKeySource": "HEADER",
            "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv4"},
            "disableExecuteApiEndpoint": False,
            "rootResourceId": made["rootResourceId"],
        }
        got = apigw.get_rest_api(restApiId=made["id"])
        assert body(got) == body(made) | {"tags": {}}
    finally:
        gone = apigw.delete_rest_api(restApiId=made["id"])
    assert status(gone) == 202
    assert refused(lambda: apigw.get_rest_api(restApiId=made["id"]), "NotFoundException",
                   "Invalid API identifier specified 000000000000:" + made["id"]) == 404


def test_what_was_said_of_an_api_comes_back(apigw):
    said = {
        "description": "all of it",
        "version": "v1",
        "binaryMediaTypes": ["image/png", "*/*"],
        "minimumCompressionSize": 10,
        "apiKeySource": "AUTHORIZER",
        "endpointConfiguration": {"types": ["REGIONAL"]},
        "tags": {"team": "budget"},
        "disableExecuteApiEndpoint": True,
    }
    made = apigw.create_rest_api(name="full", **said)
    apigw.delete_rest_api(restApiId=made["id"])
    said["endpointConfiguration"] = {"types": ["REGIONAL"], "ipAddressType": "ipv4"}
    assert {k: made[k] for k in said} == said


@pytest.mark.parametrize("settings,text", [
    ({"description": ""}, "Description cannot be an empty string"),
    ({"endpointConfiguration": {"types": []}}, "REGIONAL Configuration and EDGE Configuration cannot be both DISABLED."),
    ({"endpointConfiguration": {"types": ["EDGE", "REGIONAL"]}}, "Cannot create an api with multiple Endpoint Types."),
    ({"minimumCompressionSize": -1}, "Invalid minimum compression size, must be between 0 and 10485760"),
    ({"policy": "{}"}, "Resource policies are not enforced"),
])
def test_an_api_that_cannot_be(apigw, settings, text):
    assert refused(lambda: apigw.create_rest_api(name="x", **settings), "BadRequestException", text) == 400


def test_lists_are_paged(apigw):
    made = [apigw.create_rest_api(name=f"page-{i}")["id"] for i in range(5)]
    try:
        pages = list(apigw.get_paginator("get_rest_apis").paginate(PaginationConfig={"PageSize": 2}))
        assert all(len(page["items"]) <= 2 for page in pages)
        listed = [item["id"] for page in pages for item in page["items"]]
        assert [id for id in listed if id in made] == made and len(listed) == len(set(listed))
        assert "position" not in pages[-1]
    finally:
        for id in made:
            apigw.delete_rest_api(restApiId=id)


# -- resources


def test_resources_make_a_tree(api):
    made = api.client.create_resource(restApiId=api.id, parentId=api.root, pathPart="users")
    assert status(made) == 201
    assert body(made) == {"id": made["id"], "parentId": api.root, "pathPart": "users", "path": "/users"}
    child = api.client.create_resource(restApiId=api.id, parentId=made["id"], pathPart="{id}")
    assert child["path"] == "/users/{id}"
    assert api.client.get_resource(restApiId=api.id, resourceId=child["id"])["path"] == "/users/{id}"
    items = api.client.get_resources(restApiId=api.id)["items"]
    assert [i["path"] for i in items] == ["/", "/users", "/users/{id}"]
    assert items[0] == {"id": api.root, "path": "/"}
    assert status(api.client.delete_resource(restApiId=api.id, resourceId=made["id"])) == 202
    assert [i["path"] for i in api.client.get_resources(restApiId=api.id)["items"]] == ["/"]


def test_resources_that_cannot_be(api):
    proxy = api.resource("/{proxy+}")
    api.resource("/a")

    def make(parent, part):
        return lambda: api.client.create_resource(restApiId=api.id, parentId=parent, pathPart=part)

    refused(make(api.root, "a"), "ConflictException", "Another resource with the same parent already has this name: a")
    refused(make(proxy, "b"), "BadRequestException",
            "Cannot create a child of a resource with a greedy path variable: {proxy+}")
    refused(make(api.root, "{x}"), "BadRequestException",
            "A sibling ({proxy+}) of this resource already has a variable path part -- only one is allowed")
    for part in ["a b", "{", "{}", "a/b", "{a}b", "ä", ""]:
        refused(make(api.root, part), "BadRequestException", "path part")
    refused(make("nowhere", "b"), "NotFoundException", "Invalid Resource identifier specified")
    refused(lambda: api.client.get_resources(restApiId="nowhere"), "NotFoundException",
            "Invalid Resource identifier specified")


# -- methods and integrations


def test_a_method_and_all_that_hangs_on_it(api):
    where = api.where("POST", "/match")
    made = api.client.put_method(**where, authorizationType="NONE",
                                 requestParameters={"method.request.header.X-A": True})
    assert status(made) == 201
    assert body(made) == {"httpMethod": "POST", "authorizationType": "NONE", "apiKeyRequired": False,
                          "requestParameters": {"method.request.header.X-A": True}}
    made = api.client.put_integration(**where, type="AWS", integrationHttpMethod="POST", uri=lambda_uri("f"),
                                      requestTemplates={"text/plain": ""})
    assert status(made) == 201
    integration = {
        "type": "AWS", "httpMethod": "POST", "uri": lambda_uri("f"), "passthroughBehavior": "WHEN_NO_MATCH",
        "requestTemplates": {"text/plain": None}, "timeoutInMillis": 29000, "cacheNamespace": where["resourceId"],
        "cacheKeyParameters": [],
    }
    assert body(made) == integration
    made = api.client.put_method_response(**where, statusCode="200",
                                          responseParameters={"method.response.header.X-B": False},
                                          responseModels={"application/json": "Empty"})
    method_response = body(made)
    assert method_response == {"statusCode": "200", "responseParameters": {"method.response.header.X-B": False},
                               "responseModels": {"application/json": "Empty"}}
    made = api.client.put_integration_response(**where, statusCode="200", selectionPattern="",
                                               responseParameters={"method.response.header.X-B": "'b'"},
                                               responseTemplates={"application/json": ""})
    integration_response = body(made)
    assert integration_response == {"statusCode": "200", "selectionPattern": "",
                                    "responseParameters": {"method.response.header.X-B": "'b'"},
                                    "responseTemplates": {"application/json": None}}
    whole = body(api.client.get_method(**where))
    assert whole["methodResponses"] == {"200": method_response}
    assert whole["methodIntegration"] == integration | {"integrationResponses": {"200": integration_response}}
    items = api.client.get_resources(restApiId=api.id)["items"]
    assert items[1]["resourceMethods"] == {"POST": {}}
    items = api.client.get_resources(restApiId=api.id, embed=["methods"])["items"]
    assert items[1]["resourceMethods"] == {"POST": whole}

    assert body(api.client.get_integration_response(**where, statusCode="200")) == integration_response
    assert body(api.client.get_method_response(**where, statusCode="200")) == method_response
    assert status(api.client.delete_integration_response(**where, statusCode="200")) == 204
    assert status(api.client.delete_integration(**where)) == 204
    refused(lambda: api.client.get_integration(**where), "NotFoundException", "Invalid Integration identifier specified")
    assert status(api.client.delete_method_response(**where, statusCode="200")) == 204
    assert status(api.client.delete_method(**where)) == 204
    refused(lambda: api.client.get_method(**where), "NotFoundException", "Invalid Method identifier specified")


def test_methods_that_cannot_be(api):
    put = api.client.put_method
    refused(lambda: put(**api.where("FETCH", "/a"), authorizationType="NONE"), "BadRequestException",
            "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY")
    refused(lambda: put(**api.where("GET", "/a"), authorizationType="CUSTOM"), "BadRequestException",
            "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a "
            "valid authorizer.")
    refused(lambda: put(**api.where("GET", "/a"), authorizationType="NONE", requestValidatorId="abc123"),
            "BadRequestException", "Invalid Request Validator identifier specified")
    refused(lambda: put(**api.where("GET", "/a"), authorizationType="NONE", requestModels={"a/b": "Mine"}),
            "BadRequestException", "Invalid model identifier specified: Mine")
    put(**api.where("GET", "/a"), authorizationType="NONE")
    assert refused(lambda: put(**api.where("GET", "/a"), authorizationType="NONE"), "ConflictException",
                   "Method already exists for this resource") == 409


def test_integrations_that_cannot_be(api):
    where = api.where("GET", "/a")
    api.client.put_method(**where, authorizationType="NONE")

    def put(**settings):
        return lambda: api.client.put_integration(**where, **settings)

    refused(put(type="WRONG"), "ValidationException",
            "Value 'WRONG' at 'putIntegrationInput.type' failed to satisfy constraint: Member must satisfy enum value set: "
            "[HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS]")
    refused(put(type="AWS"), "BadRequestException", "Enumeration value for HttpMethod must be non-empty")
    post = {"integrationHttpMethod": "POST"}
    refused(put(type="AWS", uri="x", **post), "BadRequestException", "Invalid ARN specified in the request")
    refused(put(type="AWS", uri="arn:aws:apigateway:us-east-1:lambda:x", **post), "BadRequestException",
            "AWS ARN for integration must contain path or action")
    queue = "arn:aws:apigateway:us-east-1:sqs:path/000000000000/q"
    refused(put(type="AWS_PROXY", uri=queue, **post), "BadRequestException",
            "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations.")
    refused(put(type="AWS", uri=queue, **post), "BadRequestException", "sqs")
    refused(put(type="HTTP_PROXY", uri="http://x/", integrationHttpMethod="GET"), "BadRequestException", "not served")
    refused(put(type="MOCK", requestParameters={"integration.request.header.X": "nonsense"}), "BadRequestException",
            "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression "
            "specified: nonsense]")
    refused(put(type="MOCK", timeoutInMillis=10), "BadRequestException", "Timeout should be between 50 ms")
    put(type="MOCK")()
    refused(lambda: api.client.put_integration_response(**where, statusCode="200"), "NotFoundException",
            "Invalid Response status code specified")
    refused(lambda: api.client.put_integration_response(**where, statusCode="20x"), "ValidationException",
            "Value '20x' at 'statusCode' failed to satisfy constraint: Member must satisfy regular expression pattern: "
            "[1-5]\\d\\d")
    api.client.put_method_response(**where, statusCode="200")
    refused(lambda: api.client.put_integration_response(
        **where, statusCode="200", responseParameters={"method.response.header.X": "'x'"}),
        "BadRequestException", "Invalid mapping expression parameter specified: method.response.header.X")
    refused(lambda: api.client.put_integration_response(**where, statusCode="200", responseTemplates={"x": ""}),
            "BadRequestException", "errors : [Invalid content type specified: x]")


# -- deployments and stages


def mock(api, verb="GET", path="/"):
    api.method(verb, path, {"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": 200}'}}, {"200": {}})


def test_a_deployment_needs_methods_with_integrations(api):
    deploy = lambda: api.client.create_deployment(restApiId=api.id)  # noqa: E731
    refused(deploy, "BadRequestException", "The REST API doesn't contain any methods")
    api.client.put_method(**api.where("GET", "/"), authorizationType="NONE")
    refused(deploy, "BadRequestException", "No integration defined for method")
    api.client.put_integration(**api.where("GET", "/"), type="MOCK")
    made = deploy()
    assert status(made) == 201
    assert set(body(made)) == {"id", "createdDate"}
    assert body(api.client.get_deployment(restApiId=api.id, deploymentId=made["id"])) == body(made)
    assert api.client.get_deployments(restApiId=api.id)["items"] == [body(made)]
    assert status(api.client.delete_deployment(restApiId=api.id, deploymentId=made["id"])) == 202
    refused(lambda: api.client.get_deployment(restApiId=api.id, deploymentId=made["id"]), "NotFoundException",
            "Invalid Deployment identifier specified")


def test_the_life_of_a_stage(api):
    mock(api)
    first, second = (api.client.create_deployment(restApiId=api.id)["id"] for _ in range(2))
    where = {"restApiId": api.id, "stageName": "test"}
    made = api.client.create_stage(**where, deploymentId=first, description="d", variables={"color": "red"})
    assert status(made) == 201
    assert body(made) == {
        "deploymentId": first, "stageName": "test", "description": "d", "cacheClusterEnabled": False,
        "cacheClusterStatus": "NOT_AVAILABLE", "methodSettings": {}, "variables": {"color": "red"},
        "tracingEnabled": False, "createdDate": made["createdDate"], "lastUpdatedDate": made["lastUpdatedDate"],
    }
    refused(lambda: api.client.create_stage(**where, deploymentId=first), "ConflictException", "Stage already exists")
    refused(lambda: api.client.create_stage(restApiId=api.id, stageName="x", deploymentId="nope"), "BadRequestException",
            "Deployment id does not exist")
    refused(lambda: api.client.create_stage(restApiId=api.id, stageName="a b", deploymentId=first),
            "BadRequestException", "Stage name only allows")
    patched = api.client.update_stage(**where, patchOperations=[
        {"op": "replace", "path": "/deploymentId", "value": second},
        {"op": "replace", "path": "/variables/size", "value": "9"},
        {"op": "remove", "path": "/variables/color"},
        {"op": "replace", "path": "/description", "value": "e"},
    ])
    assert status(patched) == 200
    assert (patched["deploymentId"], patched["variables"], patched["description"]) == (second, {"size": "9"}, "e")
    assert body(api.client.get_stage(**where)) == body(patched)
    refused(lambda: api.client.update_stage(**where, patchOperations=[{"op": "replace", "path": "/x", "value": "1"}]),
            "BadRequestException", "Invalid method setting path: /x")
    refused(lambda: api.client.update_stage(**where, patchOperations=[{"op": "spin", "path": "/x"}]),
            "ValidationException", "updateStageInput.patchOperations.1.member.op")
    refused(lambda: api.client.delete_deployment(restApiId=api.id, deploymentId=second), "BadRequestException",
            "Active stages pointing to this deployment must be moved or deleted")
    assert [s["stageName"] for s in api.client.get_stages(restApiId=api.id)["item"]] == ["test"]
    assert status(api.client.delete_stage(**where)) == 202
    refused(lambda: api.client.get_stage(**where), "NotFoundException", "Invalid stage identifier specified")


def test_a_deployment_moves_its_stage_and_keeps_the_rest(api):
    mock(api)
    api.deploy(variables={"a": "1"}, stageDescription="kept")
    second = api.deploy()
    stage = api.client.get_stage(restApiId=api.id, stageName="test")
    assert (stage["deploymentId"], stage["variables"], stage["description"]) == (second, {"a": "1"}, "kept")


def test_an_api_with_stages_is_deleted_whole(api):
    mock(api)
    api.deploy()
    assert api.call("GET", "/")[0] == 200
    api.client.delete_rest_api(restApiId=api.id)
    assert api.call("GET", "/")[0] == 403


def test_account(apigw):
    assert body(apigw.get_account()) == {
        "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0}, "features": ["UsagePlans"], "apiKeyVersion": "4",
    }

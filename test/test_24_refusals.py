"""Who may not call, what may not be asked, and the words for it."""

import base64
import io
import json
import os
import socket
import urllib.request
import zipfile

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import pytest
from botocore.exceptions import ClientError
from helpers import ROLE, http, invoke, make_function, raw, status_of, wait_until, zip_of
from test_20_lambda_control import CODE, create, fn, refused

PATH = "/2015-03-31/functions"


def signed(server, method, path, body=b"", service="lambda", key=None, secret=None, headers=None):
    """A request as an SDK would sign it, of anything; (status, headers, body)."""
    keys = server.credentials
    request = botocore.awsrequest.AWSRequest(method, server.url + path, data=body, headers=headers or {})
    credentials = botocore.credentials.Credentials(key or keys["access_key_id"], secret or keys["secret_access_key"])
    botocore.auth.SigV4Auth(credentials, service, keys["region"]).add_auth(request)
    return http(method, server.url + path, body or None, dict(request.headers))


def test_unsigned_is_refused_and_told_what_to_do(server):
    status, headers, body = http("GET", server.url + PATH)
    assert (status, headers["x-amzn-ErrorType"]) == (403, "MissingAuthenticationTokenException")
    message = json.loads(body)["message"]
    assert message.startswith("Missing Authentication Token")
    assert 'eval "$(sculler env)"' in message
    assert "sculler env" in headers["x-sculler-hint"]


def client_with(server, key, secret):
    return boto3.client(
        "lambda",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )


def test_an_unknown_key_is_refused(server):
    lam = client_with(server, "test", "test")
    message = refused("UnrecognizedClientException", 403, lam.list_functions)
    assert message.startswith("The security token included in the request is invalid.")
    assert "sculler env" in message
    refused("UnrecognizedClientException", 403, create, lam=lam, name="x")


def test_a_wrong_secret_is_refused(server):
    lam = client_with(server, server.credentials["access_key_id"], "x" * 40)
    message = refused("InvalidSignatureException", 403, lam.list_functions)
    assert message == (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details."
    )


def test_sts_refuses_in_its_own_protocol(server):
    sts = boto3.client("sts", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with pytest.raises(ClientError) as caught:
        sts.get_caller_identity()
    assert caught.value.response["Error"]["Code"] == "InvalidClientTokenId"


def test_unknown_services_and_operations(server):
    status, headers, body = signed(server, "GET", "/x", service="dynamodb")
    assert (status, headers["x-amzn-ErrorType"]) == (404, "UnknownServiceException")
    assert "lambda" in json.loads(body)["message"]
    status, headers, body = signed(server, "GET", "/x", service="s3")  # its clients read XML
    assert (status, headers["Content-Type"]) == (404, "text/xml")
    assert b"<Code>UnknownServiceException</Code><Message>The service 's3' is not here" in body
    status, headers, _ = signed(server, "GET", "/2025-11-30/capacity-providers")
    assert (status, headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")
    assert headers["x-amzn-RequestId"]


def test_old_sdks_send_a_trailing_slash(server):
    assert signed(server, "GET", PATH + "/")[0] == 200
    assert signed(server, "GET", "/2016-08-19/account-settings/")[0] == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"FunctionName": 1}', b'{"FunctionName": "a", "FunctionName": "a"}'])
def test_bad_json(server, body):
    status, headers, _ = signed(server, "POST", PATH, body)
    assert (status, headers["x-amzn-ErrorType"]) == (400, "SerializationException")


def test_bodies_have_limits(server):
    status, headers, body = signed(server, "POST", "/2017-03-31/tags/x", b" " * (1024 * 1024 + 1))
    assert (status, headers["x-amzn-ErrorType"]) == (413, "RequestEntityTooLargeException")
    assert json.loads(body)["message"] == "Request must be smaller than 1048576 bytes for the TagResource operation"


def test_names(server, lam, name):
    make = lambda name: create(lam, name)  # noqa: E731
    message = refused("InvalidParameterValueException", 400, make, name="x" * 65)
    assert message == (
        f"1 validation error detected: Value '{'x' * 65}' at 'functionName' failed to satisfy constraint: "
        "Member must have length less than or equal to 64"
    )
    message = refused("ValidationException", 400, make, name="y" * 141)
    assert message.endswith("Member must have length less than or equal to 140")
    assert "at 'functionName' failed" in refused("ValidationException", 400, make, name="a b")
    refused("ValidationException", 400, make, name="a:$latest")
    message = refused("ValidationException", 400, lam.get_function, FunctionName="a b", Qualifier="c d")
    assert message.startswith("2 validation errors detected: Value 'c d' at 'qualifier' failed")
    message = refused("InvalidParameterValueException", 400, lam.get_function, FunctionName="a:b", Qualifier="c")
    assert message == "The derived qualifier from the function name does not match the specified qualifier."
    message = refused("ResourceNotFoundException", 404, lam.get_function, FunctionName="x" * 65)
    assert message == f"Function not found: {fn(server, 'x' * 65)}"


def test_other_regions_and_accounts(server, lam):
    keys = server.credentials
    other = f"arn:aws:lambda:mars-east-1:{keys['account']}:function:f"
    refused("ValidationException", 400, lam.get_function, FunctionName=other)
    other = f"arn:aws:lambda:ap-south-2:{keys['account']}:function:f"
    message = refused("ResourceNotFoundException", 404, lam.get_function, FunctionName=other)
    assert message == f"Functions from 'ap-south-2' are not reachable in this region ('{keys['region']}')"
    refused(
        "AccessDeniedException",
        403,
        lam.get_function,
        FunctionName=f"arn:aws:lambda:{keys['region']}:999999999999:function:f",
    )


def test_create_faults(lam, name):
    def fault(code, **settings):
        return refused(code, 400, create, lam=lam, name=name, **settings)

    message = fault("InvalidParameterValueException", Runtime="PYTHON3.11")
    assert message.startswith(
        "Value PYTHON3.11 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [nodejs20.x, "
    )
    assert message.endswith("] or be a valid ARN")
    message = fault("InvalidParameterValueException", Runtime="python3.7")
    assert message.startswith("The runtime parameter of python3.7 is no longer supported")
    assert "python3.11" in fault("InvalidParameterValueException", Runtime="nodejs22.x")
    message = fault("ValidationException", Role="r")
    assert message == (
        "1 validation error detected: Value 'r' at 'role' failed to satisfy constraint: Member must satisfy regular "
        "expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+"
    )
    message = fault("ValidationException", Architectures=["X86_64"])
    assert message.endswith(
        "Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member must "
        "satisfy enum value set: [x86_64, arm64], Member must not be null]"
    )
    message = fault("InvalidParameterValueException", Code={"ZipFile": b"not a zip"})
    assert message == "Could not unzip uploaded file. Please check your file, then try to upload again."
    message = fault("InvalidParameterValueException", Code={"S3Bucket": "bucket", "S3Key": "key"})
    assert message.startswith("Error occurred while GetObject. S3 Error Code: NoSuchBucket.")
    message = fault("InvalidParameterValueException", Environment={"Variables": {"AWS_REGION": "x"}})
    assert message.endswith("Reserved keys used in this request: AWS_REGION")
    message = fault("InvalidParameterValueException", Environment={"Variables": {"KEY": "x" * 4096}})
    assert 'exceeded the 4KB limit. String measured: {"KEY":"xxx' in message
    layer = "arn:aws:lambda:us-east-1:000000000000:layer:numpy:1"
    message = fault("InvalidParameterValueException", Layers=[layer])
    assert message == f"Layer version {layer} does not exist."
    message = fault("ValidationException", SnapStart={"ApplyOn": "x"})
    assert "'snapStart.applyOn'" in message
    assert message.endswith("[PublishedVersions, None]")
    refused("ResourceNotFoundException", 404, lam.get_function, FunctionName=name)  # nothing was left behind


def test_a_name_that_is_taken(lam, name):
    create(lam, name)
    assert refused("ResourceConflictException", 409, create, lam=lam, name=name) == f"Function already exist: {name}"


def test_list_faults(lam):
    message = refused("ValidationException", 400, lam.list_functions, FunctionVersion="invalid")
    assert message.endswith("Member must satisfy enum value set: [ALL]")


def test_awss_limits_when_asked_for(own_server, name):
    server = own_server("--aws-limits", "on")
    lam = server.client("lambda")
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("main.py", CODE)
        archive.writestr("data.bin", bytes(51 << 20))
    message = refused(
        "RequestEntityTooLargeException", 413, create, lam=lam, name=name, Code={"ZipFile": body.getvalue()}
    )
    assert message in (
        "Zipped size must be smaller than 52428800 bytes",
        "Request must be smaller than 70167211 bytes for the CreateFunction operation",
    )
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("main.py", CODE)
        archive.writestr("data.bin", bytes(251 << 20))
    message = refused("InvalidParameterValueException", 400, create, lam=lam, name=name, Code={"ZipFile": body.getvalue()})
    assert message == "Unzipped size must be smaller than 262144000 bytes"


def test_what_would_not_fit_aws_is_told(server, lam, name):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("main.py", CODE)
        archive.writestr("data.bin", bytes(251 << 20))
    made = create(lam, name, Code={"ZipFile": body.getvalue()})
    notice = made["ResponseMetadata"]["HTTPHeaders"]["x-sculler-notice"]
    assert "would not fit AWS Lambda" in notice
    assert "251.0 MB unzipped" in notice


def test_status_and_logs_are_ours(server):
    status, _, body = signed(server, "GET", "/v1/status", service="sculler")
    assert status == 200
    assert {"version", "pool", "interpreters"} <= set(json.loads(body))
    status, headers, _ = signed(server, "GET", "/v1/logs?limit=1")
    assert (status, headers["Content-Type"]) == (200, "application/x-ndjson")
    assert signed(server, "GET", "/v1/logs?limit=0")[0] == 400
    assert http("GET", server.url + "/v1/logs")[0] == 403


def test_logs_follow(server, lam, name):
    make_function(lam, name, CODE)
    first = invoke(lam, name, 1)
    keys = server.credentials
    path = f"/v1/logs?follow=true&function={name}"
    request = botocore.awsrequest.AWSRequest("GET", server.url + path)
    credentials = botocore.credentials.Credentials(keys["access_key_id"], keys["secret_access_key"])
    botocore.auth.SigV4Auth(credentials, "sculler", keys["region"]).add_auth(request)
    with urllib.request.urlopen(urllib.request.Request(server.url + path, headers=dict(request.headers)), timeout=10) as lines:
        record = json.loads(lines.readline())
        assert (record["request_id"], record["output"], record["status"]) == (first.request_id, "1", 200)
        second = invoke(lam, name, 2)
        assert json.loads(lines.readline())["request_id"] == second.request_id


def test_auth_off_asks_for_nothing(own_server):
    server = own_server("--auth", "off")
    status, _, body = http("GET", server.url + PATH)
    assert (status, json.loads(body)) == (200, {"Functions": []})
    lam = client_with(server, "test", "test")
    assert create(lam, "f", Role=ROLE, Code={"ZipFile": zip_of(CODE)})["State"] == "Pending"


def raw_create(server, name, body):
    """CreateFunction's bytes as they go on the wire."""
    keys = server.credentials
    request = botocore.awsrequest.AWSRequest("POST", server.url + PATH, data=body)
    credentials = botocore.credentials.Credentials(keys["access_key_id"], keys["secret_access_key"])
    botocore.auth.SigV4Auth(credentials, "lambda", keys["region"]).add_auth(request)
    lines = [f"POST {PATH} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", f"Content-Length: {len(body)}"]
    lines += [f"{key}: {value}" for key, value in request.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def creation(name, package):
    code = base64.b64encode(package).decode() if isinstance(package, bytes) else package
    return json.dumps(
        {"FunctionName": name, "Role": ROLE, "Runtime": "python3.11", "Handler": "main.handler", "Code": {"ZipFile": code}}
    ).encode()


def test_a_client_that_leaves_in_the_middle_leaves_nothing(server, lam, name):
    packages = server.state / "state/packages"
    before = sorted(path.name for path in packages.iterdir())
    package = raw_create(server, name, creation(name, os.urandom(1 << 20)))
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.sendall(package[: len(package) // 2])
    wait_until(lambda: sorted(path.name for path in packages.iterdir()) == before, "the half package is gone", 10)
    refused("ResourceNotFoundException", 404, lam.get_function, FunctionName=name)


def test_a_package_that_is_not_base64_is_refused(server, name):
    answer = raw(server, raw_create(server, name, creation(name, "UEsDBA==!!" + "A" * 100000)), timeout=3)
    assert status_of(answer) == 400
    assert b"x-amzn-ErrorType: SerializationException" in answer


def test_a_package_whose_signature_is_wrong_is_not_kept(server, name):
    packages = server.state / "state/packages"
    before = sorted(path.name for path in packages.iterdir())
    body = creation(name, zip_of({"main.py": CODE, "r": os.urandom(100)}))
    answer = raw(server, raw_create(server, name, body).replace(b"main.handler", b"nain.handler"), timeout=3)
    assert status_of(answer) == 403
    assert sorted(path.name for path in packages.iterdir()) == before


def test_a_setting_that_is_none_is_refused_in_words(lam, name):
    def message(**variables):
        return refused(
            "InvalidParameterValueException", 400, create, lam=lam, name=name, Environment={"Variables": variables}
        )

    assert message(SCULLER_NETWORK="egres") == "SCULLER_NETWORK is 'egres'; it may be one of none|egress|host"
    assert "may be a whole number from 1 to 10000" in message(SCULLER_BATCH_MAX="0")
    words = message(SCULLER_NETWROK="none")
    assert words.startswith("SCULLER_NETWROK is no setting of Sculler;") and "NETWORK, CPU" in words
    make_function(lam, name, CODE, Environment={"Variables": {"SCULLER_PARKED": "0", "OWN": "1"}})
    refused(
        "InvalidParameterValueException", 400, lam.update_function_configuration, FunctionName=name,
        Environment={"Variables": {"SCULLER_FORK": "perhaps"}},
    )
    variables = lam.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    assert variables == {"SCULLER_PARKED": "0", "OWN": "1"}

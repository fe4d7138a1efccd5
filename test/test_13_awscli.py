"""The AWS CLI, told nothing but the address: `eval "$(sculler env)"`."""

import json
import subprocess

import pytest
from helpers import DEPS, ROLE, zip_of

AWS = DEPS / "venv/bin/aws"


@pytest.fixture
def aws(server, tmp_path):
    def run(*words, fails=False):
        done = subprocess.run(
            [AWS, *words], capture_output=True, text=True, cwd=tmp_path, timeout=120,
            env=server.env | {"AWS_PAGER": "", "AWS_DEFAULT_OUTPUT": "json"},
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else done

    return run


def create(aws, tmp_path, name, code):
    (tmp_path / "code.zip").write_bytes(zip_of(code))
    made = aws("lambda", "create-function", "--function-name", name, "--runtime", "python3.11", "--role", ROLE,
               "--handler", "main.handler", "--zip-file", "fileb://code.zip", "--memory-size", "256")
    aws("lambda", "wait", "function-active-v2", "--function-name", name)
    return made


def test_from_zip_to_answer(aws, tmp_path, name):
    made = create(aws, tmp_path, name, "def handler(event, context): return {'got': event}")
    assert made["FunctionName"] == name and made["MemorySize"] == 256
    head = aws("lambda", "invoke", "--function-name", name, "--payload", '{"a": 1}', "out.json")
    assert head["StatusCode"] == 200 and "FunctionError" not in head
    assert json.loads((tmp_path / "out.json").read_text()) == {"got": {"a": 1}}


def test_versions_and_an_alias(aws, tmp_path, name):
    create(aws, tmp_path, name, "def handler(event, context): return 1")
    assert aws("lambda", "publish-version", "--function-name", name)["Version"] == "1"
    alias = aws("lambda", "create-alias", "--function-name", name, "--name", "live", "--function-version", "1")
    assert alias["AliasArn"].endswith(f":function:{name}:live")
    (tmp_path / "two.zip").write_bytes(zip_of("def handler(event, context): return 2"))
    aws("lambda", "update-function-code", "--function-name", name, "--zip-file", "fileb://two.zip")
    aws("lambda", "wait", "function-updated-v2", "--function-name", name)
    assert aws("lambda", "publish-version", "--function-name", name)["Version"] == "2"
    aws("lambda", "update-alias", "--function-name", name, "--name", "live", "--function-version", "2")
    aws("lambda", "invoke", "--function-name", f"{name}:live", "out.json")
    assert (tmp_path / "out.json").read_text() == "2"
    listed = aws("lambda", "list-versions-by-function", "--function-name", name)["Versions"]
    assert [v["Version"] for v in listed] == ["$LATEST", "1", "2"]


def test_a_failing_function_and_its_log(aws, tmp_path, name):
    create(aws, tmp_path, name, "def handler(event, context): raise KeyError('x')")
    head = aws("lambda", "invoke", "--function-name", name, "--log-type", "Tail", "out.json")
    assert head["FunctionError"] == "Unhandled" and head["LogResult"]
    assert json.loads((tmp_path / "out.json").read_text())["errorType"] == "KeyError"


def test_what_is_not_there(aws):
    done = aws("lambda", "get-function", "--function-name", "nobody", fails=True)
    assert "ResourceNotFoundException" in done.stderr and "Function not found" in done.stderr


def test_who_am_i(aws):
    assert aws("sts", "get-caller-identity")["Account"] == "000000000000"


def test_an_endpoint_by_hand(aws, tmp_path, name, server):
    made = create(aws, tmp_path, name, "def handler(event, context): return event")
    api = aws("apigateway", "create-rest-api", "--name", name)
    root = aws("apigateway", "get-resources", "--rest-api-id", api["id"])["items"][0]["id"]
    where = ["--rest-api-id", api["id"], "--resource-id", root, "--http-method", "POST"]
    aws("apigateway", "put-method", *where, "--authorization-type", "NONE")
    aws("apigateway", "put-method-response", *where, "--status-code", "200")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{made['FunctionArn']}/invocations"
    aws("apigateway", "put-integration", *where, "--type", "AWS", "--integration-http-method", "POST", "--uri", uri)
    aws("apigateway", "put-integration-response", *where, "--status-code", "200")
    aws("lambda", "add-permission", "--function-name", name, "--statement-id", "api", "--action",
        "lambda:InvokeFunction", "--principal", "apigateway.amazonaws.com")
    aws("apigateway", "create-deployment", "--rest-api-id", api["id"], "--stage-name", "dev")
    done = subprocess.run(
        ["curl", "-fsS", "-H", "Content-Type: application/json", "-d", '{"n": 1}',
         f"{server.url}/restapis/{api['id']}/dev/_user_request_/"],
        capture_output=True, text=True)
    assert (done.returncode, done.stdout and json.loads(done.stdout)) == (0, {"n": 1}), done.stderr
    aws("apigateway", "delete-rest-api", "--rest-api-id", api["id"])


def test_a_layer_from_zip_to_function(aws, tmp_path, name):
    (tmp_path / "layer.zip").write_bytes(zip_of({"python/shared.py": "WORD = 1\n"}))
    layer = aws("lambda", "publish-layer-version", "--layer-name", name, "--zip-file", "fileb://layer.zip",
                "--compatible-runtimes", "python3.11", "python3.12", "--description", "shared")
    assert (layer["Version"], layer["CompatibleRuntimes"]) == (1, ["python3.11", "python3.12"])
    create(aws, tmp_path, name, "def handler(event, context): return 1")
    changed = aws("lambda", "update-function-configuration", "--function-name", name, "--layers",
                  layer["LayerVersionArn"])
    assert [one["Arn"] for one in changed["Layers"]] == [layer["LayerVersionArn"]]
    aws("lambda", "wait", "function-updated-v2", "--function-name", name)
    listed = aws("lambda", "list-layer-versions", "--layer-name", name, "--page-size", "1")["LayerVersions"]
    assert [one["Version"] for one in listed] == [1]
    got = aws("lambda", "get-layer-version-by-arn", "--arn", layer["LayerVersionArn"])
    assert got["Content"]["CodeSha256"] == layer["Content"]["CodeSha256"]
    aws("lambda", "add-layer-version-permission", "--layer-name", name, "--version-number", "1",
        "--statement-id", "all", "--principal", "*", "--action", "lambda:GetLayerVersion")
    policy = aws("lambda", "get-layer-version-policy", "--layer-name", name, "--version-number", "1")
    assert json.loads(policy["Policy"])["Statement"][0]["Sid"] == "all"
    aws("lambda", "delete-layer-version", "--layer-name", name, "--version-number", "1")
    assert aws("lambda", "list-layer-versions", "--layer-name", name)["LayerVersions"] == []


def test_provisioned_concurrency(aws, tmp_path, name):
    create(aws, tmp_path, name, "def handler(event, context): return 1")
    aws("lambda", "publish-version", "--function-name", name)
    where = ["--function-name", name, "--qualifier", "1"]
    made = aws("lambda", "put-provisioned-concurrency-config", *where, "--provisioned-concurrent-executions", "1")
    assert made["Status"] == "IN_PROGRESS"
    assert aws("lambda", "get-provisioned-concurrency-config", *where)["RequestedProvisionedConcurrentExecutions"] == 1
    listed = aws("lambda", "list-provisioned-concurrency-configs", "--function-name", name)
    assert len(listed["ProvisionedConcurrencyConfigs"]) == 1
    aws("lambda", "delete-provisioned-concurrency-config", *where)
    done = aws("lambda", "get-provisioned-concurrency-config", *where, fails=True)
    assert "ProvisionedConcurrencyConfigNotFoundException" in done.stderr

"""What a function reaches: the world, other functions by its own keys, and nothing of the host."""

import contextlib
import io
import json
import os
import socket
import threading
import time
import zipfile

import boto3
import pytest
from botocore.exceptions import ClientError
from helpers import ROOT, invoke, make_function, wait_active, zip_of

WHEELS = ("boto3", "botocore", "jmespath", "s3transfer", "six", "urllib3", "python_dateutil")

CALLER = """
import json
import os
import boto3
client = boto3.client('lambda')
def handler(event, context):
    answer = client.invoke(FunctionName=event['function'], Payload=json.dumps(event['payload']))
    return {'got': json.load(answer['Payload']), 'me': boto3.client('sts').get_caller_identity()['Arn']}
"""

ITSELF = """
import json, os
import boto3
client = boto3.client('lambda')
def handler(event, context):
    try:
        answer = client.invoke(FunctionName=context.function_name, Payload=json.dumps({'depth': event['depth'] + 1}))
    except Exception as error:
        return {'depth': event['depth'], 'error': type(error).__name__, 'trace': os.environ['_X_AMZN_TRACE_ID']}
    return json.load(answer['Payload'])
"""

KEYS = """
import os
def handler(event, context):
    return {name: value for name, value in os.environ.items() if name.startswith('AWS_')}
"""

CROWD = """
import os, socket, time
def handler(event, context):
    read_end, write_end = os.pipe()
    for _ in range(2):
        if os.fork() == 0:
            lines = []
            try:
                while len(lines) < 700:
                    lines.append(socket.create_connection(('127.0.0.1', event), 2))
                    lines[-1].sendall(b'POST /2015-03-31/functions/x/invocations HTTP/1.1\\r\\nHost: ')
            except OSError:
                pass
            time.sleep(4)
            os.write(write_end, b'%d ' % len(lines))
            os._exit(0)
    os.wait(), os.wait()
    return os.read(read_end, 100).decode()
"""

REACH = """
import socket
def handler(event, context):
    seen = {}
    for host, port in event:
        try:
            with socket.create_connection((host, port), 2) as line:
                line.settimeout(2)
                seen[f'{host}:{port}'] = line.recv(10).decode()
        except OSError as error:
            seen[f'{host}:{port}'] = type(error).__name__
    return seen
"""


@pytest.fixture(scope="module")
def boto3_layer(server):
    """boto3 as a layer, from the wheels that the tests themselves run with."""
    layer = io.BytesIO()
    with zipfile.ZipFile(layer, "w", zipfile.ZIP_DEFLATED) as out:
        for name in WHEELS:
            wheel = next((ROOT / ".deps/wheelhouse").glob(f"{name}-*.whl"))
            with zipfile.ZipFile(wheel) as files:
                for entry in files.namelist():
                    if "/data/" not in entry or entry.split("/data/")[1].split("/")[0] in KEPT_DATA:
                        out.writestr(f"python/{entry}", files.read(entry))
    answer = server.client("lambda").publish_layer_version(LayerName="boto3", Content={"ZipFile": layer.getvalue()})
    return answer["LayerVersionArn"]


KEPT_DATA = ("lambda", "sts", "endpoints.json", "_retry.json", "sdk-default-configuration.json", "partitions.json")


@contextlib.contextmanager
def listener(address="127.0.0.1"):
    """A service of the host that says hello."""
    with socket.create_server((address, 0)) as server:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    line, _ = server.accept()
                    line.sendall(b"hello")
                    line.close()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.close()


def function(lam, name, code, **settings):
    make_function(lam, name, code, Timeout=60, **settings)
    wait_active(lam, name)


def keys_of(lam, name):
    function(lam, name, KEYS)
    return invoke(lam, name).payload


def client_of(server, service, keys, **changes):
    named = {
        "aws_access_key_id": keys["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": keys["AWS_SECRET_ACCESS_KEY"],
        "aws_session_token": keys["AWS_SESSION_TOKEN"],
    }
    return boto3.client(service, endpoint_url=server.url, region_name="us-east-1", **(named | changes))


def refused(code, call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code
    return caught.value.response["Error"]["Message"]


def test_a_function_calls_another_with_nothing_but_its_environment(lam, name, boto3_layer):
    function(lam, f"{name}-b", "def handler(event, context):\n    return event['n'] * 2\n")
    function(lam, f"{name}-a", CALLER, Layers=[boto3_layer], MemorySize=512)
    answer = invoke(lam, f"{name}-a", {"function": f"{name}-b", "payload": {"n": 21}})
    assert answer.payload["got"] == 42
    assert answer.payload["me"].startswith("arn:aws:sts::000000000000:assumed-role/")
    assert answer.payload["me"].endswith(f"/{name}-a")


def test_a_function_that_calls_itself_is_stopped(lam, name, boto3_layer):
    function(lam, name, ITSELF, Layers=[boto3_layer], MemorySize=512)
    answer = invoke(lam, name, {"depth": 1})
    assert answer.payload["error"] == "RecursiveInvocationException"
    assert answer.payload["depth"] == 16
    assert "Lineage=" in answer.payload["trace"]


def test_recursion_that_hides_ends_at_the_functions_concurrency(lam, name, boto3_layer):
    hidden = ITSELF.replace("    try:", "    os.environ.pop('_X_AMZN_TRACE_ID', None)\n    try:")
    function(lam, name, hidden.replace(", 'trace': os.environ['_X_AMZN_TRACE_ID']", ""), Layers=[boto3_layer],
             MemorySize=512, Environment={"Variables": {"AWS_MAX_ATTEMPTS": "1"}})
    lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=20)
    answer = invoke(lam, name, {"depth": 1})
    assert answer.payload == {"depth": 20, "error": "TooManyRequestsException"}
    lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    refused("TooManyRequestsException", lam.invoke, FunctionName=name)
    lam.delete_function(FunctionName=name)


def test_recursion_is_counted_on_the_thread_of_calls_and_can_be_allowed(server, lam, name):
    function(lam, name, "def handler(event, context):\n    return 1\n")
    trace = None

    def call():
        nonlocal trace
        client = server.client("lambda")
        if trace:
            client.meta.events.register(
                "before-sign.lambda.Invoke", lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", trace)
            )
        answer = client.invoke(FunctionName=name)
        trace = answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-trace-id"]

    for _ in range(16):
        call()
    message = refused("RecursiveInvocationException", call)
    assert "recursive loop" in message
    lam.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")
    call()
    lam.put_function_recursion_config(FunctionName=name, RecursiveLoop="Terminate")
    refused("RecursiveInvocationException", call)
    trace = None
    call()


def test_a_client_of_a_service_that_is_not_here_goes_to_aws_not_to_us(server, lam, name, monkeypatch):
    """botocore reads the service's own variable first, and the general one is not set."""
    for key, value in keys_of(lam, name).items():
        monkeypatch.setenv(key, value)
    session = boto3.session.Session()
    for service in ("lambda", "sts", "apigateway"):
        assert session.client(service).meta.endpoint_url == server.url
    assert "amazonaws.com" in session.client("s3").meta.endpoint_url
    arn = session.client("sts").get_caller_identity()["Arn"]
    assert name in arn


@pytest.mark.parametrize(("service", "operation"), [("s3", "list_buckets"), ("sns", "list_topics"), ("dynamodb", "list_tables")])
def test_a_service_that_is_not_here_is_refused_in_words(server, service, operation):
    with pytest.raises(ClientError) as refused:
        getattr(server.client(service), operation)()
    told = refused.value.response["Error"]
    assert f"The service '{service}' is not here; this server speaks: lambda" in told["Message"]
    assert "unset AWS_ENDPOINT_URL" in told["Message"] and told["Code"] == "UnknownServiceException"


def test_a_functions_keys_let_it_call_functions_and_nothing_else(server, lam, name):
    keys = keys_of(lam, name)
    assert keys["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    here = {f"AWS_ENDPOINT_URL_{service}" for service in ("LAMBDA", "STS", "API_GATEWAY")}
    assert {key: url for key, url in keys.items() if "ENDPOINT" in key} == dict.fromkeys(here, server.url)
    mine = client_of(server, "lambda", keys)
    assert mine.invoke(FunctionName=name)["StatusCode"] == 200
    arn = client_of(server, "sts", keys).get_caller_identity()["Arn"]
    message = refused("AccessDeniedException", mine.delete_function, FunctionName=name)
    assert message == (
        f"User: {arn} is not authorized to perform: lambda:DeleteFunction on resource: "
        f"arn:aws:lambda:us-east-1:000000000000:function:{name} because no identity-based policy allows the "
        "lambda:DeleteFunction action"
    )
    refused("AccessDeniedException", mine.list_functions)
    refused("AccessDeniedException", client_of(server, "apigateway", keys).get_rest_apis)
    refused(
        "AccessDeniedException", mine.update_function_code, FunctionName=name, ZipFile=zip_of({"main.py": "x"})
    )
    assert invoke(lam, name).payload["AWS_ACCESS_KEY_ID"].startswith("ASIA")


def test_tokens_that_were_changed_are_refused(server, lam, name):
    keys = keys_of(lam, name)
    token = keys["AWS_SESSION_TOKEN"]
    bad = [
        {"aws_session_token": token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]},
        {"aws_session_token": "B" + token[1:]},
        {"aws_session_token": token[: len(token) // 2]},
        {"aws_session_token": None},
        {"aws_access_key_id": "ASIA" + "A" * 16},
    ]
    for change in bad:
        refused("UnrecognizedClientException", client_of(server, "lambda", keys, **change).invoke, FunctionName=name)
        refused("InvalidClientTokenId", client_of(server, "sts", keys, **change).get_caller_identity)
    wrong = client_of(server, "lambda", keys, aws_secret_access_key="x" * 40)
    refused("InvalidSignatureException", wrong.invoke, FunctionName=name)


def test_keys_go_with_their_function(server, lam, name):
    keys = keys_of(lam, name)
    function(lam, f"{name}-beside", "def handler(event, context):\n    return 1\n")
    mine = client_of(server, "lambda", keys)
    assert mine.invoke(FunctionName=f"{name}-beside")["StatusCode"] == 200
    lam.delete_function(FunctionName=name)
    refused("UnrecognizedClientException", mine.invoke, FunctionName=f"{name}-beside")
    refused("InvalidClientTokenId", client_of(server, "sts", keys).get_caller_identity)


def test_egress_reaches_neither_loopback_nor_metadata(server, lam, name):
    function(lam, name, REACH)
    with listener() as port:
        seen = invoke(lam, name, [["127.0.0.1", port], ["169.254.169.254", 80], ["::1", port]]).payload
    assert set(seen.values()) <= {"ConnectionRefusedError", "OSError", "TimeoutError"}
    assert "hello" not in json.dumps(seen)


def test_a_cell_takes_a_part_of_the_servers_connections(own_server):
    server = own_server("--connections", "800")
    lam = server.client("lambda")
    function(lam, "crowd", CROWD)
    function(lam, "beside", "def handler(event, context):\n    return event\n")
    answers = []
    crowd = threading.Thread(target=lambda: answers.append(invoke(lam, "crowd", server.port)))
    crowd.start()
    time.sleep(3)
    for n in range(5):
        assert invoke(server.client("lambda", retries={"total_max_attempts": 1}), "beside", n).payload == n
    held = len(os.listdir(f"/proc/{server.pid}/fd"))  # what the cell believes to have, the uplink may have closed since
    assert crowd.is_alive(), "it did not last as long as the others' calls"
    crowd.join()
    assert 100 < held < 750 and sum(map(int, answers[0].payload.split())) > 100


def test_none_reaches_nothing(server, lam, name):
    function(lam, name, REACH, Environment={"Variables": {"SCULLER_NETWORK": "none"}})
    seen = invoke(lam, name, [["127.0.0.1", int(server.url.rsplit(":", 1)[1])], ["192.0.2.1", 80]]).payload
    assert list(seen.values()) == ["ConnectionRefusedError", "OSError"]


def test_the_hosts_network_is_given_when_the_server_allows_it(server, own_server, lam, name):
    settings = {"Environment": {"Variables": {"SCULLER_NETWORK": "host"}}}
    function(lam, name, REACH, **settings)
    with pytest.raises(ClientError) as caught:
        invoke(lam, name, [])
    assert "--allow-host-network" in caught.value.response["Error"]["Message"]
    other = own_server("--allow-host-network", "on").client("lambda")
    function(other, name, REACH, **settings)
    with listener() as port:
        assert invoke(other, name, [["127.0.0.1", port]]).payload == {f"127.0.0.1:{port}": "hello"}
